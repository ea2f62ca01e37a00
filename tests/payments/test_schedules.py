"""Events over HTTP, as a network brings them: shuffled, repeated, several at once.

Each life of `lives` is lived once; its events are then delivered many times, each time by
another schedule, to a real `billing_webhook` that asks a real local Stripe. Before each, the
customer's documents are put back to what they were before anything was told.
"""

import json
import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests

from creditbase.runtime import firestore
from creditbase.runtime.firestore import Delete, Fields, Put, Write
from creditbase.subscriptions.use_cases import first_touch
from tests import figures
from tests.payments.automaton import Automaton, mark_of, meeting
from tests.payments.canonical import canonical_of, documents_of
from tests.payments.desk import Node
from tests.payments.lives import LIVES, Life
from tests.payments.orders import first_node
from tests.payments.shop import SECRET, Resource, Shop, signed
from tests.payments.test_orders import BEGINS_AT, EMAIL, on_sale_at_the_emulator
from tests.servers import serving
from tests.wire import Wire

__all__ = ["on_sale_at_the_emulator"]

pytestmark = pytest.mark.firestore

FORGETFUL = Path(__file__).parents[1] / "proof" / "forgetful_main.py"
SCHEDULES = 18
"""Of each life, each time: more than 300 in all."""
SCHEDULES_SOAKED = 600
"""Of each life in a soak: more than 10,000 in all."""
KILLED_ONE_IN = 18
"""In one of so many schedules the process is killed, between two RPCs that a seed chooses."""
RPCS_BEFORE_DEATH_MAX = 12
REST_S = 0.1
"""How long the network rests where nobody is listening: the process starts anew."""
AT_ONCE_MAX = 3
REPEATED = 0.3
"""The share of events that are delivered twice."""
TRIES_MAX = 40


@dataclass
class Hook:
    """A running webhook, and the clock that it goes by."""

    url: str
    clock_file: Path
    shop: Shop
    _local: threading.local = field(default_factory=threading.local)

    def deliver(self, event: Resource, *, kill: str = "") -> int:
        """Deliver once, and return the status; 0 where the connection broke."""
        sent = signed(json.dumps(event))
        headers = {"Stripe-Signature": sent.signature}
        if kill:
            headers["X-Test-Kill"] = kill
        figures.count("T7 deliveries over HTTP")
        with suppress(requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
            return self._post(data=sent.raw, headers=headers).status_code
        figures.count("T7 deliveries that a death cut short")
        self._local.session = None
        threading.Event().wait(REST_S)
        return 0

    def forget(self) -> None:
        """Let the webhook forget every wallet."""
        for _ in range(TRIES_MAX):
            with suppress(requests.ConnectionError):
                assert self._post(headers={"X-Test-Forget": "all"}).status_code == 204
                return
            self._local.session = None
            threading.Event().wait(REST_S)
        raise AssertionError

    def _post(self, **what: Any) -> requests.Response:
        """Send over a connection of this thread's own, which stays open."""
        if getattr(self._local, "session", None) is None:
            self._local.session = requests.Session()
            self._local.session.trust_env = False
        reply: requests.Response = self._local.session.post(self.url, timeout=60, **what)
        return reply


@pytest.fixture(scope="module")
def hook(
    project: str,
    firestore_host: str,
    _session_shop: Shop,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Hook]:
    """Return a real webhook whose Stripe is the local one."""
    assert firestore_host
    clock_file = tmp_path_factory.mktemp("clock") / "offset"
    with serving(
        "billing_webhook",
        project=project,
        source=FORGETFUL,
        STRIPE_API_BASE=_session_shop.url,
        STRIPE_SECRET_KEY="sk_test_local",
        STRIPE_WEBHOOK_SECRET=SECRET,
        CREDITBASE_CLOCK_FILE=str(clock_file),
    ) as (url, _):
        yield Hook(f"{url}/billing/webhook", clock_file, _session_shop)


class Stage:
    """A life that was lived, and the many ways of telling it."""

    def __init__(self, life: Life, hook: Hook, network: ThreadPoolExecutor) -> None:
        self._life = life
        self._hook = hook
        self._ref = first_touch(f"{life.name}, over HTTP", now=BEGINS_AT, email=EMAIL)
        self._automaton = Automaton(self._ref.customer_id, BEGINS_AT)
        self._left: dict[str, Fields] = {}
        """The documents that the last telling has left."""
        self._network = network
        with meeting(self._automaton):
            self._first = first_node(life, self._ref, self._automaton, steps=len(life.steps))
            self._world = self._automaton.open(self._first.moment.acts)

    def tell_in_order(self) -> str:
        """Tell everything once, one after the other, and return what it comes to."""
        return self.tell([[name] for name in self._names()], seed="in order")

    def tell_shuffled(self, seed: str, *, is_fatal: bool = False) -> str:
        """Tell everything by a schedule that follows from a seed; it may kill the process."""
        chance = random.Random(seed)  # noqa: S311 - a schedule, no secret
        names = self._names()
        names += [name for name in names if chance.random() < REPEATED]
        chance.shuffle(names)
        groups = []
        while names:
            count = chance.randint(1, AT_ONCE_MAX)
            groups.append([names.pop() for _ in range(min(count, len(names)))])
        kill = f"after:{chance.randrange(RPCS_BEFORE_DEATH_MAX)}" if is_fatal else ""
        return self.tell(groups, seed=seed, kill=kill)

    def tell(self, groups: list[list[str]], *, seed: str, kill: str = "") -> str:
        """Deliver group after group, each at once; then what was not taken, and what came."""
        self._go_back()
        events = self._life.events(self._first.moment)
        taken: set[str] = set()

        def deliver(names: list[str], kill: str = "") -> None:
            fates = [kill] + [""] * len(names)
            statuses = self._network.map(
                lambda name, fate: self._hook.deliver(events[name], kill=fate), names, fates
            )
            taken.update(n for n, status in zip(names, statuses, strict=True) if status == 200)

        for group in groups:
            deliver(group, kill)
            kill = ""
        for _ in range(TRIES_MAX):
            events = self._life.events_of(self._world)
            left = [name for name in events if name not in taken]
            if not left:
                break
            deliver(left)
        else:
            raise AssertionError(f"{seed}: never taken: {left}")
        self._left = self._documents()
        return canonical_of(self._left, self._ref.customer_id)

    def _documents(self) -> dict[str, Fields]:
        """Return the customer's documents, with the mails and the claim of a trial."""
        project_id, customer_id = self._ref.project_id, self._ref.customer_id
        found = documents_of(project_id, customer_id)
        whose = [("customer_id", "==", customer_id)]
        for collection in ("mail", f"projects/{project_id}/trial_claims"):
            for each in firestore.query(collection, where=whose, limit=1_000):
                found[each.path] = each.fields or {}
        return found

    def fates(self) -> set[str]:
        """Return what became of the events, as the inbox has it."""
        told = self._life.events_of(self._world).values()
        found = firestore.get_all([f"stripe_events/{event['id']}" for event in told])
        return {str((each.fields or {})["status"]) for each in found}

    def _names(self) -> list[str]:
        return list(self._life.events(self._first.moment))

    def _go_back(self) -> None:
        """Put documents, Stripe and the clock to where all is lived and nothing told."""
        told = self._life.events_of(self._world)
        if mark_of(self._world) != self._first.moment.mark:  # our handlers have changed Stripe
            with meeting(self._automaton):
                self._world = self._automaton.open(self._first.moment.acts)
        self._hook.shop.live_in(self._world)
        told |= self._life.events_of(self._world)
        first: Node = self._first
        gone = {
            *self._left,
            *(f"stripe_events/{event['id']}" for event in told.values()),
        }
        writes: list[Write] = [Delete(path) for path in sorted(gone - {*first.documents})]
        writes += [Put(path, kept.fields) for path, kept in first.documents.items()]
        firestore.commit(writes)
        self._hook.forget()
        offset_s = self._world.clock.now_s() - int(time.time()) + 1
        self._hook.clock_file.write_text(str(offset_s))


def check(life: Life, hook: Hook, schedules: int) -> None:
    """Demand that all schedules of a life end as it ends in order."""
    network = ThreadPoolExecutor(AT_ONCE_MAX)
    try:
        stage = Stage(life, hook, network)
        in_order = stage.tell_in_order()
        assert stage.fates() <= {"applied", "ignored"}, "the webhook knows this life"
        for number in range(schedules):
            seed = f"{life.name} {number}"
            is_fatal = number % KILLED_ONE_IN == 0
            assert stage.tell_shuffled(seed, is_fatal=is_fatal) == in_order, seed
            figures.count("T7 webhook schedules over HTTP")
    finally:
        network.shutdown(wait=False)  # each of its requests has a limit of its own


@pytest.mark.parametrize("life", LIVES, ids=lambda life: life.name)
def test_schedules_of_every_life_end_as_in_order(
    life: Life, on_sale_at_the_emulator: Wire, hook: Hook
) -> None:
    """Threads, warm wallets, twins in flight: what no order one after the other can show."""
    check(life, hook, SCHEDULES)


@pytest.mark.soak
@pytest.mark.parametrize("life", LIVES, ids=lambda life: life.name)
def test_many_schedules_end_as_in_order(
    life: Life, on_sale_at_the_emulator: Wire, hook: Hook
) -> None:
    """The same, ten thousand times."""
    check(life, hook, SCHEDULES_SOAKED)
