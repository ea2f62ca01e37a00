"""The wire as fixtures: one for each worker, on a project of its own."""

from collections.abc import Iterator

import pytest

from tests.wire import Wire


@pytest.fixture(scope="session")
def _session_wire(one_wire: Wire) -> Wire:
    """Return the one wire of this worker, whichever module asks for it under this name."""
    return one_wire


@pytest.fixture
def wire(_session_wire: Wire) -> Iterator[Wire]:
    """Return the wire with nothing counted and nothing broken."""
    _session_wire.reset()
    yield _session_wire
    _session_wire.reset()
