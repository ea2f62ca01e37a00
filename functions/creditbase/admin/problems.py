"""Customers whose payments want looking after, kind by kind, from what is kept of Stripe.

A kind is the status of a subscription that was not paid, a dispute, a debt, or a wallet that
stands still. Each is one query of an index that only such documents are in, a page at a time.
"""

from collections.abc import Callable, Sequence
from dataclasses import field
from typing import Any, Literal, get_args

from creditbase.accounts.domain import Customer, CustomerRef
from creditbase.accounts.store import customer_from, customer_path
from creditbase.kernel.errors import InvalidRequest
from creditbase.kernel.records import dataclass
from creditbase.ledger import attention
from creditbase.payments import store as payments
from creditbase.runtime.firestore import get_all
from creditbase.subscriptions import store as subscriptions

Unpaid = Literal["past_due", "unpaid", "incomplete", "paused"]
Kind = Literal["past_due", "unpaid", "incomplete", "paused", "disputed", "owing", "parked"]
UNPAID: tuple[Unpaid, ...] = get_args(Unpaid)
KINDS: tuple[Kind, ...] = get_args(Kind)
PAGE = 50


@dataclass(frozen=True, slots=True)
class Found:
    """A customer's problem before it is known who that is, and its place in the order."""

    customer_id: str
    facts: dict[str, object]
    place: str


@dataclass(frozen=True, slots=True)
class Problem:
    """A customer with a problem. The customer is None where it was deleted meanwhile."""

    customer_id: str
    customer: Customer | None
    facts: dict[str, object]
    issue: dict[str, Any] = field(default_factory=dict)
    """Of the invoice that was not paid, as the mirror keeps it."""


@dataclass(frozen=True, slots=True)
class ProblemPage:
    """Problems of a kind, and where the next page begins; empty at the end."""

    problems: tuple[Problem, ...]
    next_cursor: str = ""


def count_problems(project_id: str) -> dict[Kind, int]:
    """Return how many problems of each kind there are; a count each."""
    counts: dict[Kind, int] = {
        status: subscriptions.count_by_status(project_id, status) for status in UNPAID
    }
    counts["disputed"] = payments.count_disputed(project_id)
    counts["owing"] = attention.count_owing(project_id)
    counts["parked"] = attention.count_parked(project_id)
    return counts


def list_problems(project_id: str, kind: Kind, *, cursor: str = "") -> ProblemPage:
    """Return a page of a kind: one query, and one look at who they are.

    Raises:
        InvalidRequest: the cursor is none.
    """
    look = _FINDERS.get(kind) or _unpaid_finder(kind)
    found = look(project_id, cursor)
    shown = found[:PAGE]
    named = _customers(project_id, [it.customer_id for it in shown])
    problems = []
    for it in shown:
        customer, issue = named[it.customer_id]
        problems.append(Problem(it.customer_id, customer, it.facts, issue))
    return ProblemPage(tuple(problems), shown[-1].place if len(found) > PAGE else "")


def _customers(
    project_id: str, customer_ids: Sequence[str]
) -> dict[str, tuple[Customer | None, dict[str, Any]]]:
    names = list(dict.fromkeys(customer_ids))
    found = get_all([customer_path(project_id, name) for name in names]) if names else []
    known: dict[str, tuple[Customer | None, dict[str, Any]]] = {}
    for name, snapshot in zip(names, found, strict=True):
        fields = snapshot.fields or {}
        customer = customer_from(CustomerRef(project_id, name), fields) if fields else None
        known[name] = (customer, fields.get("payment_issue") or {})
    return known


Finder = Callable[[str, str], list[Found]]


def _unpaid_finder(status: str) -> Finder:
    def find(project_id: str, cursor: str) -> list[Found]:
        found = subscriptions.find_by_status(
            project_id, status, after=_id_of(cursor), limit=PAGE + 1
        )
        return [
            Found(
                it.customer_id,
                {
                    "subscription_id": it.subscription_id,
                    "plan": it.plan_code,
                    "price_cents": it.price_cents,
                    "period_end_at": it.period_end_at,
                },
                it.subscription_id,
            )
            for it in found
        ]

    return find


def _disputed(project_id: str, cursor: str) -> list[Found]:
    found = payments.find_disputed(project_id, after=_place(cursor), limit=PAGE + 1)
    return [
        Found(
            payment.customer_id,
            {
                "payment_id": payment.payment_id,
                "paid_cents": payment.paid_cents,
                "disputed_cents": disputed_cents,
                "currency": payment.currency,
                "paid_at": payment.created_at,
            },
            f"{disputed_cents}:{payment.payment_id}",
        )
        for payment, disputed_cents in found
    ]


def _owing(project_id: str, cursor: str) -> list[Found]:
    found = attention.find_owing(project_id, after=_place(cursor), limit=PAGE + 1)
    return [
        Found(
            it.ref.customer_id,
            {"receivable_nanos": it.receivable_nanos},
            f"{it.receivable_nanos}:{it.ref.customer_id}",
        )
        for it in found
    ]


def _parked(project_id: str, cursor: str) -> list[Found]:
    customer_id, _, reason = cursor.partition(":")
    after = (reason, _id_of(customer_id)) if cursor else None
    found = attention.find_parked(project_id, after=after, limit=PAGE + 1)
    return [
        Found(it.ref.customer_id, {"reason": it.reason}, f"{it.ref.customer_id}:{it.reason}")
        for it in found
    ]


_FINDERS: dict[str, Finder] = {"disputed": _disputed, "owing": _owing, "parked": _parked}


def _place(cursor: str) -> tuple[int, str] | None:
    if not cursor:
        return None
    number, _, name = cursor.partition(":")
    if not (number.isascii() and number.isdigit() and len(number) <= 18 and name):
        raise InvalidRequest("That is no cursor", field="cursor")
    return int(number), _id_of(name)


def _id_of(cursor: str) -> str:
    if "/" in cursor or cursor.startswith((".", "__")) or len(cursor) > 200:
        raise InvalidRequest("That is no cursor", field="cursor")
    return cursor
