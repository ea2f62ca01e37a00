"""The grants of a wallet, held against what its entries have told of them."""

from datetime import datetime

from creditbase.ledger.domain.grants import PRIORITY_OF, Grant
from creditbase.ledger.domain.proof.reading import Doc
from creditbase.ledger.domain.proof.tale import GrantTold, Tale

NEEDED = frozenset(
    {
        *("grant_id", "kind", "priority", "created_at", "granted_nanos", "remaining_nanos"),
        "held_nanos",
    }
)
ALLOWED = frozenset(Grant.__dataclass_fields__) - NEEDED


def check_grants(tale: Tale, state: Doc, at: datetime) -> None:
    """Hold every grant against the tale, and every pot against a grant.

    Raises:
        Broken: they differ.
    """
    found = state.inner("grants")
    for account, nanos in tale.pots.items():
        if account.startswith("grant:") and not found.has(account.removeprefix("grant:")):
            raise found.broken(account.removeprefix("grant:"), f"a grant of {nanos}", "nothing")
    pinned = tale.pinned()
    for hold_source in pinned:
        if hold_source != "included" and not found.has(hold_source):
            raise found.broken(hold_source, "a grant that is held", "nothing")
    for grant_id, grant in found.inners().items():
        told = tale.grants.get(grant_id)
        if told is None:
            raise found.broken(grant_id, "a grant that was given", grant.fields)
        grant.has_only(NEEDED, ALLOWED)
        grant.expect("grant_id", grant_id)
        grant.expect("remaining_nanos", tale.pots[f"grant:{grant_id}"])
        grant.expect("held_nanos", pinned[grant_id])
        _check_told(grant, told, at)
        _check_calls(grant, told, at)


def _check_told(grant: Doc, told: GrantTold, at: datetime) -> None:
    """What a grant was given as, and until when."""
    grant.one_of("kind", tuple(PRIORITY_OF))
    kind = grant.text("kind")
    if told.kind and kind != told.kind:
        raise grant.broken("kind", told.kind, kind)
    grant.expect("priority", PRIORITY_OF[kind])  # type: ignore[index]  # one_of has seen to it
    grant.whole("granted_nanos")
    paid_nanos = grant.whole("paid_nanos", 0)
    created_at, ends_at = grant.instant("created_at"), grant.maybe_instant("expires_at")
    if created_at > at:
        raise grant.broken("created_at", f"at most {at}", created_at)
    if told.is_exact:
        grant.expect("created_at", told.created_at)
        grant.expect("granted_nanos", told.granted_nanos)
        if paid_nanos != told.paid_nanos:
            raise grant.broken("paid_nanos", told.paid_nanos, paid_nanos)
    is_over = ends_at is not None and ends_at <= at
    if is_over and grant.whole("remaining_nanos"):
        raise grant.broken("expires_at", f"later than {at}", ends_at)
    # A plan that is left is over at once, which no entry says where nothing was left of it.
    is_left = kind == "plan" and is_over and ends_at is not None and ends_at >= created_at
    if told.knows_end and told.is_exact and ends_at != told.ends_at and not is_left:
        raise grant.broken("expires_at", told.ends_at or "never", ends_at or "never")
    if grant.text("returned_by", "") != told.returned_by:
        raise grant.broken("returned_by", told.returned_by, grant.fields.get("returned_by"))


def _check_calls(grant: Doc, told: GrantTold, at: datetime) -> None:
    """What is called for of what is held, and what became of it."""
    recalled_nanos = grant.whole("recalled_nanos", 0)
    recalled_in_all = recalled_nanos + grant.whole("forgone_nanos", 0)
    if recalled_in_all != told.recalled_nanos:
        raise grant.broken("recalled_nanos", told.recalled_nanos, recalled_in_all)
    for name, nanos in (
        ("redeemed_nanos", told.redeemed_nanos),
        ("cut_nanos", told.cut_nanos),
    ):
        if grant.whole(name, 0) != nanos:
            raise grant.broken(name, nanos, grant.whole(name, 0))
    called_nanos = recalled_nanos + grant.whole("pledged_nanos", 0)
    called_nanos += grant.whole("cutting_nanos", 0)
    held_nanos = grant.whole("held_nanos")
    if called_nanos > held_nanos:
        raise grant.broken("pledged_nanos", f"at most {held_nanos} in all", called_nanos)
    if grant.whole("late_nanos", 0) > told.late_nanos:
        raise grant.broken("late_nanos", told.late_nanos, grant.fields["late_nanos"])
    if not grant.has("aside_nanos"):
        ends_at = grant.maybe_instant("expires_at")
        if told.kind == "free" and told.lapsed_nanos > 0 and (ends_at is None or at < ends_at):
            raise grant.broken("aside_nanos", told.lapsed_nanos, "nothing")
        return
    least, most = told.lapsed_nanos, told.lapsed_nanos + told.late_nanos
    grant.expect("kind", "free")
    grant.expect("remaining_nanos", 0)
    if not least <= grant.whole("aside_nanos") <= most:
        raise grant.broken("aside_nanos", f"{least} to {most}", grant.fields["aside_nanos"])
