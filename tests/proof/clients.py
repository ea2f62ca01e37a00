"""The clients of the bank: processes that spend from the same wallets, die, and come back.

`python -m tests.proof.clients JOB` forks as many processes as the job (JSON) says. Each has
threads that give commands to the product's own ledger, over a wire that breaks, and write into
one journal what they are about to ask and what they heard. A process may be set to die by
SIGKILL at an RPC; then another one takes its place, and asks some of what it had begun again,
under the same keys. What nobody asks again stays unknown, as in life.
"""

import ctypes
import json
import os
import signal
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from creditbase.kernel import ids
from creditbase.kernel.errors import BillingError, Contention, Unavailable
from creditbase.ledger import store, use_cases
from creditbase.ledger.domain.commands import (
    CaptureHold,
    ChangeTerms,
    Charge,
    Command,
    Deduct,
    FixedAmount,
    GrantCredits,
    PlaceHold,
    VoidHold,
)
from creditbase.ledger.domain.decide import Decision
from creditbase.ledger.domain.draft import figures_of
from creditbase.ledger.domain.wallet import Terms, Wallet
from creditbase.ledger.paths import WalletRef
from tests.seeded import seeded_bug
from tests.teeth.biting import function_of
from tests.together import at_once
from tests.wire import COMMIT_FAULTS, Send, Wire, install, kill_before

PR_SET_PDEATHSIG = 1
LIFE_S_MAX = 1_800
TRIES = 6
"""How often a client asks where it is told nothing definite; then it gives up."""
RPCS_MAX = 40_000
"""Beyond that many RPCs of one process the wire breaks no more."""
MIX = (
    *("charge",) * 27,
    *("hold",) * 22,
    *("capture",) * 16,
    *("void",) * 8,
    *("read",) * 9,
    *("grant",) * 6,
    *("gift",) * 3,
    *("adjust",) * 5,
    *("terms",) * 4,
)
"""What clients do, by how often."""
TERMS = (
    Terms("bank"),
    Terms("bank", payment_issue=True),
    Terms("bank limited", included="limited", limit_nanos=300),
)
AMOUNTS = {"charge": (1, 20), "adjust": (1, 30), "terms": (0, len(TERMS) - 1)}
GIFT_LASTS = timedelta(seconds=2)


@dataclass(frozen=True)
class Job:
    """What the clients are to do.

    Of the wallets the first `lively` have what ends by itself: holds of a second, gifts of two,
    and changing terms. With `drains` every thread charges `drains` nanos of each wallet, once,
    and all of them at the same moment. `bug` is a function of the product, a text in it, and
    what it says instead.
    """

    seed: str
    journal: str
    wallets: tuple[tuple[str, str], ...]
    clients: int
    threads: int
    rounds: int = 0
    lively: int = 0
    deaths: int = 0
    faults_percent: int = 0
    drains: int = 0
    bug: tuple[str, ...] = ()


@dataclass(frozen=True)
class Deed:
    """What a client wants: `hold` names the deed whose hold it ends, `hold_id` the hold."""

    op: str
    what: str
    wallet: int
    amount: int = 0
    hold: str = ""
    hold_id: str = ""
    ttl_s: int = 900


@dataclass
class Journal:
    """A file that several processes append to, a line at a time, before and after they ask."""

    path: str

    def write(self, event: str, **facts: object) -> None:
        """Append a line, with the machine's one clock that never goes back."""
        line = json.dumps({"event": event, "at_ns": time.monotonic_ns(), **facts}) + "\n"
        file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(file, line.encode())
        finally:
            os.close(file)

    def lines(self) -> list[dict[str, Any]]:
        """Return what was written so far."""
        text = Path(self.path).read_text(encoding="utf-8") if Path(self.path).exists() else ""
        return [json.loads(line) for line in text.splitlines()]


@dataclass
class Client:
    """One thread of one process. `holds` it shares with the other threads."""

    job: Job
    journal: Journal
    name: str
    holds: list[Deed] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chance = Random(f"{self.job.seed} {self.name}")  # noqa: S311 - not for secrets

    def live(self) -> None:
        """Do one deed after the other."""
        for number in range(self.job.rounds):
            self.do(self.next_deed(f"{self.name}.{number}"))

    def drain(self, begins_ns: int) -> None:
        """Charge each wallet once, in the moment in which all the others do."""
        for number in range(len(self.job.wallets)):
            deed = Deed(f"{self.name}.{number}", "charge", number, self.job.drains)
            wait_ns = begins_ns + number * DRAIN_EVERY_NS - time.monotonic_ns()
            time.sleep(max(0, wait_ns) * 1e-9)
            self.do(deed)

    def next_deed(self, op: str) -> Deed:
        """Return what this client wants next."""
        chance = self.chance
        what, number = chance.choice(MIX), chance.randrange(len(self.job.wallets))
        is_lively = number < self.job.lively
        if what in {"capture", "void"}:
            if not self.holds:
                return Deed(op, "read", number)
            # Another thread may be about to end the very same one.
            held = chance.choice(self.holds[-12:])
            amount = chance.randint(0, held.amount * 3 // 2) if what == "capture" else 0
            return Deed(op, what, held.wallet, amount, held.op, held.hold_id)
        if what == "hold":
            ttl_s = 1 if is_lively and chance.random() < 1 / 4 else 900
            return Deed(op, what, number, chance.randint(1, 30), ttl_s=ttl_s)
        if what in {"gift", "terms"} and not is_lively:
            what = "grant" if what == "gift" else "read"
        least, most = AMOUNTS.get(what, (20, 70))
        return Deed(op, what, number, chance.randint(least, most))

    def do(self, deed: Deed, *, is_new: bool = True) -> None:
        """Ask for a deed, until that is definite or patience ends; maybe again."""
        if is_new:
            self.journal.write("begun", **asdict(deed))
        told = self.hear(deed, is_sure=is_new)
        if told is None:
            return
        if deed.what == "hold":
            hold_id = told["hold_id"]
            self.holds.append(Deed(deed.op, "", deed.wallet, deed.amount, hold_id=hold_id))
        if self.chance.random() < 1 / 30 and deed.what not in {"read", "terms"}:
            self.hear(deed, is_sure=True)

    def hear(self, deed: Deed, *, is_sure: bool) -> dict[str, Any] | None:
        """Return what a deed came to, or None where it was refused or stays unknown."""
        for _ in range(TRIES):
            try:
                told = self.ask(deed)
            except (Contention, Unavailable) as unknown:
                # It may have been done, or may be yet: a refusal that follows proves nothing.
                is_sure = False
                self.journal.write("unknown", op=deed.op, why=type(unknown).__name__)
            except BillingError as refusal:
                why, facts = type(refusal).__name__, refusal.facts()
                self.journal.write("refused", op=deed.op, why=why, sure=is_sure, facts=facts)
                return None
            else:
                self.journal.write("done", op=deed.op, **told)
                return told
        return None

    def ask(self, deed: Deed) -> dict[str, Any]:
        """Return what the ledger tells."""
        ref = WalletRef(*self.job.wallets[deed.wallet])
        if deed.what == "read":
            loaded = store.find_wallet(ref)
            assert loaded is not None
            return _figures(loaded.wallet, is_replay=False)
        now = datetime.now(UTC)
        command = self.command(deed, ref, now)
        decided = use_cases.run(ref, command, now=now)
        if isinstance(command, ChangeTerms):
            return _figures(decided.wallet, is_replay=decided.is_replay)
        return _entry(decided)

    def command(self, deed: Deed, ref: WalletRef, now: datetime) -> Command:
        """Return the command for a deed: the same one however often it is asked for."""
        key, cost = f"{self.job.seed} {deed.op}", FixedAmount(deed.amount)
        digest, noted = f"{deed.what} {deed.op}", {"intent": deed.op}
        entry_id = ids.operation_entry_id(key)
        match deed.what:
            case "charge":
                return Charge(entry_id, digest, cost, metadata=noted)
            case "hold":
                hold_id = ids.hold_public_id(ref.customer_id, entry_id)
                return PlaceHold(entry_id, hold_id, digest, cost, deed.ttl_s, metadata=noted)
            case "capture":
                return CaptureHold(deed.hold_id, digest, cost)
            case "void":
                return VoidHold(deed.hold_id, digest)
            case "grant":
                grant_id = ids.topup_grant_id(key)
                return GrantCredits(grant_id, "topup", deed.amount, cause=noted)
            case "gift":
                grant_id = ids.voucher_grant_id(ids.sha256_hex(key))
                ends_at = now + GIFT_LASTS
                cause = {**noted, "ends_at": ends_at.isoformat()}
                return GrantCredits(
                    grant_id, "voucher", deed.amount, expires_at=ends_at, cause=cause
                )
            case "adjust":
                adjustment_id = ids.adjustment_entry_id(ids.audit_uuid("bank", key))
                return Deduct(
                    adjustment_id, deed.amount, owes_rest=deed.amount % 2 == 1, cause=noted
                )
        return ChangeTerms(TERMS[deed.amount])


DRAIN_EVERY_NS = 250_000_000
"""From one wallet's moment to the next one's."""


def _figures(wallet: Wallet, *, is_replay: bool) -> dict[str, Any]:
    figures = figures_of(wallet, wallet.at)
    return {"seq": wallet.seq, "figures": _three(figures), "replay": is_replay}


def _entry(decided: Decision) -> dict[str, Any]:
    entry = decided.entry
    assert entry is not None
    return {
        "seq": entry.seq,
        "kind": entry.kind,
        "figures": _three(entry.figures),
        "hold_id": entry.hold_id,
        "amount": entry.amount_nanos,
        "captured": entry.captured_nanos,
        "shortfall": entry.shortfall_nanos,
        "replay": decided.is_replay,
    }


def _three(figures: Any) -> list[int]:
    return [figures.available_nanos, figures.held_nanos, figures.receivable_nanos]


# ---- processes -------------------------------------------------------------------------------


def _die_after(send: Send) -> None:
    """Die when the store has answered, also where it has said no."""
    try:
        send()
    finally:
        os.kill(os.getpid(), signal.SIGKILL)


def be_client(job: Job, number: int, life: int, begins_ns: int) -> None:
    """Live one life of a client's, in a process of its own."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    journal = Journal(job.journal)
    chance = Random(f"{job.seed} {number} {life}")  # noqa: S311 - not for secrets
    wire = Wire()
    install(wire)
    planned = {
        index: chance.choice(COMMIT_FAULTS)
        for index in range(RPCS_MAX)
        if chance.random() * 100 < job.faults_percent
    }
    wire.faults.update(planned)
    if life < job.deaths:
        wire.faults[chance.randint(20, 90)] = chance.choice((kill_before, _die_after))
    holds: list[Deed] = []
    clients = [
        Client(job, journal, f"{number}.{life}.{thread}", holds)
        for thread in range(job.threads)
    ]
    left = left_open(journal, number) if life else []
    if left:
        # Whoever comes after a death knows what was begun, and not what became of it.
        share = len(left) - len(left) // 4
        for deed in left[:share]:
            clients[0].do(deed, is_new=False)
    at_once(
        len(clients),
        lambda n: clients[n].drain(begins_ns) if job.drains else clients[n].live(),
        within_s=LIFE_S_MAX,
    )
    wire.wait_for_late()
    hit = Counter(fault.__name__ for index, fault in planned.items() if index < len(wire.rpcs))
    journal.write("lived", faults=hit)


def left_open(journal: Journal, number: int) -> list[Deed]:
    """Return what earlier lives of a client began and heard nothing definite of."""
    begun: dict[str, Deed] = {}
    for line in journal.lines():
        if line["event"] == "begun" and line["op"].startswith(f"{number}."):
            facts = {key: line[key] for key in Deed.__dataclass_fields__}
            begun[line["op"]] = Deed(**facts)
        elif line["event"] in {"done", "refused"}:
            begun.pop(line["op"], None)
    return list(begun.values())


def keep_clients(job: Job) -> None:
    """Run all clients, each again after each of its deaths, until all are through."""
    journal = Journal(job.journal)
    begins_ns = time.monotonic_ns() + 1_500_000_000
    lives: dict[int, tuple[int, int]] = {}

    def begin(number: int, life: int) -> None:
        child = os.fork()
        if child == 0:
            status = 1
            try:
                be_client(job, number, life, begins_ns)
                status = 0
            except BaseException:  # noqa: BLE001 - the process ends here, whatever it was
                sys.excepthook(*sys.exc_info())
            finally:
                sys.stderr.flush()
                os._exit(status)
        lives[child] = number, life

    for number in range(job.clients):
        begin(number, 0)
    while lives:
        child, status = os.wait()
        number, life = lives.pop(child)
        if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
            journal.write("died", client=number)
            begin(number, life + 1)
        elif status:
            sys.exit(f"client {number} ended with {status}")


def read_job(text: str) -> Job:
    """Return a job as it was written to a command line."""
    facts = json.loads(text)
    facts["wallets"] = tuple((project, customer) for project, customer in facts["wallets"])
    return Job(**facts)


def main(text: str) -> None:
    """Do the job, with its bug where it has one."""
    job = read_job(text)
    if not job.bug:
        keep_clients(job)
        return
    where, good, bad = job.bug
    with seeded_bug(function_of(where), good, bad):
        keep_clients(job)


if __name__ == "__main__":
    main(sys.argv[1])
