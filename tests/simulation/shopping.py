"""What customers do with their money: they buy, subscribe, change, leave, and want it back.

What our product has a part in goes to it as a client's request, with everything that may happen
to one. The rest happens at Stripe alone, as in life: a card is charged, a bank takes money
back, somebody clicks in the portal.
"""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any
from urllib.parse import urlencode

from creditbase.accounts.domain import CustomerRef
from creditbase.payments.refill_settings import set_auto_topup
from creditbase.payments.refilling import RefillSettings
from creditbase.payments.subscribing import start_checkout
from creditbase.payments.use_cases import start_topup
from creditbase.runtime.answering import answering
from stripe_local import checkout
from stripe_local.api import ApiRequest, answer
from stripe_local.billing import reversals, scheduling
from stripe_local.events import BY_ITSELF
from stripe_local.world import World
from tests.simulation.scheduler import Scheduler

DAY_S = 86_400
HEADERS = {"authorization": "Bearer sk_test_person"}
GOOD, DECLINED, FAILS_LATER = "4242424242424242", "4000000000000002", "4000000000000341"
GOOD_CARD, BAD_CARD = "pm_card_visa", "pm_card_chargeCustomerFail"
PRICES_CENTS = {"guru": 1_000, "pro": 5_000}
REFILL_CENTS = 1_000
LIVE = frozenset({"active", "trialing", "past_due", "unpaid", "paused"})

ERRANDS = {
    "bought": 30,
    "subscribed": 16,
    "upgraded": 6,
    "downgraded at the end": 8,
    "downgraded at once": 3,
    "cancelled at the end": 4,
    "cancelled at once": 4,
    "subscribed twice": 4,
    "changed the card": 6,
    "refunded": 10,
    "refund failed": 2,
    "disputed": 4,
    "topped up by itself": 4,
}
LIVES = frozenset(
    {
        *ERRANDS,
        *("declined", "paid later", "never paid", "left the page", "renewed", "renewal failed"),
        *("dispute won", "dispute lost", "resubscribed", "refunded in part"),
        *("charged by itself", "charged in vain"),
    }
)
"""What must have happened in the lives of customers."""

Resource = dict[str, Any]
Work = Callable[[], Any]
Ask = Callable[[Work], Any]


@dataclass
class Shopping:
    """The customers' part in what Stripe tells of, drawn from the run's source of chance."""

    scheduler: Scheduler
    world: World
    refs: list[CustomerRef]
    ask: Ask
    seen: Counter[str]
    begun: Counter[str] = field(default_factory=Counter)
    """How often each customer has asked for a page to pay on."""
    automatic: dict[str, int] = field(default_factory=dict)
    """The customers who ever let their wallet top itself up."""

    @property
    def rng(self) -> Random:
        """Return the run's one source of chance."""
        return self.scheduler.rng

    def errand(self) -> None:
        """Do one thing, drawn by chance, as far as there is anything to do it with."""
        name = self.rng.choices(list(ERRANDS), list(ERRANDS.values()))[0]
        ref = self.rng.choice(self.refs)
        act = getattr(self, "_" + name.replace(" ", "_"))
        if act(ref) is not False:
            self.seen[name] += 1

    def may_subscribe(self, ref: CustomerRef) -> bool:
        """Return whether this customer buys plans: half of them never do."""
        return self.refs.index(ref) % 2 == 1

    # ---- what our product is asked -------------------------------------------------------

    def _bought(self, ref: CustomerRef) -> bool:
        pack = self.rng.choice(("small", "small", "medium", "large"))
        self.begun[ref.customer_id] += 1
        session_id = self._page(lambda now: start_topup(ref, pack, now=now).session)
        if not session_id:
            return False
        self._pay(session_id)
        return True

    def _subscribed(self, ref: CustomerRef) -> bool:
        if not self.may_subscribe(ref) or self._plan_of(ref):
            return False
        plan = self.rng.choice(("guru", "guru", "pro"))
        self.begun[ref.customer_id] += 1
        session_id = self._page(lambda now: start_checkout(ref, plan, now=now))
        if not session_id:
            return False
        has_been = bool(self._subscriptions(ref))
        self._pay(session_id)
        self.seen["resubscribed"] += has_been and bool(self._plan_of(ref))
        return True

    def _topped_up_by_itself(self, ref: CustomerRef) -> bool:
        wanted = RefillSettings(
            is_enabled=self.rng.randrange(4) > 0,
            threshold_cents=self.rng.choice((100, 2_000)),
            amount_cents=REFILL_CENTS,
            monthly_cap_cents=self.rng.choice((1_000, 5_000)),
        )
        if not self._stripe_customer(ref):
            return False
        if self.rng.randrange(3):
            self._attach(ref, GOOD_CARD)
        self.automatic[ref.customer_id] = 1
        told = self.ask(self._answering(lambda now: set_auto_topup(ref, wanted, now=now)))
        return told.value is not None

    def _page(self, start: Callable[[Any], Any]) -> str:
        told = self.ask(self._answering(start))
        return "" if told.value is None else str(told.value.session_id)

    def _answering(self, start: Callable[[Any], Any]) -> Work:
        def work() -> Any:
            with answering():
                return start(self.scheduler.now())

        return work

    # ---- at Stripe's page ----------------------------------------------------------------

    def _pay(self, session_id: str) -> None:
        """Do on the page what people do: pay, be declined, pay by something slow, go away."""
        self.scheduler.sleep(self.rng.random() * 5)
        session = self.world.account.store.find("checkout.session", session_id)
        assert session is not None
        drawn = self.rng.randrange(100)
        if session["status"] != "open" or drawn < 8:
            self.seen["left the page"] += 1
            return
        if drawn < 20 and session["mode"] == "payment":
            self._pay_later(session)
            return
        if drawn < 35:
            status, _ = self._confirm(session_id, DECLINED)
            self.seen["declined"] += status == 402
        card = FAILS_LATER if session["mode"] == "subscription" and drawn > 90 else GOOD
        self._confirm(session_id, card)

    def _confirm(self, session_id: str, card: str) -> tuple[int, Resource]:
        return self.post(f"/payment_pages/{session_id}/confirm", **{"card[number]": card})

    def _pay_later(self, session: Resource) -> None:
        account = self.world.account
        checkout.pay_later(account, session)
        is_paid = self.rng.randrange(3) > 0

        def settle() -> None:
            self.scheduler.sleep(self.rng.choice((30, 3_600, 2 * DAY_S)))
            checkout.settle(account, session, is_paid=is_paid)
            self.seen["paid later" if is_paid else "never paid"] += 1

        self.scheduler.spawn(settle)

    # ---- at Stripe alone -----------------------------------------------------------------

    def _upgraded(self, ref: CustomerRef) -> bool:
        one = self._plan_of(ref, status="active", cents=PRICES_CENTS["guru"])
        return one is not None and self._priced(one, PRICES_CENTS["pro"])

    def _downgraded_at_once(self, ref: CustomerRef) -> bool:
        one = self._plan_of(ref, status="active", cents=PRICES_CENTS["pro"])
        return one is not None and self._priced(one, PRICES_CENTS["guru"])

    def _priced(self, one: Resource, cents: int) -> bool:
        if one["schedule"]:
            return False
        item = one["items"]["data"][0]["id"]
        row = {"items[0][id]": item, "items[0][price]": self._price(cents)["id"]}
        form = {"proration_behavior": "always_invoice", **row}
        status, _ = self.post(f"/subscriptions/{one['id']}", **form)
        return status == 200

    def _downgraded_at_the_end(self, ref: CustomerRef) -> bool:
        one = self._plan_of(ref, status="active", cents=PRICES_CENTS["pro"])
        if one is None or one["schedule"] or one["cancel_at"]:
            return False
        end_s = one["items"]["data"][0]["current_period_end"]
        account, price = self.world.account, self._price(PRICES_CENTS["guru"])
        account.let_pass()
        scheduling.plan_price(account, one, price, end_s + 28 * DAY_S, BY_ITSELF)
        return True

    def _cancelled_at_the_end(self, ref: CustomerRef) -> bool:
        one = self._plan_of(ref)
        if one is None or one["schedule"]:
            return False
        wanted = "false" if one["cancel_at_period_end"] else "true"
        status, _ = self.post(f"/subscriptions/{one['id']}", cancel_at_period_end=wanted)
        return status == 200

    def _cancelled_at_once(self, ref: CustomerRef) -> bool:
        one = self._plan_of(ref)
        if one is None:
            return False
        return self._ask("DELETE", f"/subscriptions/{one['id']}", "")[0] == 200

    def _subscribed_twice(self, ref: CustomerRef) -> bool:
        payer = self._stripe_customer(ref)
        if not self.may_subscribe(ref) or not payer or self._plan_of(ref) is None:
            return False
        terms = {
            "customer": payer,
            "items[0][price]": self._price(PRICES_CENTS["pro"])["id"],
            "default_payment_method": self._attach(ref, GOOD_CARD),
        }
        return self.post("/subscriptions", **terms)[0] == 200

    def _changed_the_card(self, ref: CustomerRef) -> bool:
        one = self._plan_of(ref)
        if one is None:
            return False
        card = self._attach(ref, self.rng.choice((GOOD_CARD, BAD_CARD)))
        self.post(f"/subscriptions/{one['id']}", default_payment_method=card)
        return True

    def _refunded(self, ref: CustomerRef) -> bool:
        paid = [one for one in self._charges(ref) if one["amount_refunded"] < one["amount"]]
        if not paid:
            return False
        charge = self.rng.choice(paid)
        left_cents = charge["amount"] - charge["amount_refunded"]
        cents = self.rng.choice((left_cents, left_cents // 3 or 1, 1))
        status, _ = self.post("/refunds", charge=charge["id"], amount=cents)
        self.seen["refunded in part"] += status == 200 and cents < charge["amount"]
        return status == 200

    def _refund_failed(self, ref: CustomerRef) -> bool:
        own = {one["id"] for one in self._charges(ref)}
        refunds = self.world.account.store.newest_first("refund")
        found = [one for one in refunds if one["charge"] in own]
        if not found or found[0]["status"] != "succeeded":
            return False
        reversals.fail_refund(self.world.account, found[0]["id"])
        return True

    def _disputed(self, ref: CustomerRef) -> bool:
        whole = [
            one
            for one in self._charges(ref)
            if not one["disputed"] and not one["amount_refunded"]
        ]
        if not whole:
            return False
        account = self.world.account
        reversals.open_dispute(
            account, self.rng.choice(whole), reason="fraudulent", amount=None
        )
        dispute = account.store.newest_first("dispute")[0]
        is_won = self.rng.randrange(2) > 0

        def decide() -> None:
            self.scheduler.sleep(self.rng.choice((60, 3_600, 3 * DAY_S)))
            reversals.close_dispute(account, dispute, is_won=is_won)
            self.seen["dispute won" if is_won else "dispute lost"] += 1

        self.scheduler.spawn(decide)
        return True

    def tally(self) -> None:
        """Count what happened in these lives by itself."""
        store = self.world.account.store
        for bill in store.newest_first("invoice"):
            if bill["billing_reason"] == "subscription_cycle":
                is_paid = bill["status"] == "paid"
                self.seen["renewed" if is_paid else "renewal failed"] += 1
        for payment in store.newest_first("payment_intent"):
            if "number" in payment["metadata"]:
                is_paid = payment["status"] == "succeeded"
                self.seen["charged by itself" if is_paid else "charged in vain"] += 1

    # ---- what there is -------------------------------------------------------------------

    def _stripe_customer(self, ref: CustomerRef) -> str:
        for one in self.world.account.store.newest_first("customer"):
            if one["metadata"].get("customer") == ref.customer_id:
                return str(one["id"])
        return ""

    def _charges(self, ref: CustomerRef) -> list[Resource]:
        payer = self._stripe_customer(ref)
        charges = self.world.account.store.newest_first("charge")
        return [one for one in charges if payer and one["customer"] == payer and one["paid"]]

    def _subscriptions(self, ref: CustomerRef) -> list[Resource]:
        payer = self._stripe_customer(ref)
        found = self.world.account.store.newest_first("subscription")
        return [one for one in found if payer and one["customer"] == payer]

    def _plan_of(self, ref: CustomerRef, *, status: str = "", cents: int = 0) -> Any:
        """Return the newest live subscription, if it is as it is asked for."""
        live = [one for one in self._subscriptions(ref) if one["status"] in LIVE]
        for one in live[:1]:
            price = one["items"]["data"][0]["price"]
            if status in {"", one["status"]} and cents in {0, price["unit_amount"]}:
                return one
        return None

    def _price(self, cents: int) -> Resource:
        prices = self.world.account.store.newest_first("price")
        return next(one for one in prices if one["unit_amount"] == cents)

    def _attach(self, ref: CustomerRef, card: str) -> str:
        payer = self._stripe_customer(ref)
        status, method = self.post(f"/payment_methods/{card}/attach", customer=payer)
        assert status == 200, method
        return str(method["id"])

    def post(self, path: str, **form: object) -> tuple[int, Resource]:
        """Change something at Stripe."""
        return self._ask("POST", path, urlencode(form))

    def _ask(self, method: str, path: str, form: str) -> tuple[int, Resource]:
        body = form if method == "POST" else ""
        given = answer(self.world, ApiRequest(method, f"/v1{path}", "", body.encode(), HEADERS))
        return given.status, json.loads(given.body)
