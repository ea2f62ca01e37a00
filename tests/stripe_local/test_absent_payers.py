"""Cards that are kept and charged while nobody is there, and what the bank makes of that."""

from typing import Any

import pytest
import stripe

from tests.stripe_local.conftest import GOOD_CARD, Local
from tests.stripe_local.lives import Subscriber, count_events, monthly, since, subscriber
from tests.stripe_local.test_intents import ONCE, authenticate, intend


@pytest.fixture
def ada(local: Local) -> Subscriber:
    """Return a customer who has no card yet."""
    return subscriber(local)


def buy(ada: Subscriber, card: str = GOOD_CARD, *, keeps: bool = True) -> str:
    """Buy once through Checkout, and return the payment method that paid."""
    terms: Any = {"setup_future_usage": "off_session"} if keeps else {}
    session = ada.local.sell(customer=ada.customer_id, payment_intent_data=terms)
    answer = ada.local.pay(session.id, card)
    assert answer.status_code == 200, answer.text
    if answer.json()["status"] == "open":
        authenticate(ada.local, session.id)
    paid: Any = ada.local.client.v1.checkout.sessions.retrieve(
        session.id, {"expand": ["payment_intent"]}
    )
    return str(paid.payment_intent.payment_method)


def kept(ada: Subscriber, alias: str) -> str:
    """Keep a test card for the customer, as an earlier visit would have left it."""
    methods = ada.local.client.v1.payment_methods
    return methods.attach(alias, {"customer": ada.customer_id}).id


def charge(ada: Subscriber, method_id: str, **params: Any) -> stripe.PaymentIntent:
    """Charge a kept card for ten dollars while the customer is away."""
    return intend(
        ada.local,
        customer=ada.customer_id,
        payment_method=method_id,
        **{"confirm": True, "off_session": True, **params},
    )


class TestPayments:
    """What an automatic payment meets."""

    @pytest.mark.parametrize("card", [GOOD_CARD, ONCE])
    def test_a_card_kept_by_checkout_pays_alone_later(self, ada: Subscriber, card: str) -> None:
        """Authenticated once where its bank wants that, and not asked again."""
        method_id = buy(ada, card)
        before = count_events(ada.local)

        paid = charge(ada, method_id)

        assert (paid.status, paid.amount_received) == ("succeeded", 1_000)
        told = ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded"]
        assert since(ada.local, before) == told

    def test_a_card_that_was_not_kept_pays_only_once(self, ada: Subscriber) -> None:
        """Stripe refuses it afterwards: nobody has agreed to more; so also when given up."""
        spent = buy(ada, keeps=False)
        given_up = kept(ada, "pm_card_visa")
        ada.local.client.v1.payment_methods.detach(given_up)

        for method_id in (spent, given_up):
            with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
                charge(ada, method_id)
            with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
                kept(ada, method_id)

    @pytest.mark.parametrize(
        ("alias", "code"),
        [
            ("pm_card_chargeCustomerFail", "card_declined"),
            ("pm_card_authenticationRequired", "authentication_required"),
        ],
    )
    def test_a_card_that_does_not_pay_alone_is_declined(
        self, ada: Subscriber, alias: str, code: str
    ) -> None:
        """Nothing waits for a payer; the shop is told, and has to ask for another card."""
        method_id = kept(ada, alias)
        before = count_events(ada.local)

        with pytest.raises(stripe.CardError) as refusal:
            charge(ada, method_id)

        assert refusal.value.code == code
        assert refusal.value.error is not None
        left: Any = refusal.value.error.payment_intent
        assert (left.status, left.next_action) == ("requires_payment_method", None)
        assert left.last_payment_error.payment_method.id == method_id
        told = ["payment_intent.created", "charge.failed", "payment_intent.payment_failed"]
        assert since(ada.local, before) == told

    def test_who_asks_for_no_action_hears_that_one_was_wanted(self, ada: Subscriber) -> None:
        """Another code than off session, and no page to go to."""
        method_id = kept(ada, "pm_card_authenticationRequired")

        with pytest.raises(stripe.CardError) as refusal:
            charge(ada, method_id, off_session=False, error_on_requires_action=True)

        assert refusal.value.code == "payment_intent_action_required"

    def test_what_makes_no_sense_is_refused(self, ada: Subscriber) -> None:
        """As Stripe refuses it: a try without a try, and keeping a card of somebody absent."""
        method_id = kept(ada, "pm_card_visa")
        for wish in ({"off_session": True}, {"error_on_requires_action": True}):
            with pytest.raises(stripe.InvalidRequestError, match="only be used with confirm"):
                charge(ada, method_id, **{"confirm": False, "off_session": False, **wish})
        with pytest.raises(stripe.InvalidRequestError, match="set up future usages"):
            charge(ada, method_id, setup_future_usage="off_session")


def subscribe(ada: Subscriber, method_id: str, **params: Any) -> stripe.Subscription:
    """Subscribe by the API, with a kept card."""
    wish: Any = {
        "customer": ada.customer_id,
        "default_payment_method": method_id,
        "items": [{"price": ada.price_id}],
        **params,
    }
    return ada.local.client.v1.subscriptions.create(wish)


class TestSubscriptions:
    """Plans that are begun and changed by the shop, with the card at hand."""

    @pytest.mark.parametrize(
        ("alias", "is_absent", "code"),
        [
            ("pm_card_chargeCustomerFail", True, "card_declined"),
            ("pm_card_authenticationRequired", True, "authentication_required"),
            (
                "pm_card_authenticationRequired",
                False,
                "subscription_payment_intent_requires_action",
            ),
        ],
    )
    def test_all_or_nothing_leaves_nothing_where_the_card_does_not_pay(
        self, ada: Subscriber, alias: str, is_absent: bool, code: str
    ) -> None:
        """Neither a subscription that is incomplete nor a plan that nobody has paid for."""
        wish: Any = {"off_session": is_absent, "payment_behavior": "error_if_incomplete"}
        subscribe(ada, kept(ada, "pm_card_visa"))
        subscriptions, dear = ada.local.client.v1.subscriptions, monthly(ada.local, 5_000)
        ada.take_card(alias)
        before = count_events(ada.local)
        item_id = ada.subscription()["items"]["data"][0]["id"]
        change: Any = {
            "items": [{"id": item_id, "price": dear}],
            "proration_behavior": "always_invoice",
            **wish,
        }

        with pytest.raises(stripe.CardError) as refusal:
            subscribe(ada, kept(ada, alias), **wish)
        with pytest.raises(stripe.CardError) as not_changed:
            subscriptions.update(ada.subscription().id, change)

        assert (refusal.value.code, not_changed.value.code) == (code, code)
        assert set(since(ada.local, before)) == {"payment_method.attached"}
        assert len(subscriptions.list({"status": "all"}).data) == 1
        assert ada.subscription()["items"]["data"][0]["price"]["id"] == ada.price_id

    def test_all_or_nothing_asks_no_card_for_what_costs_nothing(self, ada: Subscriber) -> None:
        """A cheaper plan is had at once, whatever the card would say."""
        subscribe(ada, kept(ada, "pm_card_visa"))
        ada.take_card("pm_card_chargeCustomerFail")
        subscription = ada.subscription()
        cheap, free = monthly(ada.local, 500), monthly(ada.local, 0)

        changed = ada.local.client.v1.subscriptions.update(
            subscription.id,
            {
                "items": [{"id": subscription["items"]["data"][0]["id"], "price": cheap}],
                "payment_behavior": "error_if_incomplete",
                "proration_behavior": "always_invoice",
            },
        )
        given = subscribe(
            ada,
            kept(ada, "pm_card_chargeCustomerFail"),
            items=[{"price": free}],
            payment_behavior="error_if_incomplete",
        )

        assert changed["items"]["data"][0]["price"]["id"] == cheap
        assert (changed.status, given.status) == ("active", "active")

    @pytest.mark.parametrize("is_absent", [True, False])
    def test_a_payer_is_asked_only_where_there_is_one(
        self, ada: Subscriber, is_absent: bool
    ) -> None:
        """Off session the card is declined; on session the first payment waits."""
        made = subscribe(
            ada, kept(ada, "pm_card_authenticationRequired"), off_session=is_absent
        )

        intents = ada.local.client.v1.payment_intents
        intent = intents.list({"customer": ada.customer_id}).data[0]
        assert made.status == "incomplete"
        told = ada.local.event_types()
        assert ("invoice.payment_action_required" in told) is not is_absent
        awaited = "requires_payment_method" if is_absent else "requires_action"
        assert intent.status == awaited
