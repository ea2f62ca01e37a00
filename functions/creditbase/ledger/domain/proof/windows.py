"""Windows and days, running and closed, held against what entries have counted."""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from creditbase.kernel.instants import write_exact
from creditbase.kernel.windows import free_window
from creditbase.ledger.domain.cells import cell_of
from creditbase.ledger.domain.proof.reading import Broken, Doc
from creditbase.ledger.domain.proof.tale import DayTold, Tale, WindowTold
from creditbase.ledger.domain.shadow import Compared
from creditbase.ledger.domain.wallet import INCLUDED, OTHER_MODELS, Tally

WINDOW = frozenset(
    {
        *("start_at", "end_at", "number", "included_spent_nanos", "included_held_nanos"),
        *("told_percent", "models", "days", "budgets"),
    }
)
COUNTERS = tuple(Tally.__dataclass_fields__)
COMPARED = frozenset(Compared.__dataclass_fields__)
TICK = timedelta(microseconds=1)


def check_windows(tale: Tale, state: Doc) -> None:
    """Hold the running window, and those not closed yet, against the tale.

    Raises:
        Broken: they differ, or two are of one beginning.
    """
    starts: set[datetime] = set()
    created_at = state.instant("created_at")
    for window in running_windows(state):
        start_at = window.instant("start_at")
        if start_at in starts:
            raise window.broken("start_at", "another than a window before it", start_at)
        starts.add(start_at)
        check_window(tale, window, created_at)


def running_windows(state: Doc) -> Iterator[Doc]:
    """Yield the running window, and those that are not closed yet."""
    yield state.inner("window")
    yield from state.listed("closing")


def closed_starts(tale: Tale, state: Doc) -> list[datetime]:
    """Return when the used windows began that must have been closed."""
    running = {window.instant("start_at") for window in running_windows(state)}
    return [
        start_at
        for start_at, told in sorted(tale.windows.items())
        if start_at not in running and (told.models or told.spent_nanos)
    ]


def check_period(tale: Tale, start_at: datetime, fields: object, state: Doc) -> None:
    """Hold the document of a closed window against the tale.

    Raises:
        Broken: it is missing, or differs.
    """
    path = f"periods/{write_exact(start_at)}"
    if not isinstance(fields, Mapping):
        raise Broken(path, "the period", "a closed window", "nothing")
    window = Doc(path, fields)
    window.expect("start_at", start_at)
    if window.instant("end_at") > state.instant("at"):
        raise window.broken("end_at", "a time that is over", fields["end_at"])
    check_window(tale, window, state.instant("created_at"))


def check_window(tale: Tale, window: Doc, created_at: datetime) -> None:
    """Hold a window against what entries have counted in it.

    Raises:
        Broken: they differ.
    """
    window.has_only(WINDOW)
    start_at, end_at = window.instant("start_at"), window.instant("end_at")
    if end_at <= start_at:
        raise window.broken("end_at", f"later than {start_at}", end_at)
    window.one_of("told_percent", (0, 80, 100))
    is_free = window.fields["number"] is not None
    if is_free:
        span = free_window(created_at, window.whole("number"))
        window.expect("start_at", span.start_at)
        window.expect("end_at", span.end_at)
    told = tale.windows.get(start_at, WindowTold())
    _check_tallies(window.inner("models"), told.models)
    _check_days(window.inner("days"), told, end_at, is_free=is_free)
    held = [hold for hold in tale.holds.values() if hold.window_start_at == start_at]
    pinned = sum(
        draw.amount_nanos for hold in held for draw in hold.draws if draw.source == INCLUDED
    )
    window.expect("included_held_nanos", pinned)
    spent_nanos = window.whole("included_spent_nanos")
    if not told.spent_nanos <= spent_nanos <= told.spent_nanos + tale.loose_nanos:
        raise window.broken("included_spent_nanos", told.spent_nanos, spent_nanos)
    _check_budgets(
        window.inner("budgets"),
        told,
        Counter(
            {
                name: sum(h.amount_nanos for h in held if h.budget == name)
                for name in {hold.budget for hold in held}
            }
        ),
    )


def _check_budgets(found: Doc, told: WindowTold, held: Counter[str]) -> None:
    names = {name for name in (*told.budgets, *held, *found.fields) if name}
    for name in sorted(names):
        counter = found.inner(name, is_optional=True)
        if counter.fields:
            counter.has_only(frozenset({"spent_nanos", "held_nanos"}))
        for field, nanos in (
            ("spent_nanos", told.budgets[name]),
            ("held_nanos", held[name]),
        ):
            if counter.whole(field, 0) != nanos:
                raise counter.broken(field, nanos, counter.whole(field, 0))
        if found.has(name) and not told.budgets[name] and not held[name]:
            raise found.broken(name, "nothing", counter.fields)


def _check_tallies(found: Doc, told: Mapping[str, Tally]) -> None:
    for name in sorted(found.fields.keys() | told.keys()):
        if name not in told:
            raise found.broken(name, "nothing that was used", found.fields[name])
        if not found.has(name):
            raise found.broken(name, "what was used", "nothing")
        tally_is(found.inner(name), told[name])


def tally_is(found: Doc, told: Tally) -> None:
    """Let counters be what was told; those that are zero are left out.

    Raises:
        Broken: they are not.
    """
    found.has_only(frozenset(), frozenset(COUNTERS))
    for counter in COUNTERS:
        count = found.whole(counter, 0)
        if count != getattr(told, counter) or (found.has(counter) and not count):
            raise found.broken(counter, getattr(told, counter), count)


def read_tally(found: Doc) -> Tally:
    """Return counters.

    Raises:
        Broken: they are none.
    """
    found.has_only(frozenset(), frozenset(COUNTERS))
    return Tally(**{counter: found.whole(counter, 0) for counter in COUNTERS})


def _check_days(found: Doc, told: WindowTold, end_at: datetime, *, is_free: bool) -> None:
    """Hold the days of a window against the tale; what came after its end is on its last day.

    The end of a paid period may have been put off. What was counted before then may be on an
    earlier day than its own, and never on a later one.
    """
    last = f"{end_at - TICK:%Y-%m-%d}"
    expected: dict[str, Tally] = {}
    for date, tally in sorted(told.days.items()):
        day = min(date, last)
        expected[day] = expected.get(day, Tally()).joined(tally)
    if is_free:
        _check_tallies(found, expected)
        return
    there = there_by_now = Tally()
    should = Tally()
    stored = {date: read_tally(day) for date, day in found.inners().items()}
    for date in sorted({*stored, *expected}):
        there_by_now = there_by_now.joined(stored.get(date, Tally()))
        should = should.joined(expected.get(date, Tally()))
        for counter in COUNTERS:
            if getattr(there_by_now, counter) < getattr(should, counter):
                there = stored.get(date, Tally())
                raise found.broken(
                    f"{date}.{counter}",
                    f"{getattr(should, counter)} until then",
                    getattr(there, counter),
                )
    if there_by_now != should:
        raise found.broken("the sum of all days", should, there_by_now)


# ---- days ------------------------------------------------------------------------------------


def check_today(tale: Tale, state: Doc, at: datetime) -> None:
    """Hold the running day against the tale, and hand out the last day if it is over.

    Raises:
        Broken: they differ.
    """
    today = state.inner("today")
    date = f"{at:%Y-%m-%d}"
    today.expect("date", date)
    if tale.day.date != date:
        if tale.day.is_kept:
            tale.closed.append(tale.day)
            tale.days_closed += 1
        tale.day = DayTold(date)
    _check_day(today, tale.day)


def check_closed_day(told: DayTold, fields: object) -> None:
    """Hold the document of a closed day against the tale.

    Raises:
        Broken: it is missing, or differs.
    """
    path = f"usage/{told.date}"
    if not isinstance(fields, Mapping):
        raise Broken(path, "the day", "a closed day", "nothing")
    day = Doc(path, fields)
    day.expect("date", told.date)
    _check_day(day, told)


def _check_day(day: Doc, told: DayTold) -> None:
    """Hold a day's cells against the tale: by model and provider, for entries know no plans.

    What is beyond 200 cells is `other`, of any model; older days know models only.
    """
    day.has_only(frozenset({"date", "models"}), frozenset({"compared"}))
    _check_compared(day.inner("compared", is_optional=True), told)
    found: dict[tuple[str, str], Tally] = {}
    cells = day.inner("models")
    has_other = cells.has(OTHER_MODELS)
    knows_providers = True
    for key, counted in cells.inners().items():
        cell = cell_of(key)
        knows_providers = knows_providers and key != cell.model
        place = cell.model, cell.provider
        found[place] = found.get(place, Tally()).joined(read_tally(counted))
        if any(not count for count in counted.fields.values()):
            raise cells.broken(key, "counters above zero", counted.fields)
    expected = dict(told.cells)
    if not knows_providers:
        found, expected = _by_model(found), _by_model(expected)
    if has_other:
        _sum_is(cells, _sum(found), _sum(expected))
        other = (OTHER_MODELS, "")
        expected = {place: tally for place, tally in expected.items() if place in found}
        for place in found.keys() - {other}:
            if not _is_within(found[place], expected.get(place, Tally())):
                raise cells.broken(place[0], "at most what was used", found[place])
        return
    for place in sorted(found.keys() | expected.keys()):
        _sum_is(cells, found.get(place, Tally()), expected.get(place, Tally()), place[0])


def _check_compared(found: Doc, told: DayTold) -> None:
    names = found.fields.keys() | told.compared.keys()
    for name in sorted(names):
        counters = found.inner(name, is_optional=True)
        counters.has_only(frozenset(), COMPARED)
        if Compared(**{it: counters.signed(it) for it in counters.fields}) != (
            told.compared.get(name)
        ):
            raise found.broken(name, told.compared.get(name), counters.fields)


def _sum(tallies: Mapping[tuple[str, str], Tally]) -> Tally:
    total = Tally()
    for tally in tallies.values():
        total = total.joined(tally)
    return total


def _by_model(tallies: Mapping[tuple[str, str], Tally]) -> dict[tuple[str, str], Tally]:
    sums: dict[tuple[str, str], Tally] = {}
    for (model, _), tally in tallies.items():
        sums[model, ""] = sums.get((model, ""), Tally()).joined(tally)
    return sums


def _sum_is(cells: Doc, found: Tally, told: Tally, name: str = "all") -> None:
    for counter in COUNTERS:
        if getattr(found, counter) != getattr(told, counter):
            place = f"{name}.{counter}"
            raise cells.broken(place, getattr(told, counter), getattr(found, counter))


def _is_within(found: Tally, told: Tally) -> bool:
    return all(getattr(found, counter) <= getattr(told, counter) for counter in COUNTERS)
