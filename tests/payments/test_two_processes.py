"""Two processes at once, interleaved where nothing is left to luck.

One process handles an event. Just before one of its requests, to the store or to Stripe, it
stands still, and meanwhile more happens at Stripe, and another process handles all that was
told. Then the first goes on with what it had read. What it commits is conditioned on the
customer's version and on the wallet's; without either condition these tests fail.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest

from creditbase.accounts.domain import CustomerRef
from creditbase.kernel.errors import Contention, Unavailable
from creditbase.ledger import use_cases as ledger
from creditbase.ledger.paths import WalletRef
from creditbase.payments.stripe_billing import load_marked_price
from creditbase.payments.use_cases import receive_event
from creditbase.runtime.clock import real_now
from creditbase.runtime.firestore import Delete, Fields, Put, Write, commit, get_all
from creditbase.subscriptions.use_cases import first_touch
from tests.ledger.wallets import LiveWallet
from tests.payments.automaton import Automaton, Moment, meeting
from tests.payments.canonical import documents_of, present_of
from tests.payments.disturbances import StripeLine, tapped_stripe
from tests.payments.lives import LIVES, Life
from tests.payments.shop import SECRET, signed
from tests.payments.test_orders import BEGINS_AT, EMAIL, on_sale
from tests.wire import Send, Wire

__all__ = ["on_sale"]

pytestmark = [pytest.mark.firestore, pytest.mark.over_http]

TRIES_MAX = 6
TRIED = (
    "delayed payments: one arrives, one fails, a third is never made",
    "a refund that fails later, after another that did not",
)
"""The lives that are interleaved each time: the first needs the customer's version, the
second the wallet's."""


Stop = tuple[str, Callable[[Callable[[Send], Any]], None]]
"""A request by name, and how to put something in its way."""


@dataclass
class Processes:
    """What each of two processes remembers of wallets."""

    _memories: list[ledger.Lanes] = field(default_factory=list)
    _current: int = 0

    def start(self) -> None:
        """Start both anew: neither knows a wallet, or for which plan a price was made."""
        load_marked_price.cache_clear()
        self._memories, self._current = [ledger.Lanes(), ledger.Lanes()], 0

    def lanes(self) -> ledger.Lanes:
        """Return the memory of the one that is at work."""
        return self._memories[self._current]

    @contextmanager
    def in_the_other(self) -> Iterator[None]:
        """Let the second work, until the block ends."""
        self._current = 1
        yield
        self._current = 0


@dataclass
class Place:
    """A moment of a life: what is kept, what was told, and what is told next."""

    moment: Moment
    documents: Mapping[str, Fields]
    steps: int
    told: frozenset[str]


@dataclass
class Pair:
    """Two processes and one customer."""

    life: Life
    ref: CustomerRef
    automaton: Automaton
    wire: Wire
    line: StripeLine
    processes: Processes
    touched: set[str] = field(default_factory=set)
    told: set[str] = field(default_factory=set)

    def take(self, name: str) -> None:
        """Take an event. What waits for another one is not taken, and will be sent again."""
        sent = signed(json.dumps(self.life.events(self.automaton.moment)[name]))
        now = self.automaton.moment.now
        with suppress(Unavailable, Contention):
            receive_event(
                sent.raw, sent.signature, secrets=[SECRET], real_now=real_now(), now=now
            )
            self.told.add(name)

    def untold(self) -> list[str]:
        """Return the names of the events that there are now and that nobody has taken."""
        return [
            name for name in self.life.events(self.automaton.moment) if name not in self.told
        ]

    def take_all(self) -> None:
        """Take everything, again until it is taken."""
        for _ in range(TRIES_MAX):
            for name in self.untold():
                self.take(name)
        assert not self.untold(), f"never taken: {self.untold()}"

    def places(self) -> Iterator[Place]:
        """Live the life in order, and stop wherever an event is about to be told."""
        self.life.begin(self.ref, now=self.automaton.moment.now)
        for steps in range(len(self.life.steps) + 1):
            if steps > 0:
                self.life.take_step(self.automaton, steps - 1)
            here = Place(self.automaton.moment, self._documents(), steps, frozenset(self.told))
            yield here
            self.go_back(here)
            self.take_all()

    def go_back(self, place: Place) -> None:
        """Put the documents, Stripe and both processes to where they were."""
        self.touched |= {
            path for rpc in self.wire.rpcs if rpc.name == "Commit" for path in rpc.paths
        }
        gone = sorted(self.touched - place.documents.keys())
        writes: list[Write] = [Delete(path) for path in gone]
        writes += [Put(path, fields) for path, fields in place.documents.items()]
        commit(writes)
        self.touched.clear()
        self.automaton.moment, self.told = place.moment, set(place.told)
        self.processes.start()
        self.wire.reset()
        self.line.reset()

    def _documents(self) -> dict[str, Fields]:
        found = documents_of(self.ref.project_id, self.ref.customer_id)
        written = {p for rpc in self.wire.rpcs if rpc.name == "Commit" for p in rpc.paths}
        self.touched |= written
        for each in get_all(sorted(self.touched)):
            if each.fields is not None:
                found[each.path] = each.fields
        return found

    def meanwhile(self, place: Place, name: str) -> None:
        """Let the next step happen, and the other process handle all but that event."""
        if place.steps < len(self.life.steps):
            self.life.take_step(self.automaton, place.steps)
        tried = {name}
        with self.processes.in_the_other():
            while left := [other for other in self.untold() if other not in tried]:
                tried.add(left[0])
                self.take(left[0])

    def text_of_the_end(self, place: Place) -> str:
        """Go on in order to the end, and return what the customer has then.

        A grant whose time was over before it came is still there until the wallet looks.
        """
        self.take_all()
        for number in range(place.steps + 1, len(self.life.steps)):
            self.life.take_step(self.automaton, number)
            self.take_all()
        now = self.automaton.moment.now
        wallet = WalletRef(self.ref.project_id, self.ref.customer_id)
        ledger.sync_balance(wallet, now=now)
        LiveWallet(wallet, now).audit()
        documents = documents_of(self.ref.project_id, self.ref.customer_id)
        return present_of(documents, self.ref.customer_id)

    def interleave(self, place: Place, name: str, *, only_commits: bool) -> int:
        """Stop the handling of an event at its requests; return at how many."""
        self.go_back(place)
        self.take(name)
        stops = self._stops(only_commits=only_commits)
        self.meanwhile(place, name)
        meant = self.text_of_the_end(place)

        for what, stop_at in stops:
            self.go_back(place)
            stopped: list[str] = []

            def stand_still(send: Send, what: str = what, stopped: list[str] = stopped) -> Any:
                stopped.append(what)
                self.meanwhile(place, name)
                return send()

            stop_at(stand_still)
            self.take(name)

            assert stopped == [what], f"{name}: must really have stood still at {what}"
            assert self.text_of_the_end(place) == meant, f"{name} stood still at {what}"
        return len(stops)

    def _stops(self, *, only_commits: bool) -> list[Stop]:
        """Return the requests of what was just handled, and how to stop at each."""
        found: list[Stop] = []
        for index, rpc in enumerate(list(self.wire.rpcs)):
            if rpc.name == "Commit" or not only_commits:
                stop = partial(self.wire.faults.__setitem__, index)
                found.append((f"{index} {rpc.name} {rpc.paths}", stop))
        for index, asked in enumerate([] if only_commits else list(self.line.asked)):
            found.append((f"{index} {asked}", partial(self.line.disturb, index)))
        return found


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> Processes:
    """Return two processes that know nothing yet."""
    both = Processes()
    both.start()
    monkeypatch.setattr(ledger, "lanes", both.lanes)
    return both


def interleaved(
    life: Life, wire: Wire, processes: Processes, *, only_commits: bool = False
) -> int:
    """Interleave the handling of every event of a life; return how often it stood still."""
    ref = first_touch(f"{life.name}, by two", now=BEGINS_AT, email=EMAIL)
    automaton = Automaton(ref.customer_id, BEGINS_AT)
    wire.reset()
    with meeting(automaton), tapped_stripe() as line:
        pair = Pair(life, ref, automaton, wire, line, processes)
        count = 0
        for place in pair.places():
            for name in pair.untold():
                count += pair.interleave(place, name, only_commits=only_commits)
                pair.go_back(place)
        return count


@pytest.mark.parametrize(
    "life", [life for life in LIVES if life.name in TRIED], ids=lambda life: life.name
)
def test_a_commit_that_comes_late_never_undoes_what_another_process_did(
    life: Life, on_sale: Wire, processes: Processes
) -> None:
    """What is old is not written over what is new, nor one grant over another."""
    assert interleaved(life, on_sale, processes, only_commits=True) > 10


@pytest.mark.soak
@pytest.mark.parametrize("life", LIVES, ids=lambda life: life.name)
def test_wherever_a_process_stands_still_the_end_is_the_same(
    life: Life, on_sale: Wire, processes: Processes
) -> None:
    """Before each question, too: what was read first decides what a commit stands on."""
    assert interleaved(life, on_sale, processes) > 20
