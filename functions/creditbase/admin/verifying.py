"""Verifying a live project: every wallet proved from its first entry, and held to its payments.

Each wallet is of its own instant, so a project may be as large as it likes. Nothing is
written: whoever may read the project may verify it.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from creditbase.admin.domain.heads import Heads
from creditbase.kernel.ids import topup_grant_id
from creditbase.kernel.records import dataclass
from creditbase.ledger.domain.entries import digest_of
from creditbase.ledger.domain.proof.reading import Broken
from creditbase.ledger.paths import WalletRef
from creditbase.ledger.proving import Proven, prove_wallet
from creditbase.ledger.store import load_entries
from creditbase.payments.store import find_payment
from creditbase.runtime.firestore import get_all, page_of

PAGE = 100
ENTRIES_PER_ROUND = 50_000
"""Of one wallet as of one instant; the next round goes on at a later one."""
SEQ_MAX = 2**53
CHECKS = (
    "every document has the fields that it needs, of their types, and no other",
    "entries are numbered without a gap, and chained by their hashes",
    "postings of each entry sum to zero, and no pot is ever on the wrong side of zero",
    "each kind of entry moves what it may, and says the balance that it leaves",
    "each hold ends once; what it held is taken or goes back to where it came from",
    "each cause gives once; the wallet's grants, holds and debts are what entries say",
    "windows, days and budgets count what entries took, by model",
    "the published balance agrees, or says that it is not settled",
    "what was bought was paid for: each top-up has its payment, of its amount",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a verification has come: wallets up to `after` are proved."""

    project_ids: tuple[str, ...]
    customer_id: str = ""
    begun_at: str = ""
    after: tuple[str, str] = ("", "")
    heads: Heads = field(default_factory=Heads)
    entries: int = 0
    parked: int = 0
    bought_nanos: int = 0

    def fields(self) -> dict[str, Any]:
        """Return it as plain values."""
        return asdict(self)


def progress_from(fields: dict[str, Any]) -> Progress:
    """Return the progress of those fields."""
    kept = fields["heads"]
    parts = tuple((height, node) for height, node in kept["parts"])
    return Progress(
        **{
            **fields,
            "project_ids": tuple(fields["project_ids"]),
            "after": tuple(fields["after"]),
            "heads": Heads(parts, kept["count"]),
        }
    )


def project_ids() -> tuple[str, ...]:
    """Return all projects, in the order of the paths below them."""
    found: list[str] = []
    after = ""
    while page := page_of("projects", after=after, limit=PAGE, only=["name"]):
        found += [it.document_id for it in page]
        after = found[-1]
    return tuple(sorted(found, key=lambda project_id: f"{project_id}/".encode()))


def verify(progress: Progress) -> Iterator[Progress]:
    """Prove wallet after wallet, and yield how far that is.

    Raises:
        Broken: a line does not hold; its path is that of a document.
        Unavailable: the store gave no answer in time.
    """
    for project_id in progress.project_ids:
        is_before = progress.project_ids.index(project_id) < _index(progress)
        if is_before:
            continue
        after = progress.after[1] if progress.after[0] == project_id else ""
        for customer_id in _customers(project_id, progress.customer_id, after):
            ref = WalletRef(project_id, customer_id)
            proven, entries = prove_whole(ref)
            bought_nanos = check_bought(ref)
            progress = replace(
                progress,
                after=(project_id, customer_id),
                heads=progress.heads.plus(ref.wallet, proven.tale.seq, proven.tale.head),
                entries=progress.entries + entries,
                parked=progress.parked + bool(proven.parked),
                bought_nanos=progress.bought_nanos + bought_nanos,
            )
            yield progress


def _index(progress: Progress) -> int:
    project_id = progress.after[0]
    return progress.project_ids.index(project_id) if project_id else 0


def _customers(project_id: str, customer_id: str, after: str) -> Iterator[str]:
    if customer_id:
        yield from [] if after else [customer_id]
        return
    while names := customers_after(project_id, after):
        yield from names
        after = names[-1]


def customers_after(project_id: str, after: str) -> list[str]:
    """Return the next customers that have a wallet, or should have one, in order.

    A wallet that is gone is known by its published balance, and by what was kept of proofs.
    """
    pages = [
        [it.document_id for it in _page(project_id, collection, after)]
        for collection in ("wallets", "balances", "proofs")
    ]
    names = sorted({name for page in pages for name in page}, key=str.encode)
    full = [page[-1] for page in pages if len(page) == PAGE]
    if full:
        # As far as every page goes: what is beyond one's end may still come in it.
        end = min(full, key=str.encode)
        names = [name for name in names if name.encode() <= end.encode()]
    return names


def _page(project_id: str, collection: str, after: str) -> Sequence[Any]:
    place = f"projects/{project_id}/{collection}"
    return page_of(place, after=after, limit=PAGE, only=["shard"])


def prove_whole(ref: WalletRef) -> tuple[Proven, int]:
    """Prove all of a wallet from its first entry; return that, and how many entries it has.

    Raises:
        Broken: a line does not hold.
        Unavailable: the store gave no answer in time.
    """
    proven = prove_wallet(ref, most=ENTRIES_PER_ROUND)
    while not proven.is_whole:
        proven = prove_wallet(ref, proven.tale, most=ENTRIES_PER_ROUND)
    if proven.broken is not None:
        raise _placed(ref, proven.broken)
    return proven, proven.tale.seq


def _placed(ref: WalletRef, line: Broken) -> Broken:
    """Return a line with the path of the document that it is of."""
    if "/" in line.path or not line.path or line.path in {"entries", "usage", "periods"}:
        path = f"{ref.wallet}/{line.path}" if line.path else ref.wallet
    else:
        path = ref.balance
    return Broken(path, line.field, line.expected, line.found, seq=line.seq)


def check_bought(ref: WalletRef) -> int:
    """Hold each top-up of a wallet against the payment that it is for; return their sum.

    Raises:
        Broken: nobody paid for it, or for another amount.
    """
    below, sum_nanos = SEQ_MAX, 0
    while True:
        grants = load_entries(ref, 0, below - 1, limit=PAGE, kind="grant")
        for entry in grants:
            if entry.cause.get("grant_kind") != "topup":
                continue
            path = ref.entry(entry.entry_id)
            payment = find_payment(entry.entry_id.removeprefix(topup_grant_id("")))
            if payment is None:
                raise Broken(path, "entry_id", "a payment", "none", seq=entry.seq)
            told = (payment.project_id, payment.customer_id, payment.granted_nanos)
            if told != (ref.project_id, ref.customer_id, entry.amount_nanos):
                raise Broken(path, "amount_nanos", told, entry.amount_nanos, seq=entry.seq)
            sum_nanos += entry.amount_nanos
        if len(grants) < PAGE:
            return sum_nanos
        below = grants[-1].seq


@dataclass(slots=True)
class Owed:
    """Payments of the projects, and those whose credits have not arrived yet."""

    payments: int = 0
    granted_nanos: int = 0
    waiting: list[str] = field(default_factory=list)


def count_owed(progress: Progress) -> Owed:
    """Look through all payments: whether what each is owed has arrived.

    Raises:
        Broken: the ledger gave another amount than a payment says.
    """
    owed, after = Owed(), ""
    names = ["project_id", "customer_id", "kind", "granted_nanos", "grant_id"]
    while page := page_of("payments", after=after, limit=PAGE, only=names):
        after = page[-1].document_id
        mine = [it.fields for it in page if it.fields is not None]
        mine = [
            it
            for it in mine
            if it["kind"] == "topup"
            and it["project_id"] in progress.project_ids
            and progress.customer_id in {"", it["customer_id"]}
        ]
        paths = [
            WalletRef(it["project_id"], it["customer_id"]).entry(it["grant_id"]) for it in mine
        ]
        for it, entry in zip(mine, get_all(paths) if paths else [], strict=True):
            owed.payments += 1
            owed.granted_nanos += it["granted_nanos"]
            if entry.fields is None:
                owed.waiting.append(it["grant_id"])
            elif entry.fields["amount_nanos"] != it["granted_nanos"]:
                given = entry.fields["amount_nanos"]
                raise Broken(entry.path, "amount_nanos", it["granted_nanos"], given)
    return owed


def certificate_of(progress: Progress, owed: Owed, *, store: str, now: str) -> dict[str, Any]:
    """Return what was found to hold, with a digest over all of it."""
    facts: dict[str, Any] = {
        "store": store,
        "projects": list(progress.project_ids),
        "customer": progress.customer_id,
        "begun_at": progress.begun_at,
        "ended_at": now,
        "wallets": progress.heads.count,
        "parked": progress.parked,
        "entries": progress.entries,
        "root": progress.heads.root,
        "bought_nanos": progress.bought_nanos,
        "payments": owed.payments,
        "payments_waiting": owed.waiting,
        "checks": list(CHECKS),
        "verifier": verifier_digest(),
    }
    return {**facts, "digest": digest_of(facts)}


@cache
def verifier_digest() -> str:
    """Return the digest of the rules' own source: by which reading it was verified."""
    sources = sorted((Path(__file__).parents[1] / "ledger" / "domain" / "proof").glob("*.py"))
    text = b"".join(path.name.encode() + b"\n" + path.read_bytes() for path in sources)
    return hashlib.sha256(text).hexdigest()
