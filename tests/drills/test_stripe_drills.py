"""What goes wrong between Stripe and us, and the pages that put it right."""

import json

import pytest

from creditbase.jobs.inbox import drain_inbox
from creditbase.kernel.errors import Unavailable
from creditbase.kernel.trying import ATTEMPTS_MAX
from creditbase.payments.use_cases import start_topup
from creditbase.runtime import clock
from tests.drills.conftest import Deployment
from tests.drills.playbook import Open
from tests.payments.deliveries import SMALL_NANOS, deliver, inbox, topups
from tests.payments.shop import SECRET, signed, signed_event

pytestmark = [pytest.mark.firestore, pytest.mark.over_http]
PAID = "checkout.session.completed"


def drift_in(printed: str) -> dict[str, int]:
    """Return what the reconciler counted as differing."""
    facts = json.loads(printed[printed.index("\n{\n") :])
    return {kind: count for kind, count in facts["drift"].items() if count}


def given_up(deployment: Deployment) -> str:
    """Let an event be tried in vain until it is given up; return its id."""
    event = deployment.shop.event(PAID)
    with deployment.patch.context() as patch:
        patch.setenv("STRIPE_SECRET_KEY", "")
        assert deliver(deployment.client, signed_event(event)) == 500
        for _ in range(ATTEMPTS_MAX):
            drain_inbox(inbox(event["id"])["next_try_at"])
    assert inbox(event["id"])["status"] == "dead"
    return str(event["id"])


def test_what_was_given_up_and_what_never_came_is_credited_once(
    deployment: Deployment, playbook: Open
) -> None:
    """Two customers' worth of trouble at once: an event that is dead, and one that is lost."""
    deployment.buy()
    event_id = given_up(deployment)
    deployment.buy()
    book = playbook("webhook-backlog")

    waiting, failed, parked, drift = book.play("What there is")
    assert (waiting, parked) == ("", "")
    assert event_id in failed
    assert drift_in(drift)
    assert topups(deployment.wallet) == []

    book.play("Mend", EVENT=event_id)
    assert topups(deployment.wallet) == [SMALL_NANOS, SMALL_NANOS]

    waiting, failed, drift = book.play("Over")
    assert (waiting, failed, drift_in(drift)) == ("", "", {})


def test_a_secret_is_rolled_and_no_event_is_refused(
    deployment: Deployment, playbook: Open
) -> None:
    """In the day of both, Stripe signs with either; after it, the old one opens nothing."""
    deployment.buy()
    event = deployment.shop.event(PAID)
    book = playbook("signing-secret", deployment.firebase)
    by_old = signed(json.dumps(event), secret=SECRET)
    by_new = signed(json.dumps(event), secret="whsec_new")

    book.play("Both", NEW="whsec_new", OLD=SECRET)
    assert [deliver(deployment.client, it) for it in (by_new, by_old)] == [200, 200]
    book.play("Only the new one", NEW="whsec_new")
    assert [deliver(deployment.client, it) for it in (by_new, by_old)] == [200, 400]

    assert drift_in(book.play("Over")[-1]) == {}
    assert topups(deployment.wallet) == [SMALL_NANOS]


def test_stripe_is_away_and_comes_back(deployment: Deployment, playbook: Open) -> None:
    """Nobody can buy, everybody can spend, and what was paid before arrives after."""
    deployment.buy()
    event = deployment.shop.event(PAID)
    for method in ("GET", "POST"):
        deployment.shop.order("/faults", outcome="error", count=1_000, method=method)
    assert deliver(deployment.client, signed_event(event)) == 500
    with pytest.raises(Unavailable):
        start_topup(deployment.ref, "small", now=clock.now())
    deployment.wallet.charge("while-away", 5)
    book = playbook("stripe-outage")

    (waiting,) = book.play("While it lasts")
    assert event["id"] in waiting

    deployment.shop.order_end_of_faults()
    deployment.let_pass(120)
    book.play("Afterwards")
    waiting, drift = book.play("Over")

    assert (waiting, drift_in(drift)) == ("", {})
    assert topups(deployment.wallet) == [SMALL_NANOS]
    assert inbox(event["id"])["status"] == "applied"
