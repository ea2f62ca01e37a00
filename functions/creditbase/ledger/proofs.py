"""Proofs that a wallet's ledger, as it was on a day, is under that day's anchor. ADR 0034."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence

from creditbase.kernel.records import dataclass
from creditbase.ledger.anchor_store import Branch, Kept, Page, find_kept
from creditbase.ledger.domain.anchors import (
    Anchor,
    Sibling,
    blind_of,
    siblings_of,
    split_digests,
)
from creditbase.ledger.paths import WalletRef

DATES_AT_ONCE = 16
"""Days whose pages are read together: some 80 kB each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """How a wallet's leaf leads to the root of a day, through its project's."""

    anchor: Anchor
    seq: int
    blind: str
    siblings: tuple[Sibling, ...]
    project_blind: str
    project_siblings: tuple[Sibling, ...]


def load_proofs(ref: WalletRef, anchors: Sequence[Anchor]) -> Iterator[Proof]:
    """Yield the proofs of those days on which the wallet was there; two RPCs for sixteen."""
    for first in range(0, len(anchors), DATES_AT_ONCE):
        some = anchors[first : first + DATES_AT_ONCE]
        kept = find_kept(ref, [anchor.date for anchor in some])
        for anchor in some:
            if anchor.date in kept:
                yield from _proof(ref, anchor, kept[anchor.date])


def _proof(ref: WalletRef, anchor: Anchor, kept: Kept) -> Iterator[Proof]:
    index = bisect_left(kept.page.ids, ref.customer_id)
    if kept.page.ids[index : index + 1] != (ref.customer_id,):
        return  # it was opened later
    project = f"projects/{ref.project_id}"
    yield Proof(
        anchor=anchor,
        seq=kept.page.seqs[index],
        blind=blind_of(kept.secret, ref.wallet),
        siblings=tuple(_siblings(kept.tree, kept.page, ref.customer_id)),
        project_blind=blind_of(kept.secret, project),
        project_siblings=tuple(_siblings(kept.tops, kept.top, ref.project_id)),
    )


def _siblings(branch: Branch, page: Page, member_id: str) -> Iterable[Sibling]:
    number = branch.page_with(member_id)
    assert number is not None
    yield from siblings_of(split_digests(page.leaves), page.ids.index(member_id))
    yield from siblings_of(split_digests(branch.roots), number)
