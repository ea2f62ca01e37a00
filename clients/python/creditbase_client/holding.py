"""Work under a hold: captured with what it used, voided where it failed, extended meanwhile."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Generic, Self, TypeVar

from creditbase_client.async_gen import AsyncOperations
from creditbase_client.errors import CreditbaseError, NothingReported
from creditbase_client.sync_gen import Operations
from creditbase_client.types_gen import (
    Balance,
    CaptureRequest,
    ExtendRequest,
    Hold,
    HoldAnswer,
    HoldRequest,
    UsageFields,
)

TTL_S = 900
"""What a hold has where nobody asks for another time."""
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
        """Whether it still has to be captured or voided."""
        return self._answer is not None and self.hold["status"] == "held"

    def used(
        self, *, usage: UsageFields | None = None, amount_nanos: int | None = None
    ) -> None:
        """Say what was used so far, in all: the last word is what the end captures."""
        self._reported = reported(usage, amount_nanos)

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
        self._answer = self.door.place_hold(
            idempotency_key=self.idempotency_key, **self.request
        )
        self._has_ended = threading.Event()
        self._keeping = threading.Thread(target=self._keep, name="creditbase-hold", daemon=True)
        if self.is_open:  # an old key may name one that has ended
            self._keeping.start()
        return self

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
        self._answer = await self.door.place_hold(
            idempotency_key=self.idempotency_key, **self.request
        )
        self._keeping = asyncio.create_task(self._keep())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
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
