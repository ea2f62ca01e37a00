"""A Stripe whose every moment can be taken up again, so that many futures can be tried.

It is the local Stripe itself, without its address: time stands still until it is moved, and
chance is drawn from a seed, so that the same acts make the same account, name for name. A
moment is the list of acts that led to it. What is asked in it is answered once and remembered;
what changes it leads to another moment, once, by living all of its acts again in a new account
and then the new one. So a moment never changes, whoever looks at it and in whatever order.
"""

import hashlib
import json
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
import stripe

from creditbase.payments import stripe_gateway
from creditbase.runtime.settings import settings
from stripe_local import ids
from stripe_local.api import ApiRequest, answer
from stripe_local.clock import Clock
from stripe_local.world import Settings, World
from tests.payments.shop import SECRET

BASE = "http://127.0.0.1:9"
"""Where our gateway believes Stripe to be. Nothing is ever sent there."""

Act = Callable[[World], Any]
Answer = tuple[bytes, int, Mapping[str, str]]


class StandingClock(Clock):
    """A clock that goes only when it is moved."""

    def __init__(self, at_s: int) -> None:
        super().__init__()
        self._at_s = at_s

    def now_s(self) -> int:
        """Return the moment at which it stands."""
        return self._at_s

    def move_to(self, at_s: int) -> None:
        """Move it."""
        self._at_s = at_s


class _Chance:
    """What `stripe_local.ids` draws its letters from: the same ones in the same act."""

    def __init__(self) -> None:
        self._drawn = random.Random()  # noqa: S311 - names of a test's objects, no secrets

    def begin(self, seed: str) -> None:
        self._drawn.seed(seed)

    def choice(self, letters: str) -> str:
        return self._drawn.choice(letters)

    def token_hex(self, count: int) -> str:
        return self._drawn.randbytes(count).hex()


CHANCE = _Chance()


@dataclass(eq=False)
class Moment:
    """An account as some acts have left it, for ever."""

    acts: tuple[Act, ...]
    world: World
    mark: str
    """What tells two moments apart: everything in the account, and the time."""
    told: dict[object, Answer] = field(default_factory=dict)
    next: dict[object, tuple[Any, "Moment"]] = field(default_factory=dict)

    @property
    def now(self) -> datetime:
        """Return what time it is."""
        return datetime.fromtimestamp(self.world.clock.now_s(), UTC)


class Automaton:
    """Stripe as our gateway meets it: always in one moment, which `moment` says."""

    def __init__(self, seed: str, begins_at: datetime) -> None:
        self._seed = seed
        self._begins_at_s = int(begins_at.timestamp())
        self.moment = self._moment((), self.open(()))

    def open(self, acts: tuple[Act, ...]) -> World:
        """Return a new account in which these acts have happened."""
        clock = StandingClock(self._begins_at_s)
        world = World(Settings(), public_url=BASE, clock=clock)
        for number, act in enumerate(acts):
            CHANCE.begin(f"{self._seed}:{number}")
            act(world)
        return world

    def do(self, name: object, act: Act) -> Any:
        """Go where an act leads from here, and return what it came to."""
        here = self.moment
        if name not in here.next:
            world = self.open(here.acts)
            CHANCE.begin(f"{self._seed}:{len(here.acts)}")
            outcome = act(world)
            there = self._moment((*here.acts, act), world)
            here.next[name] = outcome, here if there.mark == here.mark else there
        outcome, self.moment = here.next[name]
        return outcome

    def ask(self, method: str, url: str, headers: Mapping[str, str], body: str) -> Answer:
        """Answer a request of our gateway."""
        request = request_of(method, url, headers, body)
        name = (method, url, request.headers.get("idempotency-key"), body)
        if method != "GET":
            done: Answer = self.do(name, lambda world: _answered(world, request))
            return done
        told = self.moment.told
        if name not in told:
            told[name] = _answered(self.moment.world, request)
        return told[name]

    def _moment(self, acts: tuple[Act, ...], world: World) -> Moment:
        return Moment(acts, world, mark_of(world))


def mark_of(world: World) -> str:
    """Return what tells an account apart from others: all that is in it, and the time."""
    kept = [world.clock.now_s(), world.account.store._tables]
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()


def request_of(method: str, url: str, headers: Mapping[str, str], body: str) -> ApiRequest:
    """Return a request as the local Stripe reads it."""
    path, _, query = url.removeprefix(BASE).partition("?")
    lowered = {name.lower(): value for name, value in headers.items()}
    return ApiRequest(method, path, query, body.encode(), lowered)


def _answered(world: World, request: ApiRequest) -> Answer:
    given = answer(world, request)
    return given.body, given.status, given.headers


@contextmanager
def meeting(automaton: Automaton) -> Iterator[None]:
    """Let our gateway speak to an automaton until the block ends."""

    def ask(
        client: stripe.RequestsClient,
        method: str,
        url: str,
        headers: Mapping[str, str],
        post_data: Any = None,
    ) -> Answer:
        assert client
        return automaton.ask(method.upper(), url, headers, post_data or "")

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STRIPE_API_BASE", BASE)
        patch.setenv("STRIPE_SECRET_KEY", "sk_test_local")
        patch.setenv("STRIPE_WEBHOOK_SECRET", SECRET)
        patch.setenv("CREDITBASE_SITE_URL", "http://127.0.0.1:5000")
        patch.setattr(stripe.RequestsClient, "request", ask)
        patch.setattr(ids, "secrets", CHANCE)
        settings.cache_clear()
        stripe_gateway.client.cache_clear()
        yield
    settings.cache_clear()
    stripe_gateway.client.cache_clear()
