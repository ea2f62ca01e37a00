"""The cells of the fault matrix: which there are, which are tried in every run, and trying."""

from dataclasses import dataclass
from functools import partial

from tests import figures
from tests.proof.matrix import Bench
from tests.proof.staging import Operation
from tests.proof.stripe_seam import STRIPE_FAULTS, StripeFault
from tests.wire import COMMIT_FAULTS, READ_FAULTS, Fault

COMMIT_SHARE, READ_SHARE = 4, 1
"""How many faults of each kind an operation meets in every run; metering meets all."""


@dataclass(frozen=True)
class Cell:
    """What breaks: the n-th commit or read of an operation, or the n-th request to Stripe."""

    kind: str
    index: int
    fault: Fault | StripeFault

    @property
    def name(self) -> str:
        """Return how the cell is shown."""
        fault = self.fault
        name = fault.name if isinstance(fault, StripeFault) else fault.__name__
        return f"{self.kind} {self.index} {name}"


def some(cells: list[Cell], share: int, start: int) -> list[Cell]:
    """Return so many cells, spread out, from another one on for each operation."""
    if len(cells) <= share:
        return cells
    step = len(cells) // share
    return [cells[(start + place * step) % len(cells)] for place in range(share)]


def all_cells(bench: Bench, operation: Operation) -> list[list[Cell]]:
    """Return every cell of an operation: of its commits, its reads, its requests to Stripe."""
    clean = bench.try_clean(operation)
    return [
        [Cell("commit", n, fault) for n in range(clean.commits) for fault in COMMIT_FAULTS],
        [Cell("read", n, fault) for n in range(clean.reads) for fault in READ_FAULTS],
        [
            Cell("stripe", n, fault)
            for n in range(len(clean.asked))
            for fault in STRIPE_FAULTS.values()
        ],
    ]


def try_cells(bench: Bench, operation: Operation, cells: list[Cell]) -> None:
    """Try cells one after the other, and count them by kind."""
    for cell in cells:
        try:
            bench.try_broken(operation, partial(_break, bench, cell))
            assert cell.kind != "stripe" or bench.doors.seam.hits
        except BaseException as failure:
            failure.add_note(f"{operation.name}: {cell.name}")
            raise
        figures.count(f"T4 cells: {cell.kind}", 1)


def _break(bench: Bench, cell: Cell) -> None:
    if isinstance(cell.fault, StripeFault):
        bench.doors.seam.break_at(cell.index, cell.fault)
    else:
        bench.wire.aims[cell.kind, cell.index] = cell.fault


def named(operation: Operation) -> str:
    """Return how an operation is shown."""
    return operation.name
