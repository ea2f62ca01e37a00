"""What a walk may at most have brought, worked out from Stripe's own objects alone.

A reading of its own: credits per plan and cents stand here, the product is not asked.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby
from operator import attrgetter
from typing import Any

from stripe_local.world import World

Resource = dict[str, Any]

CREDITS = {"guru": 10_000, "pro": 55_000}
CENTS = {"guru": 1_000, "pro": 5_000}
PACKS = {500: 5_000, 2_500: 27_500}
CREDIT_NANOS = 1_000_000
Period = tuple[str, int]
"""A subscription, and where its period ends."""


@dataclass(frozen=True)
class Line:
    """A line of a paid bill: a plan for a month, or a change of plan within one."""

    bill: str
    subscription: str
    plan: str
    amount_cents: int
    is_change: bool
    start_s: int
    end_s: int

    @classmethod
    def read(cls, bill: Resource, line: Resource, plan_of: Mapping[str, str]) -> "Line":
        """Return what a line of Stripe's says."""
        parent = line["parent"]
        details = parent["subscription_item_details"] or parent["invoice_item_details"]
        return cls(
            bill=bill["id"],
            subscription=bill["parent"]["subscription_details"]["subscription"],
            plan=plan_of[line["pricing"]["price_details"]["price"]],
            amount_cents=line["amount"],
            is_change=bool(details["proration"]),
            start_s=line["period"]["start"],
            end_s=line["period"]["end"],
        )

    @property
    def period(self) -> Period:
        """Return the period in which it is."""
        return self.subscription, self.end_s

    def credits_since(self, begin_s: int) -> Fraction:
        """Return the credits of its time, below zero where the time is given back."""
        sign = (self.amount_cents > 0) - (self.amount_cents < 0)
        part = Fraction(self.end_s - self.start_s, self.end_s - begin_s)
        return sign * CREDITS[self.plan] * part


def check_bounds(world: World, entries: list[Resource], *, is_owner_free: bool) -> None:
    """Hold a ledger against what was paid: never more credits, whatever the sequence."""
    bills = bills_of(world)
    plan_of = {
        price["id"]: price["metadata"].get("plan", "")
        for price in world.account.store.newest_first("price")
    }
    lines = _lines(bills, plan_of)
    begins_s = {
        line.period: line.start_s
        for line in _lines(world.account.store.newest_first("invoice"), plan_of)
        if not line.is_change
    }
    trial_nanos = _check_cycles(lines, entries)
    _check_upgrades(lines, begins_s, entries)
    _check_packs(world, entries)
    if not is_owner_free:
        _check_money(world, entries, trial_nanos=trial_nanos)


def bills_of(world: World) -> list[Resource]:
    """Return the paid invoices, oldest first."""
    found = world.account.store.newest_first("invoice")
    return [bill for bill in reversed(found) if bill["status"] == "paid"]


def _lines(bills: Iterable[Resource], plan_of: Mapping[str, str]) -> list[Line]:
    return [Line.read(bill, line, plan_of) for bill in bills for line in bill["lines"]["data"]]


def _check_cycles(lines: Iterable[Line], entries: Iterable[Resource]) -> dict[str, int]:
    """Each month's credits: once, for a bill of that month that was paid, and its plan's.

    Returns:
        The credits of trials by plan: those of one trial, or of none.
    """
    sold = {(line.subscription, line.start_s): line for line in lines if not line.is_change}
    trials: dict[str, int] = {}
    for name, nanos in _granted(entries, "cycle"):
        _, subscription, start_s = name.split(":")
        line = sold[subscription, int(start_s)]
        assert nanos == CREDITS[line.plan] * CREDIT_NANOS, name
        if line.amount_cents == 0:
            assert not trials, "a second trial"
            trials[line.plan] = nanos
    return trials


def _check_upgrades(
    lines: Sequence[Line], begins_s: Mapping[Period, int], entries: list[Resource]
) -> None:
    """Each period's changes of plan: the highest that was ever paid for, and no more."""
    paid: dict[Period, Fraction] = {}
    peak: dict[Period, Fraction] = {}
    period_of: dict[str, Period] = {}
    changes = [line for line in lines if line.is_change]
    for bill, of_bill in groupby(changes, key=attrgetter("bill")):
        for line in of_bill:
            paid[line.period] = paid.get(line.period, Fraction()) + line.credits_since(
                begins_s[line.period]
            )
            period_of[bill] = line.period
        period = period_of[bill]
        peak[period] = max(peak.get(period, Fraction()), paid[period])
    given: dict[Period, int] = {}
    for name, nanos in _granted(entries, "upgrade"):
        period = period_of[name.partition(":")[2]]
        given[period] = given.get(period, 0) + nanos
    for period, nanos in given.items():
        assert nanos <= peak[period] * CREDIT_NANOS, (period, nanos, peak[period])


def _check_packs(world: World, entries: list[Resource]) -> None:
    """Each pack once; of what Stripe says is gone, exactly its part is taken or owed."""
    charges = {
        one["payment_intent"]: one
        for one in world.account.store.newest_first("charge")
        if one["paid"]
    }
    disputes = world.account.store.newest_first("dispute")
    for name, nanos in _granted(entries, "topup"):
        payment = name.partition(":")[2]
        charge = charges.pop(payment)
        assert nanos == PACKS[charge["amount"]] * CREDIT_NANOS
        back_cents = charge["amount_refunded"] + sum(
            one["amount"]
            for one in disputes
            if one["payment_intent"] == payment and one["status"] != "won"
        )
        taken = sum(
            entry["postings"].get("refunded", 0)
            for entry in entries
            if entry["entry_id"].startswith(f"refund:{payment}:")
        )
        paid_cents = charge["amount"]
        assert taken == nanos * min(back_cents, paid_cents) // paid_cents, name


def _check_money(
    world: World, entries: list[Resource], *, trial_nanos: Mapping[str, int]
) -> None:
    """All plan credits together, at their price: no more than the money that came."""
    price = {plan: Fraction(CENTS[plan], CREDITS[plan] * CREDIT_NANOS) for plan in CREDITS}
    value_cents = sum(
        (
            nanos * price[entry["cause"]["plan"]]
            for entry in entries
            for _, nanos in _granted([entry], "cycle")
        ),
        Fraction(),
    )
    value_cents -= sum((n * price[plan] for plan, n in trial_nanos.items()), Fraction())
    # The difference of the plans: 45,000 credits for 40 dollars.
    step = Fraction(CENTS["pro"] - CENTS["guru"], 45_000 * CREDIT_NANOS)
    upgrades = list(_granted(entries, "upgrade"))
    value_cents += sum((nanos * step for _, nanos in upgrades), Fraction())
    paid_cents = sum(bill["amount_paid"] for bill in bills_of(world))
    assert value_cents <= paid_cents + len(upgrades), (value_cents, paid_cents)


def _granted(entries: Iterable[Resource], word: str) -> Iterator[tuple[str, int]]:
    for entry in entries:
        if entry["kind"] == "grant" and entry["entry_id"].startswith(f"{word}:"):
            yield entry["entry_id"], entry["amount_nanos"]
