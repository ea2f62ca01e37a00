"""Random lives of a wallet on the real store, step by step beside the reference model.

T3 of the promises: P01 to P03, P22, P26. The rules are what may happen to a wallet, from one
process after the other, and the clock; after every step the raw documents are read, and the
wallet in them is held, pot by pot, against `tests/ledger/model.py`, which is another ledger.
"""

import uuid
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from creditbase.kernel.errors import BillingError
from creditbase.ledger.domain.commands import Command, CutMonthly, GrantCredits, UndoCut
from creditbase.ledger.domain.decide import Decision
from creditbase.ledger.domain.entries import Entry
from creditbase.ledger.domain.wallet import Wallet
from creditbase.ledger.encoding import read_closed_day, read_entry, read_wallet, read_window
from creditbase.ledger.paths import WalletRef
from creditbase.ledger.use_cases import Lanes
from creditbase.runtime import firestore
from tests import figures
from tests.ledger.builders import CUSTOMER, NOON, Story, counted_nanos
from tests.ledger.programs import MONTHLY_FREE, STEPS, Step, Twin, compare
from tests.ledger.wallets import LiveWallet

pytestmark = [pytest.mark.firestore, pytest.mark.usefixtures("firestore_host", "project")]

STEPS_EACH = 120
EXAMPLES = 5
GROUPS = 10
"""The workers share them: six thousand steps in all."""
STEPS_TRIED = "T3 steps of the state machine"
DEADLINE_S = 1e12
OUTDATED = (GrantCredits, CutMonthly, UndoCut)
"""What is decided from a picture of Stripe, and let go where a newer one was told."""
SAME_FOR = 3
"""How many commands one process has before another one begins, which remembers nothing. Who
writes more at once paces itself, and waits."""


@dataclass
class LiveStory(Story):
    """A story that is really told: each command is committed, and read back raw."""

    ref: WalletRef = field(default_factory=lambda: WalletRef("", ""))
    lanes: Lanes = field(default_factory=Lanes)
    turn: int = 0
    version: object = None

    @classmethod
    def begun(cls) -> "LiveStory":
        """Return the story of a new wallet, alone in a project of its own."""
        terms = MONTHLY_FREE.allocation_nanos
        live = LiveWallet.opened(str(uuid.uuid4()), CUSTOMER, nanos=terms, now=NOON)
        first = {fields["entry_id"]: read_entry(fields) for fields in live.entries()}
        found = firestore.get_all([live.ref.wallet])[0]
        assert found.fields is not None
        wallet = read_wallet(live.ref.wallet_id, found.fields["state"])
        return cls(wallet, entries=first, ref=live.ref, version=found.version)

    def do(self, command: Command) -> Decision:
        """Run a command; what it came to is what is stored."""
        self.turn += 1
        if self.turn % SAME_FOR == 0:
            self.lanes = Lanes()
        try:
            decided = self.lanes.run(self.ref, command, now=self.now, deadline_s=DEADLINE_S)
        except BillingError:
            assert self._stored([]) is None, "a refusal moves nothing"
            raise
        windows = [self.ref.period(window) for window in decided.closed_windows]
        days = [self.ref.day(day.date) for day in decided.closed_days]
        entries = [self.ref.entry(entry.entry_id) for entry in decided.entries]
        stored = self._stored([*entries, *windows, *days])
        if stored is None:
            assert decided.is_replay
            if decided.entry is None and isinstance(command, OUTDATED):
                # A process that wrote last lets go what it sees to be outdated or undone,
                # without looking whether it was done once; what is stored says so.
                return replace(decided, entry=self.entries.get(command.entry_id))
            return decided
        self.wallet, found = stored
        for entry, fields in zip(decided.entries, found, strict=False):
            self._keep(entry, read_entry(fields))
        for fields in found[len(entries) : len(entries) + len(windows)]:
            window = read_window(fields)
            assert window.span.start_at not in self.closed_windows, "written twice"
            self.closed_windows.append(window.span.start_at)
            self.counted_nanos[window.span.start_at] += counted_nanos(window)
        for fields in found[len(entries) + len(windows) :]:
            day = read_closed_day(fields)
            assert day.date not in self.closed_days, "written twice"
            self.closed_days.append(day.date)
        assert self.wallet.seq == len(self.entries)
        return decided

    def _keep(self, told: Entry, stored: Entry) -> None:
        assert stored == told, "the answer is what is stored"
        assert stored.entry_id not in self.entries
        self.entries[stored.entry_id] = stored

    def _stored(self, paths: list[str]) -> tuple[Wallet, list[dict[str, object]]] | None:
        """Return the wallet and those documents, or None where nothing was written."""
        found, *others = firestore.get_all([self.ref.wallet, *paths])
        if found.version == self.version:
            assert not paths
            return None
        assert found.fields is not None
        self.version = found.version
        documents = [other.fields for other in others]
        wallet = read_wallet(self.ref.wallet_id, found.fields["state"])
        return wallet, [fields for fields in documents if fields is not None]


def steps_of(*actions: str) -> st.SearchStrategy[Step]:
    """Return steps of these actions."""
    return st.tuples(STEPS, st.sampled_from(actions)).map(
        lambda drawn: replace(drawn[0], action=drawn[1])
    )


class LedgerLife(RuleBasedStateMachine):
    """A wallet and its model."""

    def __init__(self) -> None:
        super().__init__()
        self.twin = Twin(story=LiveStory.begun())
        self.steps = 0

    def take(self, step: Step) -> None:
        """Take a step on both sides."""
        self.steps += 1
        self.twin.take(step)

    @rule(step=steps_of("charge", "hold", "hold"))
    def spend(self, step: Step) -> None:
        """Charge, or hold."""
        self.take(step)

    @precondition(lambda self: self.twin.holds)
    @rule(step=steps_of("capture", "void", "extend"))
    def end_or_extend(self, step: Step) -> None:
        """Capture, void or extend one of the last holds, whatever has become of it."""
        self.take(step)

    @rule(step=steps_of("grant", "deduct"))
    def adjust(self, step: Step) -> None:
        """Give credits, or take some."""
        self.take(step)

    @precondition(lambda self: self.twin.grants)
    @rule(step=steps_of("take_back", "cut", "undo_cut"))
    def take_back(self, step: Step) -> None:
        """Take back what was granted, or cut a month, or undo that."""
        self.take(step)

    @precondition(lambda self: any(row[1] in {"topup", "plan"} for row in self.twin.grants))
    @rule(step=steps_of("give_back"))
    def give_back(self, step: Step) -> None:
        """Undo a refund."""
        self.take(step)

    @rule(step=steps_of("terms"))
    def change_terms(self, step: Step) -> None:
        """Put the customer on other terms."""
        self.take(step)

    @precondition(lambda self: self.twin.done)
    @rule(step=steps_of("again"))
    def repeat(self, step: Step) -> None:
        """Give an old command again."""
        self.take(step)

    @rule(step=steps_of("tidy"))
    def tidy(self, step: Step) -> None:
        """Let the job come by."""
        self.take(step)

    @invariant()
    def is_as_the_model_says(self) -> None:
        """What is stored is what the other ledger has, pot by pot."""
        compare(self.twin)

    def teardown(self) -> None:
        """Count what was tried."""
        figures.count(STEPS_TRIED, self.steps)


@pytest.mark.parametrize("group", range(GROUPS))
def test_the_store_does_what_the_model_does(group: int) -> None:
    """Lives of a hundred and twenty steps, each read back and compared."""
    # given lives that no other group has; a soak draws others each time
    life = type(f"LedgerLife{group}", (LedgerLife,), {})
    if settings().derandomize:
        life = seed(group)(life)

    # when they are lived, then store and model agree after every step
    run_state_machine_as_test(
        life, settings=settings(max_examples=EXAMPLES, stateful_step_count=STEPS_EACH)
    )
