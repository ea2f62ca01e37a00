"""Every job, broken at every RPC: its next run does the rest, once (promises.md T4, P22)."""

from collections.abc import Iterator

import pytest

from tests.proof.cells import COMMIT_SHARE, READ_SHARE, all_cells, named, some, try_cells
from tests.proof.doors import opened_doors
from tests.proof.matrix import Bench
from tests.proof.operations import JOBS
from tests.proof.staging import Operation
from tests.runtime.signing import Signer, serving_keys
from tests.wire import Wire
from tests.wired import _session_wire

__all__ = ["_session_wire"]
pytestmark = pytest.mark.firestore


@pytest.fixture(scope="module")
def bench(_session_wire: Wire, project: str) -> Iterator[Bench]:
    """Return a bench in a database of its own: jobs do whatever is due, whoever's it is."""
    _session_wire.reset()
    with serving_keys(Signer(f"{project}-jobs")) as signer, opened_doors(signer) as doors:
        yield Bench(doors, _session_wire)
    _session_wire.reset()


@pytest.mark.parametrize("operation", JOBS, ids=named)
def test_a_fault_in_a_job_and_its_next_run_have_one_effect(
    bench: Bench, operation: Operation
) -> None:
    """A run that is broken anywhere is continued by the next one."""
    commits, reads, _ = all_cells(bench, operation)
    cells = [*some(commits, COMMIT_SHARE, 1), *some(reads, READ_SHARE, 3)]

    try_cells(bench, operation, cells)


@pytest.mark.soak
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("operation", JOBS, ids=named)
def test_every_cell_of_a_job(bench: Bench, operation: Operation) -> None:
    """Every RPC, with every fault."""
    for cells in all_cells(bench, operation):
        try_cells(bench, operation, cells)
