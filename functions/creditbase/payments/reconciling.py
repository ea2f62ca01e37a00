"""Our state held against Stripe's own lists, and brought to it by the webhook's own handlers.

Nothing is decided here. What Stripe shows is turned into the event that would have told of it,
and the handler of that event is rehearsed: where it would change nothing, all is as it should
be; where it would, that is a difference, and handling it for good is the repair.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Literal

from creditbase.accounts.domain import CustomerRef
from creditbase.kernel.records import dataclass
from creditbase.payments import inbox_store, store, stripe_gateway
from creditbase.payments.domain import AUTOMATIC, SUBSCRIPTION, TOPUP, Event, Outcome
from creditbase.payments.linking import UUID
from creditbase.payments.returning import PaymentUntold
from creditbase.payments.stripe_billing import read_subscription, subscription_of
from creditbase.payments.stripe_lists import Shown, list_page, sessions_of_payment
from creditbase.payments.use_cases import HANDLERS, act_on, take_event
from creditbase.runtime.rehearsal import WouldChange, rehearse
from creditbase.subscriptions.domain.mirror import shows
from creditbase.subscriptions.store import load_records

__all__ = [
    "KINDS",
    "LISTS",
    "Candidate",
    "Verdict",
    "candidates_of",
    "judge",
    "list_page",
]

MARKS = frozenset({TOPUP, SUBSCRIPTION})
Verdict = Literal["same", "differs", "foreign", "unknown"]
"""`foreign` is another application's; `unknown` claims to be ours and cannot be."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """Something that may differ, and the event that tells of it."""

    kind: str
    object_id: str
    event: Event
    made_at_s: int
    """When Stripe made it; 0 where that is not shown."""
    is_told: bool = False
    """Whether Stripe's own event: the inbox keeps it."""
    claims: bool = False
    """Whether it says that it is ours, so that whoever finds nothing about it is wrong."""


@dataclass(frozen=True, slots=True)
class Sifted:
    """What of a page is to be looked at closely, and how much of it is none of ours."""

    candidates: tuple[Candidate, ...]
    foreign: int = 0
    unknown: tuple[str, ...] = ()
    """What carries our marks and leads nowhere."""


def judge(candidate: Candidate, *, repairs: bool, now: datetime) -> Verdict:
    """Return what is the matter with a candidate; bring it in order where that is asked.

    Raises:
        Unavailable, Contention: not known, or not finished; to be repeated.
    """
    act = partial(act_on, candidate.event, now=now)
    if candidate.is_told and repairs:
        taken = take_event(candidate.event, now=now)
        return "same" if taken is None else _verdict(candidate, taken)
    try:
        return _verdict(candidate, rehearse(act))
    except PaymentUntold:
        if repairs:
            raise
        return "differs"  # its session does, too
    except WouldChange:
        if repairs:
            act()
        return "differs"


def _verdict(candidate: Candidate, outcome: Outcome) -> Verdict:
    if outcome.status == "quarantined":
        return "unknown"
    if outcome.status == "ignored":
        return "unknown" if candidate.claims else "foreign"
    return "differs" if candidate.is_told else "same"


# ---- from lists to candidates ----------------------------------------------------------------


def candidates_of(name: str, shown: Sequence[Shown]) -> Sifted:
    """Return what of a page of a list may differ, by as few reads as possible."""
    return LISTS[name](shown)


def _customers(shown: Sequence[Shown]) -> Sifted:
    """Sift customers: those with our metadata that are tied to nobody."""
    ours = [one for one in shown if _says(one, "project", "customer")]
    owners = store.find_owners(one["id"] for one in ours)
    loose = [one for one in ours if one["id"] not in owners]
    return Sifted(
        _candidates("customers_not_linked", "customer.created", loose, claims=True),
        foreign=len(shown) - len(ours),
    )


def _sessions(shown: Sequence[Shown]) -> Sifted:
    """Sift Checkout sessions: paid without a grant, ended without our knowing."""
    ours = [one for one in shown if _says(one, "kind", "customer") or _finds_customer(one)]
    return Sifted(
        _candidates("sessions_not_taken", "checkout.session.completed", ours),
        foreign=len(shown) - len(ours),
    )


def _charges(shown: Sequence[Shown]) -> Sifted:
    """Sift charges: those of packs whose payment is not written down, by their session."""
    owners = _owners(shown)
    ours = [one for one in shown if _says(one, "kind", "customer")]
    foreign = [one for one in shown if one not in ours and _payer(one) not in owners]
    paid = {
        stripe_gateway.id_of(one["payment_intent"]): one["id"]
        for one in ours
        if one["paid"] and one["payment_intent"] and one["metadata"]["kind"] == TOPUP
    }
    loose = set(paid) - store.find_known_payments(list(paid))
    by_itself = {
        stripe_gateway.id_of(one["payment_intent"])
        for one in ours
        if one["metadata"].get("tier") == AUTOMATIC
    }
    refills = [{"id": name, "object": "payment_intent"} for name in sorted(loose & by_itself)]
    loose -= by_itself
    sessions = {name: sessions_of_payment(name) for name in sorted(loose)}
    found = [
        {"id": session_id, "object": "checkout.session"}
        for names in sessions.values()
        for session_id in names
    ]
    return Sifted(
        _candidates("sessions_not_taken", "checkout.session.completed", found)
        + _candidates("refills_not_taken", "payment_intent.succeeded", refills),
        foreign=len(foreign),
        unknown=tuple(paid[name] for name, names in sessions.items() if not names),
    )


def _subscriptions(shown: Sequence[Shown]) -> Sifted:
    """Sift subscriptions: those that our mirror shows otherwise, or not at all."""
    owners = _owners(shown)
    ours = [one for one in shown if _payer(one) in owners]
    loose = [
        one for one in shown if _payer(one) not in owners and _says(one, "kind", "customer")
    ]
    differing: list[Shown] = []
    for project_id in sorted({owner.project_id for owner in owners.values()}):
        theirs = [one for one in ours if owners[_payer(one)].project_id == project_id]
        known = load_records(project_id, [one["id"] for one in theirs])
        for one in theirs:
            record, seen = known.get(one["id"]), read_subscription(project_id, one)
            if record is None or not shows(record, seen):
                differing.append(one)
    kind, event_type = "subscriptions_differing", "customer.subscription.updated"
    return Sifted(
        _candidates(kind, event_type, differing)
        + _candidates(kind, event_type, loose, claims=True),
        foreign=len(shown) - len(ours) - len(loose),
    )


def _invoices(shown: Sequence[Shown]) -> Sifted:
    """Sift invoices of subscriptions: one of each customer, and drafts that wait."""
    owners = _owners(shown)
    ours = [one for one in shown if _payer(one) in owners]
    looked_at: set[str] = set()
    chosen: list[Shown] = []
    for one in ours:
        is_new = one["status"] == "draft" or _payer(one) not in looked_at
        if subscription_of(one) and is_new:
            looked_at.add(_payer(one))
            chosen.append(one)
    return Sifted(
        _candidates("invoices_not_granted", "invoice.paid", chosen),
        foreign=len(shown) - len(ours),
    )


def _refunds(shown: Sequence[Shown]) -> Sifted:
    """Sift refunds: one of each payment, whose sum is looked at."""
    chosen = _once_each(shown)
    return Sifted(_candidates("refunds_not_taken", "charge.refunded", chosen))


def _disputes(shown: Sequence[Shown]) -> Sifted:
    """Sift disputes, as refunds."""
    chosen = _once_each(shown)
    return Sifted(_candidates("disputes_not_taken", "charge.dispute.updated", chosen))


def _events(shown: Sequence[Shown]) -> Sifted:
    """Sift events: those of our types that the inbox has not finished."""
    wanted = {one["id"]: one for one in shown if one["type"] in HANDLERS}
    missing = set(wanted) - inbox_store.find_finished(list(wanted))
    return Sifted(
        tuple(
            Candidate(
                "events_undelivered",
                name,
                stripe_gateway.read_event(json.dumps(one).encode()),
                one["created"],
                is_told=True,
            )
            for name, one in wanted.items()
            if name in missing
        )
    )


LISTS: dict[str, Callable[[Sequence[Shown]], Sifted]] = {
    "customers": _customers,
    "sessions": _sessions,
    "charges": _charges,
    "subscriptions": _subscriptions,
    "invoices": _invoices,
    "refunds": _refunds,
    "disputes": _disputes,
    "undelivered": _events,
    "events": _events,
}
"""Every list that is read, in this order: objects first, so that what differs has a name."""

KINDS = (
    "customers_not_linked",
    "sessions_not_taken",
    "refills_not_taken",
    "subscriptions_differing",
    "invoices_not_granted",
    "refunds_not_taken",
    "disputes_not_taken",
    "events_undelivered",
)
"""Every difference that a report can name."""


def _candidates(
    kind: str, event_type: str, shown: Iterable[Shown], *, claims: bool = False
) -> tuple[Candidate, ...]:
    is_live = stripe_gateway.is_live()
    return tuple(
        Candidate(
            kind,
            one["id"],
            Event(
                event_id="",
                type=event_type,
                is_live=is_live,
                account="",
                api_version="",
                object_id=one["id"],
                object_type=one["object"],
                payload="",
            ),
            one.get("created", 0),
            claims=claims,
        )
        for one in shown
    )


def _once_each(shown: Sequence[Shown]) -> list[Shown]:
    """Return one of those that are about the same payment: its sum is looked at anyway."""
    newest: dict[str, Shown] = {}
    for one in shown:
        newest.setdefault(stripe_gateway.id_of(one["payment_intent"]) or one["id"], one)
    return list(newest.values())


def _says(one: Shown, *names: str) -> bool:
    """Return whether the metadata is what we would have written: who, and what it is for."""
    metadata = one.get("metadata") or {}
    said = {name: metadata.get(name, "") for name in names}
    return all(
        word in MARKS if name == "kind" else UUID.fullmatch(word) is not None
        for name, word in said.items()
    )


def _finds_customer(one: Shown) -> bool:
    """Return whether it is a session of ours that asks who pays: it names no customer."""
    return _says(one, "kind", "project") and "customer" not in one["metadata"]


def _owners(shown: Sequence[Shown]) -> Mapping[str, CustomerRef]:
    return store.find_owners(_payer(one) for one in shown)


def _payer(one: Shown) -> str:
    return stripe_gateway.id_of(one["customer"])
