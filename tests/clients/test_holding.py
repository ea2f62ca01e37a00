"""Work under a hold: what goes over the wire in every way that a block can end."""

import asyncio
from typing import Any

import httpx
import pytest

from creditbase_client import AsyncCreditbase, Creditbase, NothingReported, Retries, SecretKey
from creditbase_client.holding import UNDER_WAY
from tests.clients.scripted import Script, Step, breaks, refuses, says

ONCE = Retries(tries_max=1)


def hold(status: str = "held", expires_at: str = "2026-01-01T00:15:00Z") -> Step:
    """Answer with a hold."""
    answer = {
        "hold": {
            "id": "hold_1",
            "status": status,
            "expires_at": expires_at,
            "created_at": "2026-01-01T00:00:00Z",
        },
        "balance": {"available_nanos": 7},
    }
    return says(200, answer)


PLACED = hold()
VOIDED = hold("voided")
CAPTURED = hold("captured")
ENDS = {"captured": "/api/v1/holds/hold_1/capture", "voided": "/api/v1/holds/hold_1/void"}


def asked(**more: Any) -> dict[str, Any]:
    """Return what a hold is asked for with."""
    return {"idempotency_key": "k", "customer_external_id": "a", "amount_nanos": 9, **more}


class Broken(Exception):
    """The work failed."""


def a_client(*steps: Step) -> tuple[Script, Creditbase]:
    """Return a server and the client that asks it."""
    script = Script(list(steps))
    return script, Creditbase("http://b", SecretKey("k"), retries=ONCE, transport=script)


def an_async_client(*steps: Step) -> tuple[Script, AsyncCreditbase]:
    """Return a server and the client that asks it."""
    script = Script(list(steps))
    return script, AsyncCreditbase("http://b", SecretKey("k"), retries=ONCE, transport=script)


class TestWaiting:
    """The block of the synchronous client."""

    def test_its_end_captures_what_was_used_last(self) -> None:
        """Usage is reported in all, not by pieces."""
        script, client = a_client(PLACED, CAPTURED)

        with client.hold(**asked()) as work:
            work.used(usage={"output_tokens": 1})
            work.used(usage={"output_tokens": 4})

        assert script.paths == ["/api/v1/holds", ENDS["captured"]]
        assert script.bodies[1] == {"usage": {"output_tokens": 4}}
        assert work.hold["status"] == "captured"
        assert work.balance["available_nanos"] == 7

    def test_an_exception_voids_it_and_goes_on(self) -> None:
        """Work that failed costs nothing."""
        script, client = a_client(PLACED, VOIDED)

        with pytest.raises(Broken), client.hold(**asked()) as work:  # noqa: PT012 - the block is what is tested
            work.used(amount_nanos=3)
            raise Broken

        assert script.paths[1:] == [ENDS["voided"]]

    def test_a_void_that_fails_does_not_hide_why_the_work_failed(self) -> None:
        """The hold expires by itself; the cause would be lost."""
        _, client = a_client(PLACED, breaks(httpx.ReadTimeout))

        with pytest.raises(Broken) as broken, client.hold(**asked()):
            raise Broken

        assert "will expire" in broken.value.__notes__[0]

    def test_saying_nothing_is_a_mistake_and_costs_nothing(self) -> None:
        """Neither free work nor a charge of the whole hold happens unseen."""
        script, client = a_client(PLACED, VOIDED)

        with pytest.raises(NothingReported), client.hold(**asked()):
            pass

        assert script.paths[1:] == [ENDS["voided"]]

    @pytest.mark.parametrize("end", ["captured", "voided"])
    def test_a_hold_that_the_block_ended_itself_is_left_alone(self, end: str) -> None:
        """Also by an exception after it."""
        script, client = a_client(PLACED, hold(end))

        with pytest.raises(Broken), client.hold(**asked()) as work:  # noqa: PT012 - the block is what is tested
            if end == "captured":
                work.capture(amount_nanos=2)
            else:
                work.void()
            raise Broken

        assert script.paths[1:] == [ENDS[end]]

    def test_a_refused_hold_does_not_begin_the_work(self) -> None:
        """Nothing is called that nobody can pay."""
        script, client = a_client(refuses(402, "PAYMENT_REQUIRED"))
        begun: list[int] = []

        with pytest.raises(Exception, match="PAYMENT_REQUIRED"), client.hold(**asked()):
            begun.append(1)

        assert begun == []
        assert len(script.asked) == 1

    def test_usage_and_an_amount_at_once_are_refused_here(self) -> None:
        """Which of the two would be taken is nobody's guess."""
        _, client = a_client(PLACED, VOIDED)

        with pytest.raises(ValueError, match="either"), client.hold(**asked()) as work:
            work.used(usage={}, amount_nanos=1)


class TestAwaiting:
    """The block of the asynchronous client."""

    def test_its_end_captures_what_was_used(self) -> None:
        """As that of the other."""
        script, client = an_async_client(PLACED, CAPTURED)

        async def run() -> None:
            async with client.hold(**asked()) as work:
                work.used(amount_nanos=4)

        asyncio.run(run())

        assert script.bodies[1] == {"amount_nanos": 4}

    def test_a_cancelled_task_voids_it(self) -> None:
        """A client that hangs up must not keep credits bound until they expire."""
        script, client = an_async_client(PLACED, VOIDED)

        async def run() -> None:
            begun = asyncio.Event()

            async def work() -> None:
                async with client.hold(**asked()):
                    begun.set()
                    await asyncio.Event().wait()

            task = asyncio.create_task(work())
            await begun.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        asyncio.run(run())

        assert script.paths[1:] == [ENDS["voided"]]

    def test_saying_nothing_is_a_mistake(self) -> None:
        """As in the other."""
        script, client = an_async_client(PLACED, VOIDED)

        async def run() -> None:
            async with client.hold(**asked()):
                pass

        with pytest.raises(NothingReported):
            asyncio.run(run())
        assert script.paths[1:] == [ENDS["voided"]]


class TestExtending:
    """What long work asks for, computed from the server's own instants."""

    def test_half_its_time_is_added_and_the_usage_so_far_is_told(self) -> None:
        """If we die, what was reported is captured when the hold expires."""
        _, client = a_client(PLACED, CAPTURED)

        with client.hold(**asked(ttl_s=900)) as work:
            work.used(usage={"output_tokens": 4})

            assert work.pause_s == pytest.approx(450)
            assert work.extension() == {
                "expires_at": "2026-01-01T00:22:30Z",
                "usage": {"output_tokens": 4},
            }

    @pytest.mark.parametrize(
        ("expires_at", "wanted"),
        [
            ("2026-01-01T23:59:59Z", {"expires_at": "2026-01-02T00:00:00Z"}),
            ("2026-01-02T00:00:00Z", None),
        ],
    )
    def test_a_day_is_the_end(self, expires_at: str, wanted: dict[str, str] | None) -> None:
        """The server gives no more."""
        _, client = a_client(hold(expires_at=expires_at), CAPTURED)

        with client.hold(**asked()) as work:
            work.used(amount_nanos=1)

            assert work.extension() == wanted


class Waiting(httpx.AsyncBaseTransport):
    """A server whose answer to the first request takes until it is let go."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.was_asked, self.may_answer = asyncio.Event(), asyncio.Event()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer late once, then at once."""
        self.was_asked.set()
        await self.may_answer.wait()
        return self.script.handle_request(request)


def test_who_is_cancelled_while_the_hold_is_being_placed_leaves_none_behind() -> None:
    """The server has it, or will: nobody else would know its name."""

    async def run() -> list[str]:
        script = Script([PLACED, VOIDED])
        slow = Waiting(script)
        client = AsyncCreditbase("http://b", SecretKey("k"), retries=ONCE, transport=slow)

        async def work() -> None:
            async with client.hold(**asked()):
                raise AssertionError

        task = asyncio.create_task(work())
        await slow.was_asked.wait()
        for _ in range(3):
            task.cancel()
            await asyncio.sleep(0)
        slow.may_answer.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.gather(*UNDER_WAY)
        return script.paths

    assert asyncio.run(run()) == ["/api/v1/holds", ENDS["voided"]]


def test_a_refusal_that_comes_after_the_cancellation_is_nobodys() -> None:
    """There is no hold then, and nobody is there to be told."""

    async def run() -> list[str]:
        script = Script([refuses(402, "PAYMENT_REQUIRED")])
        slow = Waiting(script)
        client = AsyncCreditbase("http://b", SecretKey("k"), retries=ONCE, transport=slow)
        task = asyncio.create_task(client.hold(**asked()).__aenter__())
        await slow.was_asked.wait()
        task.cancel()
        slow.may_answer.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.gather(*UNDER_WAY)
        return script.paths

    assert asyncio.run(run()) == ["/api/v1/holds"]
