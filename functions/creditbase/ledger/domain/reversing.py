"""Credits that are taken back for money that went back, or for a smaller plan; and undoing it.

Source: DESIGN section 5, "Refund", "Plan change"; ADR 0014 has the table of cases.
"""

from collections import Counter
from dataclasses import replace

from creditbase.kernel.errors import Contention
from creditbase.kernel.ids import expiry_entry_id
from creditbase.ledger.domain.adjusting import check_amount, check_total
from creditbase.ledger.domain.commands import CutMonthly, GiveBack, TakeBack, UndoCut
from creditbase.ledger.domain.draft import Draft, Known, by_grant
from creditbase.ledger.domain.entries import Entry
from creditbase.ledger.domain.grants import MONTHLY_KINDS, PRIORITY_OF, Grant
from creditbase.ledger.domain.notes import Cut
from creditbase.ledger.domain.settling import repay, unowe
from creditbase.ledger.domain.wallet import Wallet


def take_back(draft: Draft, known: Known, command: TakeBack) -> Entry:
    """Take back what the grant still has; the rest is owed, or recalled and let go.

    What was cut of the grant, or lapsed unspent, is gone already, and comes before both.
    """
    check_amount(command.amount_nanos)
    grant = draft.wallet.grants.get(command.grant_id)
    rest_nanos = command.amount_nanos
    taken_nanos = cut_nanos = recalled_nanos = 0
    if grant is not None:
        taken_nanos = min(rest_nanos, grant.remaining_nanos)
        cut_nanos = min(rest_nanos - taken_nanos, grant.cut_nanos)
        rest_nanos -= taken_nanos + cut_nanos
    unspent_nanos = _lapsed_nanos(draft, known, command) + command.returned_nanos
    gone_nanos = min(rest_nanos, max(0, unspent_nanos - command.lapsed_nanos))
    rest_nanos -= gone_nanos
    owed_nanos = rest_nanos if command.owes_rest else 0
    if grant is not None:
        called_nanos = min(rest_nanos, grant.callable_nanos)
        is_pledged = command.owes_rest and grant.kind in MONTHLY_KINDS
        recalled_nanos = 0 if command.owes_rest else called_nanos
        grant = replace(
            grant,
            remaining_nanos=grant.remaining_nanos - taken_nanos,
            cut_nanos=grant.cut_nanos - cut_nanos,
            recalled_nanos=grant.recalled_nanos + recalled_nanos,
            pledged_nanos=grant.pledged_nanos + (called_nanos if is_pledged else 0),
        )
        draft.put_grant(grant.settled())
        _widen(draft, grant, taken_nanos + recalled_nanos)
    receivable_nanos = draft.wallet.receivable_nanos + owed_nanos
    check_amount(receivable_nanos)
    draft.change(receivable_nanos=receivable_nanos)
    draft.must_publish = True
    postings = {
        f"grant:{command.grant_id}": -taken_nanos,
        "receivable": -owed_nanos,
        "refunded": taken_nanos + owed_nanos,
    }
    return draft.write(
        "refund",
        command.entry_id,
        Counter(postings),
        amount_nanos=command.amount_nanos,
        cause={
            "grant_id": command.grant_id,
            **command.cause,
            **by_grant("recall", {command.grant_id: recalled_nanos}),
            **by_grant("cut", {command.grant_id: -cut_nanos}),
            **({"lapsed_nanos": gone_nanos} if gone_nanos else {}),
        },
    )


def _lapsed_nanos(draft: Draft, known: Known, command: TakeBack) -> int:
    """Return what nobody spent of a grant that is over, written off before or just now."""
    grant = draft.wallet.grants.get(command.grant_id)
    if grant is not None and not grant.has_ended(draft.at):
        return 0
    lapsed_nanos = grant.late_nanos if grant is not None else 0
    for entry_id in command.guards()[1:]:
        entry = next((entry for entry in draft.entries if entry.entry_id == entry_id), None)
        if entry is None and entry_id not in known:
            # Whether it lapsed was not looked for yet: read it.
            raise Contention
        entry = entry or known[entry_id]
        if entry is not None:
            cut = entry.cause.get("cut", {}).get(command.grant_id, 0)
            lapsed_nanos += entry.amount_nanos - cut
    return lapsed_nanos


def give_back(draft: Draft, known: Known, command: GiveBack) -> Entry:
    """Undo a part of what was taken back: debts first, the rest as credits again.

    Credits of a plan that was left, or of a period that is over, lapse in the same line.
    """
    check_amount(command.amount_nanos)
    grant = draft.wallet.grants.get(command.grant_id) or _gone(draft, known, command)
    forgone_nanos = min(command.recalled_nanos, grant.forgone_nanos)
    cancelled_nanos = min(command.recalled_nanos - forgone_nanos, grant.recalled_nanos)
    rest_nanos = command.amount_nanos + command.recalled_nanos
    rest_nanos -= forgone_nanos + cancelled_nanos
    check_total(draft, rest_nanos)
    postings: Counter[str] = Counter()
    repaid_nanos, redeemed_nanos = _clear_debt(draft, grant, command, rest_nanos, postings)
    rest_nanos -= repaid_nanos
    _forget(draft, forgone_nanos + cancelled_nanos)
    told: dict[str, object] = {}
    cut_nanos = 0
    if grant.is_live(draft.at):
        left_nanos, cut_nanos = _narrow(draft, grant, rest_nanos, command.cut_nanos)
        postings[f"grant:{grant.grant_id}"] += left_nanos
        grant = replace(grant, remaining_nanos=grant.remaining_nanos + left_nanos)
    else:
        postings["expired"] += rest_nanos
        told = {"lapsed_nanos": -command.cut_nanos} if command.cut_nanos else {}
    paid_nanos = grant.redeemed_nanos - redeemed_nanos
    draft.put_grant(
        replace(
            grant,
            forgone_nanos=grant.forgone_nanos - forgone_nanos,
            recalled_nanos=grant.recalled_nanos - cancelled_nanos,
            redeemed_nanos=paid_nanos,
            pledged_nanos=min(
                grant.pledged_nanos, max(0, command.still_owed_nanos - paid_nanos)
            ),
            cut_nanos=grant.cut_nanos + cut_nanos,
        )
    )
    draft.must_publish = True
    back_nanos = sum(postings.values())
    postings["refunded"] -= back_nanos
    return draft.write(
        "refund",
        command.entry_id,
        postings,
        amount_nanos=-back_nanos,
        cause={
            "grant_id": command.grant_id,
            **command.cause,
            **by_grant("recall", {command.grant_id: -forgone_nanos - cancelled_nanos}),
            **by_grant("redeemed", {command.grant_id: -redeemed_nanos}),
            **by_grant("cut", {command.grant_id: cut_nanos}),
            **told,
        },
    )


def _clear_debt(
    draft: Draft, grant: Grant, command: GiveBack, back_nanos: int, postings: Counter[str]
) -> tuple[int, int]:
    """Return what of credits that come back was a debt, and what of it had paid itself.

    What paid its own debt as it came back from holds is credits again, the rest is no debt.
    """
    if grant.kind not in MONTHLY_KINDS:
        return repay(draft, back_nanos, postings), 0
    still_paid_nanos = min(command.still_owed_nanos, grant.redeemed_nanos)
    redeemed_nanos = min(command.owed_nanos, grant.redeemed_nanos - still_paid_nanos)
    unowed_nanos = command.owed_nanos - redeemed_nanos
    unowe(draft, unowed_nanos, postings, entry_id=command.entry_id)
    return unowed_nanos, redeemed_nanos


def _gone(draft: Draft, known: Known, command: GiveBack) -> Grant:
    """Return a grant that the wallet knows no more, empty; over if its plan was left since.

    That is told by the entries' own numbers: a plan that is heard of late is granted after
    the wallet was told of it. And whatever was written off is over: it would be twice.
    """
    expires_at = command.expires_at
    lapse_id = expiry_entry_id(command.grant_id)
    if command.grant_id not in known or lapse_id not in known:
        # When it was granted, and whether it lapsed, was not looked for yet: read it.
        raise Contention
    granted, over_seq = known[command.grant_id], draft.wallet.plans_over_seq
    was_left = command.kind == "plan" and granted is not None and granted.seq <= over_seq
    if was_left or known[lapse_id] is not None:
        expires_at = draft.at
    return Grant(
        grant_id=command.grant_id,
        kind=command.kind,
        priority=PRIORITY_OF[command.kind],
        created_at=draft.at,
        expires_at=expires_at,
        granted_nanos=command.amount_nanos if granted is None else granted.amount_nanos,
        remaining_nanos=0,
        paid_nanos=0 if granted is None else granted.cause.get("paid_nanos", 0),
    )


# ---- a smaller plan, and a larger one again --------------------------------------------------


def cut_monthly(draft: Draft, command: CutMonthly) -> Entry:
    """Take back what monthly grants have above an amount, last to burn first.

    What is free comes first; then so much of what is held is wanted back that no more than
    the amount can be free after the holds.
    """
    check_amount(command.most_nanos)
    taken, cut, called = _cut_to(draft, command.most_nanos)
    draft.must_publish = True
    postings = Counter({f"grant:{grant_id}": -nanos for grant_id, nanos in taken.items()})
    postings["refunded"] = sum(taken.values())
    return draft.write(
        "refund",
        command.entry_id,
        postings,
        amount_nanos=sum(taken.values()),
        cause={
            "most_nanos": command.most_nanos,
            **command.cause,
            **by_grant("cut", cut),
            **by_grant("cutting", called),
        },
    )


def is_undone(wallet: Wallet, command: UndoCut) -> bool:
    """Return whether no more and no less is cut than is to be."""
    return wallet.cut is not None and wallet.cut.over_nanos == command.over_nanos


def undo_cut(draft: Draft, command: UndoCut) -> Entry:
    """Give back what was cut, but for what nobody has paid for by now; first to burn first."""
    check_amount(command.over_nanos)
    moved: Counter[str] = Counter()
    cut: Counter[str] = Counter()
    cutting: Counter[str] = Counter()
    known = draft.wallet.cut
    if known is None or (
        known.over_nanos is not None and command.over_nanos > known.over_nanos
    ):
        # The smaller plan came and went between two looks.
        taken, cut_now, called = _cut_to(draft, command.floor_nanos)
        moved.subtract(taken)
        cut.update(cut_now)
        cutting.update(called)
    monthly = [grant for grant in _monthly(draft) if grant.is_paid]
    left_nanos = max(0, _cut_nanos(draft) - command.over_nanos)
    for grant in sorted(monthly, key=Grant.burn_order):
        # Held ones first: as long as they are wanted, they may still be used.
        cancelled_nanos = min(left_nanos, grant.cutting_nanos)
        back_nanos = min(left_nanos - cancelled_nanos, grant.cut_nanos)
        left_nanos -= cancelled_nanos + back_nanos
        moved[grant.grant_id] += back_nanos
        cut[grant.grant_id] -= back_nanos
        cutting[grant.grant_id] -= cancelled_nanos
        draft.put_grant(
            replace(
                grant,
                remaining_nanos=grant.remaining_nanos + back_nanos,
                cut_nanos=grant.cut_nanos - back_nanos,
                cutting_nanos=grant.cutting_nanos - cancelled_nanos,
            )
        )
    assert draft.wallet.cut is not None
    draft.change(cut=replace(draft.wallet.cut, over_nanos=command.over_nanos))
    draft.must_publish = True
    moved_nanos = sum(moved.values())
    postings = Counter({f"grant:{grant_id}": nanos for grant_id, nanos in moved.items()})
    postings["refunded"] = -moved_nanos
    return draft.write(
        "refund",
        command.entry_id,
        postings,
        amount_nanos=-moved_nanos,
        cause={
            "over_nanos": command.over_nanos,
            **command.cause,
            **by_grant("cut", cut),
            **by_grant("cutting", cutting),
        },
    )


def _cut_to(
    draft: Draft, most_nanos: int
) -> tuple[dict[str, int], dict[str, int], dict[str, int]]:
    """Leave so many monthly credits; return by grant what was taken, cut and called for.

    What was bought and is taken is cut: the wallet remembers it.
    """
    monthly = _monthly(draft)
    free_nanos = sum(grant.remaining_nanos for grant in monthly)
    over_nanos = max(0, free_nanos - most_nanos)
    room_nanos = max(0, most_nanos - free_nanos)
    held_nanos = sum(grant.uncut_nanos for grant in monthly)
    call_nanos = max(0, held_nanos - room_nanos)
    taken: dict[str, int] = {}
    cut: dict[str, int] = {}
    called: dict[str, int] = {}
    for grant in sorted(monthly, key=Grant.burn_order, reverse=True):
        name = grant.grant_id
        taken[name] = min(over_nanos, grant.remaining_nanos)
        cut[name] = taken[name] if grant.is_paid else 0
        called[name] = min(call_nanos, grant.uncut_nanos)
        over_nanos -= taken[name]
        call_nanos -= called[name]
        draft.put_grant(
            replace(
                grant,
                remaining_nanos=grant.remaining_nanos - taken[name],
                cut_nanos=grant.cut_nanos + cut[name],
                cutting_nanos=grant.cutting_nanos + called[name],
            )
        )
    draft.change(cut=Cut(max(0, room_nanos - held_nanos)))
    return taken, cut, called


def _cut_nanos(draft: Draft) -> int:
    """Return what smaller plans have cut of what was bought, or will when it comes back."""
    bought = [grant for grant in _monthly(draft) if grant.is_paid]
    return sum(grant.cut_nanos + grant.cutting_nanos for grant in bought)


def _monthly(draft: Draft) -> list[Grant]:
    return [
        grant
        for grant in draft.wallet.grants.values()
        if grant.kind in MONTHLY_KINDS and grant.is_live(draft.at)
    ]


# ---- refunds around a cut --------------------------------------------------------------------


def _widen(draft: Draft, grant: Grant, nanos: int) -> None:
    """Keep room for what is taken now: it was within the smaller plan."""
    cut = draft.wallet.cut
    if cut is not None and grant.kind == "plan":
        draft.change(cut=replace(cut, room_nanos=cut.room_nanos + nanos))


def _forget(draft: Draft, nanos: int) -> None:
    """Keep no room any more for what was used, or is let be."""
    cut = draft.wallet.cut
    if cut is not None:
        draft.change(cut=replace(cut, room_nanos=max(0, cut.room_nanos - nanos)))


def _narrow(draft: Draft, grant: Grant, nanos: int, cut_nanos: int) -> tuple[int, int]:
    """Return what is left of credits that come back, and what of them stays cut.

    `cut_nanos` of them had been cut before they were refunded, too.
    """
    cut = draft.wallet.cut
    if cut is None or grant.kind != "plan":
        return nanos, cut_nanos
    left_nanos = min(nanos, cut.room_nanos)
    draft.change(cut=replace(cut, room_nanos=cut.room_nanos - left_nanos))
    away_nanos = nanos - left_nanos + cut_nanos
    if cut.over_nanos is not None:
        # The plan is a larger one again: only what nobody has paid for stays away.
        gone_nanos = _cut_nanos(draft)
        back_nanos = min(away_nanos, max(0, gone_nanos + away_nanos - cut.over_nanos))
        return left_nanos + back_nanos, away_nanos - back_nanos
    return left_nanos, away_nanos
