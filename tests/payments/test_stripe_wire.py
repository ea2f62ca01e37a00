"""How long Stripe is asked: never past what our own caller waits, whatever the SDK would do."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import stripe

from creditbase.kernel.errors import NotInTime
from creditbase.payments import stripe_wire
from creditbase.payments.stripe_gateway import ask
from creditbase.payments.stripe_wire import LEAST_S, PAUSE_S_MAX, RETRIES_MAX, TIMEOUT_S

NOWHERE = "http://127.0.0.1:9/v1/nothing"

Leave = Callable[[float], None]


@pytest.fixture
def leave(monkeypatch: pytest.MonkeyPatch) -> Leave:
    """Return what sets how long our caller still waits."""
    return lambda s: monkeypatch.setattr(stripe_wire, "left_s", lambda: s)


@pytest.mark.parametrize(
    ("left_s", "total_s"),
    [(float("inf"), TIMEOUT_S), (9, TIMEOUT_S), (2.5, 2.5), (0.05, LEAST_S)],
)
def test_a_question_has_what_is_left(leave: Leave, left_s: float, total_s: float) -> None:
    """Connecting and the answer together: each by itself would make twice the time."""
    leave(left_s)

    timeout = stripe_wire.Wire()._timeout

    assert (timeout.total, timeout.connect_timeout) == (total_s, total_s)


def test_none_begins_too_late(leave: Leave) -> None:
    """It is not even sent, so that its repeat finds nothing half done."""
    leave(LEAST_S - 0.01)

    with pytest.raises(NotInTime):
        stripe_wire.Wire().request("get", NOWHERE, {}, None)


def test_the_sdk_repeats_only_what_can_still_be_answered(leave: Leave) -> None:
    """It would wait up to a second before it asks again."""
    wire: Any = stripe_wire.Wire()
    busy: Any = (b"", 503, {})

    leave(PAUSE_S_MAX + LEAST_S + 0.1)
    assert wire._should_retry(busy, None, 1, RETRIES_MAX)
    assert not wire._should_retry(busy, None, RETRIES_MAX, RETRIES_MAX)
    leave(PAUSE_S_MAX + LEAST_S)
    assert not wire._should_retry(busy, None, 0, RETRIES_MAX)
    assert wire._sleep_time_seconds(RETRIES_MAX) <= PAUSE_S_MAX


@pytest.mark.parametrize(
    ("left_after_s", "refusal"), [(0.0, NotInTime), (3.0, stripe.APIConnectionError)]
)
def test_what_ends_with_the_time_is_told_from_what_fails(
    monkeypatch: pytest.MonkeyPatch, left_after_s: float, refusal: type[Exception]
) -> None:
    """An operator looks for a Stripe that is away, and not for one that is slow today."""
    left = iter([3.0, 3.0, left_after_s])
    monkeypatch.setattr(stripe_wire, "left_s", lambda: next(left, left_after_s))

    def reset(*given: Any, **named: Any) -> None:
        del given, named
        raise ConnectionResetError

    session: Any = SimpleNamespace(request=reset)
    wire = stripe_wire.Wire(session=session)
    with pytest.raises(refusal):
        wire.request("get", NOWHERE, {}, None)
    with pytest.raises(NotInTime):
        ask(_fail)


def _fail() -> None:
    raise NotInTime
