"""One entry after the other: each must follow the one before it, and say what may be.

The chain, the postings and the figures are looked at here; what each kind of entry means is
in `kinds`, what it counts in `counts`.
"""

from collections.abc import Mapping
from datetime import datetime

from creditbase.ledger.domain.draft import SHOWN_KINDS
from creditbase.ledger.domain.entries import (
    PRIVATE,
    PRIVATE_OF_METERED,
    digest_of,
    entry_salt,
)
from creditbase.ledger.domain.proof import counts, kinds
from creditbase.ledger.domain.proof.reading import Broken, Doc
from creditbase.ledger.domain.proof.tale import DayTold, Documents, Tale
from creditbase.ledger.domain.wallet import INCLUDED

NEEDED = frozenset(
    {
        *("entry_id", "kind", "seq", "at", "wallet_id", "prev", "hash", "postings", "figures"),
        *("window_start_at", "amount_nanos", "captured_nanos", "shortfall_nanos"),
    }
)
ALLOWED = frozenset(
    {
        *("row", "request_digest", "key_digest", "hold_id", "status", "received_nanos"),
        *("draws", "started_at", "expires_at", "metered", "cause", "metadata"),
        *("seal", "private"),
    }
)
NOT_COVERED = frozenset({"hash", "metadata", "private"})
PRIVATE_FIELDS = frozenset({*PRIVATE, *PRIVATE_OF_METERED})
SUMS = frozenset({"available_nanos", "held_nanos", "receivable_nanos", "balance_nanos"})
FLOWS = frozenset({"included", "granted", "consumed", "expired", "refunded", "shortfall"})
NEVER_ABOVE = ("receivable", "granted", "shortfall")
NEVER_BELOW = ("held", "consumed")


def take_entry(tale: Tale, entry_id: str, fields: object, earlier: Documents) -> None:
    """Go on with the next entry of a wallet, which is the document of that id.

    `earlier` has the ends of holds that late captures come after, by their ids.

    Raises:
        Broken: it is not what may stand there.
    """
    path, seq = f"entries/{entry_id}", tale.seq + 1
    if not isinstance(fields, Mapping):
        raise Broken(path, "the entry", "a document", fields, seq=seq)
    doc = Doc(path, fields, seq=seq)
    doc.has_only(NEEDED, ALLOWED)
    at = _chained(tale, doc, entry_id)
    _turn_day(tale, at)
    doc.instant("window_start_at")
    postings = _postings(doc)
    kinds.take_kind(tale, doc, postings, earlier)
    _post(tale, doc, postings)
    counts.count(tale, doc, earlier)
    _figures(tale, doc, at)
    tale.seq, tale.head, tale.at = seq, doc.text("hash"), at


def _chained(tale: Tale, doc: Doc, entry_id: str) -> datetime:
    """Let an entry follow the one before it, and be what its hash was made of."""
    doc.expect("seq", doc.seq)
    doc.expect("entry_id", entry_id)
    doc.expect("wallet_id", tale.wallet_id)
    doc.expect("prev", tale.head)
    covered = {name: value for name, value in doc.fields.items() if name not in NOT_COVERED}
    try:
        digest = digest_of(covered)
    except (TypeError, ValueError, AssertionError) as fault:
        raise doc.broken("the entry", "what has a canonical form", fault) from fault
    doc.expect("hash", digest)
    doc.text("metadata", "")
    _sealed(tale, doc, entry_id)
    at = doc.instant("at")
    if tale.at is not None and at < tale.at:
        raise doc.broken("at", f"not before {tale.at}", at)
    return at


def _sealed(tale: Tale, doc: Doc, entry_id: str) -> None:
    """Let what is private be what the seal under the hash was made of.

    Entries of before there were seals have none; behind one that has, all do.
    """
    if not doc.has("seal"):
        if tale.is_sealed or doc.has("private"):
            raise doc.broken("seal", "a seal", "nothing")
        return
    tale.is_sealed = True
    private = doc.inner("private", is_optional=True)
    private.has_only(frozenset(), PRIVATE_FIELDS)
    try:
        salt = entry_salt(tale.salt, entry_id)
        seal = digest_of({**private.fields, "salt": salt})
    except (TypeError, ValueError) as fault:
        raise doc.broken("private", "what can be sealed", fault) from fault
    doc.expect("seal", seal)


def _turn_day(tale: Tale, at: datetime) -> None:
    """Hand out the day that is over, if something was used on it."""
    date = f"{at:%Y-%m-%d}"
    if tale.day.date != date:
        if tale.day.is_kept:
            tale.closed.append(tale.day)
            tale.days_closed += 1
        tale.day = DayTold(date)


def _postings(doc: Doc) -> dict[str, int]:
    found = doc.inner("postings")
    postings = {account: found.signed(account) for account in found.fields}
    for account, nanos in postings.items():
        is_known = account in FLOWS or account in {"held", "receivable"}
        if not nanos or not (is_known or account.startswith("grant:")):
            raise found.broken(account, "an account that moves", nanos)
    if sum(postings.values()):
        raise doc.broken("postings", "a sum of 0", sum(postings.values()))
    return postings


def _post(tale: Tale, doc: Doc, postings: Mapping[str, int]) -> None:
    """Move the pots. None but flows and debts is ever below zero."""
    for account, nanos in postings.items():
        left = tale.pots[account] + nanos
        is_pot = account in NEVER_BELOW or account.startswith("grant:")
        if (is_pot and left < 0) or (account in NEVER_ABOVE and left > 0):
            place = f"postings.{account}"
            raise doc.broken(place, "a pot on its own side of zero", left)
        if account.startswith("grant:") and account.removeprefix("grant:") not in tale.grants:
            raise doc.broken(f"postings.{account}", "a grant that was given", nanos)
        tale.pots[account] = left
        if not left:
            del tale.pots[account]


def _figures(tale: Tale, doc: Doc, at: datetime) -> None:
    """Let an entry tell the balance that it leaves, and its number among those that move it."""
    figures = doc.inner("figures")
    figures.has_only(SUMS, frozenset({"included_remaining_nanos"}))
    if figures.has("included_remaining_nanos"):
        figures.whole("included_remaining_nanos")
    figures.expect("held_nanos", tale.pots["held"])
    figures.expect("receivable_nanos", -tale.pots["receivable"])
    live_nanos = tale.live_nanos(at)
    available_nanos = figures.whole("available_nanos")
    if live_nanos is not None:
        figures.expect("available_nanos", max(0, live_nanos + tale.pots["receivable"]))
    pinned = sum(nanos for source, nanos in tale.pinned().items() if source != INCLUDED)
    figures.expect("balance_nanos", available_nanos + pinned)
    balance_nanos = figures.whole("balance_nanos")
    if doc.text("kind") in SHOWN_KINDS or balance_nanos != tale.rowed_nanos:
        doc.expect("row", tale.rows + 1)
        tale.rows, tale.rowed_nanos = tale.rows + 1, balance_nanos
    elif doc.has("row"):
        raise doc.broken("row", "nothing: the balance did not move", doc.fields["row"])
    tale.figures = dict(figures.fields)
