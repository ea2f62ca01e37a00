"""Every RPC of every operation, broken in every way, then repeated with the same key.

The acceptance matrix of promises.md T4: one effect, and no answer that is untrue.
"""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from creditbase.kernel.errors import BillingError, Retryable
from creditbase.ledger import use_cases
from creditbase.ledger.domain.decide import Decision
from tests.ledger.wallets import LiveWallet
from tests.wire import FAULTS, Fault, Wire

Act = Callable[[LiveWallet], Decision]


@dataclass(frozen=True)
class Operation:
    """What is done, what must be there before, and what is left afterwards."""

    name: str
    prepare: Callable[[LiveWallet], object]
    act: Act
    available: int
    held: int
    entries: int


def nothing(wallet: LiveWallet) -> None:
    """Prepare nothing."""
    del wallet


OPERATIONS = [
    Operation("charge", nothing, lambda w: w.charge("k", 7), 43, 0, 2),
    Operation("hold", nothing, lambda w: w.hold("k", 7), 43, 7, 2),
    Operation("capture", lambda w: w.hold("k", 7), lambda w: w.capture("k", 3), 47, 0, 3),
    Operation("over", lambda w: w.hold("k", 7), lambda w: w.capture("k", 60), 0, 0, 3),
    Operation("void", lambda w: w.hold("k", 7), lambda w: w.void("k"), 50, 0, 3),
    Operation("topup", nothing, lambda w: w.topup("pi_1", 100), 150, 0, 2),
]
RPCS = {"cold": 2, "warm": 1}


@dataclass(frozen=True)
class Cell:
    """One RPC of one operation, and how it breaks."""

    operation: Operation
    start: str
    index: int
    fault: Fault

    @property
    def name(self) -> str:
        """Return how the cell is shown."""
        return f"{self.operation.name}-{self.start}-{self.index}-{self.fault.__name__}"


def cells() -> list[Cell]:
    """Return every cell of the matrix."""
    return [
        Cell(operation, start, index, fault)
        for operation in OPERATIONS
        for start, count in RPCS.items()
        for index in range(count)
        for fault in FAULTS.values()
    ]


def cell_name(value: Operation | Cell | str) -> str:
    """Return how a cell, or a part of one, is shown."""
    return value if isinstance(value, str) else value.name


def start_from(start: str, wallet: LiveWallet) -> None:
    """Make the process warm for this wallet, or cold."""
    if start == "warm":
        wallet.warm()
    else:
        use_cases.lanes.cache_clear()


@pytest.mark.parametrize("operation", OPERATIONS, ids=cell_name)
@pytest.mark.parametrize("start", RPCS)
def test_the_matrix_covers_every_rpc_that_an_operation_makes(
    operation: Operation, start: str, wallet: LiveWallet, wire: Wire
) -> None:
    """A matrix that misses an RPC proves nothing about it."""
    operation.prepare(wallet)
    start_from(start, wallet)
    wire.reset()

    operation.act(wallet)

    assert len(wire.rpcs) == RPCS[start] > 0


@pytest.mark.parametrize("cell", cells(), ids=cell_name)
def test_a_broken_rpc_and_the_same_key_again_have_one_effect(
    cell: Cell, wallet: LiveWallet, wire: Wire
) -> None:
    """Whatever the network does, the customer pays once and is told the truth."""
    operation = cell.operation
    operation.prepare(wallet)
    start_from(cell.start, wallet)
    wire.reset()
    wire.faults[cell.index] = cell.fault

    try:
        first: Decision | BillingError = operation.act(wallet)
    except BillingError as refusal:
        first = refusal
    again = operation.act(wallet)

    assert not wire.faults, "the fault must really have happened"
    assert again.entry is not None
    if isinstance(first, Decision):
        assert again.is_replay
        assert first.entry == again.entry
    else:
        assert isinstance(first, Retryable)
    wire.wait_for_late()
    assert wallet.available() == operation.available
    assert sum(h["amount_nanos"] for h in wallet.state()["holds"].values()) == operation.held
    assert len(wallet.entries()) == operation.entries
