"""Credits in and out, and changes of terms: what is not spending.

Source: DESIGN section 5, "Refund", "One grant per cause", "Plan change".
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from creditbase.kernel.errors import InvalidRequest
from creditbase.kernel.money import AMOUNT_NANOS_MAX
from creditbase.kernel.windows import Window, free_window, window_number
from creditbase.ledger.domain.commands import (
    ChangeTerms,
    CutMonthly,
    GiveBack,
    GrantCredits,
    TakeBack,
)
from creditbase.ledger.domain.draft import Draft
from creditbase.ledger.domain.entries import Entry
from creditbase.ledger.domain.grants import MONTHLY_KINDS, PRIORITY_OF, Grant, GrantKind
from creditbase.ledger.domain.levels import set_level
from creditbase.ledger.domain.passing import (
    add_grant,
    lapse,
    open_window,
    set_aside,
    take_up,
    turn_window,
)
from creditbase.ledger.domain.wallet import Wallet, WindowCount


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
    _check_total(draft, command.amount_nanos)
    add_grant(
        draft,
        grant_id=command.entry_id,
        kind=command.kind,
        amount_nanos=command.amount_nanos,
        expires_at=command.expires_at,
        priority=command.priority,
        cause=dict(command.cause),
    )
    if command.low_nanos is not None:
        set_level(draft, "low", command.low_nanos, fires=False)
    return draft.entries[-1]


def take_back(draft: Draft, command: TakeBack, *, lapsed_nanos: int = 0) -> Entry:
    """Take back what the grant still has; the rest is owed, or recalled and let go.

    What of the grant lapsed unspent is gone already, and sets off what would be owed.
    """
    check_amount(command.amount_nanos)
    grant = draft.wallet.grants.get(command.grant_id)
    taken_nanos = recalled_nanos = 0
    if grant is not None:
        taken_nanos = min(command.amount_nanos, grant.remaining_nanos)
        if not command.owes_rest:
            recalled_nanos = min(command.amount_nanos - taken_nanos, grant.callable_nanos)
        draft.put_grant(_less(grant, taken_nanos, recalled_nanos))
    rest_nanos = command.amount_nanos - taken_nanos - recalled_nanos
    gone_nanos = min(rest_nanos, max(0, lapsed_nanos - command.lapsed_nanos))
    owed_nanos = rest_nanos - gone_nanos if command.owes_rest else 0
    receivable_nanos = draft.wallet.receivable_nanos + owed_nanos
    check_amount(receivable_nanos)
    draft.change(receivable_nanos=receivable_nanos)
    draft.must_publish = True
    return draft.write(
        "refund",
        command.entry_id,
        Counter(
            {
                f"grant:{command.grant_id}": -taken_nanos,
                "receivable": -owed_nanos,
                "refunded": taken_nanos + owed_nanos,
            }
        ),
        amount_nanos=command.amount_nanos,
        cause={
            "grant_id": command.grant_id,
            **command.cause,
            **_recall({command.grant_id: recalled_nanos}),
            **({"lapsed_nanos": gone_nanos} if gone_nanos else {}),
        },
    )


def give_back(draft: Draft, command: GiveBack) -> Entry:
    """Undo a part of what was taken back: debts first, the rest as credits again."""
    check_amount(command.amount_nanos)
    grant = draft.wallet.grants.get(command.grant_id) or Grant(
        grant_id=command.grant_id,
        kind=command.kind,
        priority=PRIORITY_OF[command.kind],
        created_at=draft.at,
        expires_at=command.expires_at,
        granted_nanos=command.amount_nanos,
        remaining_nanos=0,
        returned_by=command.entry_id,
    )
    forgone_nanos = min(command.recalled_nanos, grant.forgone_nanos)
    cancelled_nanos = min(command.recalled_nanos - forgone_nanos, grant.recalled_nanos)
    grant = replace(
        grant,
        forgone_nanos=grant.forgone_nanos - forgone_nanos,
        recalled_nanos=grant.recalled_nanos - cancelled_nanos,
    )
    back_nanos = command.amount_nanos
    back_nanos += command.recalled_nanos - forgone_nanos - cancelled_nanos
    repaying_nanos = command.owed_nanos if grant.kind in MONTHLY_KINDS else back_nanos
    repaid_nanos = min(repaying_nanos, draft.wallet.receivable_nanos)
    rest_nanos = back_nanos - repaid_nanos
    _check_total(draft, rest_nanos)
    draft.change(receivable_nanos=draft.wallet.receivable_nanos - repaid_nanos)
    postings = Counter({"refunded": -back_nanos, "receivable": repaid_nanos})
    if grant.is_live(draft.at):
        draft.put_grant(replace(grant, remaining_nanos=grant.remaining_nanos + rest_nanos))
        postings[f"grant:{grant.grant_id}"] += rest_nanos
    else:
        draft.put_grant(grant)
        postings["expired"] += rest_nanos
    draft.must_publish = True
    return draft.write(
        "refund",
        command.entry_id,
        postings,
        amount_nanos=-back_nanos,
        cause={
            "grant_id": command.grant_id,
            **command.cause,
            **_recall({command.grant_id: -forgone_nanos - cancelled_nanos}),
        },
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


def is_outdated(wallet: Wallet, command: GrantCredits | CutMonthly) -> bool:
    """Return whether the wallet was told newer terms than this was decided with."""
    return command.revision is not None and command.revision < wallet.terms.revision


def change_terms(draft: Draft, command: ChangeTerms) -> None:
    """Put the customer on other terms; a new window ends the monthly grants of the old.

    Those of a free window are only set aside: who comes back within it finds what was left,
    whether we heard of the plan between in time or not.
    """
    draft.must_publish = True
    goes_on = draft.wallet.terms.goes_on_with(command.terms)
    draft.change(terms=command.terms)
    if command.ends_monthly or not goes_on:
        _lapse_monthly(draft)
    current = draft.wallet.window
    if command.terms.window == "free":
        number = window_number(draft.wallet.created_at, draft.at)
        if current.number == number:
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


def _span(command: ChangeTerms, at: datetime) -> Window:
    """Return the window that the command means: of a longer period, its running month."""
    assert command.window is not None
    return command.terms.month_at(at) or command.window


def cut_monthly(draft: Draft, command: CutMonthly) -> Entry:
    """Take back what monthly grants have above an amount, last to burn first.

    What is free comes first; then so much of what is held is recalled that no more than
    the amount can be free after the holds.
    """
    check_amount(command.most_nanos)
    monthly = [
        grant
        for grant in draft.wallet.grants.values()
        if grant.kind in MONTHLY_KINDS and grant.is_live(draft.at)
    ]
    free_nanos = sum(grant.remaining_nanos for grant in monthly)
    over_nanos = max(0, free_nanos - command.most_nanos)
    room_nanos = max(0, command.most_nanos - free_nanos)
    recall_nanos = max(0, sum(grant.callable_nanos for grant in monthly) - room_nanos)
    postings = Counter({"refunded": over_nanos})
    recalled: dict[str, int] = {}
    left_nanos = over_nanos
    for grant in sorted(monthly, key=Grant.burn_order, reverse=True):
        part = min(left_nanos, grant.remaining_nanos)
        left_nanos -= part
        postings[f"grant:{grant.grant_id}"] -= part
        recalled[grant.grant_id] = min(recall_nanos, grant.callable_nanos)
        recall_nanos -= recalled[grant.grant_id]
        draft.put_grant(_less(grant, part, recalled[grant.grant_id]))
    draft.must_publish = True
    return draft.write(
        "refund",
        command.entry_id,
        postings,
        amount_nanos=over_nanos,
        cause={"most_nanos": command.most_nanos, **command.cause, **_recall(recalled)},
    )


def _less(grant: Grant, taken_nanos: int, recalled_nanos: int) -> Grant:
    """Return the grant with so much taken, and so much of what is held recalled."""
    return replace(
        grant,
        remaining_nanos=grant.remaining_nanos - taken_nanos,
        recalled_nanos=grant.recalled_nanos + recalled_nanos,
    )


def _recall(by_grant: Mapping[str, int]) -> dict[str, dict[str, int]]:
    """Return what an entry says of recalled credits, by grant; nothing where there are none."""
    recalled = {grant_id: nanos for grant_id, nanos in by_grant.items() if nanos}
    return {"recall": recalled} if recalled else {}


def _check_total(draft: Draft, more_nanos: int) -> None:
    grants = draft.wallet.grants.values()
    check_amount(more_nanos + sum(g.remaining_nanos + g.held_nanos for g in grants))


def _lapse_monthly(draft: Draft) -> None:
    """Write off what plans have left, and set the free windows' credits aside."""
    for grant in _of_kind(draft, "plan"):
        lapse(draft, grant)
    for grant in _of_kind(draft, "free"):
        set_aside(draft, grant)


def _of_kind(draft: Draft, kind: GrantKind) -> list[Grant]:
    found = [grant for grant in draft.wallet.grants.values() if grant.kind == kind]
    return sorted(found, key=Grant.burn_order)
