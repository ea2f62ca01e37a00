"""The wire between our client and Stripe: notes every request, and breaks them on demand.

It takes the place of the SDK's connection, under its retries; behind it is the local Stripe
without a socket, which remembers what an idempotency key was answered.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import stripe

from stripe_local.api import ApiRequest, answer
from stripe_local.faults import Fault as Ordered
from stripe_local.wire.errors import IdempotencyInProgress
from stripe_local.world import World

Answer = tuple[bytes, int, dict[str, str]]
Send = Callable[[], Answer]
IN_USE = "idempotency_key_in_use"
SDK_TRIES = 3
"""How often the SDK itself asks the same: a fault that is to be seen must last so long."""


@dataclass(frozen=True)
class StripeFault:
    """How a request to Stripe goes wrong: what the client sees, and whether it was done."""

    name: str
    break_: Callable[["Seam", Send], Answer]


def _no_answer(why: str) -> Exception:
    untyped: Any = stripe.APIConnectionError
    failure: Exception = untyped(why)
    return failure


def _lost(send: Send, *, is_done: bool, why: str) -> Answer:
    if is_done:
        send()
    raise _no_answer(why)


def _ordered(seam: "Seam", send: Send, order: Ordered) -> Answer:
    """Let the local Stripe itself fail, which knows what a key remembers of it."""
    seam.world.faults.arm(order)
    try:
        return send()
    finally:
        seam.world.faults.disarm()


def _in_use() -> Answer:
    """Answer as Stripe does while another request with the same key is being executed."""
    refusal = IdempotencyInProgress("A request with this key is in progress.", code=IN_USE)
    body = json.dumps(refusal.envelope("req_in_use")).encode()
    return body, refusal.status, {"Content-Type": "application/json"}


STRIPE_FAULTS = {
    fault.name: fault
    for fault in (
        StripeFault("timeout_before", lambda _, s: _lost(s, is_done=False, why="timed out")),
        StripeFault("timeout_after", lambda _, s: _lost(s, is_done=True, why="timed out")),
        StripeFault("reset_before", lambda _, s: _lost(s, is_done=False, why="reset")),
        StripeFault("reset_after", lambda _, s: _lost(s, is_done=True, why="reset")),
        StripeFault("409", lambda _w, _s: _in_use()),
        StripeFault("429", lambda w, s: _ordered(w, s, Ordered("rate_limit"))),
        StripeFault("429_lock", lambda w, s: _ordered(w, s, Ordered("lock_timeout"))),
        StripeFault("500_before", lambda w, s: _ordered(w, s, Ordered("error"))),
        StripeFault("500_after", lambda w, s: _ordered(w, s, Ordered("error", "after"))),
    )
}


@dataclass
class Seam:
    """Notes requests to Stripe, and applies a fault from the one with an index on."""

    world: World
    asked: list[str] = field(default_factory=list)
    fault: StripeFault | None = None
    fault_at: int = -1
    fault_tries: int = SDK_TRIES
    hits: int = 0

    def reset(self) -> None:
        """Forget what was asked, and break nothing."""
        self.asked.clear()
        self.fault, self.fault_at, self.hits = None, -1, 0

    def break_at(self, index: int, fault: StripeFault) -> None:
        """Let the request with that index fail, and the SDK's own repeats of it."""
        self.fault, self.fault_at = fault, index

    def connection(self) -> Callable[..., Answer]:
        """Return what takes the place of the SDK's connection."""

        def request(
            _client: object,
            method: str,
            url: str,
            headers: dict[str, str],
            post_data: Any = None,
            **_more: Any,
        ) -> Answer:
            parts = urlsplit(url)
            named = {name.lower(): text for name, text in headers.items()}
            body = (post_data or "").encode()
            asked = ApiRequest(method.upper(), parts.path, parts.query, body, named)
            return self._pass(asked)

        return request

    def _pass(self, asked: ApiRequest) -> Answer:
        index = len(self.asked)
        self.asked.append(f"{asked.method} {asked.path}")

        def send() -> Answer:
            given = answer(self.world, asked)
            if given.lost:
                raise _no_answer("cut")
            return given.body, given.status, dict(given.headers)

        last = self.fault_at + self.fault_tries
        is_same = self.fault is not None and self.fault_at <= index < last
        if is_same and self.asked[self.fault_at] == self.asked[index]:
            assert self.fault is not None
            self.hits += 1
            return self.fault.break_(self, send)
        return send()
