"""Where anchors are kept, with all that a proof needs of them years later. ADR 0034.

`anchors/{date}` is what is published. Under it lie the leaves of that day in pages: `trees`
has a document for each project, `pages` the leaves of its wallets, `tops` those of projects.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from creditbase.kernel.records import dataclass
from creditbase.ledger.domain.anchors import (
    PAGE_LEAVES,
    Anchor,
    anchor_from,
    root_of,
    split_digests,
)
from creditbase.ledger.paths import WalletRef
from creditbase.runtime import firestore
from creditbase.runtime.firestore import Create, Put, Snapshot, Update, Version, Write

JOB = "jobs/anchor_ledger"
SHOWN = tuple(Anchor.__dataclass_fields__)


@dataclass(frozen=True, slots=True)
class Branch:
    """A tree so far: the root of each page, the first id on each, and how many leaves."""

    roots: bytes = b""
    firsts: tuple[str, ...] = ()
    count: int = 0

    def with_page(self, page: "Page") -> "Branch":
        """Return the tree with its next page."""
        roots = self.roots + root_of(split_digests(page.leaves))
        firsts = (*self.firsts, page.ids[0])
        return Branch(roots, firsts, self.count + len(page.ids))

    @property
    def root(self) -> bytes:
        """Return the root over all its pages."""
        return root_of(split_digests(self.roots))

    def page_with(self, member_id: str) -> int | None:
        """Return the page that an id is on, if it is on any."""
        found = bisect_right(self.firsts, member_id) - 1
        return None if found < 0 else found


@dataclass(frozen=True, slots=True)
class Page:
    """Leaves that lie side by side: whose they are, the number of each newest entry."""

    ids: tuple[str, ...]
    seqs: tuple[int, ...]
    leaves: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """An anchor that is being made: its day, its secret, and how far it is.

    `read_at` is the instant of the project under way, null until its first page is read;
    `is_topping` says that all projects are done, and their own tree is being made.
    """

    date: str
    secret: str
    projects_after: str = ""
    project_id: str = ""
    read_at: datetime | None = None
    after: str = ""
    branch: Branch = Branch()
    from_at: datetime | None = None
    until_at: datetime | None = None
    wallets_count: int = 0
    is_topping: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """The newest anchor, and the one that is being made."""

    last_date: str = ""
    last_digest: str = ""
    sweep: Sweep | None = None
    version: Version | None = None
    seen_at: datetime | None = None
    """The store's own time when this was read."""


def load_progress() -> Progress:
    """Return the newest anchor's name, and how far the next one is; one read."""
    snapshot = firestore.get_all([JOB])[0]
    if snapshot.fields is None:
        return Progress(seen_at=snapshot.read_at)
    fields = snapshot.fields
    kept = fields["sweep"]
    return Progress(
        last_date=fields["last_date"],
        last_digest=fields["last_digest"],
        sweep=None
        if kept is None
        else Sweep(**{**kept, "branch": _read_branch(kept["branch"])}),
        version=snapshot.version,
        seen_at=snapshot.read_at,
    )


def write_progress(old: Progress, new: Progress) -> Write:
    """Return the write of a step, on the condition that nobody else has taken one since."""
    fields: dict[str, Any] = {
        "last_date": new.last_date,
        "last_digest": new.last_digest,
        "sweep": None
        if new.sweep is None
        else {**asdict(new.sweep), "branch": _write_branch(new.sweep.branch)},
    }
    if old.version is None:
        return Create(JOB, fields)
    return Update(JOB, {(name,): value for name, value in fields.items()}, old.version)


# ---- the documents of a day ------------------------------------------------------------------


def write_page(date: str, project_id: str, number: int, page: Page) -> Put:
    """Return the write of a page of wallets' leaves."""
    return Put(_page_path(date, project_id, number), _page_fields(page))


def write_top(date: str, number: int, page: Page) -> Put:
    """Return the write of a page of projects' leaves."""
    return Put(_top_path(date, number), _page_fields(page))


def write_tree(date: str, project_id: str, branch: Branch, read_at: datetime) -> Put:
    """Return the write of a project's tree."""
    fields = {**_write_branch(branch), "root": branch.root.hex(), "read_at": read_at}
    return Put(_tree_path(date, project_id), fields)


def write_anchor(anchor: Anchor, sweep: Sweep) -> Create:
    """Return the write of an anchor, which is never written again."""
    kept = {"secret": sweep.secret, "wallets_count": sweep.wallets_count}
    shown = {**asdict(anchor), "digest": anchor.digest}
    return Create(f"anchors/{anchor.date}", {**shown, **kept, **_write_branch(sweep.branch)})


def _page_fields(page: Page) -> dict[str, Any]:
    return {"ids": list(page.ids), "seqs": list(page.seqs), "leaves": page.leaves}


def _tree_path(date: str, project_id: str) -> str:
    return f"anchors/{date}/trees/{project_id}"


def _page_path(date: str, project_id: str, number: int) -> str:
    return f"anchors/{date}/pages/{project_id}:{number}"


def _top_path(date: str, number: int) -> str:
    return f"anchors/{date}/tops/{number}"


def _write_branch(branch: Branch) -> dict[str, Any]:
    return {"roots": branch.roots, "firsts": list(branch.firsts), "count": branch.count}


def _read_branch(fields: Mapping[str, Any]) -> Branch:
    return Branch(fields["roots"], tuple(fields["firsts"]), fields["count"])


def _read_page(snapshot: Snapshot) -> Page:
    assert snapshot.fields is not None
    fields = snapshot.fields
    return Page(tuple(fields["ids"]), tuple(fields["seqs"]), fields["leaves"])


# ---- what is asked ---------------------------------------------------------------------------


def next_project(after: str) -> str:
    """Return the project behind one, by id; empty at the end."""
    found = firestore.page_of("projects", after=after, limit=1, only=["name"])
    return found[0].document_id if found else ""


def load_heads(
    project_id: str, *, after: str, read_at: datetime
) -> list[tuple[WalletRef, int, str]]:
    """Return a page of a project's wallets at an instant: number and hash of the newest."""
    found = firestore.page_of(
        f"projects/{project_id}/wallets",
        after=after,
        limit=PAGE_LEAVES,
        read_at=read_at,
        only=["state.seq", "state.head"],
    )
    heads: list[tuple[WalletRef, int, str]] = []
    for snapshot in found:
        assert snapshot.fields is not None
        state = snapshot.fields["state"]
        heads.append((WalletRef(project_id, snapshot.document_id), state["seq"], state["head"]))
    return heads


def load_trees(date: str, *, after: str) -> list[tuple[str, bytes]]:
    """Return a page of the projects of a day, with the root of each."""
    found = firestore.page_of(
        f"anchors/{date}/trees", after=after, limit=PAGE_LEAVES, only=["root"]
    )
    return [
        (it.document_id, bytes.fromhex(it.fields["root"]))
        for it in found
        if it.fields is not None
    ]


def find_anchor(date: str) -> Anchor | None:
    """Return what is published of a day, if it was anchored; one read."""
    found = firestore.get_all([f"anchors/{date}"], only=SHOWN)[0]
    return None if found.fields is None else anchor_from(found.fields)


def load_anchors(*, before: str, limit: int) -> list[Anchor]:
    """Return the anchors of before a day, the newest first."""
    found = firestore.query(
        "anchors",
        where=[("date", "<", before)],
        order_by="date",
        is_newest_first=True,
        limit=limit,
        only=SHOWN,
    )
    return [anchor_from(it.fields) for it in found if it.fields is not None]


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of a day that a wallet's proof needs."""

    secret: str
    tops: Branch
    tree: Branch
    top: Page
    page: Page


def find_kept(ref: WalletRef, dates: Sequence[str]) -> dict[str, Kept]:
    """Return what proofs of a wallet need, of those days that know its place; two RPCs."""
    paths = [p for date in dates for p in (f"anchors/{date}", _tree_path(date, ref.project_id))]
    found = iter(firestore.get_all(paths)) if paths else iter(())
    places: dict[str, tuple[str, Branch, Branch, int, int]] = {}
    for date in dates:
        anchor, tree = next(found).fields, next(found).fields
        if anchor is None or tree is None:
            continue
        tops, branch = _read_branch(anchor), _read_branch(tree)
        top, page = tops.page_with(ref.project_id), branch.page_with(ref.customer_id)
        if top is not None and page is not None:
            places[date] = (anchor["secret"], tops, branch, top, page)
    wanted = [
        path
        for date, (_, _, _, top, page) in places.items()
        for path in (_top_path(date, top), _page_path(date, ref.project_id, page))
    ]
    pages = iter(firestore.get_all(wanted)) if wanted else iter(())
    return {
        date: Kept(secret, tops, branch, _read_page(next(pages)), _read_page(next(pages)))
        for date, (secret, tops, branch, _, _) in places.items()
    }
