"""The command line on the emulator and the local Stripe, typed as a person types it."""

from tests.payments.conftest import _session_shop, shop

__all__ = ["_session_shop", "shop"]
