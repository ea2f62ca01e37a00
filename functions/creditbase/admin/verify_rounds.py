"""Verifying in production: what changed, soon; and everything in turn, within a week. ADR 0033.

A step proves a page of wallets and then says how far it is. So it may be killed anywhere: the
page is proved again, which does no harm.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from creditbase.admin.parking import park
from creditbase.admin.verify_progress import (
    Look,
    Round,
    VerifyProgress,
    commit_progress,
    load_verify_progress,
)
from creditbase.admin.verifying import customers_after, project_ids
from creditbase.kernel.errors import Contention, Unavailable
from creditbase.kernel.money import ceil_div
from creditbase.kernel.records import dataclass
from creditbase.ledger.domain.proof.tale import Tale
from creditbase.ledger.paths import SHARDS, WalletRef
from creditbase.ledger.proof_store import Kept, load_kept, write_of_kept
from creditbase.ledger.proving import Proven, prove_wallet
from creditbase.ledger.used import find_moved
from creditbase.runtime.firestore import Ambiguous, Lost, commit

log = logging.getLogger(__name__)

PAGE = 25
ENTRIES_PER_WALLET_MAX = 100_000
"""Of one wallet in one step; the next goes on with it."""
UNDER_WAY = timedelta(minutes=10)
"""How long a commit may have been on its way when a look began."""
LOOK_BACK_MAX = timedelta(days=7)
ROUND_EVERY = timedelta(days=5)
ROUND_STEPS = 192
"""Runs in which a round should be done: of one each quarter of an hour, two days."""
SLICE_MIN = 50
ROUND_S_MIN = timedelta(days=2)


@dataclass(slots=True)
class Verified:
    """What a run has come to."""

    progress: VerifyProgress
    wallets: int = 0
    entries: int = 0
    broken: int = 0
    failed: int = 0
    is_complete: bool = False


def verify_ledgers(now: datetime, *, until_s: float, limit: int) -> Verified:
    """Prove what changed since the last look, then go on with the round.

    Ends early after `limit` wallets, or where the monotonic clock passes `until_s`; of both
    what changed takes no more than half, so that there is always something left for the round.

    Raises:
        Unavailable: the store does not answer; the next run goes on.
    """
    run = Verified(load_verify_progress())

    begun_s = time.monotonic()

    def may_look() -> bool:
        is_early = time.monotonic() - begun_s <= until_s - time.monotonic()
        return 2 * run.wallets < limit and is_early

    def may_go_on() -> bool:
        return run.wallets < limit and time.monotonic() < until_s

    try:
        _look(run, now, may_look)
        is_done = _go_round(run, now, may_go_on)
        run.is_complete = is_done and run.progress.look is None
    except (Lost, Ambiguous):
        log.info("another run verifies")
    return run


# ---- what changed ----------------------------------------------------------------------------


def _look(run: Verified, now: datetime, may_go_on: Callable[[], bool]) -> None:
    """Prove the wallets that got an entry since the last look, from where it left them."""
    progress = run.progress
    if progress.look is None:
        since = now - LOOK_BACK_MAX
        if progress.looked_at is not None:
            since = max(since, progress.looked_at - UNDER_WAY)
        run.progress = commit_progress(
            progress, replace(progress, look=Look(as_of=now, since=since))
        )
    while may_go_on():
        look = run.progress.look
        assert look is not None
        if look.shard == SHARDS:
            # What could not be looked at is looked at again, with all since then.
            looked_at = run.progress.looked_at if look.has_failed else look.as_of
            after = replace(run.progress, looked_at=looked_at, look=None)
            run.progress = commit_progress(run.progress, after)
            return
        page = find_moved(shard=look.shard, since=look.since, after=look.after, limit=PAGE)
        failed = run.failed
        for ref, _ in page:
            prove_changed(run, ref, now=now)
        look = replace(look, has_failed=look.has_failed or run.failed > failed)
        if len(page) < PAGE:
            look = look.in_next_shard()
        else:
            place = page[-1][1]
            look = replace(look, after_at=place[0], after_path=place[1])
        run.progress = commit_progress(run.progress, replace(run.progress, look=look))


def prove_changed(run: Verified, ref: WalletRef, *, now: datetime) -> None:
    """Prove a wallet from where the last proof ended, to its end."""
    is_whole = False
    while not is_whole:
        is_whole = _prove(run, ref, lambda kept: kept.tale, _with_tale, now=now)


def _with_tale(kept: Kept, proven: Proven, now: datetime) -> Kept:
    del now
    return replace(kept, tale=proven.tale)


def _with_walk(kept: Kept, proven: Proven, now: datetime) -> Kept:
    if proven.is_whole:
        return Kept(tale=proven.tale, walked_at=now)
    return replace(kept, walk=proven.tale)


# ---- everything in turn ----------------------------------------------------------------------


def _go_round(run: Verified, now: datetime, may_go_on: Callable[[], bool]) -> bool:
    """Go on with the round, or begin one where it is time; return whether its part is done."""
    progress = run.progress
    if progress.round is None:
        begun_at = progress.round_begun_at
        if begun_at is not None and now - begun_at < ROUND_EVERY:
            return True
        turn = Round(begun_at=now)
        run.progress = commit_progress(
            progress, replace(progress, round=turn, round_begun_at=now)
        )
    most = run.wallets + _slice(run.progress, now)
    for project_id in project_ids():
        turn = run.progress.round or Round(begun_at=now)
        if turn.project_id and f"{project_id}/" < f"{turn.project_id}/":
            continue
        if not _round_project(run, project_id, most, may_go_on, now=now):
            return run.wallets >= most
    ended = run.progress.round
    assert ended is not None
    run.progress = commit_progress(
        run.progress,
        replace(
            run.progress,
            round=None,
            rounded_at=now,
            rounded_wallets=ended.wallets,
            rounded_broken=ended.broken,
        ),
    )
    return True


def _slice(progress: VerifyProgress, now: datetime) -> int:
    """Return how many wallets of the round a run takes: the last round's, in equal parts.

    A round that takes too long, and the first, are not slowed down.
    """
    turn = progress.round
    assert turn is not None
    if progress.rounded_at is None or now - turn.begun_at > ROUND_S_MIN:
        return 10**9
    return max(SLICE_MIN, ceil_div(progress.rounded_wallets, ROUND_STEPS))


def _round_project(
    run: Verified, project_id: str, most: int, may_go_on: Callable[[], bool], *, now: datetime
) -> bool:
    """Prove the wallets of a project in turn; return whether that came to its end."""
    turn = run.progress.round
    assert turn is not None
    after = turn.customer_id if turn.project_id == project_id else ""
    while names := customers_after(project_id, after):
        for customer_id in names:
            if run.wallets >= most or not may_go_on():
                return False
            broken = run.broken
            if not prove_from_start(run, WalletRef(project_id, customer_id), now=now):
                return False
            turn = replace(
                turn,
                project_id=project_id,
                customer_id=customer_id,
                wallets=turn.wallets + 1,
                broken=turn.broken + run.broken - broken,
            )
            run.progress = commit_progress(run.progress, replace(run.progress, round=turn))
        after = names[-1]
    return True


def prove_from_start(run: Verified, ref: WalletRef, *, now: datetime) -> bool:
    """Prove a wallet from its first entry, or go on with that; return whether it is whole.

    Before that it is proved from where the last proof ended: what was known then must be a
    part of what there is now.
    """
    broken, wallets = run.broken, run.wallets
    prove_changed(run, ref, now=now)
    run.wallets = wallets
    if run.broken > broken:
        run.wallets += 1
        return True
    return _prove(run, ref, lambda kept: kept.walk, _with_walk, now=now)


# ---- one wallet ------------------------------------------------------------------------------


def _prove(
    run: Verified,
    ref: WalletRef,
    begin: Callable[[Kept], Tale | None],
    end: Callable[[Kept, Proven, datetime], Kept],
    *,
    now: datetime,
) -> bool:
    """Prove a wallet, keep how far that is, or park it; return whether that was all of it."""
    try:
        kept, proven = _proven(ref, begin)
        if proven.broken is not None:
            # Once more, as of a later instant: only what does not hold twice is parked.
            kept, proven = _proven(ref, begin)
        if proven.broken is None:
            commit([write_of_kept(ref, end(kept, proven, now), now=now)])
        else:
            run.broken += 1
            park(ref, proven.broken, now=now)
    except (Unavailable, Contention, Lost, Ambiguous) as fault:
        log.warning("not verified now", extra={"wallet": ref.wallet_id, "why": repr(fault)})
        run.failed += 1
        return True
    run.entries += proven.entries
    run.wallets += proven.is_whole
    return proven.is_whole


def _proven(ref: WalletRef, begin: Callable[[Kept], Tale | None]) -> tuple[Kept, Proven]:
    kept = load_kept(ref)
    return kept, prove_wallet(ref, begin(kept), most=ENTRIES_PER_WALLET_MAX)
