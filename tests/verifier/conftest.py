"""The emulator, for ledgers to live in."""

from tests.ledger.conftest import _many_threads, _session_wire, wire

__all__ = ["_many_threads", "_session_wire", "wire"]
