"""Middleware for Starlette, FastAPI and every other ASGI application: routes that cost credits.

app.add_middleware(Metering, billing=billing, charge_for=charge_for)

`charge_for(scope)` says who pays for a request, or that nobody does. A request that cannot be
paid is answered with 402 and never reaches the application. Nothing of Starlette is imported.
"""

import json
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from creditbase_client.client import AsyncCreditbase
from creditbase_client.errors import (
    CreditbaseError,
    Forbidden,
    NotFound,
    PaymentRequired,
    RateLimited,
    Refused,
)
from creditbase_client.holding import AsyncHeldWork
from creditbase_client.types_gen import HoldRequest, UsageFields
from creditbase_client.usage import usage_of

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

log = logging.getLogger("creditbase")
READ_BYTES_MAX = 8_000_000
"""How much of an answer is kept to find the usage in it."""
RETRY_AFTER_S = 5
FIGURES = ("available_nanos", "required_nanos", "limit_source", "next_credits_at")
"""What of a refusal is for whoever pays."""


@dataclass(frozen=True)
class Charge:
    """What a request costs at most, and under which key.

    `idempotency_key` names the request by an id of your own records, made once for it. It never
    comes from what an end user sends: who repeats a key is not charged again, so a request
    whose key was charged before is answered with 409.

    `request` is what a hold is asked for with: the customer, and `model` with `usage_max`, or
    `amount_nanos`.
    """

    idempotency_key: str
    request: HoldRequest


ChargeFor = Callable[[Scope], Awaitable[Charge | None]]


class Metering:
    """Holds before the application runs, and captures as its answer ends.

    Captured is what the handler reported with `request.state.work.used(…)`; else the usage that
    the answer itself tells, in OpenAI's form, as JSON or as the last of a stream of events;
    else all that was held. The hold is voided where the handler fails or answers with an error.
    A caller who leaves before the end pays in the same way if a part of the answer has been
    handed over, or the model would be free for whoever leaves late; else nothing.
    """

    def __init__(self, app: App, *, billing: AsyncCreditbase, charge_for: ChargeFor) -> None:
        self.app = app
        self.billing = billing
        self.charge_for = charge_for

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        charge = await self.charge_for(scope) if scope["type"] == "http" else None
        if charge is None:
            await self.app(scope, receive, send)
            return
        work = self.billing.hold(idempotency_key=charge.idempotency_key, **charge.request)
        try:
            await work.__aenter__()
        except CreditbaseError as refusal:
            await _answer(send, *refused(refusal))
            return
        if not work.is_open:
            await work.__aexit__(None, None, None)
            await _answer(send, 409, CHARGED_BEFORE, None)
            return
        scope.setdefault("state", {})["work"] = work
        reply = _Reply(work, receive, send)
        try:
            await self.app(scope, reply.receive, reply.send)
        except BaseException as problem:
            await reply.settle(None if reply.is_left_in_part else problem)
            raise
        await reply.settle(None if reply.is_left_in_part else _Unfinished())


class _Unfinished(Exception):
    """The answer was an error, or its end never came."""


@dataclass
class _Reply:
    """An answer on its way, and what it tells of its usage."""

    work: AsyncHeldWork
    from_caller: Receive
    onward: Send
    is_good: bool = False
    is_settled: bool = False
    is_handed_over: bool = False
    """Whether a part of a good answer went to the caller."""
    has_left: bool = False
    reading: "UsageReader | None" = None

    @property
    def is_left_in_part(self) -> bool:
        """Whether the caller went away with a part of the answer."""
        return self.has_left and self.is_handed_over

    async def receive(self) -> Message:
        """Pass on what the caller says, and note that it leaves."""
        message = await self.from_caller()
        self.has_left = self.has_left or message["type"] == "http.disconnect"
        return message

    async def send(self, message: Message) -> None:
        """Pass a part on; before the last one, settle."""
        if message["type"] == "http.response.start":
            self.is_good = message["status"] < 400
            self.reading = UsageReader(_content_type(message))
        elif message["type"] == "http.response.body" and self.reading is not None:
            is_last = not message.get("more_body", False)
            self.reading.read(message.get("body", b""), is_last=is_last)
            if is_last:
                await self.settle(None if self.is_good else _Unfinished())
        try:
            await self.onward(message)
        except OSError:
            self.has_left = True
            raise
        if self.is_good and message.get("body"):
            self.is_handed_over = True

    async def settle(self, problem: BaseException | None) -> None:
        """Capture or void, once. A capture that fails is logged: the answer has been made."""
        if self.is_settled:
            return
        self.is_settled = True
        if problem is None and not self.work.has_reported:
            has_price = "usage_max" in self.work.request  # else it has an amount
            self.work.report(self.reading.usage if self.reading and has_price else None)
        try:
            await self.work.__aexit__(type(problem) if problem else None, problem, None)
        except CreditbaseError:
            log.exception("hold %s was not captured", self.work.id)


@dataclass
class UsageReader:
    """Finds the usage in an answer in OpenAI's form, as it passes by."""

    content_type: str
    usage: UsageFields | None = None
    _rest: bytearray = field(default_factory=bytearray)

    def read(self, part: bytes, *, is_last: bool) -> None:
        """Take in a part."""
        if len(self._rest) <= READ_BYTES_MAX:
            self._rest += part
        if self.content_type == "text/event-stream":
            *lines, rest = bytes(self._rest).split(b"\n")
            self._rest = bytearray(rest)
            for line in [*lines, rest] if is_last else lines:
                if line.startswith(b"data:"):
                    self._look(line.removeprefix(b"data:"))
        elif self.content_type == "application/json" and is_last:
            self._look(bytes(self._rest))

    def _look(self, text: bytes) -> None:
        if b'"usage"' not in text:
            return
        try:
            said = json.loads(text)
        except ValueError:  # no JSON, or too much of it
            return
        self.usage = usage_of(said) or self.usage


CHARGED_BEFORE = {
    "error": "CONFLICT",
    "code": "CONFLICT",
    "message": "This request was charged before.",
}


def refused(failure: CreditbaseError) -> tuple[int, dict[str, Any], float | None]:
    """Return how an end user is told: status, body, and when to come again.

    What is wrong between you and Creditbase (a revoked key, a wrong field) is no concern of
    theirs: they are told 503, and your log why.
    """
    if isinstance(failure, PaymentRequired | Forbidden | NotFound | RateLimited):
        told = {name: failure.facts[name] for name in FIGURES if name in failure.facts}
        body = {"error": failure.code, "code": failure.code, "message": failure.message}
        return failure.status, {**body, **told}, failure.retry_after_s
    log.error("a request could not be metered: %s", failure)
    message = "Credits cannot be checked at the moment."
    body = {"error": "SERVICE_UNAVAILABLE", "code": "SERVICE_UNAVAILABLE", "message": message}
    after_s = failure.retry_after_s if isinstance(failure, Refused) else None
    return 503, body, after_s or RETRY_AFTER_S


async def _answer(
    send: Send, status: int, body: dict[str, Any], retry_after_s: float | None
) -> None:
    headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
    if retry_after_s is not None:
        headers.append((b"retry-after", str(int(-(-retry_after_s // 1))).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(body).encode()})


def _content_type(start: Message) -> str:
    for name, value in start.get("headers", ()):
        if name.lower() == b"content-type":
            told: str = value.decode("latin-1").partition(";")[0].strip().lower()
            return told
    return ""
