"""What time does to a wallet: holds time out, grants lapse, days and windows close.

It happens inside every decision, so a stopped scheduler never makes a wrong answer
(DESIGN section 5, "Time without cron"). The order is fixed: holds as of their own expiry,
then grants, then the day, then the window with its free grant.
"""

from collections import Counter
from dataclasses import replace
from datetime import datetime

from creditbase.kernel.ids import expiry_entry_id, free_grant_id, returned_entry_id
from creditbase.kernel.money import AMOUNT_NANOS_MAX
from creditbase.kernel.windows import free_window, window_number
from creditbase.ledger.domain.draft import Draft, by_grant, merged_with_alike
from creditbase.ledger.domain.grants import PRIORITY_OF, Grant, GrantKind
from creditbase.ledger.domain.settling import end_hold
from creditbase.ledger.domain.wallet import DayCount, Wallet, WindowCount


def pass_time(draft: Draft, *, turns_free: bool = True) -> None:
    """Bring the wallet to the draft's instant, which is never before the wallet's own.

    `turns_free` is false for who is told to be on a plan: no free window begins just before.
    """
    at = draft.at
    assert at >= draft.wallet.at
    due = [hold for hold in draft.wallet.holds.values() if hold.expires_at <= at]
    for hold in sorted(due, key=lambda hold: (hold.expires_at, hold.hold_id)):
        # As of its own expiry, so that what it used is taken from what was live then.
        draft.at = max(hold.expires_at, draft.wallet.at)
        turn_day(draft)
        if hold.accrued_nanos > hold.amount_nanos:
            # It draws on what is there at that instant: a new window's credits too.
            turn_window(draft)
        end_hold(draft, hold, "expire", amount_nanos=hold.accrued_nanos, metered=hold.metered)
        draft.change(at=draft.at)
    draft.at = at
    lapse_expired(draft)
    turn_day(draft)
    if turns_free:
        turn_window(draft)
    draft.close_windows()
    draft.change(at=at)


def lapse_expired(draft: Draft) -> None:
    """Write off what is left of grants whose time is over; held parts go with their hold."""
    over = [g for g in draft.wallet.grants.values() if g.has_ended(draft.at)]
    for grant in sorted(over, key=Grant.burn_order):
        lapse(draft, grant)


def lapse(draft: Draft, grant: Grant) -> None:
    """Write off the unheld part of one grant, and end its life now if it had not ended."""
    _write_off(draft, replace(grant, expires_at=min(grant.expires_at or draft.at, draft.at)))


def set_aside(draft: Draft, grant: Grant) -> None:
    """Write off what is left of a free window that is left for a plan, until it is back."""
    if grant.aside_nanos is None:
        _write_off(draft, replace(grant, aside_nanos=grant.remaining_nanos))


def take_up(draft: Draft, grant: Grant) -> None:
    """Give back what was set aside of a free window that is entered once more."""
    again_nanos = grant.aside_nanos or 0
    entry_id = returned_entry_id(grant.grant_id, after=grant.returned_by)
    draft.put_grant(
        replace(
            grant,
            remaining_nanos=grant.remaining_nanos + again_nanos,
            aside_nanos=None,
            returned_by=entry_id if again_nanos else grant.returned_by,
        )
    )
    if again_nanos:
        postings = Counter({f"grant:{grant.grant_id}": again_nanos, "expired": -again_nanos})
        draft.write(
            "lapse",
            entry_id,
            postings,
            amount_nanos=-again_nanos,
            cause={"grant_id": grant.grant_id, "grant_kind": grant.kind},
        )


def _write_off(draft: Draft, grant: Grant) -> None:
    """Keep the grant as it is now, without what is left in it; enter what that was.

    And what was cut of it: who looks for what nobody spent finds both.
    """
    remaining_nanos, cut_nanos = grant.remaining_nanos, grant.cut_nanos
    if remaining_nanos > 0 or cut_nanos > 0:
        postings = Counter(
            {f"grant:{grant.grant_id}": -remaining_nanos, "expired": remaining_nanos}
        )
        draft.put_grant(replace(grant, remaining_nanos=0, cut_nanos=0))
        draft.write(
            "lapse",
            expiry_entry_id(grant.grant_id, returned_by=grant.returned_by),
            postings,
            amount_nanos=remaining_nanos,
            cause={
                "grant_id": grant.grant_id,
                "grant_kind": grant.kind,
                **by_grant("cut", {grant.grant_id: -cut_nanos}),
            },
        )
        draft.must_publish = True
    elif grant != draft.wallet.grants[grant.grant_id] or not grant.is_kept(draft.at):
        draft.put_grant(grant)


def turn_day(draft: Draft) -> None:
    """Close the day that is over; a day without use leaves nothing behind."""
    date = draft.at.date().isoformat()
    today = draft.wallet.today
    if today.date < date:
        if today.cells or today.compared:
            draft.closed_days.append(today)
        draft.change(today=DayCount(date))


def turn_window(draft: Draft) -> None:
    """Enter the running free window, missed ones skipped, and give its credits once.

    Paid periods turn by command; within one of several months the months turn here.
    """
    wallet = draft.wallet
    if wallet.terms.window != "free":
        month = wallet.terms.month_at(draft.at)
        if month is not None and month.start_at > wallet.window.span.start_at:
            open_window(draft, WindowCount(month))
        return
    number = window_number(wallet.created_at, draft.at)
    if wallet.window.number != number:
        open_window(draft, WindowCount(free_window(wallet.created_at, number), number))
    if number > draft.wallet.free_number and wallet.terms.allocation_nanos > 0:
        draft.change(free_number=number)
        # Time passes in every command: a wallet with no room for more must not refuse it.
        amount_nanos = min(wallet.terms.allocation_nanos, room_nanos(draft.wallet))
        if amount_nanos == 0:
            return
        add_grant(
            draft,
            grant_id=free_grant_id(number),
            kind="free",
            amount_nanos=amount_nanos,
            expires_at=draft.wallet.window.span.end_at,
            cause={"window_number": number},
        )


def room_nanos(wallet: Wallet) -> int:
    """Return how much more a wallet may hold."""
    grants = wallet.grants.values()
    return AMOUNT_NANOS_MAX - sum(it.remaining_nanos + it.held_nanos for it in grants)


def open_window(draft: Draft, window: WindowCount) -> None:
    """Start a window, or take one up again that was left before its end.

    The old one closes when it is over and its last hold has ended. A window is known by
    its start, so that holds find it and it is written once.
    """
    past = {known.span.start_at: known for known in draft.wallet.closing}
    past[draft.wallet.window.span.start_at] = draft.wallet.window
    again = past.pop(window.span.start_at, None)
    if again is not None:
        window = replace(again, span=window.span, number=window.number)
    draft.change(window=window, closing=tuple(past.values()))
    draft.close_windows()
    draft.must_publish = True


def add_grant(
    draft: Draft,
    *,
    grant_id: str,
    kind: GrantKind,
    amount_nanos: int,
    expires_at: datetime | None,
    cause: dict[str, object],
    priority: int | None = None,
    paid_nanos: int = 0,
) -> None:
    """Add credits: what is owed is repaid first where the kind does that, the rest is new.

    Unpaid grants that are alike merge; paid ones never do. A grant whose time is already
    over is entered and written off in one line.
    """
    priority = PRIORITY_OF[kind] if priority is None else priority
    postings: Counter[str] = Counter({"granted": -amount_nanos})
    repaid_nanos = 0
    if kind in REPAYING_KINDS:
        repaid_nanos = min(amount_nanos, draft.wallet.receivable_nanos)
        postings["receivable"] += repaid_nanos
        draft.change(receivable_nanos=draft.wallet.receivable_nanos - repaid_nanos)
    rest_nanos = amount_nanos - repaid_nanos
    grant = Grant(
        grant_id=grant_id,
        kind=kind,
        priority=priority,
        created_at=draft.at,
        expires_at=expires_at,
        granted_nanos=amount_nanos,
        remaining_nanos=rest_nanos,
        paid_nanos=paid_nanos,
    )
    if grant.is_live(draft.at):
        grant = merged_with_alike(draft, grant)
        postings[f"grant:{grant.grant_id}"] += rest_nanos
        draft.put_grant(grant)
    else:
        postings["expired"] += rest_nanos
    draft.must_publish = True
    draft.write(
        "grant",
        grant_id,
        postings,
        amount_nanos=amount_nanos,
        expires_at=expires_at,
        cause={
            "grant_id": grant.grant_id,
            "grant_kind": kind,
            **cause,
            **({"paid_nanos": paid_nanos} if paid_nanos else {}),
        },
    )


REPAYING_KINDS = frozenset({"topup", "adjustment"})
"""A new grant of these kinds pays what is owed first; plan credits do not."""
