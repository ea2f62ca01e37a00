"""The wallet's hot state, held against what its entries have told."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from creditbase.kernel.windows import free_window, window_number
from creditbase.ledger.domain.commands import HOLD_TTL_S_MAX
from creditbase.ledger.domain.proof import windows
from creditbase.ledger.domain.proof.grants import check_grants
from creditbase.ledger.domain.proof.kinds import draws_of
from creditbase.ledger.domain.proof.reading import Broken, Doc
from creditbase.ledger.domain.proof.tale import HoldTold, Tale
from creditbase.ledger.domain.wallet import Terms

LONGEST = timedelta(seconds=HOLD_TTL_S_MAX)
QUARTER = timedelta(minutes=15)
TOP = frozenset({"state", "shard", "holds_due_at", "window_due_at"})
STATE = frozenset(
    {
        *("owner_uid", "created_at", "at", "seq", "head", "commits", "receivable_nanos"),
        *("free_number", "frozen", "parked", "rows", "rowed_nanos", "plans_over_seq", "cut"),
        *("levels", "published_at", "is_settled", "terms", "window", "closing", "today"),
        *("grants", "holds"),
    }
)
HOLD = frozenset(
    {
        *("hold_id", "amount_nanos", "draws", "created_at", "expires_at", "window_start_at"),
        *("metered", "accrued_nanos"),
    }
)
TERMS = frozenset(Terms.__dataclass_fields__)


def check_wallet(tale: Tale, fields: object, *, shard: int) -> Doc:
    """Hold a wallet's document against its entries; return its state.

    Raises:
        Broken: it says something else, or what cannot be.
    """
    if not isinstance(fields, Mapping):
        raise Broken("", "the wallet", "a document", fields)
    top = Doc("", fields)
    top.has_only(TOP, frozenset({"used_at", "parked", "shadow_since"}))
    state = top.inner("state")
    state.has_only(STATE, frozenset({"salt", "shadow_since"}))
    at = state.instant("at")
    for name, told in (
        ("seq", tale.seq),
        ("head", tale.head),
        ("receivable_nanos", -tale.pots["receivable"]),
        ("rows", tale.rows),
        ("rowed_nanos", tale.rowed_nanos),
    ):
        state.expect(name, told)
    if tale.at is not None and at < tale.at:
        raise state.broken("at", f"not before {tale.at}", at)
    _check_holds(tale, state, at)
    check_grants(tale, state, at)
    windows.check_windows(tale, state)
    windows.check_today(tale, state, at)
    _check_small(tale, state, at)
    _check_top(tale, top, state, shard)
    return state


def _check_holds(tale: Tale, state: Doc, at: datetime) -> None:
    found = state.inner("holds")
    for hold_id, told in tale.holds.items():
        if not found.has(hold_id):
            raise found.broken(hold_id, f"an open hold of {told.amount_nanos}", "nothing")
    for hold_id, hold in found.inners().items():
        known = tale.holds.get(hold_id)
        if known is None:
            raise found.broken(hold_id, "no open hold", hold.whole("amount_nanos"))
        _check_hold(hold, hold_id, known, at)


def _check_hold(hold: Doc, hold_id: str, told: HoldTold, at: datetime) -> None:
    hold.has_only(HOLD, frozenset({"budget"}))
    for name, value in (
        ("hold_id", hold_id),
        ("amount_nanos", told.amount_nanos),
        ("created_at", told.created_at),
        ("window_start_at", told.window_start_at),
    ):
        hold.expect(name, value)
    if hold.text("budget", "") != told.budget:
        raise hold.broken("budget", told.budget, hold.text("budget", ""))
    if draws_of(hold) != told.draws:
        raise hold.broken("draws", told.draws, draws_of(hold))
    ends_at = hold.instant("expires_at")
    if not told.expires_at <= ends_at <= told.created_at + LONGEST or ends_at <= at:
        raise hold.broken("expires_at", f"{told.expires_at} or later, within a day", ends_at)
    metered = hold.inner("metered")
    if not hold.whole("accrued_nanos") and not metered.has("quantities"):
        # Else it is what was used so far, as nobody but its caller has said.
        for name, known in (("model", told.model), ("provider", told.provider)):
            if metered.text(name, "") != known:
                raise metered.broken(name, known, metered.text(name, ""))


def _check_small(tale: Tale, state: Doc, at: datetime) -> None:
    """What entries tell nothing of must at least be what it can be."""
    for name in ("owner_uid", "frozen", "parked"):
        state.text(name)
    state.text("salt", "")
    state.whole("commits")
    if state.whole("plans_over_seq") > tale.seq:
        raise state.broken("plans_over_seq", f"at most {tale.seq}", state.fields)
    terms = state.inner("terms")
    terms.has_only(TERMS)
    _check_free(tale, state, terms, at)
    published_at = state.instant("published_at")
    if published_at > at or (state.flag("is_settled") and published_at != at):
        raise state.broken(
            "published_at", f"at most {at}, and then where settled", published_at
        )
    shadow_since = state.maybe_instant("shadow_since")
    if shadow_since is not None and shadow_since > at:
        raise state.broken("shadow_since", f"at most {at}", shadow_since)
    balance_nanos = tale.rowed_nanos
    for level in state.inner("levels").inners().values():
        level.has_only(frozenset({"below_nanos", "is_below", "crossings"}))
        level.whole("crossings")
        is_below = balance_nanos < level.whole("below_nanos")
        if shadow_since is None or not is_below:
            level.expect("is_below", is_below)
        level.flag("is_below")
    if state.fields["cut"] is not None:
        cut = state.inner("cut")
        cut.has_only(frozenset({"room_nanos", "over_nanos"}))
        cut.whole("room_nanos")
        if cut.fields["over_nanos"] is not None:
            cut.whole("over_nanos")


def _check_free(tale: Tale, state: Doc, terms: Doc, at: datetime) -> None:
    """Free windows are numbered from the wallet's beginning, and their credits given once."""
    created_at = state.instant("created_at")
    if created_at > at:
        raise state.broken("created_at", f"at most {at}", created_at)
    number = window_number(created_at, at)
    free_number = state.signed("free_number")
    if not tale.free_number <= free_number <= number:
        raise state.broken("free_number", f"{tale.free_number} to {number}", free_number)
    for grant_id, grant in state.inner("grants").inners().items():
        window = grant_id.removeprefix("free:")
        if window != grant_id and window.isdecimal():
            grant.expect("expires_at", free_window(created_at, int(window)).end_at)
    terms.one_of("window", ("free", "period"))
    allocation_nanos = terms.whole("allocation_nanos")
    if terms.text("window") == "free":
        state.inner("window").expect("number", number)
        if allocation_nanos:
            state.expect("free_number", number)


def _check_top(tale: Tale, top: Doc, state: Doc, shard: int) -> None:
    """What the jobs are led by must lead them here."""
    top.expect("shard", shard)
    ends = [hold.instant("expires_at") for hold in state.inner("holds").inners().values()]
    top.expect("holds_due_at", min(ends, default=None))
    window = state.inner("window")
    is_used = bool(window.inner("models").fields) or window.whole("included_spent_nanos") > 0
    is_free = state.inner("terms").text("window") == "free"
    top.expect("window_due_at", window.instant("end_at") if is_free and is_used else None)
    parked = state.text("parked")
    if top.has("parked") or parked:
        top.expect("parked", parked)
        top.text("parked")
    since = state.maybe_instant("shadow_since")
    if since is not None or top.has("shadow_since"):
        top.expect("shadow_since", since)
    used_at = top.maybe_instant("used_at")
    least = tale.used_at
    if used_at is None:
        if least is not None:
            raise top.broken("used_at", f"the quarter of an hour of {least}", used_at)
        return
    is_quarter = not used_at.minute % 15 and not used_at.second and not used_at.microsecond
    if not is_quarter or used_at > state.instant("at"):
        raise top.broken("used_at", "a quarter of an hour that has begun", used_at)
    if least is not None and used_at + QUARTER <= least:
        raise top.broken("used_at", f"the quarter of an hour of {least}, or later", used_at)
