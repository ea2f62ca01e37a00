"""What a request costs at the gRPC boundary, over HTTP, once the key is known.

DESIGN section 4, the table.
"""

from collections.abc import Callable

import pytest

from tests import costs
from tests.relay.desk import Desk, start_cold
from tests.wire import Wire

pytestmark = pytest.mark.firestore
ABSENT = "/holds/hold_" + "A" * 64


@pytest.fixture
def counted(desk: Desk, wire: Wire) -> Callable[[Callable[[], object]], tuple[int, int, int]]:
    """Return what counts the RPCs, reads and writes of an act; the key is known already."""
    desk.get(ABSENT)

    def count(act: Callable[[], object]) -> tuple[int, int, int]:
        wire.reset()
        act()
        return wire.counts

    return count


Count = Callable[[Callable[[], object]], tuple[int, int, int]]


def test_a_warm_charge_is_one_rpc(desk: Desk, counted: Count) -> None:
    """No read, and two writes: the wallet and the entry."""
    desk.charge("first", 1)

    assert counted(lambda: desk.charge("second", 1)) == costs.CHARGE_WARM


def test_a_warm_charge_by_model_and_name_is_one_rpc_too(desk: Desk, counted: Count) -> None:
    """Catalog and name are known to the process for a while."""
    body = {
        "customer_external_id": desk.external_id,
        "model": "gpt-5",
        "usage": {"input_tokens": 1},
    }
    desk.post("/charges", body, key="first")

    assert counted(lambda: desk.post("/charges", body, key="second")) == costs.CHARGE_WARM


def test_a_cold_charge_is_two_rpcs(desk: Desk, counted: Count) -> None:
    """The wallet and the entry are read at once."""
    desk.charge("first", 1)
    start_cold()

    assert counted(lambda: desk.charge("second", 1)) == costs.CHARGE_COLD


def test_the_first_charge_publishes_in_the_same_commit(desk: Desk, counted: Count) -> None:
    """One write more, no RPC more."""
    assert counted(lambda: desk.charge("first", 1)) == costs.CHARGE_FIRST


def test_a_replay_reads_and_writes_nothing_when_cold(desk: Desk, counted: Count) -> None:
    """The entry is its own answer."""
    desk.charge("k", 1)
    start_cold()

    assert counted(lambda: desk.charge("k", 1)) == costs.REPLAY_COLD


def test_a_warm_hold_and_its_ends_are_one_rpc_each(desk: Desk, counted: Count) -> None:
    """The end of the last hold also publishes; an extension has no entry."""
    desk.charge("first", 1)
    keep = desk.held(1)

    hold_id = desk.held(1)
    extend = {"expires_at": "2026-03-10T13:00:00Z"}

    assert counted(lambda: desk.hold("warm", 1)) == costs.HOLD_WARM
    assert counted(lambda: desk.end(hold_id, "extend", extend)) == costs.EXTEND_WARM
    assert counted(lambda: desk.end(hold_id, "capture", {"amount_nanos": 1})) == costs.END_WARM
    assert counted(lambda: desk.end(keep, "void", {})) == costs.END_WARM


def test_the_end_of_the_last_hold_publishes(desk: Desk, counted: Count) -> None:
    """Whoever looks sees at once what the work really cost."""
    hold_id = desk.held(1)

    assert (
        counted(lambda: desk.end(hold_id, "capture", {"amount_nanos": 1}))
        == costs.LAST_END_WARM
    )


def test_showing_a_hold_is_one_rpc(desk: Desk, counted: Count) -> None:
    """The wallet and the two entries that may have ended it."""
    hold_id = desk.held(1)

    assert counted(lambda: desk.show(hold_id)) == costs.HOLD_SHOWN


def test_what_cannot_be_right_costs_nothing(desk: Desk, counted: Count) -> None:
    """Refused before the store is asked."""
    assert counted(lambda: desk.charge("k", -1)) == (0, 0, 0)
    assert counted(lambda: desk.get("/holds/nonsense")) == (0, 0, 0)
    assert counted(lambda: desk.post("/charges", {}, key="k")) == (0, 0, 0)


def test_a_refusal_from_a_warm_process_is_read_afresh(desk: Desk, counted: Count) -> None:
    """402 is never given from memory: one RPC, no write."""
    desk.charge("first", 1)

    assert counted(lambda: desk.charge("k", 2**53)) == costs.REFUSAL_WARM
