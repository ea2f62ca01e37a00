"""What is new in a wallet's days, and what that adds to the days of all. Pure; ADR 0027.

Days of a wallet are over one after another and never change again; only its newest one does.
So the newest day that was counted, with its counters of then, says all that was counted.
"""

from collections.abc import Iterable, Mapping
from dataclasses import field

from creditbase.kernel.records import dataclass
from creditbase.ledger.domain.cells import Cell
from creditbase.ledger.domain.wallet import OTHER_CELLS, DayCount, Tally

Cells = Mapping[Cell, Tally]

CELLS_MAX = 1_000
CELL_BYTES_MAX = 360_000
"""Of a platform day; what is beyond counts as `other`. Two values of it, with the bitmaps of a
million customers, are less than a document may be."""
COUNTERS_BYTES = 140
NOTHING_MARKED = DayCount("")
"""The mark of a customer of whom nothing was counted yet."""


@dataclass(frozen=True, slots=True)
class DayUse:
    """What all customers of a project used on a day; `active` has a bit for each ordinal."""

    cells: Cells = field(default_factory=dict)
    active: int = 0

    def plus(self, added: Cells, ordinal: int) -> "DayUse":
        """Return the day with what a customer has used more on it."""
        is_active = any(tally.requests > 0 for tally in added.values())
        active = self.active | (1 << ordinal) if is_active else self.active
        return DayUse(added_up(self.cells, added), active)


@dataclass(frozen=True, slots=True)
class News:
    """The mark as it is to be, and what was counted since, by date."""

    mark: DayCount
    added: Mapping[str, Cells]


def news_of(mark: DayCount, days: Iterable[DayCount]) -> News:
    """Return what the days have that the mark does not know; the days are in order.

    Raises:
        Shrunk: a day has less than the mark knows of it.
    """
    added: dict[str, Cells] = {}
    for day in days:
        if day.date < mark.date:
            continue
        known = mark.cells if day.date == mark.date else {}
        if known.keys() - day.cells.keys():
            raise Shrunk
        if not day.cells:
            continue
        more = difference(day.cells, known)
        if more:
            added[day.date] = more
        mark = day
    return News(mark, added)


def difference(cells: Cells, known: Cells) -> Cells:
    """Return the counters that have grown, by how much."""
    found: dict[Cell, Tally] = {}
    for cell, tally in cells.items():
        more = less(tally, known.get(cell, Tally()))
        if more != Tally():
            found[cell] = more
    return found


class Shrunk(Exception):
    """A day has less than was counted of it: somebody wrote into the wallet."""


def less(tally: Tally, known: Tally) -> Tally:
    """Return the counters without those that are known.

    Raises:
        Shrunk: one has become smaller.
    """
    names = Tally.__dataclass_fields__
    more = {name: getattr(tally, name) - getattr(known, name) for name in names}
    if min(more.values()) < 0:
        raise Shrunk
    return Tally(**more)


def added_up(
    cells: Cells, added: Cells, *, most: int = CELLS_MAX, bytes_max: int = CELL_BYTES_MAX
) -> Cells:
    """Return both counters together; a cell that finds no room is counted as `other`."""
    found = dict(cells)
    is_new = not added.keys() <= found.keys()
    taken_bytes = sum(map(_cell_bytes, found)) if is_new else 0
    for cell, tally in added.items():
        place = cell
        if cell not in found:
            taken_bytes += _cell_bytes(cell)
            if len(found) >= most or taken_bytes > bytes_max:
                place = OTHER_CELLS
        known = found.get(place)
        found[place] = tally if known is None else known.joined(tally)
    return found


def _cell_bytes(cell: Cell) -> int:
    return len(cell.key.encode()) + COUNTERS_BYTES


def total_of(cells: Cells) -> Tally:
    """Return the sum of all counters."""
    total = Tally()
    for tally in cells.values():
        total = total.joined(tally)
    return total
