"""Schedules that the API makes: of a subscription as it is, and then with what follows."""

from typing import Any

import pytest
import stripe

from tests.stripe_local.conftest import Local
from tests.stripe_local.lives import Subscriber, count_events, monthly, since, subscriber


@pytest.fixture
def ada(local: Local) -> Subscriber:
    """Return a subscriber of 20 dollars a month."""
    ada = subscriber(local)
    ada.check_out()
    return ada


def phases(schedule: Any, price_id: str, **second: Any) -> Any:
    """Return the running phase as it is, and one with another price after it."""
    (running,) = schedule.phases
    return [
        {
            "items": [{"price": running.items[0].price, "quantity": 1}],
            "start_date": running.start_date,
            "end_date": running.end_date,
        },
        {
            "items": [{"price": price_id, "quantity": 1}],
            "duration": {"interval": "month", "interval_count": 1},
            **second,
        },
    ]


def test_a_schedule_begins_with_what_there_is_and_then_says_what_follows(
    local: Local, ada: Subscriber
) -> None:
    """Two requests, as the API has it; the change comes with the period, then it lets go."""
    schedules, basic = local.client.v1.subscription_schedules, monthly(local, 1_000)
    before = count_events(local)

    made = schedules.create({"from_subscription": ada.subscription().id})
    assert ada.subscription().schedule == made.id
    params: Any = {"phases": phases(made, basic), "end_behavior": "release"}
    changed = schedules.update(made.id, params)

    assert changed.phases[1].items[0].price == basic
    assert changed.phases[1].start_date == changed.phases[0].end_date
    assert since(local, before) == [
        "subscription_schedule.created",
        "customer.subscription.updated",
        "subscription_schedule.updated",
    ]
    ada.renew()
    assert ada.invoices()[0].total == 1_000
    assert ada.subscription().schedule is None


def test_what_cannot_be_is_refused(local: Local, ada: Subscriber) -> None:
    """Twice under a schedule, an end that is past, and whatever is not imitated."""
    schedules, basic = local.client.v1.subscription_schedules, monthly(local, 1_000)
    begun: Any = {"from_subscription": ada.subscription().id}
    made = schedules.create(begun)
    good = phases(made, basic)
    first, second = good
    wrong: list[Any] = [
        {"phases": good, "end_behavior": "cancel"},
        {"phases": [first]},
        {"phases": [{**first, "start_date": first["start_date"] + 1}, second]},
        {"phases": [{**first, "items": [{"price": basic}]}, second]},
        {"phases": [first, {"items": second["items"]}]},
        {"phases": [first, {**second, "items": []}]},
    ]

    for params in wrong:
        with pytest.raises(stripe.InvalidRequestError):
            schedules.update(made.id, params)
    nothing: Any = {}
    for params in (begun, nothing):
        with pytest.raises(stripe.InvalidRequestError):
            schedules.create(params)
    local.client.v1.subscriptions.cancel(ada.subscription().id)
    with pytest.raises(stripe.InvalidRequestError, match="not active"):
        schedules.create(begun)
    with pytest.raises(stripe.InvalidRequestError, match="not active"):
        schedules.update(made.id, {"phases": good})
