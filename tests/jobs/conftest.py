"""Fixtures of the jobs: a database with nothing due in it but what a test made due."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from creditbase.ledger import use_cases as ledger
from creditbase.runtime import firestore
from tests.jobs.ward import Ward
from tests.wire import Wire
from tests.wired import _session_wire, wire

__all__ = ["_session_wire", "wire"]


@pytest.fixture
def ward(wire: Wire, project: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ward]:
    """Return an empty database of wallets; every one of them is audited in the end."""
    monkeypatch.setenv("GCLOUD_PROJECT", f"{project}-{uuid4().hex[:8]}")
    firestore.client.cache_clear()
    ledger.lanes.cache_clear()
    made = Ward()
    yield made
    wire.reset()
    wire.wait_for_late()
    made.audit()
    firestore.client.cache_clear()
