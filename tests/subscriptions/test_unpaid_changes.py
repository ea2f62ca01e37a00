"""Changes of a tier that are never paid: what was paid for before stays."""

import pytest

from tests.subscriptions.pictures import month
from tests.subscriptions.test_tier_standing import (
    PRO,
    STARTER,
    Watch,
    a_bill,
    a_change,
    a_subscription,
    cents_of,
)


def test_unpaid_for_an_upgrade_alone_keeps_the_limit_that_was_paid() -> None:
    """Stripe has given up on the difference; the period itself is the customer's."""
    bills = [a_bill(), a_change(STARTER, PRO, 3, status="open")]
    watch = Watch()

    standing = watch.look(a_subscription(PRO, "unpaid"), bills=bills)

    assert (standing.terms.plan_code, cents_of(standing)) == ("starter", 2_900)
    assert (standing.terms.payment_issue, standing.terms.grace_s) == (True, 0)
    renewed = a_subscription(PRO, "unpaid", period=month(1))
    later = watch.look(renewed, bills=[*bills, a_bill(PRO, 1, status="draft")])
    assert cents_of(later) == 0


@pytest.mark.parametrize("status", ["void", "uncollectible"])
def test_an_upgrade_that_nobody_wants_the_money_of_is_no_upgrade(status: str) -> None:
    """Stripe calls it active again, on the dearer tier; the limit is what was paid for."""
    bills = [a_bill(), a_change(STARTER, PRO, 3, status=status)]

    standing = Watch().look(a_subscription(PRO), bills=bills)

    assert (standing.terms.plan_code, cents_of(standing)) == ("starter", 2_900)
    assert not standing.terms.payment_issue
