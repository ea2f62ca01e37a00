"""Lanes: who leads, who waits, who is turned away, and what is forgotten."""

import contextlib
import threading
import time

import pytest

from creditbase.kernel import ids
from creditbase.kernel.errors import Contention, NotFound, Unavailable
from creditbase.ledger import use_cases
from creditbase.ledger.domain.commands import Charge, FixedAmount
from creditbase.ledger.lane import Lane
from creditbase.ledger.use_cases import Lanes
from creditbase.runtime.settings import settings
from tests.ledger.wallets import LiveWallet
from tests.together import at_once, join_all
from tests.wire import Wire, lost_request


def charge(key: str) -> Charge:
    """Return a charge of one nano under a key."""
    return Charge(ids.operation_entry_id(key), "d", FixedAmount(1))


def test_one_wallet_may_fill_only_half_of_the_threads(
    wallet: LiveWallet, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hot customer must not lock everybody else out of a process."""
    monkeypatch.setenv("THREADS", "8")
    settings.cache_clear()
    use_cases.lanes.cache_clear()
    wire.delay_s["Commit"] = 0.3
    outcomes: list[str] = []

    def one(number: int) -> None:
        try:
            wallet.charge(f"k{number}")
            outcomes.append("charged")
        except Contention as refusal:
            outcomes.append(f"turned away, again in {refusal.retry_after_s} s")

    at_once(8, one)

    assert outcomes.count("charged") == 4
    assert outcomes.count("turned away, again in 1 s") == 4


def test_a_command_past_its_deadline_is_withdrawn_before_it_is_decided(
    wallet: LiveWallet, wire: Wire
) -> None:
    """Who is told to try again later must not be charged behind their back."""
    lanes = Lanes()
    wallet.charge("warm")
    wire.delay_s["Commit"] = 0.5
    first = threading.Thread(
        target=lambda: lanes.run(
            wallet.ref, charge("slow"), now=wallet.now, deadline_s=time.monotonic() + 10
        )
    )
    first.start()
    time.sleep(0.1)

    with pytest.raises(Contention):
        lanes.run(
            wallet.ref, charge("late"), now=wallet.now, deadline_s=time.monotonic() + 0.05
        )
    join_all([first])

    keys = {entry["entry_id"] for entry in wallet.entries()}
    assert ids.operation_entry_id("slow") in keys
    assert ids.operation_entry_id("late") not in keys


def test_a_store_that_never_answers_is_said_so_in_time(
    wallet: LiveWallet, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P31: no paid work is admitted, and the caller hears a retryable refusal."""
    monkeypatch.setenv("CREDITBASE_DEADLINE_S", "1")
    settings.cache_clear()
    wire.faults.update(dict.fromkeys(range(100), lost_request))

    with pytest.raises(Unavailable):
        wallet.charge("k")

    wire.reset()
    assert wallet.available() == 50


def test_a_bug_in_one_decision_reaches_its_callers_and_frees_the_lane(
    wallet: LiveWallet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lane whose leader fell over must not wait for ever for a leader."""
    with monkeypatch.context() as broken:
        broken.setattr(Lane, "_take_batch", lambda _: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            wallet.charge("bug")

    assert wallet.charge("after").entry is not None


def test_idle_lanes_are_forgotten_and_used_ones_kept(
    wallet: LiveWallet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that serves a million customers keeps the snapshots of the latest."""
    monkeypatch.setattr(use_cases, "LANES_MAX", 2)
    lanes = Lanes()
    others = [type(wallet.ref)(wallet.ref.project_id, f"nobody-{n}") for n in range(3)]
    for ref in (*others, wallet.ref):
        with contextlib.suppress(NotFound):
            lanes.run(ref, charge("k"), now=wallet.now, deadline_s=time.monotonic() + 5)

    assert list(lanes._lanes) == [others[2], wallet.ref]
