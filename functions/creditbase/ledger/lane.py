"""A lane: the queue in front of one wallet inside one process, and its group commits.

Source: DESIGN section 4, steps 4 to 8. Whoever arrives at an idle lane leads: it takes all
that waits, decides it together and commits it in one batch; then the first one waiting
leads. Nobody is answered before the commit is durable.
"""

import json
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import field
from datetime import datetime
from queue import Empty, SimpleQueue

from creditbase.kernel.errors import BillingError, Contention, NotFound, Unavailable
from creditbase.kernel.records import dataclass
from creditbase.ledger.batch import (
    DecidedBatch,
    Outcome,
    decide_batch,
    parked_refusal,
    writes_of,
    writes_to_park,
    writes_to_touch,
)
from creditbase.ledger.domain.commands import Command
from creditbase.ledger.domain.decide import Decision
from creditbase.ledger.domain.wallet import Wallet
from creditbase.ledger.pacing import Pacer
from creditbase.ledger.paths import WalletRef
from creditbase.ledger.store import Loaded, find_wallet
from creditbase.runtime.commit import pause
from creditbase.runtime.firestore import Ambiguous, Lost, Version, Write, commit
from creditbase.runtime.log import alert

COMMANDS_MAX = 100
BATCH_BYTES_MAX = 1_000_000
TICKET_BYTES = 3_000
"""About what a command's entry weighs, its metadata apart."""
RETURN_S = 0.002
"""For how long a leader waits for one more of those who were answered together just now."""
GATHERING_S = 0.01
"""For how long it waits for all of them: meanwhile others may write the wallet."""
ATTEMPTS_MAX = 30
TRUST_STEP = 0.25
TRUST_MIN = 0.5


class Signal:
    """What one thread waits for and another sets, as `threading.Event`, at half its cost."""

    def __init__(self) -> None:
        self._said: SimpleQueue[None] = SimpleQueue()

    def set(self) -> None:
        """Wake whoever waits, or will."""
        self._said.put(None)

    def is_set(self) -> bool:
        """Return whether it was set and nobody has waited since."""
        return not self._said.empty()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is set, once for each time; return whether it was."""
        try:
            self._said.get(timeout=timeout)
        except Empty:
            return False
        return True


@dataclass(slots=True, eq=False)
class Ticket:
    """A command waiting its turn. `wake` is set when it is answered, or when it is to lead."""

    command: Command
    now: datetime
    deadline_s: float
    size_bytes: int
    wake: Signal = field(default_factory=Signal)
    outcome: Outcome | BaseException | None = None

    def answer(self, outcome: Outcome | BaseException) -> None:
        """Give the outcome and wake whoever waits for it."""
        self.outcome = outcome
        self.wake.set()


class Lane:
    """The one place in this process where a wallet's commands are decided."""

    def __init__(self, ref: WalletRef, *, waiting_max: int, publish_interval_s: int) -> None:
        self._ref = ref
        self._waiting_max = waiting_max
        self._publish_interval_s = publish_interval_s
        self._lock = threading.Lock()
        self._queue: deque[Ticket] = deque()
        self._inside = 0
        self._is_led = False
        self._answered = 0
        self._pacer = Pacer()
        self._snapshot: Loaded | None = None
        self._trust = 1.0

    @property
    def is_idle(self) -> bool:
        """Return whether nobody is inside, so that the lane may be forgotten."""
        return self._inside == 0

    def enter(self) -> None:
        """Count a thread in, so that the lane is not forgotten under it."""
        with self._lock:
            self._inside += 1

    def leave(self) -> None:
        """Count a thread out."""
        with self._lock:
            self._inside -= 1

    def run(self, command: Command, *, now: datetime, deadline_s: float) -> Outcome:
        """Decide and commit the command, alone or with others, and return what it came to.

        Raises:
            Contention: no turn before the deadline, too many waiting, or always losing.
            Unavailable: the store does not answer.
        """
        ticket = Ticket(command, now, deadline_s, _size_of(command))
        with self._lock:
            if self._inside > self._waiting_max:
                raise Contention
            self._queue.append(ticket)
            leads = not self._is_led
            self._is_led = True
        if not leads:
            self._wait(ticket)
        if ticket.outcome is None:
            self._lead(ticket)
        outcome = ticket.outcome
        assert outcome is not None
        if isinstance(outcome, BaseException) and not isinstance(outcome, BillingError):
            raise outcome
        return outcome

    def _wait(self, ticket: Ticket) -> None:
        """Wait for an answer or for the lead; past the deadline, withdraw if still queued."""
        if ticket.wake.wait(max(0.0, ticket.deadline_s - time.monotonic())):
            return
        with self._lock:
            if ticket in self._queue and not ticket.wake.is_set():
                self._queue.remove(ticket)
                ticket.outcome = Contention()
                return
        # Taken into a batch already: what becomes of it is known soon, and must be told.
        ticket.wake.wait()

    def _lead(self, own: Ticket) -> None:
        """Commit one batch, which holds the leader's own command, and hand over."""
        batch: list[Ticket] = []
        try:
            wait_s = self._pacer.wait_s(time.monotonic())
            if wait_s > 0:
                time.sleep(wait_s)
            self._gather()
            batch = self._take_batch()
            if batch:
                self._commit(batch)
        except BaseException as failure:
            for ticket in batch:
                if ticket.outcome is None:
                    ticket.answer(failure)
            if not isinstance(failure, BillingError):
                raise
        finally:
            with self._lock:
                if own in self._queue:
                    # It fell over before its turn: nobody is left to lead with this ticket.
                    self._queue.remove(own)
                self._is_led = bool(self._queue)
                if self._queue:
                    self._queue[0].wake.set()

    def _gather(self) -> None:
        """Wait while those come back who were answered together, so that they stay together.

        Who calls again and again is back in a moment. Without this the first one back would
        commit alone, and all the others would wait for that.
        """
        waiting, until_s = 0, time.monotonic() + GATHERING_S
        while waiting < len(self._queue) < self._answered and time.monotonic() < until_s:
            waiting = len(self._queue)
            time.sleep(RETURN_S)

    def _take_batch(self) -> list[Ticket]:
        """Return what waits, in order of arrival, within the limits of one commit."""
        batch: list[Ticket] = []
        size_bytes = 0
        now_s = time.monotonic()
        with self._lock:
            while self._queue and len(batch) < COMMANDS_MAX:
                ticket = self._queue[0]
                if batch and size_bytes + ticket.size_bytes > BATCH_BYTES_MAX:
                    break
                self._queue.popleft()
                if now_s > ticket.deadline_s:
                    ticket.answer(Contention())
                    continue
                batch.append(ticket)
                size_bytes += ticket.size_bytes
        return batch

    # ---- the loop of DESIGN section 4, steps 1 to 6 ----------------------------------------

    def _commit(self, batch: Sequence[Ticket]) -> None:
        """Gather, decide and commit until every ticket has its answer.

        `doubtful` is the version that an ambiguous commit was conditioned on: as long as
        the wallet stands at it, that commit may still arrive.
        """
        commands = [(ticket.command, ticket.now) for ticket in batch]
        loaded = warm = self._snapshot if self._trust >= TRUST_MIN else None
        doubtful: Version | None = None
        failure: BillingError = Contention()
        part: Callable[[int], None] = pause
        for number in range(ATTEMPTS_MAX):
            if number > 0:
                part(number)
                if time.monotonic() > max(ticket.deadline_s for ticket in batch):
                    break
            began_s = time.monotonic()
            if loaded is None:
                try:
                    loaded = self._read(batch, is_first=warm is None and number == 0)
                except Unavailable as refusal:
                    failure, part = refusal, pause
                    continue
            decided = decide_batch(loaded, commands)
            if decided.is_doubled and loaded is warm:
                # Only what was never looked up: the store would refuse it as no commit at all.
                loaded = warm = None
                continue
            if (decided.has_refusals or decided.broken) and loaded is warm:
                loaded = warm = None
                continue
            if decided.accepted or decided.broken:
                after, writes = self._writes(decided, loaded.version)
            elif decided.has_refusals and doubtful == loaded.version:
                after, writes = None, writes_to_touch(self._ref, loaded.wallet, loaded.version)
            else:
                # What was read last is kept, or what follows is decided on what it replaced.
                self._snapshot = Loaded(loaded.wallet, loaded.version, {})
                self._answer(batch, decided)
                return
            try:
                version = commit(writes)
            except (Lost, Ambiguous) as lost:
                doubtful = loaded.version if isinstance(lost, Ambiguous) else doubtful
                part = self._has_lost(lost, was_warm=loaded is warm)
                loaded = warm = None
                continue
            if after is None:
                loaded = warm = None
                continue
            self._has_won(Loaded(after, version, {}), began_s, was_warm=loaded is warm)
            self._answer(batch, decided)
            return
        raise failure

    def _writes(
        self, decided: DecidedBatch, version: Version
    ) -> tuple[Wallet | None, list[Write]]:
        if decided.broken:
            alert(
                "wallet_parked",
                f"wallet parked: {decided.broken}",
                wallet=self._ref.wallet_id,
            )
            return writes_to_park(self._ref, decided.before, version, decided.broken)
        return writes_of(
            self._ref, decided, version, publish_interval_s=self._publish_interval_s
        )

    def _answer(self, batch: Sequence[Ticket], decided: DecidedBatch) -> None:
        for ticket, outcome in zip(batch, decided.outcomes, strict=True):
            is_void = decided.broken and isinstance(outcome, Decision) and not outcome.is_replay
            ticket.answer(parked_refusal() if is_void else outcome)
        self._answered = len(batch)

    # ---- the snapshot ----------------------------------------------------------------------

    def _read(self, batch: Sequence[Ticket], *, is_first: bool) -> Loaded:
        """Read the wallet and every entry that guards a command of the batch."""
        guards = dict.fromkeys(g for ticket in batch for g in ticket.command.guards())
        loaded = find_wallet(self._ref, list(guards))
        if loaded is None:
            raise NotFound("Customer not found")
        if is_first and self._snapshot is not None:
            # The snapshot was not trusted; would it have been right?
            self._learn(is_hit=self._snapshot.version == loaded.version)
        return loaded

    def _has_won(self, loaded: Loaded, began_s: float, *, was_warm: bool) -> None:
        self._pacer.won(time.monotonic(), began_s=began_s, commits=loaded.wallet.commits)
        if was_warm:
            self._learn(is_hit=True)
        self._snapshot = loaded

    def _has_lost(self, lost: Lost | Ambiguous, *, was_warm: bool) -> Callable[[int], None]:
        """Learn from a commit that failed; return what to do before the next attempt.

        A stale snapshot is no race: reading it anew is all that it takes.
        """
        self._snapshot = None
        if was_warm:
            self._learn(is_hit=False)
        if isinstance(lost, Ambiguous):
            return pause
        if was_warm:
            return _go_on
        self._pacer.lost(time.monotonic())
        return self._part

    def _part(self, number: int) -> None:
        """Wait a random part of a cycle, so that racers part."""
        chance = random.random()  # noqa: S311 - jitter, not a secret
        time.sleep(self._pacer.pause_s(number, chance))

    def _learn(self, *, is_hit: bool) -> None:
        """Follow how often the snapshot was still right: worth it above one in two."""
        self._trust += TRUST_STEP * ((1.0 if is_hit else 0.0) - self._trust)


def _go_on(number: int) -> None:
    del number


def _size_of(command: Command) -> int:
    metadata = getattr(command, "metadata", None)
    return TICKET_BYTES + (len(json.dumps(metadata).encode()) if metadata else 0)
