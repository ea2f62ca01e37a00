"""OpenAI's client, metered: each call holds credits, and captures what the model reported.

from creditbase_client.openai import metered

model = metered(OpenAI(), billing, customer_external_id="ada", idempotency_key="answer:42")
answer = model.chat.completions.create(model="gpt-5-mini", messages=…)

What is metered: `create` and `parse` of `chat.completions` and of `responses`, with and without
a stream, and what OpenAI's client builds on them. Everything else is the client's own. Nothing
of `openai` is imported here: the client is copied, and two of its methods are replaced.
"""

import contextlib
import copy
import functools
import inspect
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Self, TypeVar

from creditbase_client.client import AsyncCreditbase, Creditbase
from creditbase_client.holding import AsyncHeldWork, Work
from creditbase_client.types_gen import HoldRequest, UsageFields
from creditbase_client.usage import OUTPUT_TOKENS_MAX, usage_max_of, usage_of

OpenAIClient = TypeVar("OpenAIClient")
Billing = TypeVar("Billing", Creditbase, AsyncCreditbase)
METERED = (("chat", "completions"), ("responses",))
METHODS = ("create", "parse")
COPIES = ("copy", "with_options")
ITERATOR = "_iterator"
RAW = "X-Stainless-Raw-Response"
"""How OpenAI's client tells itself that a raw answer is wanted."""


class NotMetered(TypeError):
    """A way to call a model whose usage is not seen here, so that it is not let through."""


def metered(
    client: OpenAIClient,
    billing: Creditbase | AsyncCreditbase,
    *,
    idempotency_key: str,
    customer_external_id: str | None = None,
    customer_id: str | None = None,
    model: str | None = None,
    usage_max: UsageFields | None = None,
    output_tokens_max: int = OUTPUT_TOKENS_MAX,
) -> OpenAIClient:
    """Return a client like `client` whose model calls one customer pays for.

    Make one for each business action: it is cheap, and shares the connections. An asynchronous
    client takes an `AsyncCreditbase`, a waiting one a `Creditbase`.

    `idempotency_key` names the action, by an id of your own records. It never comes from what
    an end user sends: who repeats a key is not charged again. The first call has the key, the
    second `key/2`, and so on.

    `model` is the name by which Creditbase prices the call, where it is not the one asked for.
    `usage_max` is held for each call; without it, as many input tokens as the text has bytes,
    and of output the request's own limit, or `output_tokens_max`. More is captured if more was
    used.

    A call raises `PaymentRequired` and the other refusals before the model is asked. Where the
    answer does not say what was used, all that was held is captured. A call that fails or is
    cancelled is voided, and so is one whose stream is closed before it told its usage.

    Raises: ValueError: not exactly one customer is named.
    """
    if (customer_external_id is None) == (customer_id is None):
        raise ValueError("say either customer_external_id or customer_id")
    payer: HoldRequest = {}
    if customer_id is not None:
        payer = {"customer_id": customer_id}
    if customer_external_id is not None:
        payer = {"customer_external_id": customer_external_id}
    keys = _keys(idempotency_key)
    if isinstance(billing, AsyncCreditbase):
        calls: Callable[..., Any] = _AsyncCalls(
            billing, keys, payer, model, usage_max, output_tokens_max
        ).metered
    else:
        calls = _Calls(billing, keys, payer, model, usage_max, output_tokens_max).metered
    return _copied(client, calls)


def _keys(first: str) -> Iterator[str]:
    # No generator: threads that share the client may ask at once.
    return map(functools.partial(_key, first), itertools.count(1))


def _key(first: str, number: int) -> str:
    return first if number == 1 else f"{first}/{number}"


def _copied(client: OpenAIClient, calls: Callable[..., Any]) -> OpenAIClient:
    """Return a copy of a client with metered methods: of the same class, all else shared."""
    copied = copy.copy(client)
    for path in METERED:
        holder: Any = copied
        for name in path:
            inner = copy.copy(getattr(holder, name))
            # What was made of the unmetered methods is made anew.
            vars(inner).pop("with_raw_response", None)
            vars(inner).pop("with_streaming_response", None)
            vars(holder)[name] = inner
            holder = inner
        for method in METHODS:
            vars(holder)[method] = calls(getattr(holder, method))
    for made in ("with_raw_response", "with_streaming_response"):
        vars(copied).pop(made, None)
        vars(copied.chat).pop(made, None)  # type: ignore[attr-defined]
    for method in COPIES:
        vars(copied)[method] = _recopied(getattr(client, method), calls)
    return copied


def _recopied(copying: Callable[..., Any], calls: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(copying)
    def copied(*given: Any, **options: Any) -> Any:
        return _copied(copying(*given, **options), calls)

    return copied


@dataclass
class _Plan(Generic[Billing]):
    """Whoever pays, and how calls are held."""

    billing: Billing
    keys: Iterator[str]
    payer: HoldRequest
    model: str | None
    usage_max: UsageFields | None
    output_tokens_max: int

    def asked(self, request: Mapping[str, Any]) -> HoldRequest:
        """Return what is held for a request.

        Raises: Unbounded, NotMetered.
        """
        if (request.get("extra_headers") or {}).get(RAW) == "stream":
            raise NotMetered("with_streaming_response is not metered: use create(stream=True)")
        if request.get("background") is True:
            raise NotMetered("an answer in the background is not metered")
        bound = self.usage_max or usage_max_of(
            request, output_tokens_max=self.output_tokens_max
        )
        return {**self.payer, "model": self.model or request["model"], "usage_max": bound}


class _Calls(_Plan[Creditbase]):
    """Calls that wait."""

    def metered(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """Return a call that holds and captures."""

        @functools.wraps(call)
        def held_call(**request: Any) -> Any:
            asked = self.asked(request)
            sent, is_hidden = telling_usage(request)
            with contextlib.ExitStack() as ending:
                work = ending.enter_context(
                    self.billing.hold(idempotency_key=next(self.keys), **asked)
                )
                told = call(**sent)
                answer = told.parse() if hasattr(told, "http_response") else told
                if request.get("stream") is True:
                    told_so_far = Told(work, is_hidden=is_hidden)
                    # All of a stream's ways to its end go through its iterator.
                    pieces = _Pieces(vars(answer)[ITERATOR], told_so_far, ending.pop_all())
                    vars(answer)[ITERATOR] = pieces
                    answer.close = _closing(answer.close, pieces)
                    return told
                work.report(usage_of(answer))
                return told

        return held_call


class _AsyncCalls(_Plan[AsyncCreditbase]):
    """Calls that are awaited."""

    def metered(self, call: Callable[..., Awaitable[Any]]) -> Callable[..., Any]:
        """Return a call that holds and captures."""

        @functools.wraps(call)
        async def held_call(**request: Any) -> Any:
            asked = self.asked(request)
            sent, is_hidden = telling_usage(request)
            async with contextlib.AsyncExitStack() as ending:
                work = await ending.enter_async_context(
                    self.billing.hold(idempotency_key=next(self.keys), **asked)
                )
                told = await call(**sent)
                answer = told.parse() if hasattr(told, "http_response") else told
                if inspect.isawaitable(answer):
                    answer = await answer
                if request.get("stream") is True:
                    told_so_far = Told(work, is_hidden=is_hidden)
                    iterator = vars(answer)[ITERATOR]
                    pieces = _AsyncPieces(iterator, told_so_far, ending.pop_all())
                    vars(answer)[ITERATOR] = pieces
                    answer.close = _async_closing(answer.close, pieces)
                    return told
                work.report(usage_of(answer))
                return told

        return held_call


def telling_usage(request: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
    """Return a request whose stream ends with its usage, and whether only we asked for that.

    A response's stream does so anyway.
    """
    options = request.get("stream_options") or {}
    is_chat = "messages" in request
    if request.get("stream") is not True or not is_chat or options.get("include_usage"):
        return dict(request), False
    return {**request, "stream_options": {**options, "include_usage": True}}, True


@dataclass
class Told:
    """What a stream has told of its usage."""

    work: Work[Any]
    is_hidden: bool
    """Whether the piece with nothing but the usage is not for the caller."""
    has_usage: bool = field(default=False, init=False)

    def is_passed_on(self, piece: Any) -> bool:
        """Note what a piece says was used; return whether the caller gets it."""
        usage = usage_of(piece)
        if usage is None:
            return True
        self.work.used(usage=usage)
        self.has_usage = True
        return not (self.is_hidden and getattr(piece, "choices", None) == [])

    def end(self) -> None:
        """Take all that was held where no piece said what was used."""
        if not self.has_usage:
            self.work.report(None)


class _Left(Exception):
    """The caller closed the stream before its end."""


@dataclass
class _Pieces:
    """The pieces of a stream, whose end captures and whose failure voids."""

    pieces: Iterator[Any]
    told: Told
    ending: contextlib.ExitStack

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Any:
        try:
            for piece in self.pieces:
                if self.told.is_passed_on(piece):
                    return piece
            self.told.end()
        except BaseException as problem:
            self._settle(problem)
            raise
        self._settle(None)
        raise StopIteration

    def close(self) -> None:
        """Capture what was told to be used so far; void the hold where nothing was."""
        self._settle(None if self.told.has_usage else _Left())

    def _settle(self, problem: BaseException | None) -> None:
        self.ending.pop_all().__exit__(type(problem) if problem else None, problem, None)

    def __del__(self) -> None:
        self.close()


@dataclass
class _AsyncPieces:
    """As `_Pieces`, and awaited. One that is forgotten ends in the loop that it was made in."""

    pieces: AsyncIterator[Any]
    told: Told
    ending: contextlib.AsyncExitStack

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        try:
            async for piece in self.pieces:
                if self.told.is_passed_on(piece):
                    return piece
            self.told.end()
        except BaseException as problem:
            await self._settle(problem)
            raise
        await self._settle(None)
        raise StopAsyncIteration

    async def close(self) -> None:
        """Capture what was told to be used so far; void the hold where nothing was."""
        await self._settle(None if self.told.has_usage else _Left())

    async def _settle(self, problem: BaseException | None) -> None:
        await self.ending.pop_all().__aexit__(type(problem) if problem else None, problem, None)

    def __del__(self) -> None:
        work, ending = self.told.work, self.ending.pop_all()
        problem = None if self.told.has_usage else _Left()
        assert isinstance(work, AsyncHeldWork)
        work.end_later(
            lambda: ending.__aexit__(type(problem) if problem else None, problem, None)
        )


def _closing(close: Callable[[], None], pieces: _Pieces) -> Callable[[], None]:
    def closed() -> None:
        try:
            close()
        finally:
            pieces.close()

    return closed


def _async_closing(
    close: Callable[[], Awaitable[None]], pieces: _AsyncPieces
) -> Callable[[], Awaitable[None]]:
    async def closed() -> None:
        try:
            await close()
        finally:
            await pieces.close()

    return closed
