"""The command line on the emulator and the local Stripe, typed as a person types it."""

import logging

import pytest

from tests.payments.conftest import _session_shop, shop

__all__ = ["_session_shop", "shop"]


@pytest.fixture(autouse=True)
def _log_of_a_person(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget where functions of this worker send their log: a person has no function."""
    monkeypatch.setattr(logging.getLogger("creditbase"), "handlers", [])
