"""Stripe in a simulated world: the local Stripe itself, on its clock and behind its network.

Our gateway and Stripe's own SDK speak to it as they are, down to the SDK's one request; what
is sent there goes the way that every RPC goes: it takes its time, is lost, late, refused or
unanswered, and whoever sent it may be killed on either side of it. The local Stripe is held to
Stripe's types by its own tests, so there is no second model of it here that could be wrong.
"""

import json
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
import stripe

from creditbase.payments import stripe_billing, stripe_gateway
from creditbase.payments.use_cases import HANDLERS
from creditbase.runtime.settings import settings
from stripe_local import ids
from stripe_local.api import Answer, ApiRequest, answer
from stripe_local.clock import Clock
from stripe_local.faults import Fault
from stripe_local.webhooks.parcels import Parcel
from stripe_local.wire.errors import IdempotencyInProgress
from stripe_local.world import Listener, Settings, World
from tests.simulation.network import HOP_US_MAX, KILLS, LATE_US_MAX, TIMEOUT_US, Weather
from tests.simulation.scheduler import MICROSECONDS, Scheduler

BASE = "http://127.0.0.1:9"
"""Where our gateway believes Stripe to be. Nothing is ever sent there."""
KEY = "sk_test_simulated"
ENDPOINT_SECRET = "whsec_simulated"
RETRYABLE = {"Stripe-Should-Retry": "true"}

ORDERED = {
    "stripe 429": Fault("lock_timeout"),
    "stripe too many": Fault("rate_limit"),
    "stripe 500": Fault("error", "before"),
    "stripe 500 after": Fault("error", "after"),
}
"""What the local Stripe does itself when it is told to."""
STRIPE_FAULTS = (
    *ORDERED,
    *("stripe request lost", "stripe reply lost", "stripe late", "stripe slow", "stripe 409"),
)
STRIPE_KILLS = tuple(f"{kill} at Stripe" for kill in KILLS)

Sent = tuple[bytes, int, Mapping[str, str]]
Post = Callable[[Parcel], None]


class StripeClock(Clock):
    """The world's own clock, which no host's is."""

    def __init__(self, scheduler: Scheduler) -> None:
        super().__init__()
        self._scheduler = scheduler
        self._begins_s = int(scheduler.start_at.timestamp())

    def now_s(self) -> int:
        """Return the time of the world."""
        return self._begins_s + self._scheduler.now_us // MICROSECONDS


class _Chance:
    """What the local Stripe makes its names of: the same ones in the same run."""

    def __init__(self, seed: int) -> None:
        self._drawn = random.Random(seed)  # noqa: S311 - names of a world's objects, no secrets

    def choice(self, letters: str) -> str:
        return self._drawn.choice(letters)

    def token_hex(self, count: int) -> str:
        return self._drawn.randbytes(count).hex()


class _Mute:
    """A transcript that nobody reads."""

    def note_answer(self, *said: object) -> None:
        """Note nothing."""

    def note_webhook(self, *said: object) -> None:
        """Note nothing."""


class Merchant:
    """The one account of a world, and the way to it."""

    def __init__(
        self,
        seed: int,
        scheduler: Scheduler,
        faults: Counter[str],
        *,
        post: Post,
        kill_running: Callable[[], None],
    ) -> None:
        self.weather = Weather()
        self.requests = 0
        self._seed = seed
        self._scheduler = scheduler
        self._faults = faults
        self._kill_running = kill_running
        listener = Listener("http://127.0.0.1:9/hook", ENDPOINT_SECRET, tuple(HANDLERS))
        kept = Settings(listeners=(listener,))
        with self._named():
            self.world = World(kept, public_url=BASE, clock=StripeClock(scheduler))
        muted: Any = _Mute()
        carried: Any = SimpleNamespace(send=post)
        self.world.transcript, self.world.deliveries = muted, carried

    def live(self) -> None:
        """Let happen whatever has a time of its own: periods turn, cards are tried again."""
        self.world.account.let_pass()

    # ---- what our gateway sends ----------------------------------------------------------

    def send(self, method: str, url: str, headers: Mapping[str, str], body: str) -> Sent:
        """Carry a request of our gateway there and the answer back, or not."""
        self.requests += 1
        path, _, query = url.removeprefix(BASE).partition("?")
        lowered = {name.lower(): value for name, value in headers.items()}
        request = ApiRequest(method, path, query, body.encode(), lowered)
        fault = self._fault()
        if fault == "killed before at Stripe":
            self._kill(fault)
        self._hop()
        if fault:
            self._before(fault, request)
        given = self._answered(request)
        if fault == "killed after at Stripe":
            self._kill(fault)
        self._hop()
        if fault == "stripe reply lost":
            raise _broken()
        return given.body, given.status, {**given.headers}

    def _before(self, fault: str, request: ApiRequest) -> None:
        """Do to a request what goes wrong with it before it is answered."""
        if fault in STRIPE_KILLS:
            return
        self._faults[fault] += 1
        if fault in ORDERED:
            self.world.faults.arm(ORDERED[fault])
        elif fault == "stripe request lost":
            self._hop()
            raise _broken()
        elif fault == "stripe late":
            self._arrives_late(request)
            self._scheduler.sleep_us(self._rng.choice((20_000, TIMEOUT_US)))
            raise _broken()
        elif fault == "stripe slow":
            self._scheduler.sleep_us(self._rng.randrange(TIMEOUT_US))

    def _answered(self, request: ApiRequest) -> Answer:
        if self._is_busy(request):
            refusal = IdempotencyInProgress("In progress", code="idempotency_key_in_use")
            return Answer(409, json.dumps(refusal.envelope("req_busy")).encode(), RETRYABLE)
        return answer(self.world, request)

    def _is_busy(self, request: ApiRequest) -> bool:
        """Return whether a twin of the request is said to be at work: now and then it is."""
        is_keyed = "idempotency-key" in request.headers
        is_busy = is_keyed and self._rng.randrange(1_000) < self.weather.commit // 8
        self._faults["stripe 409"] += is_busy
        return is_busy

    def _arrives_late(self, request: ApiRequest) -> None:
        def arrive() -> None:
            most_us = self._rng.choice((2 * HOP_US_MAX, LATE_US_MAX))
            self._scheduler.sleep_us(self._rng.randrange(most_us))
            answer(self.world, request)

        self._scheduler.spawn(arrive)

    @property
    def _rng(self) -> random.Random:
        return self._scheduler.rng

    def _fault(self) -> str:
        drawn = self._rng.randrange(1_000)
        if self._scheduler.host() is not None and drawn < self.weather.kill:
            return self._rng.choice(STRIPE_KILLS)
        if drawn < self.weather.kill + self.weather.commit:
            return self._rng.choice(STRIPE_FAULTS[:-1])
        return ""

    def _hop(self) -> None:
        self._scheduler.sleep_us(self._rng.randrange(HOP_US_MAX))

    def _kill(self, fault: str) -> None:
        self._faults[fault] += 1
        self._kill_running()
        self._scheduler.give_way_for_ever()

    # ---- where it stands -----------------------------------------------------------------

    @contextmanager
    def _named(self) -> Iterator[None]:
        """Let names be drawn from the seed, and go on where the last draw ended."""
        self._chance = getattr(self, "_chance", None) or _Chance(self._seed)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ids, "secrets", self._chance)
            yield

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Let our gateway speak to this account until the block ends."""

        def request(
            _: stripe.RequestsClient,
            method: str,
            url: str,
            headers: Mapping[str, str],
            post_data: Any = None,
        ) -> Sent:
            return self.send(method.upper(), url, headers, post_data or "")

        sleeping = SimpleNamespace(sleep=self._scheduler.sleep, time=self._scheduler.monotonic)
        with pytest.MonkeyPatch.context() as patch, self._named():
            patch.setenv("STRIPE_API_BASE", BASE)
            patch.setenv("STRIPE_SECRET_KEY", KEY)
            patch.setenv("STRIPE_WEBHOOK_SECRET", ENDPOINT_SECRET)
            patch.setenv("CREDITBASE_SITE_URL", "http://127.0.0.1:5000")
            patch.setattr(stripe.RequestsClient, "request", request)
            patch.setattr(stripe._http_client, "time", sleeping)
            patch.setattr(stripe._http_client, "random", self._rng)
            _forget()
            yield
        _forget()


def _forget() -> None:
    settings.cache_clear()
    stripe_gateway.client.cache_clear()
    stripe_billing.load_marked_price.cache_clear()


def _broken() -> Exception:
    lost: Exception = stripe.APIConnectionError("lost", should_retry=True)  # type: ignore[no-untyped-call]
    return lost
