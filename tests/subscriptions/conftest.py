"""Fixtures of first touch: a hub that sells plans, and the wire."""

import pytest

from creditbase.accounts.use_cases import HUB_PROJECT_ID, ensure_project
from creditbase.catalog.use_cases import load_catalog, push_catalog, shared_cache
from tests.relay.desk import CATALOG, NOON
from tests.wire import Wire
from tests.wired import _session_wire, wire

__all__ = ["_session_wire", "wire"]


@pytest.fixture
def hub(wire: Wire) -> str:
    """Return the hub's project, its catalog pushed and known to this process."""
    ensure_project("hub", now=NOON)
    push_catalog(HUB_PROJECT_ID, CATALOG)
    shared_cache().forget()
    load_catalog(HUB_PROJECT_ID)
    wire.reset()
    return HUB_PROJECT_ID
