"""The bank: processes that spend from the same wallets, die and try again, on the real store.

T5 of the promises: P01 to P03, P07, P10, P29, P30 and P32. What clients wanted and heard, and
raw documents, are all that the three checkers know.
"""

import json
import os
import subprocess
import sys
import uuid
from collections import Counter
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from creditbase.kernel import ids
from dev.background import BOUND
from dev.layout import FUNCTIONS, ROOT
from tests import figures
from tests.ledger.wallets import LiveWallet
from tests.proof.bank_checks import Book, History, check_once, check_total
from tests.proof.bank_order import check_order
from tests.proof.clients import Job, Journal
from tests.simulation.auditor import Flaw

pytestmark = [pytest.mark.firestore, pytest.mark.usefixtures("firestore_host", "project")]

KILLS = "T4 processes killed by SIGKILL at a request"
HOUSEHOLDS, ROUNDS = 4, 290
"""Sixteen threads do a deed each round: more than eighteen thousand in all."""
HOT_ROUNDS = 126
"""Of the same threads on one wallet: two thousand."""
OPENING = 200
BALANCE, COST = 157, 3
"""Fifty-two are let in; what is left would not pay another one."""
WITHIN_S = 1_800
SIGTERM = "15"


def opened(count: int, nanos: int = OPENING) -> list[LiveWallet]:
    """Return new wallets of the hub."""
    hub, now = ids.project_uuid("hub"), datetime.now(UTC)
    return [
        LiveWallet.opened(
            hub, ids.customer_uuid(hub, uuid.uuid4().hex, 1), nanos=nanos, now=now
        )
        for _ in range(count)
    ]


def do(job: Job) -> History:
    """Let the clients do their job, to the end; return what they wrote down."""
    command = [sys.executable, "-I", "-S", str(BOUND), SIGTERM, str(os.getpid())]
    command += [sys.executable, "-m", "tests.proof.clients", json.dumps(asdict(job))]
    env = {**os.environ, "PYTHONPATH": f"{FUNCTIONS}{os.pathsep}{ROOT}", "THREADS": "128"}
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4_000:]
    return History.read(Journal(job.journal).lines())


def books_of(wallets: list[LiveWallet]) -> list[Book]:
    """Return the wallets as they stand."""
    return [Book(number, live.state(), live.entries()) for number, live in enumerate(wallets)]


def a_job(wallets: list[LiveWallet], folder: Path, **how: object) -> Job:
    """Return a job on these wallets, with a seed that a failure shows."""
    refs = tuple((live.ref.project_id, live.ref.customer_id) for live in wallets)
    plain = Job("bank 1", str(folder / "journal"), refs, clients=4, threads=4)
    return replace(plain, **how)  # type: ignore[arg-type]


def check(job: Job, wallets: list[LiveWallet]) -> History:
    """Do a job and hold all three checkers against what came of it."""
    history = do(job)
    books = books_of(wallets)
    check_total(history, books)
    check_once(history, books)
    check_order(history, books, lively=job.lively)
    return history


class TestHousehold:
    """Many wallets, with everything going wrong that may."""

    @pytest.mark.parametrize("number", range(HOUSEHOLDS))
    def test_processes_that_die_leave_exact_books(self, number: int, tmp_path: Path) -> None:
        """Faults at every fiftieth RPC, deaths, and twins: the books say what all heard."""
        wallets = opened(12)
        job = a_job(wallets, tmp_path, rounds=ROUNDS, lively=6, deaths=3, faults_percent=2)
        job = replace(job, seed=f"bank {number}")

        history = check(job, wallets)

        assert history.deaths == job.clients * job.deaths
        assert history.faults.total() > 0
        assert {intent.what for intent in history.intents.values()} >= {
            *("charge", "hold", "capture", "void"),
            *("grant", "gift", "adjust", "terms", "read"),
        }
        figures.count("T5 operations of the bank", len(history.intents), seed=job.seed)
        figures.count(KILLS, history.deaths)
        for name, times in history.faults.items():
            figures.count(f"T5 {name}", times)

    @pytest.mark.soak
    @pytest.mark.timeout(WITHIN_S)
    def test_eighteen_thousand_operations(self, tmp_path: Path) -> None:
        """The same for longer, with more threads of more processes, and from another seed."""
        wallets = opened(48)
        job = a_job(wallets, tmp_path, clients=8, rounds=560, lively=24, deaths=6)
        job = replace(job, seed=f"bank {uuid.uuid4().hex}", faults_percent=2)

        history = check(job, wallets)

        figures.count("T5 operations of the bank", len(history.intents), seed=job.seed)
        figures.count(KILLS, history.deaths)


class TestHotWallet:
    """Sixteen writers in four processes, all of one customer's."""

    def test_everybody_is_told_what_is_true(self, tmp_path: Path) -> None:
        """Nobody is left without a definite answer, and all answers make one order."""
        wallets = opened(1)
        job = a_job(wallets, tmp_path, rounds=HOT_ROUNDS)

        history = check(job, wallets)

        assert history.unanswered == []
        assert sum(intent.unknown for intent in history.intents.values()) == 0
        figures.count("T5 operations on the hot wallet", len(history.intents), seed=job.seed)

    @pytest.mark.soak
    @pytest.mark.timeout(WITHIN_S)
    def test_fifty_thousand_operations(self, tmp_path: Path) -> None:
        """The same for longer."""
        wallets = opened(1)
        job = a_job(wallets, tmp_path, rounds=3_125, seed=f"bank {uuid.uuid4().hex}")

        history = check(job, wallets)

        assert history.unanswered == []
        figures.count("T5 operations on the hot wallet", len(history.intents), seed=job.seed)


class TestAdmission:
    """Two hundred at once, in four processes, for what fifty-two of them can have."""

    def test_as_many_are_let_in_as_the_balance_pays(self, tmp_path: Path) -> None:
        """Twenty balances, one after the other: not one too many, and not one too few."""
        wallets = opened(20, nanos=BALANCE)
        job = a_job(wallets, tmp_path, threads=50, drains=COST)

        history = check(job, wallets)

        admitted = Counter(i.wallet for i in history.intents.values() if i.told)
        refused = Counter(i.wallet for i in history.intents.values() if i.refused)
        assert admitted == dict.fromkeys(range(20), BALANCE // COST)
        assert refused == dict.fromkeys(range(20), 200 - BALANCE // COST)
        figures.count("T5 parallel requests for one of twenty balances", len(history.intents))


TELLS_WHAT_IS_IN_DOUBT = """except Ambiguous:
            self._answer(batch, decided)
            return
        except Lost as lost:"""
BUGS = {
    "a wallet that has moved is written over": (
        check_total,
        "creditbase.ledger.store:writes_for",
        "Update(ref.wallet, changes, version)",
        "Update(ref.wallet, changes, firestore.get_all([ref.wallet])[0].version or version)",
    ),
    "a key is another one each time": (
        check_once,
        "creditbase.kernel.ids:operation_entry_id",
        "sha256_hex(idempotency_key)",
        "sha256_hex(idempotency_key + __import__('os').urandom(8).hex())",
    ),
    "what is in doubt is told as done": (
        check_once,
        "creditbase.ledger.lane:Lane._commit",
        "except (Lost, Ambiguous) as lost:",
        TELLS_WHAT_IS_IN_DOUBT,
    ),
    "a refusal is told from what a process remembers": (
        check_order,
        "creditbase.ledger.lane:Lane._commit",
        "if (decided.has_refusals or decided.broken) and loaded is warm:",
        "if decided.broken and loaded is warm:",
    ),
}
"""Bugs that nobody sees who asks a wallet alone, with the checker that finds them."""
HISTORIES_MAX = 8


@pytest.mark.parametrize("name", BUGS)
def test_a_checker_finds_a_bug(name: str, tmp_path: Path) -> None:
    """The clients run a product with one line changed, and their books do not add up.

    Who comes first is the machine's affair, so a bug may stay unseen in one history.
    """
    checker, *bug = BUGS[name]
    for number in range(HISTORIES_MAX):
        wallets, folder = opened(2), tmp_path / str(number)
        folder.mkdir()
        job = a_job(wallets, folder, rounds=20, clients=2, faults_percent=8, bug=tuple(bug))
        try:
            checker(do(job), books_of(wallets))
        except Flaw:
            return
    raise AssertionError(f"{HISTORIES_MAX} histories, and nothing was found")
