"""The roll-up of platform days: a sweep over the wallets that were used. ADR 0027.

A step reads a page of wallets as of the sweep's instant, finds what is new in their days, and
commits that with how far the sweep has come, on the condition that nobody else did. So it may
be killed anywhere, overlap with another, or not run for months.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from creditbase.admin import rollup_store as store
from creditbase.admin.domain.rolling import News, news_of
from creditbase.admin.rollup_store import Changed, DayName, Mark, MonthName, Progress, Sweep
from creditbase.ledger.domain.wallet import DayCount
from creditbase.ledger.paths import SHARDS
from creditbase.ledger.used import Used, find_used, load_days_after, load_days_named
from creditbase.runtime.firestore import Ambiguous, Lost, Write

WALLETS_PER_STEP_MAX = 50
DAYS_PER_STEP_MAX = 24
"""Platform days that one commit may change: with a million customers each is 250 kB."""
DAYS_PER_WALLET_MAX = 8
"""Closed days of a wallet that one step takes; the next goes on with it."""
NAMED_DAYS_MAX = 2
"""So few days are asked for by name, in one RPC for all wallets; more by a query for each."""
UNDER_WAY = timedelta(minutes=10)
"""How long a commit may have been on its way when a sweep began."""
READABLE = timedelta(minutes=50)
"""A sweep that was begun so long ago is given up: the store may not know its instant."""
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
    progress = store.load_progress()
    while True:
        try:
            sweep = progress.sweep
            if sweep is None or _is_stale(progress):
                progress = _begin(progress, now)
                continue
            if sweep.shard == SHARDS:
                progress = _publish(progress, sweep)
                if sweep.as_of >= now:
                    return Swept(wallets, True, progress)
                continue  # it was begun before this run, and more has happened since
            if wallets >= limit or time.monotonic() >= until_s:
                return Swept(wallets, False, progress)
            looked_at, progress = _step(progress, sweep)
            wallets += looked_at
        except (Lost, Ambiguous):
            before, progress = progress, store.load_progress()
            if progress.published.number > before.published.number:
                return Swept(wallets, True, progress)  # another has finished it


def _is_stale(progress: Progress) -> bool:
    sweep, seen_at = progress.sweep, progress.seen_at
    return sweep is not None and seen_at is not None and seen_at - sweep.read_at > READABLE


def _begin(progress: Progress, now: datetime) -> Progress:
    """Begin a sweep at the instant of the read that found none under way."""
    published, last = progress.published, published_number(progress)
    if progress.sweep is not None:
        given_up = (*published.given_up, progress.sweep.number)
        published = replace(published, given_up=given_up)
    assert progress.seen_at is not None
    since = THE_BEGINNING if progress.as_of is None else progress.as_of - UNDER_WAY
    sweep = Sweep(number=last + 1, as_of=now, read_at=progress.seen_at, since=since)
    return store.commit_step(progress, replace(progress, published=published, sweep=sweep))


def published_number(progress: Progress) -> int:
    """Return the newest number that any sweep has had."""
    if progress.sweep is not None:
        return progress.sweep.number
    return max(progress.published.number, *progress.published.given_up, 0)


def _publish(progress: Progress, sweep: Sweep) -> Progress:
    """Make everything count that the sweep has found, by one write."""
    published = replace(progress.published, number=sweep.number)
    after = replace(
        progress, published=published, as_of=sweep.as_of, read_at=sweep.read_at, sweep=None
    )
    return store.commit_step(progress, after)


# ---- a step ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Found:
    """A wallet of the page with what is new in it."""

    used: Used
    mark: Mark
    news: News
    is_whole: bool
    """Whether that is all of it; else the next step goes on with the same wallet."""


def _step(progress: Progress, sweep: Sweep) -> tuple[int, Progress]:
    """Roll up one page of a shard; return how many wallets that was, and the progress."""
    page = find_used(
        shard=sweep.shard,
        since=sweep.since,
        after=sweep.after,
        limit=WALLETS_PER_STEP_MAX,
        read_at=sweep.read_at,
    )
    if not page:
        return 0, replace(progress, sweep=sweep.in_next_shard())
    at_store, marks = store.load_marks([used.ref for used in page])
    if at_store.version != progress.version:
        raise Lost
    found = _news(page, marks, progress, sweep)
    taken = _as_many_as_fit(found)
    ended = sweep
    whole = taken if taken[-1].is_whole else taken[:-1]
    if whole:
        ended = sweep.past(whole[-1].used.place)
    if len(page) < WALLETS_PER_STEP_MAX and len(whole) == len(page):
        ended = sweep.in_next_shard()
    writes = _writes(taken, progress, sweep)
    after = replace(progress, sweep=ended)
    # What was only looked at need not be kept: it is found unchanged again.
    return len(whole), store.commit_step(progress, after, writes) if writes else after


def _news(
    page: Sequence[Used], marks: Sequence[Mark], progress: Progress, sweep: Sweep
) -> list[_Found]:
    """Return what is new in each wallet of a page, with the days that were closed since."""
    bases = [mark.day.base(progress.published, sweep.number) for mark in marks]
    named = {
        used.ref: dates
        for used, base in zip(page, bases, strict=True)
        if (dates := _dates_between(base.date, used.today.date)) is not None
    }
    closed = load_days_named(named, read_at=sweep.read_at)
    found = []
    for used, mark, base in zip(page, marks, bases, strict=True):
        days = closed[used.ref] if used.ref in named else _closed_since(used, base, sweep)
        is_whole = used.ref in named or len(days) < DAYS_PER_WALLET_MAX
        seen = [*days, used.today] if is_whole else days
        found.append(_Found(used, mark, news_of(base, seen), is_whole))
    return found


def _dates_between(marked: str, today: str) -> list[str] | None:
    """Return the days from the marked one to yesterday; None where they are many."""
    if not marked:
        return None
    first, last = date.fromisoformat(marked), date.fromisoformat(today)
    days = (last - first).days
    if days > NAMED_DAYS_MAX:
        return None
    return [(first + timedelta(days=number)).isoformat() for number in range(days)]


def _closed_since(used: Used, base: DayCount, sweep: Sweep) -> list[DayCount]:
    """Return the closed days from the marked one on, the oldest first, not too many."""
    before = ""
    if base.date:
        before = (date.fromisoformat(base.date) - timedelta(days=1)).isoformat()
    return load_days_after(used.ref, before, limit=DAYS_PER_WALLET_MAX, read_at=sweep.read_at)


def _as_many_as_fit(found: Sequence[_Found]) -> list[_Found]:
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
