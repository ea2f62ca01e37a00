"""Credits in and out, and changes of terms: what is not spending.

Source: DESIGN section 5, "Refund", "One grant per cause", "Plan change".
"""

from collections import Counter
from dataclasses import replace
from datetime import datetime

from creditbase.kernel.errors import InvalidRequest
from creditbase.kernel.money import AMOUNT_NANOS_MAX
from creditbase.kernel.windows import Window, free_window, window_number
from creditbase.ledger.domain.commands import (
    Adopt,
    ChangeTerms,
    CutMonthly,
    Deduct,
    GrantCredits,
    UndoCut,
)
from creditbase.ledger.domain.draft import Draft, account_of
from creditbase.ledger.domain.entries import Entry
from creditbase.ledger.domain.grants import MONTHLY_KINDS, Grant, GrantKind
from creditbase.ledger.domain.levels import rearm, set_level
from creditbase.ledger.domain.passing import (
    add_grant,
    lapse,
    open_window,
    set_aside,
    take_up,
    turn_window,
)
from creditbase.ledger.domain.wallet import DELETED, Draw, Wallet, WindowCount


def check_amount(amount_nanos: int) -> None:
    """Refuse an amount that is negative or larger than a wallet may hold.

    Raises:
        InvalidRequest: the amount is out of range.
    """
    if not 0 <= amount_nanos <= AMOUNT_NANOS_MAX:
        raise InvalidRequest("The amount is out of range", field="amount_nanos")


def grant(draft: Draft, command: GrantCredits) -> Entry:
    """Give credits. Repays what is owed first where the kind does that."""
    check_amount(command.amount_nanos)
    check_total(draft, command.amount_nanos)
    add_grant(
        draft,
        grant_id=command.entry_id,
        kind=command.kind,
        amount_nanos=command.amount_nanos,
        expires_at=command.expires_at,
        priority=command.priority,
        cause=dict(command.cause),
        paid_nanos=command.paid_nanos,
    )
    if command.low_nanos is not None:
        set_level(draft, "low", command.low_nanos, fires=False)
    return draft.entries[-1]


def deduct(draft: Draft, command: Deduct) -> Entry:
    """Take what is available, what would be spent first; the rest is owed, or let be."""
    check_amount(command.amount_nanos)
    rest_nanos = min(command.amount_nanos, draft.wallet.available_nanos(draft.at))
    owed_nanos = command.amount_nanos - rest_nanos if command.owes_rest else 0
    draws: list[Draw] = []
    for live in draft.wallet.live_grants(draft.at):
        part_nanos = min(rest_nanos, live.remaining_nanos)
        if part_nanos:
            draws.append(Draw(live.grant_id, live.kind, part_nanos))
            rest_nanos -= part_nanos
    assert rest_nanos == 0
    postings: Counter[str] = Counter()
    draft.take(draws, postings, for_hold=False)
    taken_nanos = -sum(postings[account_of(draw)] for draw in draws)
    receivable_nanos = draft.wallet.receivable_nanos + owed_nanos
    check_amount(receivable_nanos)
    draft.change(receivable_nanos=receivable_nanos)
    postings["receivable"] -= owed_nanos
    postings["refunded"] += taken_nanos + owed_nanos
    draft.must_publish = True
    return draft.write(
        "refund",
        command.entry_id,
        postings,
        amount_nanos=taken_nanos + owed_nanos,
        draws=tuple(draws),
        cause={"asked_nanos": command.amount_nanos, **command.cause},
    )


def are_known(wallet: Wallet, command: ChangeTerms) -> bool:
    """Return whether the wallet is on these terms already, or on newer ones: nothing to do."""
    if command.terms.revision < wallet.terms.revision:
        return True
    if command.terms != wallet.terms:
        return False
    if command.terms.window == "period" and _span(command, wallet.at) != wallet.window.span:
        return False
    has_monthly = any(
        grant.kind in MONTHLY_KINDS and grant.remaining_nanos
        for grant in wallet.grants.values()
    )
    return not (command.ends_monthly and has_monthly)


def is_outdated(wallet: Wallet, command: GrantCredits | CutMonthly | UndoCut) -> bool:
    """Return whether the wallet was told newer terms than this was decided with."""
    return command.revision is not None and command.revision < wallet.terms.revision


def change_terms(draft: Draft, command: ChangeTerms) -> None:
    """Put the customer on other terms; a new window ends the monthly grants of the old.

    Those of a free window are only set aside: who comes back within it finds what was left,
    whether we heard of the plan between in time or not.
    """
    draft.must_publish = True
    goes_on = draft.wallet.terms.goes_on_with(command.terms)
    if command.terms.draws_wallet and not draft.wallet.terms.draws_wallet:
        rearm(draft, "refill")  # nothing was topped up while nothing could be spent
    draft.change(terms=command.terms)
    if command.ends_monthly or not goes_on:
        _lapse_monthly(draft)
    current = draft.wallet.window
    if command.terms.window == "free":
        number = window_number(draft.wallet.created_at, draft.at)
        if current.number == number:
            turn_window(draft)  # it may have begun without any credits
            return
        _lapse_monthly(draft)
        span = free_window(draft.wallet.created_at, number)
        open_window(draft, WindowCount(span, number))
        for grant in _of_kind(draft, "free"):
            take_up(draft, grant)
        turn_window(draft)
        return
    span = _span(command, draft.at)
    if current.number is None and current.span.start_at == span.start_at:
        draft.change(window=replace(current, span=span))
        return
    _lapse_monthly(draft)
    open_window(draft, WindowCount(span))


def adopt(draft: Draft, command: Adopt) -> None:
    """Give the wallet its owner, and the terms to begin with where it has none."""
    draft.must_publish = True
    draft.change(owner_uid=command.owner_uid)
    if not draft.wallet.terms.plan_code:
        revision = draft.wallet.terms.revision
        change_terms(draft, ChangeTerms(replace(command.terms, revision=revision)))


def freeze(draft: Draft, reason: str) -> None:
    """Stop spending, or let it go on; of who was deleted the wallet names nobody any more."""
    draft.change(frozen=reason)
    if reason == DELETED:
        draft.must_publish = True
        draft.change(owner_uid="", shadow_since=None)


def switch_shadow(draft: Draft, *, is_on: bool) -> None:
    """Refuse nobody from now on, or decide for oneself; what is so already stays."""
    if is_on != (draft.wallet.shadow_since is not None):
        draft.change(shadow_since=draft.at if is_on else None)


def _span(command: ChangeTerms, at: datetime) -> Window:
    """Return the window that the command means: of a longer period, its running month."""
    assert command.window is not None
    return command.terms.month_at(at) or command.window


def check_total(draft: Draft, more_nanos: int) -> None:
    """Refuse what would make a wallet hold more than it may."""
    grants = draft.wallet.grants.values()
    check_amount(more_nanos + sum(g.remaining_nanos + g.held_nanos for g in grants))


def _lapse_monthly(draft: Draft) -> None:
    """Write off what plans have left, and set the free windows' credits aside.

    For good: what comes back of plan credits from before comes too late, whatever their own
    time says, and what was cut of them is over.
    """
    for grant in _of_kind(draft, "plan"):
        lapse(draft, grant)
    for grant in _of_kind(draft, "free"):
        set_aside(draft, grant)
    draft.change(plans_over_seq=draft.wallet.seq, cut=None)


def _of_kind(draft: Draft, kind: GrantKind) -> list[Grant]:
    found = [grant for grant in draft.wallet.grants.values() if grant.kind == kind]
    return sorted(found, key=Grant.burn_order)
