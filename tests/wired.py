"""The wire as fixtures: one for each worker, on a project of its own."""

from collections.abc import Iterator

import pytest

from creditbase.runtime import firestore
from tests.wire import Wire, install


@pytest.fixture(scope="session")
def _session_wire(firestore_host: str, project: str) -> Iterator[Wire]:
    """Return the one wire of this worker, on a project of its own."""
    assert firestore_host
    assert project
    wire = Wire()
    remove = install(wire)
    firestore.get_all(["warm/up"])
    yield wire
    remove()


@pytest.fixture
def wire(_session_wire: Wire) -> Iterator[Wire]:
    """Return the wire with nothing counted and nothing broken."""
    _session_wire.reset()
    yield _session_wire
    _session_wire.reset()
