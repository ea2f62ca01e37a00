"""The roll-up of platform days: a sweep over the wallets that were used. ADR 0027.

A step reads a page of wallets as of the sweep's instant, finds what is new in their days, and
commits that with how far the sweep has come, on the condition that nobody else did. So it may
be killed anywhere, overlap with another, or not run for months.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from creditbase.admin import rollup_store as store
from creditbase.admin.domain.rolling import News, Shrunk, news_of
from creditbase.admin.rollup_progress import Progress, Sweep, commit_step, load_progress
from creditbase.admin.rollup_store import Changed, DayName, Mark, MonthName
from creditbase.kernel.records import dataclass
from creditbase.ledger.domain.wallet import DayCount
from creditbase.ledger.paths import SHARDS
from creditbase.ledger.used import (
    Days,
    Used,
    find_used,
    load_days_after,
    load_days_named,
    load_used,
)
from creditbase.runtime.firestore import Ambiguous, Lost, Write

WALLETS_PER_STEP_MAX = 50
DAYS_PER_STEP_MAX = 100
"""Platform days that one commit may change."""
DAYS_PER_WALLET_MAX = 100
"""Closed days of a wallet that one step takes; the next goes on with it."""
BYTES_PER_STEP_MAX = 8_000_000
"""Of one commit, which the store takes up to ten megabytes: else it does less."""
NAMED_DAYS_MAX = 2
"""So few days are asked for by name, in one RPC for all wallets; more by a query for each."""
UNDER_WAY = timedelta(minutes=10)
"""How long a commit may have been on its way when a sweep began."""
READABLE = timedelta(minutes=50)
"""A sweep that was begun so long ago cannot go on: the store may not know its instant."""
LAST = SHARDS
"""What comes behind all shards: wallets that could not be counted the last time."""
THE_BEGINNING = datetime.fromisoformat("2000-01-01T00:00:00+00:00")


@dataclass(frozen=True, slots=True)
class Swept:
    """What a run came to: wallets that were looked at, and whether it got to an end."""

    wallets: int
    is_published: bool
    progress: Progress


def roll_up(now: datetime, *, until_s: float, limit: int) -> Swept:
    """Go on with the sweep that is under way, or make one; publish it where it ends.

    Ends early after `limit` wallets, or where the monotonic clock passes `until_s`.

    Raises:
        Unavailable: the store does not answer; the next run goes on.
    """
    wallets = 0
    progress = load_progress()
    while True:
        try:
            sweep = progress.sweep
            if sweep is None or _is_stale(progress):
                progress = _begin(progress, now)
                continue
            if sweep.shard > LAST:
                progress = _publish(progress, sweep)
                if sweep.as_of >= now:
                    return Swept(wallets, True, progress)
                continue  # it was begun before this run, and more has happened since
            if wallets >= limit or time.monotonic() >= until_s:
                return Swept(wallets, False, progress)
            looked_at, progress = _step(progress, sweep)
            wallets += looked_at
        except (Lost, Ambiguous):
            before, progress = progress, load_progress()
            if progress.published.number > before.published.number:
                return Swept(wallets, True, progress)  # another has finished it


def _is_stale(progress: Progress) -> bool:
    sweep, seen_at = progress.sweep, progress.seen_at
    return sweep is not None and seen_at is not None and seen_at - sweep.read_at > READABLE


def _begin(progress: Progress, now: datetime) -> Progress:
    """Begin a sweep at the instant of the read that found none under way, or one too old.

    What is too old is given up once; the second in a row goes on at a later instant. So a
    roll-up that has months to catch up with comes to an end, and the next is exact again.
    """
    published, last, old = progress.published, newest_number(progress), progress.sweep
    assert progress.seen_at is not None
    if old is not None and old.number - 1 in published.given_up:
        renewed = replace(old, read_at=progress.seen_at, is_renewed=True)
        return commit_step(progress, replace(progress, sweep=renewed))
    if old is not None:
        published = replace(published, given_up=(*published.given_up, old.number))
    since = progress.since
    if since is None:
        since = THE_BEGINNING if progress.as_of is None else progress.as_of - UNDER_WAY
    sweep = Sweep(number=last + 1, as_of=now, read_at=progress.seen_at, since=since)
    return commit_step(progress, replace(progress, published=published, sweep=sweep))


def newest_number(progress: Progress) -> int:
    """Return the newest number that any sweep has had."""
    if progress.sweep is not None:
        return progress.sweep.number
    return max(progress.published.number, *progress.published.given_up, 0)


def _publish(progress: Progress, sweep: Sweep) -> Progress:
    """Make everything count that the sweep has found, by one write."""
    published = replace(progress.published, number=sweep.number)
    after = replace(
        progress,
        published=published,
        as_of=sweep.as_of,
        read_at=sweep.read_at,
        is_exact=not (sweep.lost_count or sweep.is_renewed),
        lost=sweep.lost,
        since=sweep.since if sweep.lost_count > len(sweep.lost) else None,
        sweep=None,
    )
    return commit_step(progress, after)


# ---- a step ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Found:
    """A wallet of the page with what is new in it."""

    used: Used
    mark: Mark
    base: DayCount
    """What was counted of it before."""
    seen: tuple[DayCount, ...]
    news: News
    is_whole: bool
    """Whether that is all of it; else the next step goes on with the same wallet."""
    is_lost: bool = False
    """Whether it cannot be counted: a day of it is not what the ledger writes."""

    def first_half(self) -> "_Found":
        """Return the wallet with the older half of its days."""
        seen = self.seen[: len(self.seen) // 2]
        return replace(self, seen=seen, news=news_of(self.base, seen), is_whole=False)


def _step(progress: Progress, sweep: Sweep) -> tuple[int, Progress]:
    """Roll up one page of a shard; return how many wallets that was, and the progress."""
    page, is_last_page = _page(progress, sweep)
    if not page:
        return 0, replace(progress, sweep=sweep.in_next_shard())
    at_store, marks = store.load_marks([used.ref for used in page])
    if at_store.version != progress.version:
        raise Lost
    taken = _as_many_as_fit(_news(page, marks, progress, sweep))
    taken, writes = _small_enough(taken, progress, sweep)
    ended = sweep.without([one.used.ref.wallet for one in taken if one.is_lost])
    whole = taken if taken[-1].is_whole else taken[:-1]
    if whole:
        ended = ended.past(whole[-1].used.place)
    if is_last_page and len(whole) == len(page):
        ended = ended.in_next_shard()
    after = replace(progress, sweep=ended)
    # What was only looked at need not be kept: it is found unchanged again.
    return len(whole), commit_step(progress, after, writes) if writes else after


def _page(progress: Progress, sweep: Sweep) -> tuple[list[Used], bool]:
    """Return the next wallets to be looked at, and whether they are the last of the shard."""
    if sweep.shard < LAST:
        page = find_used(
            shard=sweep.shard,
            since=sweep.since,
            after=sweep.after,
            limit=WALLETS_PER_STEP_MAX,
            read_at=sweep.read_at,
        )
        return page, len(page) < WALLETS_PER_STEP_MAX
    waiting = sorted(path for path in progress.lost if path > sweep.after_path)
    paths = waiting[:WALLETS_PER_STEP_MAX]
    return load_used(paths, read_at=sweep.read_at), paths == waiting


def _news(
    page: Sequence[Used], marks: Sequence[Mark], progress: Progress, sweep: Sweep
) -> Iterator[_Found]:
    """Yield what is new in each wallet of a page, with the days that were closed since."""
    bases = [mark.day.base(progress.published, sweep.number) for mark in marks]
    named = {
        used.ref: dates
        for used, base in zip(page, bases, strict=True)
        if used.today is not None
        and (dates := _dates_between(base.date, used.today.date)) is not None
    }
    closed = load_days_named(named, read_at=sweep.read_at)
    for used, mark, base in zip(page, marks, bases, strict=True):
        days = closed[used.ref] if used.ref in named else _closed_since(used, base, sweep)
        lost = _Found(used, mark, base, (), News(base, {}), is_whole=True, is_lost=True)
        if used.today is None or days is None:
            yield lost
            continue
        is_whole = used.ref in named or len(days) < DAYS_PER_WALLET_MAX
        seen = (*days, used.today) if is_whole else tuple(days)
        try:
            yield _Found(used, mark, base, seen, news_of(base, seen), is_whole)
        except Shrunk:
            yield lost


def _dates_between(marked: str, today: str) -> list[str] | None:
    """Return the days from the marked one to yesterday; None where they are many."""
    if not marked:
        return None
    first, last = date.fromisoformat(marked), date.fromisoformat(today)
    days = (last - first).days
    if days > NAMED_DAYS_MAX:
        return None
    return [(first + timedelta(days=number)).isoformat() for number in range(days)]


def _closed_since(used: Used, base: DayCount, sweep: Sweep) -> Days | None:
    """Return the closed days from the marked one on, the oldest first, not too many."""
    before = ""
    if base.date:
        before = (date.fromisoformat(base.date) - timedelta(days=1)).isoformat()
    return load_days_after(used.ref, before, limit=DAYS_PER_WALLET_MAX, read_at=sweep.read_at)


def _as_many_as_fit(found: Iterable[_Found]) -> list[_Found]:
    """Return the first wallets of a page whose days one commit may change; at least one.

    One that is not whole is the last, because the next step begins with it.
    """
    taken: list[_Found] = []
    names: set[DayName] = set()
    for one in found:
        names |= _day_names(one)
        if taken and len(names) > DAYS_PER_STEP_MAX:
            break
        taken.append(one)
        if not one.is_whole:
            break
    return taken


def _small_enough(
    taken: list[_Found], progress: Progress, sweep: Sweep
) -> tuple[list[_Found], list[Write]]:
    """Return so many of the wallets, or of the first one's days, as one commit can take."""
    while True:
        writes = _writes(taken, progress, sweep)
        is_least = len(taken) == 1 and len(taken[0].seen) <= 1
        if is_least or store.bytes_of(writes) <= BYTES_PER_STEP_MAX:
            return taken, writes
        half = len(taken) // 2
        taken = taken[:half] if half else [taken[0].first_half()]


def _day_names(one: _Found) -> set[DayName]:
    return {DayName(one.used.ref.project_id, date) for date in one.news.added}


def _month_names(one: _Found) -> list[MonthName]:
    months = {date[: len("2026-01")] for date in one.news.added}
    return [MonthName(one.used.ref, month) for month in sorted(months)]


def _writes(taken: Sequence[_Found], progress: Progress, sweep: Sweep) -> list[Write]:
    """Return the writes of what is new; none for wallets in which nothing is."""
    fresh = [one for one in taken if one.news.added]
    if not fresh:
        return []
    days = sorted({name for one in fresh for name in _day_names(one)})
    months = [name for one in fresh for name in _month_names(one)]
    platform = store.load_platform(days, months)
    changed = Changed(set(days), dict.fromkeys(months), set())
    writes: list[Write] = []
    published, number = progress.published, sweep.number
    for one in fresh:
        project_id, ordinal = one.used.ref.project_id, one.mark.ordinal
        if ordinal is None:
            ordinal = platform.ordinals[project_id]
            platform.ordinals[project_id] = ordinal + 1
            changed.projects.add(project_id)
        marked = one.mark.day.changed(one.news.mark, published, number)
        writes.append(store.write_of_mark(Mark(one.used.ref, ordinal, marked)))
        for day_date, cells in one.news.added.items():
            name = DayName(project_id, day_date)
            day = platform.days[name]
            used = day.base(published, number).plus(cells, ordinal)
            platform.days[name] = day.changed(used, published, number)
        for month_name in _month_names(one):
            month = platform.months[month_name]
            total = month.base(published, number)
            total = total.joined(store.month_sum(one.news.added, month_name.month))
            platform.months[month_name] = month.changed(total, published, number)
    return [*writes, *platform.writes(changed)]
