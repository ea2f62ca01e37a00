"""Who holds the ledgers against the money: what Stripe was paid, and nothing else.

It reads Stripe's own objects and the raw entries. What credits a payment buys it works out by
itself from what was on sale; no record, mirror or key of ours tells it what should be there.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dev.layout import ROOT
from stripe_local.world import World
from tests.simulation.auditor import Auditor, Chain, Flaw, expect
from tests.simulation.shopping import LIVE
from tests.simulation.store import Change, Store

CREDIT = 1_000_000
CENT = 10_000_000
TERMINAL = frozenset({"applied", "ignored"})
GIVEN_BACK = ("won", "warning_", "prevented")
Document = Mapping[str, Any]
ON_SALE = json.loads((ROOT / "catalog.json").read_text())
PACKS = {pack["price_cents"]: pack["credits"] * CREDIT for pack in ON_SALE["packs"]}
PLANS = {plan["price_cents"]: plan for plan in ON_SALE["plans"] if plan["price_cents"]}
ROUNDING_NANOS = 11 * CREDIT
"""What a cent of a plan's price buys at most: each line of a bill is rounded to a cent."""


@dataclass
class Treasurer:
    """Watches a store beside the auditor. Everything it finds wrong ends the run."""

    world: World
    given: dict[str, int] = field(default_factory=dict)
    """What each payment and bill has brought so far."""
    by_customer: defaultdict[str, Counter[str]] = field(
        default_factory=lambda: defaultdict(Counter)
    )

    # ---- at every commit -----------------------------------------------------------------

    def watch(self, changes: Sequence[Change]) -> None:
        """Look at what a commit gives: it was paid for by then, and not given before."""
        for change in changes:
            parts = change.path.split("/")
            if len(parts) != 6 or parts[4] != "entries" or change.after is None:
                continue
            entry, cause = change.after, change.after.get("cause", {})
            if entry["kind"] != "grant":
                continue
            if "payment" in cause:
                self._paid(parts[3], entry, cause["payment"])
            elif cause.get("invoice"):
                self._billed(parts[3], entry, cause["invoice"])

    def _paid(self, customer: str, entry: Document, payment_id: str) -> None:
        payment = self._find("payment_intent", payment_id)
        expect(f"the status of {payment_id}, which was granted", payment["status"], "succeeded")
        expect(f"who paid {payment_id}", self._customer_of(payment), customer)
        expect(f"what {payment_id} bought", entry["amount_nanos"], _bought_nanos(payment))
        if payment_id in self.given:
            raise Flaw(f"{payment_id} was granted twice")
        self.given[payment_id] = entry["amount_nanos"]
        self.by_customer[customer]["topups"] += entry["amount_nanos"]

    def _billed(self, customer: str, entry: Document, invoice_id: str) -> None:
        bill = self._find("invoice", invoice_id)
        expect(f"the status of {invoice_id}, which was granted", bill["status"], "paid")
        expect(f"who paid {invoice_id}", self._customer_of(bill), customer)
        so_far = self.given.get(invoice_id, 0) + entry["amount_nanos"]
        most = self._billed_nanos(bill)
        if so_far > most:
            raise Flaw(f"{invoice_id} bought {most} and brought {so_far}")
        self.given[invoice_id] = so_far
        self.by_customer[customer]["plans"] += entry["amount_nanos"]

    # ---- at the end ----------------------------------------------------------------------

    def close(self, store: Store, auditor: Auditor, refs: Iterable[Any]) -> None:
        """Hold everything against what Stripe was paid, customer by customer."""
        for ref in refs:
            path = f"projects/{ref.project_id}/wallets/{ref.customer_id}"
            self._customer(ref.customer_id, store, path, auditor.chains[path])
        for name, kept in store.documents("stripe_events").items():
            if kept.fields["status"] not in TERMINAL:
                raise Flaw(f"{name} ended as {kept.fields['status']}: {kept.fields['reason']}")

    def _customer(self, customer: str, store: Store, path: str, chain: Chain) -> None:
        payers = self._of("customer", customer)
        if len(payers) > 1:
            raise Flaw(f"{customer} is {len(payers)} customers at Stripe")
        payments = [
            one
            for one in self._of("payment_intent", customer)
            if one["status"] == "succeeded" and one["metadata"].get("kind") == "topup"
        ]
        for payment in payments:
            if payment["id"] not in self.given:
                raise Flaw(f"{payment['id']} was paid by {customer} and never granted")
        paid_nanos = sum(map(_bought_nanos, payments))
        given = self.by_customer[customer]
        expect(f"what {customer} bought in packs", given["topups"], paid_nanos)
        numbers = [one["metadata"]["number"] for one in payments if "number" in one["metadata"]]
        expect(f"the automatic payments of {customer}", len(set(numbers)), len(numbers))
        back_nanos = sum(self._back_nanos(one) for one in payments)
        returned = chain.pots["refunded"]
        if not back_nanos <= returned <= back_nanos + given["plans"]:
            raise Flaw(f"{customer} got {back_nanos} back in money and {returned} was taken")
        self._plan(customer, store, path)

    def _plan(self, customer: str, store: Store, path: str) -> None:
        """Hold the plan that is shown against the one that Stripe bills."""
        live = [one for one in self._of("subscription", customer) if one["status"] in LIVE]
        if len(live) > 1:
            raise Flaw(f"{customer} is billed for {len(live)} plans")
        wallet = store.find(path)
        assert wallet is not None
        shown = wallet.fields["state"]["terms"]["plan_code"]
        code = "free"
        if live:
            code = PLANS[_item(live[0])["price"]["unit_amount"]]["code"]
        expect(f"the plan that {customer} is shown", shown, code)
        if not live or live[0]["status"] != "active":
            return
        starts_s = _item(live[0])["current_period_start"]
        for bill in self._of("invoice", customer):
            if bill["status"] == "paid" and _begins(bill, live[0]["id"], starts_s):
                if bill["id"] not in self.given:
                    raise Flaw(f"{bill['id']} was paid by {customer} and never granted")
                return

    def _back_nanos(self, payment: Document) -> int:
        refunds = self.world.account.store.newest_first("refund")
        disputes = self.world.account.store.newest_first("dispute")
        cents: int = sum(
            one["amount"]
            for one in refunds
            if one["payment_intent"] == payment["id"]
            and one["status"] not in {"failed", "canceled"}
        )
        cents += sum(
            one["amount"]
            for one in disputes
            if one["payment_intent"] == payment["id"]
            and not one["status"].startswith(GIVEN_BACK)
        )
        paid_cents: int = payment["amount_received"]
        return _bought_nanos(payment) * min(cents, paid_cents) // paid_cents

    def _billed_nanos(self, bill: Document) -> int:
        """Return what a bill buys at most: its lines' plans, as far as they are paid."""
        most: int = 0
        for line in bill["lines"]["data"]:
            price = self._find("price", line["pricing"]["price_details"]["price"])
            plan = PLANS[price["unit_amount"]]
            most += line["amount"] * plan["credits"] * CREDIT // plan["price_cents"]
            most += ROUNDING_NANOS
        return most

    def _of(self, kind: str, customer: str) -> list[Any]:
        found = self.world.account.store.newest_first(kind)
        return [one for one in found if self._customer_of(one) == customer]

    def _customer_of(self, one: Document) -> str:
        payer = one if one["object"] == "customer" else None
        if payer is None:
            payer = self.world.account.store.find("customer", one["customer"])
        return "" if payer is None else str(payer["metadata"].get("customer", ""))

    def _find(self, kind: str, name: str) -> Document:
        found = self.world.account.store.find(kind, name)
        if found is None:
            raise Flaw(f"{name} was granted, and Stripe knows of none")
        return found


def _bought_nanos(payment: Document) -> int:
    cents: int = payment["amount_received"]
    return cents * CENT if "number" in payment["metadata"] else PACKS[cents]


def _item(subscription: Document) -> Any:
    return subscription["items"]["data"][0]


def _begins(bill: Document, subscription_id: str, starts_s: int) -> bool:
    """Return whether a bill is for the period of a subscription that begins then."""
    details = bill["parent"]["subscription_details"] if bill["parent"] else None
    if not details or details["subscription"] != subscription_id:
        return False
    return any(
        line["period"]["start"] == starts_s
        and line["amount"] > 0
        and not line["parent"]["subscription_item_details"]["proration"]
        for line in bill["lines"]["data"]
        if line["parent"]["subscription_item_details"]
    )
