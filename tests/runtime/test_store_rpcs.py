"""How the store is read: what gRPC does for it beside the RPC."""

import threading

import pytest
from google.cloud.firestore_v1 import base_client

from creditbase.runtime import firestore
from creditbase.runtime.firestore import Put, commit, get_all, query
from creditbase.runtime.store_rpcs import READS_IN_ONE_THREAD


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of the threads that are started from now on."""
    names: list[str] = []
    really = threading.Thread.start

    def start(thread: threading.Thread) -> None:
        names.append(thread.name)
        really(thread)

    monkeypatch.setattr(threading.Thread, "start", start)
    return names


@pytest.mark.firestore
def test_a_read_starts_no_thread(project: str, begun: list[str]) -> None:
    """One for each read is what gRPC does of itself: a third of a read's time."""
    assert project
    commit([Put("shelves/one", {"size": 1})])
    begun.clear()

    found = get_all(["shelves/one", "shelves/two"])
    asked = query("shelves", where=[("size", "==", 1)], limit=10)

    assert [one.fields for one in found] == [{"size": 1}, None]
    assert [one.document_id for one in asked] == ["one"]
    assert begun == []


def test_the_channel_to_the_real_store_is_told_the_same() -> None:
    """The emulator's channel has options of its own; both are the library's."""
    assert firestore.client()

    real: list[tuple[str, object]] = base_client._DEFAULT_CHANNEL_OPTIONS
    assert real.count(READS_IN_ONE_THREAD) == 1
