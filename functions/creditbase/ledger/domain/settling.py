"""How a hold ends: what it takes, what goes back, and what nothing could pay.

Source: DESIGN section 5: a hold is pinned to the grants and the window it drew on; capture
consumes them in that order, the rest goes back where it came from.
"""

from collections import Counter

from creditbase.kernel.ids import end_entry_id, late_entry_id, late_expiry_entry_id
from creditbase.kernel.records import changed
from creditbase.ledger.domain.budgets import count_budget
from creditbase.ledger.domain.comparing import noted, told_of_use
from creditbase.ledger.domain.draft import Draft, account_of, merged_with_alike, received_for
from creditbase.ledger.domain.entries import Entry, EntryKind
from creditbase.ledger.domain.grants import MONTHLY_KINDS, PRIORITY_OF, Grant
from creditbase.ledger.domain.shadow import TheirCount
from creditbase.ledger.domain.wallet import INCLUDED, Draw, Hold, Metered

STATUS_OF: dict[str, str] = {
    "capture": "captured",
    "void": "voided",
    "expire": "expired",
    "late": "captured",
}


def end_hold(
    draft: Draft,
    hold: Hold,
    kind: EntryKind,
    *,
    amount_nanos: int,
    metered: Metered,
    request_digest: str = "",
    key_digest: str = "",
    theirs: TheirCount | None = None,
) -> Entry:
    """End an open hold: consume up to the amount, give back the rest, draw on what exceeds.

    Whatever exceeds the hold is drawn from what is available now; what nothing can pay is
    recorded as shortfall. A hold counts in the window in which it was made.
    """
    assert amount_nanos >= 0
    postings: Counter[str] = Counter({"held": -hold.amount_nanos})
    grants = draft.wallet.grants
    draft.drop_hold(hold)
    used, returned = _split(hold.draws, amount_nanos)
    _unpin(draft, hold, used)
    told = _give_back(draft, hold, returned, postings)
    over = amount_nanos - sum(draw.amount_nanos for draw in used)
    extra, shortfall_nanos = draft.plan_draws(over)
    draft.take(extra, postings, for_hold=False)
    captured_nanos = amount_nanos - shortfall_nanos
    draws = _merged((*used, *extra))
    received_nanos = received_for(grants, draws)
    start_at, held_nanos = hold.window_start_at, -hold.amount_nanos
    count_budget(
        draft, hold.budget, start_at, spent_nanos=captured_nanos, held_nanos=held_nanos
    )
    postings["consumed"] += amount_nanos
    postings["shortfall"] -= shortfall_nanos
    if kind == "capture" or (kind == "expire" and _has_use(amount_nanos, metered)):
        draft.count(metered, captured_nanos, start_at, received_nanos=received_nanos)
    draft.close_windows()
    told |= _compared(draft, kind, theirs, (amount_nanos, shortfall_nanos))
    ended = draft.write(
        kind,
        end_entry_id(hold.hold_id),
        postings,
        status=STATUS_OF[kind],
        hold_id=hold.hold_id,
        request_digest=request_digest,
        key_digest=key_digest,
        amount_nanos=hold.amount_nanos,
        captured_nanos=captured_nanos,
        shortfall_nanos=shortfall_nanos,
        received_nanos=received_nanos,
        draws=draws,
        started_at=hold.created_at,
        expires_at=hold.expires_at,
        window_start_at=start_at,
        metered=metered,
        cause={**({"budget": hold.budget} if hold.budget else {}), **told},
    )
    _tell_late(draft, hold)
    return ended


def _tell_late(draft: Draft, hold: Hold) -> None:
    """Enter what came back to grants that were over, once their last hold has ended.

    Nothing moves by it: it is found by the grant, where the ends of holds are not.
    """
    for grant_id in dict.fromkeys(draw.source for draw in hold.draws):
        grant = draft.wallet.grants.get(grant_id)
        if grant is None or not grant.late_nanos or grant.held_nanos:
            continue
        draft.put_grant(changed(grant, late_nanos=0))
        draft.write(
            "lapse",
            late_expiry_entry_id(grant_id),
            Counter(),
            amount_nanos=grant.late_nanos,
            cause={"grant_id": grant_id, "grant_kind": grant.kind},
        )


def capture_late(
    draft: Draft,
    ended: Entry,
    *,
    amount_nanos: int,
    metered: Metered,
    request_digest: str,
    key_digest: str,
    theirs: TheirCount | None = None,
) -> Entry:
    """Capture after the hold expired: take what is available now, beyond what expiry took.

    It counts in the running window, because the old one may be closed.
    """
    already_nanos = ended.captured_nanos + ended.shortfall_nanos
    rest_nanos = max(0, amount_nanos - already_nanos)
    postings: Counter[str] = Counter()
    draws, shortfall_nanos = draft.plan_draws(rest_nanos)
    received_nanos = received_for(draft.wallet.grants, draws)
    draft.take(draws, postings, for_hold=False)
    captured_nanos = rest_nanos - shortfall_nanos
    postings["consumed"] += rest_nanos
    postings["shortfall"] -= shortfall_nanos
    was_counted = _has_use(already_nanos, ended.metered)
    uncounted = metered.minus(ended.metered) if was_counted else metered
    start_at = draft.wallet.window.span.start_at
    draft.count(uncounted, captured_nanos, start_at, received_nanos=received_nanos)
    told = {name: ended.cause[name] for name in ("budget",) if name in ended.cause}
    count_budget(draft, told.get("budget", ""), start_at, spent_nanos=captured_nanos)
    return draft.write(
        "late",
        late_entry_id(ended.hold_id),
        postings,
        status=STATUS_OF["late"],
        hold_id=ended.hold_id,
        request_digest=request_digest,
        key_digest=key_digest,
        amount_nanos=ended.amount_nanos,
        captured_nanos=captured_nanos,
        shortfall_nanos=shortfall_nanos,
        received_nanos=received_nanos,
        draws=draws,
        started_at=ended.started_at,
        expires_at=ended.expires_at,
        metered=metered,
        cause={
            **told,
            **({"before": _receipt(ended)} if already_nanos else {}),
            **_compared(draft, "late", theirs, (amount_nanos, shortfall_nanos)),
        },
    )


def _compared(
    draft: Draft, kind: EntryKind, theirs: TheirCount | None, used: tuple[int, int]
) -> dict[str, object]:
    """Return what an end notes in shadow mode; where time ended it, nobody says anything."""
    if kind not in {"capture", "late"}:
        return {}
    amount_nanos, beyond_nanos = used
    return noted(
        told_of_use(
            draft.wallet,
            draft.at,
            theirs,
            amount_nanos=amount_nanos,
            beyond_nanos=beyond_nanos,
        )
    )


def _receipt(ended: Entry) -> dict[str, object]:
    """Return what the expiry took, so that the late entry alone tells the whole capture."""
    return {
        "captured_nanos": ended.captured_nanos,
        "shortfall_nanos": ended.shortfall_nanos,
        "draws": [
            {"source": draw.source, "kind": draw.kind, "amount_nanos": draw.amount_nanos}
            for draw in ended.draws
        ],
    }


def _has_use(amount_nanos: int, metered: Metered) -> bool:
    """Return whether a hold that timed out had been used: for an amount, or for free."""
    return amount_nanos > 0 or bool(metered.quantities)


def _split(
    draws: tuple[Draw, ...], amount_nanos: int
) -> tuple[tuple[Draw, ...], tuple[Draw, ...]]:
    """Cut the draws of a hold, in their order, into what is used and what goes back."""
    used: list[Draw] = []
    returned: list[Draw] = []
    for draw in draws:
        part = min(draw.amount_nanos, amount_nanos)
        amount_nanos -= part
        if part:
            used.append(changed(draw, amount_nanos=part))
        if part < draw.amount_nanos:
            returned.append(changed(draw, amount_nanos=draw.amount_nanos - part))
    return tuple(used), tuple(returned)


def _unpin(draft: Draft, hold: Hold, used: tuple[Draw, ...]) -> None:
    """Take the hold's pins off its grants and its window; what was used there is spent."""
    for draw in hold.draws:
        if draw.source == INCLUDED:
            spent = sum(d.amount_nanos for d in used if d.source == INCLUDED)
            window = draft.window_of(hold.window_start_at)
            draft.put_window(
                changed(
                    window,
                    included_held_nanos=window.included_held_nanos - draw.amount_nanos,
                    included_spent_nanos=window.included_spent_nanos + spent,
                )
            )
        else:
            grant = draft.wallet.grants[draw.source]
            # Kept even when empty: what goes back may still be added to it.
            grants = {
                **draft.wallet.grants,
                draw.source: changed(grant, held_nanos=grant.held_nanos - draw.amount_nanos),
            }
            draft.change(grants=grants)


def _give_back(
    draft: Draft, hold: Hold, returned: tuple[Draw, ...], postings: Counter[str]
) -> dict[str, object]:
    """Return draws to where they came from: expired grants lose them, debts come first.

    What was called for while it was held goes before all else: how much, by grant, is told.
    """
    told: dict[str, dict[str, int]] = {}
    for draw in returned:
        if draw.source == INCLUDED:
            postings[INCLUDED] += draw.amount_nanos
            continue
        answered = _answer_calls(draft, hold, draw, postings)
        grant = draft.wallet.grants[draw.source]
        for name, nanos in answered.items():
            if name != "cut" or grant.is_paid:
                told.setdefault(name, {})[draw.source] = nanos
        back_nanos = draw.amount_nanos - sum(answered.values())
        if grant.has_ended(draft.at):
            postings["expired"] += back_nanos
            late_nanos = back_nanos if grant.is_paid else 0
            grant = changed(grant, late_nanos=grant.late_nanos + late_nanos)
        elif grant.aside_nanos is not None:
            postings["expired"] += back_nanos
            grant = changed(grant, aside_nanos=grant.aside_nanos + back_nanos)
        else:
            if grant.kind not in MONTHLY_KINDS:
                back_nanos -= repay(draft, back_nanos, postings)
            postings[account_of(draw)] += back_nanos
            grant = changed(grant, remaining_nanos=grant.remaining_nanos + back_nanos)
        draft.change(grants={**draft.wallet.grants, draw.source: grant})
    settled = {key: _settled(grant) for key, grant in draft.wallet.grants.items()}
    draft.change(
        grants={
            key: one for key, one in settled.items() if one.late_nanos or one.is_kept(draft.at)
        }
    )
    return {**told}


def _answer_calls(
    draft: Draft, hold: Hold, draw: Draw, postings: Counter[str]
) -> dict[str, int]:
    """Give what comes back to whoever called for it; return how much by call."""
    grant = draft.wallet.grants[draw.source]
    left_nanos = draw.amount_nanos
    recalled_nanos = min(left_nanos, grant.recalled_nanos)
    left_nanos -= recalled_nanos
    redeemed_nanos = min(left_nanos, grant.pledged_nanos)
    left_nanos -= redeemed_nanos
    is_over = grant.has_ended(draft.at)
    cut_nanos = 0 if is_over else min(left_nanos, grant.cutting_nanos)
    answered = {"recalled": recalled_nanos, "redeemed": redeemed_nanos, "cut": cut_nanos}
    if any(answered.values()):
        postings["refunded"] += recalled_nanos + cut_nanos
        grant = changed(
            grant,
            recalled_nanos=grant.recalled_nanos - recalled_nanos,
            pledged_nanos=grant.pledged_nanos - redeemed_nanos,
            redeemed_nanos=grant.redeemed_nanos + redeemed_nanos,
            cutting_nanos=grant.cutting_nanos - cut_nanos,
            cut_nanos=grant.cut_nanos + (cut_nanos if grant.is_paid else 0),
        )
        draft.change(grants={**draft.wallet.grants, draw.source: grant})
        entry_id = end_entry_id(hold.hold_id)
        unowe(draft, redeemed_nanos, postings, entry_id=entry_id)
    return {name: nanos for name, nanos in answered.items() if nanos}


def repay(draft: Draft, amount_nanos: int, postings: Counter[str]) -> int:
    """Pay what is owed, up to an amount, and return how much it was."""
    repaid_nanos = min(amount_nanos, draft.wallet.receivable_nanos)
    if repaid_nanos:
        postings["receivable"] += repaid_nanos
        draft.change(receivable_nanos=draft.wallet.receivable_nanos - repaid_nanos)
    return repaid_nanos


def unowe(draft: Draft, amount_nanos: int, postings: Counter[str], *, entry_id: str) -> None:
    """Take back a debt that is none any more. What was paid of it returns, for good."""
    returned_nanos = amount_nanos - repay(draft, amount_nanos, postings)
    if returned_nanos:
        returned = Grant(
            grant_id=entry_id,
            kind="adjustment",
            priority=PRIORITY_OF["adjustment"],
            created_at=draft.at,
            expires_at=None,
            granted_nanos=returned_nanos,
            remaining_nanos=returned_nanos,
        )
        returned = merged_with_alike(draft, returned)
        postings[f"grant:{returned.grant_id}"] += returned_nanos
        draft.put_grant(returned)


def _settled(grant: Grant) -> Grant:
    """Return the grant settled, the same object where nothing is to change."""
    return grant.settled() if grant.uncut_nanos < 0 else grant


def _merged(draws: tuple[Draw, ...]) -> tuple[Draw, ...]:
    """Add up draws of one source, in the order of their first appearance."""
    amounts: dict[tuple[str, str], int] = {}
    for draw in draws:
        key = (draw.source, draw.kind)
        amounts[key] = amounts.get(key, 0) + draw.amount_nanos
    return tuple(Draw(source, kind, nanos) for (source, kind), nanos in amounts.items())
