"""Making the day's anchor: a sweep over all wallets, page by page. ADR 0034.

Each step commits a page of leaves with how far the sweep has come, on the condition that
nobody else did; so it may be killed anywhere, overlap with another, or take several runs.
The heads of a project are of one instant; a project that cannot be read at it any more is
begun again.
"""

import secrets
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from creditbase.kernel.instants import write_exact
from creditbase.kernel.records import dataclass
from creditbase.ledger.anchor_store import (
    Branch,
    Page,
    Progress,
    Sweep,
    load_anchors,
    load_heads,
    load_progress,
    load_trees,
    next_project,
    write_anchor,
    write_page,
    write_progress,
    write_top,
    write_tree,
)
from creditbase.ledger.domain.anchors import (
    PAGE_LEAVES,
    Anchor,
    blind_of,
    project_leaf,
    wallet_leaf,
)
from creditbase.runtime import firestore
from creditbase.runtime.firestore import Ambiguous, Lost, Write

READABLE = timedelta(minutes=40)
"""For so long a project's instant is read at: the store keeps an hour of them."""
SECRET_BYTES = 32
FOREVER = "9999-12-31"


@dataclass(frozen=True, slots=True)
class Anchored:
    """What a run came to: wallets that it read, and the anchor, if it made one."""

    wallets: int
    anchor: Anchor | None
    is_complete: bool
    wallets_count: int = 0
    """Of the anchor."""


def anchor_ledger(now: datetime, *, until_s: float, limit: int) -> Anchored:
    """Make the anchor of the day, or go on with one, until the monotonic clock says stop.

    Raises:
        Unavailable: the store does not answer; the next run goes on.
    """
    today = now.strftime("%Y-%m-%d")
    wallets = 0
    progress = _adopted(load_progress())
    while True:
        try:
            sweep = progress.sweep
            if sweep is None:
                if progress.last_date >= today:
                    return Anchored(wallets, None, is_complete=True)
                fresh = Sweep(date=today, secret=secrets.token_hex(SECRET_BYTES))
                progress = _commit(progress, fresh)
                continue
            if wallets >= limit or time.monotonic() >= until_s:
                return Anchored(wallets, None, is_complete=False)
            if sweep.is_topping:
                progress, anchor = _top(progress, sweep)
                if anchor is not None:
                    return Anchored(
                        wallets, anchor, is_complete=True, wallets_count=sweep.wallets_count
                    )
            elif not sweep.project_id:
                progress = _turn_to_next(progress, sweep)
            else:
                looked_at, progress = _page(progress, sweep)
                wallets += looked_at
        except (Lost, Ambiguous):
            progress = _adopted(load_progress())


def _adopted(progress: Progress) -> Progress:
    """Return the progress; where its document is lost, that of the newest anchor there is."""
    newest = load_anchors(before=FOREVER, limit=1) if progress.version is None else []
    if not newest:
        return progress
    return replace(progress, last_date=newest[0].date, last_digest=newest[0].digest)


def _commit(old: Progress, sweep: Sweep | None, *writes: Write) -> Progress:
    return _commit_step(old, replace(old, sweep=sweep), writes)


def _commit_step(old: Progress, new: Progress, writes: Sequence[Write]) -> Progress:
    return replace(new, version=firestore.commit([write_progress(old, new), *writes]))


def _turn_to_next(progress: Progress, sweep: Sweep) -> Progress:
    found = next_project(sweep.projects_after)
    if not found:
        return _commit(progress, replace(sweep, is_topping=True, after="", branch=Branch()))
    return _commit(progress, _begun(sweep, found))


def _begun(sweep: Sweep, project_id: str) -> Sweep:
    return replace(sweep, project_id=project_id, read_at=None, after="", branch=Branch())


def _page(progress: Progress, sweep: Sweep) -> tuple[int, Progress]:
    """Take a page of the project under way; where it is the last, the project is done."""
    if _is_stale(progress, sweep):
        return 0, _commit(progress, _begun(sweep, sweep.project_id))
    # The commit that turned to this project is the instant that it is read at.
    read_at = sweep.read_at or progress.version
    assert read_at is not None
    heads = load_heads(sweep.project_id, after=sweep.after, read_at=read_at)
    writes: list[Write] = []
    branch = sweep.branch
    if heads:
        leaves = b"".join(
            wallet_leaf(ref.wallet, seq, head, blind_of(sweep.secret, ref.wallet))
            for ref, seq, head in heads
        )
        ids = tuple(ref.customer_id for ref, _, _ in heads)
        page = Page(ids, tuple(seq for _, seq, _ in heads), leaves)
        number = len(branch.firsts)
        writes.append(write_page(sweep.date, sweep.project_id, number, page))
        branch = branch.with_page(page)
    if len(heads) == PAGE_LEAVES:
        onward = replace(sweep, read_at=read_at, after=heads[-1][0].customer_id, branch=branch)
        return len(heads), _commit(progress, onward, *writes)
    if branch.count:
        writes.append(write_tree(sweep.date, sweep.project_id, branch, read_at))
    done = replace(
        _begun(sweep, ""),
        projects_after=sweep.project_id,
        from_at=min(sweep.from_at or read_at, read_at),
        until_at=max(sweep.until_at or read_at, read_at),
        wallets_count=sweep.wallets_count + branch.count,
    )
    return len(heads), _commit(progress, done, *writes)


def _is_stale(progress: Progress, sweep: Sweep) -> bool:
    read_at, seen_at = sweep.read_at or progress.version, progress.seen_at
    assert read_at is not None
    return seen_at is not None and seen_at - read_at > READABLE


def _top(progress: Progress, sweep: Sweep) -> tuple[Progress, Anchor | None]:
    """Take a page of the projects' own tree; the last one makes the anchor."""
    trees = load_trees(sweep.date, after=sweep.after)
    writes: list[Write] = []
    branch = sweep.branch
    if trees:
        paths = [f"projects/{project_id}" for project_id, _ in trees]
        leaves = b"".join(
            project_leaf(path, root, blind_of(sweep.secret, path))
            for path, (_, root) in zip(paths, trees, strict=True)
        )
        ids = tuple(project_id for project_id, _ in trees)
        page = Page(ids, (), leaves)
        writes.append(write_top(sweep.date, len(branch.firsts), page))
        branch = branch.with_page(page)
    onward = replace(sweep, branch=branch)
    if len(trees) == PAGE_LEAVES:
        return _commit(progress, replace(onward, after=trees[-1][0]), *writes), None
    anchor = Anchor(
        date=sweep.date,
        root=branch.root.hex(),
        from_at="" if sweep.from_at is None else write_exact(sweep.from_at),
        until_at="" if sweep.until_at is None else write_exact(sweep.until_at),
        previous_date=progress.last_date,
        previous_digest=progress.last_digest,
    )
    writes.append(write_anchor(anchor, onward))
    named = replace(progress, sweep=None, last_date=anchor.date, last_digest=anchor.digest)
    return _commit_step(progress, named, writes), anchor
