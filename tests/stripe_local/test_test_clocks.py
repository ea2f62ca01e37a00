"""Test clocks: time on demand, for Stripe and for whoever reads the clock file."""

import time

import pytest
import stripe

from tests.stripe_local.conftest import Listener, Local
from tests.stripe_local.lives import DAY_S, HOUR_S, subscriber


def wait_until_ready(local: Local, clock_id: str) -> stripe.test_helpers.TestClock:
    """Ask for a clock until time has passed."""
    for _ in range(500):
        clock = local.client.v1.test_helpers.test_clocks.retrieve(clock_id)
        if clock.status == "ready":
            return clock
        time.sleep(0.01)
    raise AssertionError("the clock is still advancing")


def test_a_clock_moves_its_subscription_and_everybody_else(
    local: Local, listener: Listener, secret: str
) -> None:
    """The backend hears of each step while its own clock shows that step's time."""
    clocks = local.client.v1.test_helpers.test_clocks
    start_s = int(time.time()) + DAY_S
    clock = clocks.create({"frozen_time": start_s, "name": "a month"})
    ada = subscriber(local, test_clock=clock.id)
    ada.check_out()
    end_s = ada.period()[1]
    assert ada.subscription().test_clock == clock.id
    assert abs(ada.subscription().created - start_s) < 60

    moving = clocks.advance(clock.id, {"frozen_time": end_s + 2 * HOUR_S})
    with pytest.raises(stripe.RateLimitError):
        clocks.advance(clock.id, {"frozen_time": end_s + 3 * HOUR_S})
    ready = wait_until_ready(local, clock.id)

    assert moving.status == "advancing"
    assert ready.frozen_time == end_s + 2 * HOUR_S
    assert ada.invoices()[0].status == "paid"
    offset_s = int(local.clock_file.read_text())
    assert abs(time.time() + offset_s - ready.frozen_time) < 60
    local.settle()
    heard = listener.types(secret)
    advancing = heard.index("test_helpers.test_clock.advancing")
    renewed = heard.index("customer.subscription.updated", advancing)
    finalized = heard.index("invoice.finalized", renewed)
    assert advancing < renewed < finalized < heard.index("test_helpers.test_clock.ready")


def test_a_clock_goes_forward_and_not_too_far(local: Local) -> None:
    """As Stripe refuses it: backwards, or more than two intervals at once."""
    clocks = local.client.v1.test_helpers.test_clocks
    now_s = int(time.time())
    clock = clocks.create({"frozen_time": now_s})
    ada = subscriber(local, test_clock=clock.id)
    ada.check_out()

    with pytest.raises(stripe.InvalidRequestError, match="after the clock's"):
        clocks.advance(clock.id, {"frozen_time": now_s - 1})
    with pytest.raises(stripe.InvalidRequestError, match="two intervals"):
        clocks.advance(clock.id, {"frozen_time": now_s + 80 * DAY_S})
    with pytest.raises(stripe.InvalidRequestError, match="turn it back"):
        clocks.create({"frozen_time": now_s - DAY_S})


def test_a_clock_is_deleted_with_its_customers(local: Local) -> None:
    """The way in which tests at Stripe clean up."""
    clocks = local.client.v1.test_helpers.test_clocks
    clock = clocks.create({"frozen_time": int(time.time())})
    ada = subscriber(local, test_clock=clock.id)
    ada.check_out()

    assert clocks.list().data[0].id == clock.id
    assert clocks.delete(clock.id).deleted is True

    assert local.client.v1.customers.retrieve(ada.customer_id).deleted is True
    assert ada.subscription().status == "canceled"
    assert clocks.list().data == []


def test_time_that_is_moved_by_the_file_is_caught_up_with(local: Local) -> None:
    """Whoever writes the clock file himself finds the periods turned, each in its time."""
    ada = subscriber(local)
    ada.check_out()
    end_s = ada.period()[1]

    local.move_clock(75 * DAY_S)

    assert [each.status for each in ada.invoices()] == ["paid", "paid", "paid"]
    assert ada.invoices()[1].created == end_s
