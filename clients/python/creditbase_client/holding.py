"""Work under a hold: captured with what it used, voided where it failed, extended meanwhile."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Generic, Self, TypeVar

from creditbase_client.async_gen import AsyncOperations
from creditbase_client.errors import Conflict, CreditbaseError, NothingReported
from creditbase_client.operations import Operation
from creditbase_client.sync_gen import Operations
from creditbase_client.types_gen import (
    Balance,
    CaptureRequest,
    ExtendRequest,
    Hold,
    HoldAnswer,
    HoldRequest,
    ShowHoldAnswer,
    UsageFields,
)

TTL_S = 900
"""What a hold has where nobody asks for another time."""
PLACE_HOLD = Operation("POST", "/api/v1/holds", is_repeatable=True)
MAY_BE_CAPTURED = frozenset({"held", "expired"})
ATTEMPTS_MAX = 50
"""How often an action may fail and be begun again under its key."""
OPEN_H_MAX = 24
"""No extension goes beyond this many hours after the hold was made."""

Door = TypeVar("Door", Operations, AsyncOperations)


@dataclass
class Work(Generic[Door]):
    """A hold, the balance after the last answer, and what was reported so far."""

    door: Door
    request: HoldRequest
    idempotency_key: str

    def __post_init__(self) -> None:
        self._answer: HoldAnswer | None = None
        self._reported: CaptureRequest | None = None
        self.extension_problem: CreditbaseError | None = None
        """Why the hold could not be extended. Capturing works after it has expired, too."""

    @property
    def hold(self) -> Hold:
        """Return the hold as the server last told it."""
        assert self._answer is not None, "the block has not begun"
        return self._answer["hold"]

    @property
    def balance(self) -> Balance:
        """Return the customer's balance as the server last told it."""
        assert self._answer is not None, "the block has not begun"
        return self._answer["balance"]

    @property
    def id(self) -> str:
        """Return the hold's id."""
        return self.hold["id"]

    @property
    def is_open(self) -> bool:
        """Whether it still has to be captured or voided; an expired one can be, too."""
        return self._answer is not None and self.hold["status"] in MAY_BE_CAPTURED

    def keys(self) -> Iterator[str]:
        """Yield the key of each attempt.

        An attempt that failed took nothing and its hold was voided; the action's next attempt
        needs a hold of its own, whose key follows from the first. So two that repeat the same
        action come to the same hold.
        """
        yield self.idempotency_key
        for attempt in range(2, ATTEMPTS_MAX + 1):
            yield f"{self.idempotency_key}~{attempt}"

    def has_been_voided(self, now: ShowHoldAnswer) -> bool:
        """Take in how a hold stands that its key had placed before.

        The answer to the key is still that of then, whatever became of the hold.
        """
        assert self._answer is not None
        self._answer = {**self._answer, "hold": now["hold"]}
        return now["hold"]["status"] == "voided"

    def given_up(self) -> Conflict:
        """Return the error for an action that failed too often."""
        message = f"{ATTEMPTS_MAX} attempts of {self.idempotency_key} have failed"
        return Conflict(message, code="CONFLICT", status=409)

    def used(
        self, *, usage: UsageFields | None = None, amount_nanos: int | None = None
    ) -> None:
        """Say what was used so far, in all: the last word is what the end captures."""
        self._reported = reported(usage, amount_nanos)

    @property
    def has_reported(self) -> bool:
        """Whether the work has said what it used."""
        return self._reported is not None

    def report(self, usage: UsageFields | None) -> None:
        """Say what was used so far; all that was held for, where nobody knows."""
        if usage is not None:
            self.used(usage=usage)
        elif "usage_max" in self.request:
            self.used(usage=self.request["usage_max"])
        else:
            self.used(amount_nanos=self.request["amount_nanos"])

    @property
    def pause_s(self) -> float:
        """Return how long to wait before the hold is extended."""
        return max(0.5, self.request.get("ttl_s", TTL_S) / 2)

    def extension(self) -> ExtendRequest | None:
        """Return what to ask for, or None where there is no more time to be had.

        Computed from the server's own instants, so that no clock of ours matters.
        """
        expires_at = _instant(self.hold["expires_at"])
        last = _instant(self.hold["created_at"]) + timedelta(hours=OPEN_H_MAX)
        later = min(last, expires_at + timedelta(seconds=self.pause_s))
        if later <= expires_at:
            return None
        asked: ExtendRequest = {"expires_at": _written(later)}
        if self._reported is not None and "usage" in self._reported:
            asked["usage"] = self._reported["usage"]
        return asked

    def before(self, problem: BaseException | None) -> CaptureRequest | None:
        """Return what to capture at the end of the block, or None where it is to be voided."""
        return self._reported if problem is None else None

    def after(self, problem: BaseException | None) -> None:
        """Complain of a block that ended well and said nothing.

        Raises: NothingReported.
        """
        if problem is None and self._reported is None:
            raise NothingReported(
                f"hold {self.id} was voided: call used(usage=…) or used(amount_nanos=…)"
            )


class HeldWork(Work[Operations]):
    """The block of `Creditbase.hold`."""

    def __enter__(self) -> Self:
        self._place()
        self._has_ended = threading.Event()
        self._keeping = threading.Thread(target=self._keep, name="creditbase-hold", daemon=True)
        if self.is_open:  # an old key may name one that has ended
            self._keeping.start()
        return self

    def _place(self) -> None:
        for key in self.keys():
            self._answer, is_old = self.door.call_noting_replay(
                PLACE_HOLD, idempotency_key=key, body=self.request
            )
            if not is_old or not self.has_been_voided(self.door.show_hold(hold_id=self.id)):
                return
        raise self.given_up()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop_keeping()
        if not self.is_open:
            return
        captured = self.before(problem)
        if captured is not None:
            self._answer = self.door.capture_hold(hold_id=self.id, **captured)
            return
        with _noting(problem):
            self._answer = self.door.void_hold(hold_id=self.id)
        self.after(problem)

    def capture(
        self, *, usage: UsageFields | None = None, amount_nanos: int | None = None
    ) -> Hold:
        """End the hold now and take what was used; the end of the block then does nothing."""
        self._stop_keeping()
        asked = reported(usage, amount_nanos)
        self._answer = self.door.capture_hold(hold_id=self.id, **asked)
        return self.hold

    def void(self) -> Hold:
        """End the hold now and take nothing."""
        self._stop_keeping()
        self._answer = self.door.void_hold(hold_id=self.id)
        return self.hold

    def _stop_keeping(self) -> None:
        self._has_ended.set()
        if self._keeping.is_alive():
            self._keeping.join()

    def _keep(self) -> None:
        while not self._has_ended.wait(self.pause_s):
            asked = self.extension()
            if asked is None:
                return
            try:
                self._answer = self.door.extend_hold(hold_id=self.id, **asked)
            except CreditbaseError as problem:
                self.extension_problem = problem
                return


class AsyncHeldWork(Work[AsyncOperations]):
    """The block of `AsyncCreditbase.hold`."""

    async def __aenter__(self) -> Self:
        placing = asyncio.ensure_future(self._place())
        try:
            await asyncio.shield(placing)
        except asyncio.CancelledError:
            # What was sent may place it yet, and nobody else would know its name.
            _begin(self._give_back(placing))
            raise
        self._keeping = asyncio.create_task(self._keep())
        return self

    async def _give_back(self, placing: "asyncio.Future[None]") -> None:
        with contextlib.suppress(CreditbaseError):
            await placing
            if self.is_open:
                await self.door.void_hold(hold_id=self.id)

    async def _place(self) -> None:
        for key in self.keys():
            self._answer, is_old = await self.door.call_noting_replay(
                PLACE_HOLD, idempotency_key=key, body=self.request
            )
            if not is_old:
                return
            if not self.has_been_voided(await self.door.show_hold(hold_id=self.id)):
                return
        raise self.given_up()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Whoever left may be cancelled again at every await: the end runs by itself.
        await asyncio.shield(_begin(self._end(problem)))

    async def _end(self, problem: BaseException | None) -> None:
        await self._stop_keeping()
        if not self.is_open:
            return
        captured = self.before(problem)
        if captured is not None:
            self._answer = await self.door.capture_hold(hold_id=self.id, **captured)
            return
        with _noting(problem):
            self._answer = await self.door.void_hold(hold_id=self.id)
        self.after(problem)

    async def capture(
        self, *, usage: UsageFields | None = None, amount_nanos: int | None = None
    ) -> Hold:
        """End the hold now and take what was used; the end of the block then does nothing."""
        await self._stop_keeping()
        asked = reported(usage, amount_nanos)
        self._answer = await self.door.capture_hold(hold_id=self.id, **asked)
        return self.hold

    async def void(self) -> Hold:
        """End the hold now and take nothing."""
        await self._stop_keeping()
        self._answer = await self.door.void_hold(hold_id=self.id)
        return self.hold

    def end_later(self, end: Callable[[], Coroutine[None, None, object]]) -> None:
        """Let an end run in the block's loop: its work was forgotten where nothing can wait.

        Where the loop has ended, the hold expires by itself.
        """
        loop = self._keeping.get_loop()
        if self.is_open and loop.is_running():
            loop.call_soon_threadsafe(lambda: _begin(end()))

    async def _stop_keeping(self) -> None:
        self._keeping.cancel()
        await asyncio.wait({self._keeping})  # raises nothing of its own

    async def _keep(self) -> None:
        while self.is_open:
            await asyncio.sleep(self.pause_s)
            asked = self.extension()
            if asked is None:
                return
            try:
                self._answer = await self.door.extend_hold(hold_id=self.id, **asked)
            except CreditbaseError as problem:
                self.extension_problem = problem
                return


UNDER_WAY: set[asyncio.Task[object]] = set()
"""Ends that nobody may be waiting for any more: a loop itself forgets its tasks."""


def _begin(work: Coroutine[None, None, object]) -> asyncio.Task[object]:
    task = asyncio.ensure_future(work)
    UNDER_WAY.add(task)
    task.add_done_callback(UNDER_WAY.discard)
    return task


def reported(usage: UsageFields | None, amount_nanos: int | None) -> CaptureRequest:
    """Return what a capture takes: one of the two.

    Raises: ValueError.
    """
    if usage is not None and amount_nanos is None:
        return {"usage": usage}
    if amount_nanos is not None and usage is None:
        return {"amount_nanos": amount_nanos}
    raise ValueError("say either usage or amount_nanos")


@contextlib.contextmanager
def _noting(problem: BaseException | None) -> Iterator[None]:
    """Let a failed void not hide why the work failed: the hold expires by itself."""
    try:
        yield
    except CreditbaseError as failure:
        if problem is None:
            raise
        problem.add_note(f"The hold could not be voided, and will expire: {failure}")


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _written(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
