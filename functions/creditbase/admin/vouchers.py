"""What is done with vouchers: make, disable, look, and redeem.

Redeeming takes two commits: a use of the voucher first, then the grant, an ordinary wallet
command keyed by the code. Whoever is cut off in between gets the grant by asking again.
"""

import contextlib
from datetime import datetime

from creditbase.accounts.use_cases import HUB_PROJECT_ID
from creditbase.admin import voucher_store as store
from creditbase.admin.acting import done_before
from creditbase.admin.audit_store import writes_for_audit
from creditbase.admin.domain.audit import Deed, check_deed, record_of
from creditbase.admin.domain.vouchers import (
    WINDOW,
    Span,
    Voucher,
    VoucherTerms,
    check_terms,
    choose_slot,
    code_digest,
    narrow,
    place_of,
    window_at,
)
from creditbase.catalog.use_cases import load_catalog
from creditbase.kernel.errors import Conflict, Forbidden, NotFound, Unavailable
from creditbase.kernel.ids import redemption_public_id, voucher_grant_id
from creditbase.kernel.instants import write_exact
from creditbase.kernel.records import dataclass
from creditbase.ledger.domain.balance import Balance, balance_of
from creditbase.ledger.domain.commands import GrantCredits
from creditbase.ledger.paths import WalletRef
from creditbase.ledger.store import find_wallet
from creditbase.ledger.use_cases import run
from creditbase.runtime.commit import Attempt, commit_or_retry
from creditbase.runtime.firestore import Ambiguous, Lost, Write, commit
from creditbase.runtime.log import alert

# ---- what operators do -----------------------------------------------------------------------


def create_voucher(
    code: str, terms: VoucherTerms, *, now: datetime, deed: Deed | None = None
) -> bool:
    """Make a voucher; return False where it is there already, with the same terms.

    A `deed` leaves its record in the same commit, also where the voucher was there.

    Raises:
        InvalidRequest: the code or the terms cannot be used.
        Conflict: the code belongs to a voucher with other terms.
        IdempotencyConflict: the deed's key was used for something else.
    """
    digest = code_digest(code)
    known_plans = load_catalog(HUB_PROJECT_ID).plans if terms.plans else {}
    check_terms(terms, known_plans=known_plans)

    def attempt() -> Attempt[bool]:
        record = _record(deed, now=now)
        if deed is not None and not record:
            return Attempt(answer=False, writes=())
        kept = store.find_voucher(digest)
        if kept is None:
            voucher = Voucher(digest=digest, terms=terms, created_at=now)
            return Attempt(answer=True, writes=[*store.writes_for_voucher(voucher), *record])
        if kept.voucher.terms != terms:
            raise Conflict("this code belongs to a voucher with other terms; take another code")
        return Attempt(answer=False, writes=record)

    return commit_or_retry(attempt)


def asked_of(code: str, terms: VoucherTerms | None = None) -> dict[str, object]:
    """Return what a deed says of a voucher: the digest of its code, and terms that are set."""
    asked: dict[str, object] = {"voucher": code_digest(code)}
    if terms is None:
        return asked
    asked |= {"credits": terms.credits, "plans": list(terms.plans)}
    figures = {
        "max_uses": terms.max_uses,
        "credits_expire_days": terms.credits_expire_days,
        "starts_at": terms.starts_at and write_exact(terms.starts_at),
        "expires_at": terms.expires_at and write_exact(terms.expires_at),
    }
    return asked | {name: value for name, value in figures.items() if value is not None}


def _record(deed: Deed | None, *, now: datetime) -> list[Write]:
    """Return the write of a deed's record; nothing where there is no deed, or it was done."""
    if deed is None:
        return []
    check_deed(deed)
    return [] if done_before(deed) else writes_for_audit(record_of(deed, now=now))


def disable_voucher(code: str, *, now: datetime, deed: Deed | None = None) -> bool:
    """Take a voucher out of use for good; return False where it was already.

    Credits that it gave stay. Whoever has a use and not yet the grant still gets it.

    Raises:
        NotFound: there is no such voucher.
    """
    digest = code_digest(code)

    def attempt() -> Attempt[bool]:
        record = _record(deed, now=now)
        if deed is not None and not record:
            return Attempt(answer=False, writes=())
        kept = store.find_voucher(digest)
        if kept is None:
            raise NotFound("there is no voucher with this code")
        if kept.voucher.disabled_at is not None:
            return Attempt(answer=False, writes=record)
        return Attempt(answer=True, writes=[*store.writes_to_disable(kept, now=now), *record])

    return commit_or_retry(attempt)


def load_voucher(code: str) -> tuple[Voucher, int]:
    """Return a voucher and how often it was redeemed.

    Raises:
        NotFound: there is no such voucher.
    """
    digest = code_digest(code)
    kept = store.find_voucher(digest)
    if kept is None:
        raise NotFound("there is no voucher with this code")
    return kept.voucher, store.count_redeemers(digest)


# ---- what a user does ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Redemption:
    """Credits that a code has brought, and the balance with them."""

    redemption_id: str
    credits: int
    balance: Balance


def redeem_voucher(ref: WalletRef, code: str, *, request_id: str, now: datetime) -> Redemption:
    """Give the wallet a code's credits, once. `request_id` tells this request from others.

    Raises:
        InvalidRequest: no code looks like this.
        NotFound: INVALID_VOUCHER, the same for every reason.
        Conflict: VOUCHER_ALREADY_REDEEMED by this customer.
        Contention, Unavailable: no definite outcome; the same request may be repeated.
    """
    terms = _take_use(ref, code_digest(code), now=now)
    grant = GrantCredits(
        entry_id=voucher_grant_id(code_digest(code)),
        kind="voucher",
        amount_nanos=terms.amount_nanos,
        expires_at=terms.credits_expire_at(now),
        cause={"request": request_id},
    )
    try:
        decision = run(ref, grant, now=now)
    except (Forbidden, NotFound) as refusal:
        alert("wallet_refuses", "a voucher's grant waits for its wallet", wallet=ref.wallet_id)
        raise Unavailable from refusal
    assert decision.entry is not None
    if decision.entry.cause["request"] != request_id:
        raise Conflict("The voucher was redeemed before", reason="VOUCHER_ALREADY_REDEEMED")
    return Redemption(
        redemption_id=redemption_public_id(ref.customer_id, code_digest(code)),
        credits=terms.credits,
        balance=balance_of(decision.wallet, now=now),
    )


def _take_use(ref: WalletRef, digest: str, *, now: datetime) -> VoucherTerms:
    """Take a use of the voucher for this customer, or find the one that it has."""
    used_up: list[store.Kept] = []

    def attempt() -> Attempt[VoucherTerms]:
        kept = store.find_voucher(digest, ref.customer_id)
        if kept is None:
            raise _invalid()
        terms = kept.voucher.terms
        if kept.is_redeemer:
            return Attempt(terms, ())
        if not kept.voucher.is_open(now) or not _is_admitted(ref, terms):
            raise _invalid()
        slot: int | None = None
        if terms.max_uses is not None:
            slot = _find_slot(digest, ref.customer_id, max_uses=terms.max_uses)
            if slot is None:
                used_up.append(kept)
                raise _invalid()
        return Attempt(terms, store.writes_for_use(digest, ref.customer_id, slot, now=now))

    try:
        return commit_or_retry(attempt)
    except NotFound:
        if used_up:
            _note_used_up(used_up[-1])
        raise


def _invalid() -> NotFound:
    return NotFound("This code cannot be redeemed", reason="INVALID_VOUCHER")


def _is_admitted(ref: WalletRef, terms: VoucherTerms) -> bool:
    if not terms.plans:
        return True
    loaded = find_wallet(ref)
    return loaded is not None and terms.admits(loaded.wallet.terms.plan_code)


def _find_slot(digest: str, customer_id: str, *, max_uses: int) -> int | None:
    """Return a free slot, or None where all are taken.

    One look mostly finds one; else counting leads to where the second look finds one. What
    was taken meanwhile makes the commit fail, and the search starts again.
    """
    place = place_of(customer_id, digest, max_uses=max_uses)
    free = store.find_free_slots(digest, window_at(place, max_uses=max_uses))
    if free:
        return free[0]
    every = Span(0, max_uses)
    if max_uses <= WINDOW or store.count_taken(digest, every) >= max_uses:
        return None
    span = narrow(every, place, lambda part: store.count_taken(digest, part))
    free = store.find_free_slots(digest, span.slots())
    # Where others took all of it since it was counted, any slot of it makes the commit fail.
    return choose_slot(free, place) if free else span.begin


def _note_used_up(kept: store.Kept) -> None:
    """Spare whoever comes next the search. Not needed for anything, so it may fail."""
    with contextlib.suppress(Lost, Ambiguous):
        commit(store.writes_to_note_used_up(kept))
