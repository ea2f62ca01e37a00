"""How far a delivery has come: leases, rests, and the look at what somebody else delivers."""

from datetime import UTC, datetime, timedelta

import pytest

from creditbase.kernel.outbox import (
    LEASE,
    WATCHED_FOR,
    Delivery,
    delivered,
    failed,
    taken,
    watch,
)
from creditbase.kernel.trying import ATTEMPTS_MAX, rest_after

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def test_what_is_taken_is_due_again_when_its_lease_is_over() -> None:
    """Whoever dies with it holds it no longer than a run may last."""
    first = taken(Delivery(), now=NOON)
    second = taken(first, now=NOON + LEASE)

    assert (first.state, first.attempts, first.due_at) == ("PROCESSING", 1, NOON + LEASE)
    assert (second.attempts, second.started_at) == (2, NOON)
    assert second.due_at == NOON + 2 * LEASE


def test_what_was_delivered_is_never_due() -> None:
    """Nor is anything left of its lease or of an earlier failure."""
    held = taken(
        failed(taken(Delivery(), now=NOON), "busy", is_final=False, now=NOON), now=NOON
    )

    ended = delivered(held, {"messageId": "<1@x>"}, now=NOON + MINUTE)

    assert ended.is_ended
    assert (ended.due_at, ended.lease_expires_at, ended.error) == (None, None, "")
    assert (ended.ended_at, ended.info) == (NOON + MINUTE, {"messageId": "<1@x>"})


def test_what_failed_rests_ever_longer_and_is_given_up_at_last() -> None:
    """As often as an event of Stripe, over three days."""
    held, at = Delivery(), NOON
    for attempt in range(1, ATTEMPTS_MAX):
        held = failed(taken(held, now=at), "busy", is_final=False, now=at)
        assert (held.state, held.due_at) == ("RETRY", at + rest_after(attempt))
        assert not held.is_spent
        at = held.due_at or at

    last = failed(taken(held, now=at), "busy", is_final=False, now=at)

    assert (last.state, last.due_at, last.is_spent) == ("ERROR", None, True)
    assert last.is_ended


def test_what_can_never_be_taken_is_given_up_at_once() -> None:
    """An address that does not exist will not exist tomorrow."""
    ended = failed(taken(Delivery(), now=NOON), "550", is_final=True, now=NOON)

    assert (ended.state, ended.error, ended.attempts) == ("ERROR", "550", 1)


def test_what_nobody_took_has_no_due_time_of_its_own() -> None:
    """Not even where its state says that it rests, as the extension's may."""
    assert Delivery().due_at is None
    assert Delivery(state="RETRY").due_at is None


@pytest.mark.parametrize("state", ["PENDING", "PROCESSING", "RETRY"])
def test_what_is_not_delivered_yet_is_looked_at_each_day_for_three_days(state: str) -> None:
    """Then everybody has been told."""
    waiting = Delivery(state=state)

    seen = watch(waiting, created_at=NOON, now=NOON + MINUTE)
    last = watch(waiting, created_at=NOON, now=NOON + WATCHED_FOR)

    assert (seen.verdict, seen.due_at) == ("waiting", NOON + MINUTE + timedelta(days=1))
    assert (last.verdict, last.due_at) == ("waiting", None)


@pytest.mark.parametrize(("state", "verdict"), [("SUCCESS", "delivered"), ("ERROR", "failed")])
def test_what_somebody_else_ended_is_looked_at_once(state: str, verdict: str) -> None:
    """A failure is told, and nothing is looked at for ever."""
    seen = watch(Delivery(state=state), created_at=NOON, now=NOON)

    assert (seen.verdict, seen.due_at) == (verdict, None)
