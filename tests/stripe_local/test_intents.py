"""Payment and setup intents made by request, and payers whom the bank wants to see."""

from typing import Any

import pytest
import stripe

from tests.stripe_local.conftest import Local
from tests.stripe_local.lives import HOUR_S, Subscriber, count_events, since, subscriber

ONCE, ALWAYS = "4000002500003155", "4000002760003184"


def authenticate(local: Local, named: str, outcome: str = "succeeded") -> Any:
    """Do what the page for 3-D Secure does, for an intent or a Checkout session."""
    form = {"outcome": outcome}
    answer = local.call("POST", f"/v1/payment_pages/{named}/authenticate", form)
    assert answer.status_code == 200, answer.text
    return answer.json()


def intend(local: Local, **params: Any) -> stripe.PaymentIntent:
    """Make a payment intent for ten dollars."""
    wish: Any = {"amount": 1_000, "currency": "usd", **params}
    return local.client.v1.payment_intents.create(wish)


class TestPaymentIntents:
    """One payment, step by step or in one request."""

    def test_an_intent_is_made_changed_confirmed_and_kept(self, local: Local) -> None:
        """The way of a shop with its own form."""
        intents = local.client.v1.payment_intents
        ada = subscriber(local)
        made = intend(local, customer=ada.customer_id, metadata={"order": "1"})
        assert (made.status, made.automatic_payment_methods is not None) == (
            "requires_payment_method",
            True,
        )
        with pytest.raises(stripe.InvalidRequestError, match="missing a payment method"):
            intents.confirm(made.id)

        changed = intents.update(made.id, {"amount": 1_200, "payment_method": "pm_card_visa"})
        paid = intents.confirm(made.id, {"setup_future_usage": "off_session"})

        assert (changed.amount, changed.status) == (1_200, "requires_confirmation")
        assert (paid.status, paid.amount_received) == ("succeeded", 1_200)
        cards = local.client.v1.payment_methods.list({"customer": ada.customer_id}).data
        assert [card.id for card in cards] == [paid.payment_method]
        assert local.event_types()[-4:] == [
            "payment_intent.created",
            "charge.succeeded",
            "payment_intent.succeeded",
            "payment_method.attached",
        ]
        for late in (intents.confirm, intents.update, intents.cancel):
            with pytest.raises(stripe.InvalidRequestError) as refusal:
                late(made.id)
            assert refusal.value.code == "payment_intent_unexpected_state"

    def test_a_decline_leaves_it_for_another_card(self, local: Local) -> None:
        """And whoever gives up cancels it."""
        with pytest.raises(stripe.CardError) as refusal:
            intend(local, confirm=True, payment_method="pm_card_chargeDeclined")
        assert refusal.value.error is not None
        declined: Any = refusal.value.error.payment_intent
        assert declined.status == "requires_payment_method"

        ended = local.client.v1.payment_intents.cancel(
            declined.id, {"cancellation_reason": "abandoned"}
        )

        assert (ended.status, ended.cancellation_reason) == ("canceled", "abandoned")
        assert local.event_types()[-1] == "payment_intent.canceled"

    def test_what_belongs_to_others_or_is_gone_is_refused(self, local: Local) -> None:
        """An invoice's payment, another customer's card, and the removed parameter."""
        intents = local.client.v1.payment_intents
        ada = subscriber(local)
        ada.check_out()
        card = local.client.v1.payment_methods.list({"customer": ada.customer_id}).data[0].id
        ada.take_card("pm_card_chargeCustomerFail")
        ada.renew()
        owed = intents.list({"customer": ada.customer_id}).data[0]
        with pytest.raises(stripe.InvalidRequestError, match="belongs to an Invoice"):
            intents.cancel(owed.id)
        with pytest.raises(stripe.InvalidRequestError, match="another Customer"):
            intend(local, payment_method=card)
        with pytest.raises(stripe.InvalidRequestError, match="at least"):
            intend(local, amount=10)
        for path in ("/v1/payment_intents", "/v1/setup_intents"):
            form = {"amount": 1_000, "currency": "usd"} if "payment" in path else {}
            refused = local.call("POST", path, {**form, "payment_method_types[]": "card"})
            assert refused.status_code == 400
            code = refused.json()["error"]["code"]
            assert code == "payment_method_types_no_longer_supported"


class TestAuthentication:
    """3-D Secure: the bank wants to see the owner of the card."""

    @pytest.mark.parametrize("alias", ["authenticationRequired", "threeDSecure2Required"])
    def test_a_payment_waits_for_its_payer(self, local: Local, alias: str) -> None:
        """The intent says where to go; the payment comes with the return."""
        before = count_events(local)
        waiting = intend(
            local,
            confirm=True,
            payment_method=f"pm_card_{alias}",
            return_url="http://127.0.0.1:9/back?order=1",
        )
        assert waiting.status == "requires_action"
        assert waiting.next_action is not None
        assert waiting.next_action.redirect_to_url is not None
        told = waiting.next_action.redirect_to_url
        assert (told.url, told.return_url) == (
            f"{local.url}/3ds/{waiting.id}",
            "http://127.0.0.1:9/back?order=1",
        )

        done = authenticate(local, waiting.id)

        assert (done["status"], done["next_action"]) == ("succeeded", None)
        charge: Any = local.client.v1.charges.list().data[0]
        assert charge.payment_method_details.card.three_d_secure.result == "authenticated"
        assert since(local, before) == [
            "payment_intent.created",
            "payment_intent.requires_action",
            "charge.succeeded",
            "payment_intent.succeeded",
        ]

    def test_a_payer_who_is_not_recognised_pays_nothing(self, local: Local) -> None:
        """The intent waits for another card, and says why."""
        waiting = intend(local, confirm=True, payment_method="pm_card_authenticationRequired")
        assert waiting.next_action is not None
        assert waiting.next_action.type == "use_stripe_sdk"

        failed = authenticate(local, waiting.id, "failed")

        assert failed["status"] == "requires_payment_method"
        code = failed["last_payment_error"]["code"]
        assert code == "payment_intent_authentication_failure"
        assert local.client.v1.charges.list().data == []
        form = {"outcome": "succeeded"}
        again = local.call("POST", f"/v1/payment_pages/{waiting.id}/authenticate", form)
        assert again.status_code == 400

    def test_nobody_is_there_for_a_payment_off_session(self, local: Local) -> None:
        """Unless the card was set up before, and needs no more than that."""
        setup = local.client.v1.setup_intents
        ada = subscriber(local)
        with pytest.raises(stripe.CardError) as refusal:
            intend(
                local,
                confirm=True,
                off_session=True,
                payment_method="pm_card_threeDSecure2Required",
            )
        assert refusal.value.code == "authentication_required"

        waiting = setup.create(
            {
                "customer": ada.customer_id,
                "confirm": True,
                "payment_method": "pm_card_authenticationRequiredOnSetup",
            }
        )
        assert waiting.status == "requires_action"
        kept = authenticate(local, waiting.id)
        paid = intend(
            local,
            confirm=True,
            customer=ada.customer_id,
            off_session=True,
            payment_method=kept["payment_method"],
        )

        assert (kept["status"], paid.status) == ("succeeded", "succeeded")

    @pytest.mark.parametrize("mode", ["payment", "subscription"])
    def test_a_session_is_complete_once_its_payer_was_seen(
        self, local: Local, mode: str
    ) -> None:
        """Until then it is open, and another card can be tried."""
        ada = subscriber(local)
        session = ada.session() if mode == "subscription" else local.sell()
        email = {} if mode == "subscription" else {"email": "ada@example.com"}
        at = f"/v1/payment_pages/{session.id}/confirm"
        opened = local.call("POST", at, {"card[number]": ALWAYS, **email}).json()
        assert (opened["status"], opened["payment_status"]) == ("open", "unpaid")
        authenticate(local, session.id, "failed")
        local.call("POST", at, {"card[number]": ONCE, **email})

        done = authenticate(local, session.id)

        assert (done["status"], done["payment_status"]) == ("complete", "paid")
        if mode == "subscription":
            ada.renew()
            assert ada.subscription().status == "active", "this card asks only once"

    def test_a_trial_waits_for_its_payer_too(self, local: Local) -> None:
        """Nothing is due, and the card is kept all the same."""
        ada = subscriber(local)
        session = ada.session(trial_period_days=5)
        form = {"card[number]": ONCE}
        local.call("POST", f"/v1/payment_pages/{session.id}/confirm", form)
        assert local.client.v1.subscriptions.list({"status": "all"}).data == []

        done = authenticate(local, session.id)
        ada.renew()

        assert done["payment_status"] == "no_payment_required"
        assert ada.subscription().status == "active"
        assert len(local.client.v1.setup_intents.list().data) == 1


@pytest.fixture
def ada(local: Local) -> Subscriber:
    """Return a subscriber whose card wants to be authenticated for the renewal."""
    ada = subscriber(local)
    ada.check_out()
    ada.take_card("pm_card_authenticationRequired")
    return ada


def test_a_renewal_that_needs_its_payer_is_past_due_until_then(
    local: Local, ada: Subscriber
) -> None:
    """The product tells the customer, and the payment page finishes it."""
    before = count_events(local)

    ada.renew()

    invoice = ada.invoices()[0]
    assert (ada.subscription().status, invoice.status) == ("past_due", "open")
    told = since(local, before)
    assert told.index("payment_intent.requires_action") < told.index("invoice.payment_failed")
    assert "invoice.payment_action_required" in told
    with pytest.raises(stripe.CardError) as refusal:
        local.client.v1.invoices.pay(str(invoice.id))
    assert refusal.value.code == "invoice_payment_intent_requires_action"

    intent = local.client.v1.payment_intents.list({"customer": ada.customer_id}).data[0]
    authenticate(local, intent.id)

    assert (ada.subscription().status, ada.invoices()[0].status) == ("active", "paid")


def test_a_subscription_that_begins_with_authentication_is_incomplete_until_then(
    local: Local,
) -> None:
    """Without Checkout: incomplete, then active; or expired when nobody comes."""
    people = []
    for _ in range(2):
        ada = subscriber(local)
        card = local.client.v1.payment_methods.attach(
            "pm_card_authenticationRequired", {"customer": ada.customer_id}
        )
        made = local.client.v1.subscriptions.create(
            {
                "customer": ada.customer_id,
                "default_payment_method": card.id,
                "items": [{"price": ada.price_id}],
            }
        )
        assert made.status == "incomplete"
        people.append(ada)
    comes, stays_away = people

    intent = local.client.v1.payment_intents.list({"customer": comes.customer_id}).data[0]
    authenticate(local, intent.id)
    stays_away.live(24 * HOUR_S)

    assert comes.subscription().status == "active"
    assert stays_away.subscription().status == "incomplete_expired"


def test_setup_intents_are_made_refused_and_cancelled(local: Local) -> None:
    """Cards for later: kept, declined even for keeping, or given up."""
    setup = local.client.v1.setup_intents
    ada = subscriber(local)
    made = setup.create({"customer": ada.customer_id, "metadata": {"why": "later"}})
    assert made.status == "requires_payment_method"
    with pytest.raises(stripe.InvalidRequestError, match="missing a payment method"):
        setup.confirm(made.id)
    with pytest.raises(stripe.CardError):
        setup.confirm(made.id, {"payment_method": "pm_card_chargeDeclined"})
    failed = setup.retrieve(made.id)
    assert failed.last_setup_error is not None
    assert failed.last_setup_error.code == "card_declined"

    setup.update(made.id, {"payment_method": "pm_card_visa"})
    kept = setup.confirm(made.id)

    assert (kept.status, kept.customer) == ("succeeded", ada.customer_id)
    other = setup.cancel(setup.create().id, {"cancellation_reason": "abandoned"})
    assert other.status == "canceled"
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        setup.confirm(other.id)
    assert refusal.value.code == "setup_intent_unexpected_state"
    assert [each.id for each in setup.list({"customer": ada.customer_id}).data] == [made.id]
