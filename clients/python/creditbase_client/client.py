"""The two clients: one that waits, one that is awaited."""

from types import TracebackType
from typing import Self, Unpack

from creditbase_client.async_gen import AsyncOperations
from creditbase_client.holding import AsyncHeldWork, HeldWork
from creditbase_client.sync_gen import Operations
from creditbase_client.types_gen import HoldRequest


class Creditbase(Operations):
    """A client of the hub, of the relay and of metering: `Creditbase(url, SecretKey("…"))`."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self.http.close()

    def hold(self, *, idempotency_key: str, **request: Unpack[HoldRequest]) -> HeldWork:
        """Hold credits while work runs: `with client.hold(…) as work:`.

        The block says what was used (`work.used(usage=…)`), and its end captures that. An
        exception voids the hold. While the block runs, the hold is extended in time.
        """
        return HeldWork(self, request, idempotency_key)


class AsyncCreditbase(AsyncOperations):
    """As `Creditbase`, and every call is awaited."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self.http.aclose()

    def hold(self, *, idempotency_key: str, **request: Unpack[HoldRequest]) -> AsyncHeldWork:
        """Hold credits while work runs: `async with client.hold(…) as work:`.

        As `Creditbase.hold`.
        """
        return AsyncHeldWork(self, request, idempotency_key)
