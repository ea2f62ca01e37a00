"""OpenAI's own client, metered: what Creditbase is asked for, however a call ends."""

import asyncio
import gc
import json
import subprocess
import sys
from typing import Any

import httpx2
import pytest
from openai import AsyncOpenAI, InternalServerError, OpenAI
from openai.types.chat import ChatCompletion

from creditbase_client import AsyncCreditbase, Creditbase, PaymentRequired, Retries, SecretKey
from creditbase_client.holding import UNDER_WAY
from creditbase_client.openai import NotMetered, metered
from creditbase_client.usage import Unbounded, usage_max_of, usage_of
from dev.layout import ROOT
from tests.clients.scripted import Script, Step, refuses, says

ONCE = Retries(tries_max=1)
HOLDS = "/api/v1/holds"
CAPTURE, VOID = f"{HOLDS}/hold_1/capture", f"{HOLDS}/hold_1/void"
USAGE = {
    "prompt_tokens": 100,
    "completion_tokens": 20,
    "total_tokens": 120,
    "prompt_tokens_details": {"cached_tokens": 60},
    "completion_tokens_details": {"reasoning_tokens": 5},
}
POOLS = {
    "input_tokens": 40,
    "cached_input_tokens": 60,
    "output_tokens": 15,
    "reasoning_tokens": 5,
}
HELLO: list[Any] = [{"role": "user", "content": "Hello"}]
ASKED: dict[str, Any] = {"model": "gpt-5-mini", "messages": HELLO, "max_completion_tokens": 50}
BOUND = usage_max_of(ASKED)


def hold(status: str = "held", **headers: str) -> Step:
    """Answer with a hold."""
    at = {"expires_at": "2026-01-01T00:15:00Z", "created_at": "2026-01-01T00:00:00Z"}
    held = {"id": "hold_1", "status": status, **at}
    return says(200, {"hold": held, "balance": {"available_nanos": 7}}, **headers)


def completion(usage: object = USAGE) -> httpx2.Response:
    """Answer as a model does."""
    message = {"role": "assistant", "content": "Hi"}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    head = {"id": "c", "object": "chat.completion", "created": 1, "model": "gpt-5-mini"}
    return httpx2.Response(200, json={**head, "choices": [choice], "usage": usage})


def stream(*, has_usage: bool = True) -> httpx2.Response:
    """Answer in pieces, the last of which has the usage."""
    head = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "gpt-5-mini"}
    said = [{**head, "choices": [{"index": 0, "delta": {"content": one}}]} for one in "Hi!"]
    last = [{**head, "choices": [], "usage": USAGE}] if has_usage else []
    lines = [f"data: {json.dumps(one)}\n\n" for one in [*said, *last]] + ["data: [DONE]\n\n"]
    headers = {"content-type": "text/event-stream"}
    return httpx2.Response(200, content="".join(lines).encode(), headers=headers)


class Model:
    """A model that gives one answer, and remembers what it was asked."""

    def __init__(self, answer: httpx2.Response) -> None:
        self.answer = answer
        self.asked: list[dict[str, Any]] = []
        self.transport = httpx2.MockTransport(self._answer)

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(json.loads(request.content or b"{}"))
        return self.answer

    def client(self) -> OpenAI:
        """Return OpenAI's client, which asks this."""
        http = httpx2.Client(transport=self.transport)
        return OpenAI(api_key="k", base_url="http://m", http_client=http, max_retries=0)

    def async_client(self) -> AsyncOpenAI:
        """Return OpenAI's asynchronous client, which asks this."""
        http = httpx2.AsyncClient(transport=self.transport)
        return AsyncOpenAI(api_key="k", base_url="http://m", http_client=http, max_retries=0)


def waiting(model: Model, *steps: Step) -> tuple[Script, OpenAI]:
    """Return the hub, and a metered client."""
    script = Script(list(steps))
    billing = Creditbase("http://b", SecretKey("k"), retries=ONCE, transport=script)
    client = metered(
        model.client(), billing, customer_external_id="ada", idempotency_key="answer:42"
    )
    return script, client


def awaited(model: Model, *steps: Step) -> tuple[Script, AsyncOpenAI]:
    """Return the hub, and a metered client."""
    script = Script(list(steps))
    billing = AsyncCreditbase("http://b", SecretKey("k"), retries=ONCE, transport=script)
    client = metered(
        model.async_client(), billing, customer_external_id="ada", idempotency_key="answer:42"
    )
    return script, client


class TestWaiting:
    """The client that waits."""

    def test_a_call_holds_its_bound_and_captures_what_the_model_reported(self) -> None:
        """The pools of Creditbase exclude each other; OpenAI's do not."""
        script, client = waiting(Model(completion()), hold(), hold("captured"))

        answer = client.chat.completions.create(**ASKED)

        assert isinstance(answer, ChatCompletion)
        assert script.paths == [HOLDS, CAPTURE]
        assert script.keys[0] == "answer:42"
        payer = {"customer_external_id": "ada", "model": "gpt-5-mini"}
        assert script.bodies == [{**payer, "usage_max": BOUND}, {"usage": POOLS}]

    def test_calls_of_one_action_have_keys_in_their_order(self) -> None:
        """So whoever repeats the action pays none of them twice."""
        steps = [hold(), hold("captured")] * 2
        script, client = waiting(Model(completion()), *steps)

        client.chat.completions.create(**ASKED)
        client.with_options(timeout=9).chat.completions.create(**ASKED)

        assert [script.keys[0], script.keys[2]] == ["answer:42", "answer:42/2"]

    def test_an_answer_without_usage_costs_what_was_held(self) -> None:
        """Nothing is given away, and nothing above the bound is taken."""
        script, client = waiting(Model(completion(None)), hold(), hold("captured"))

        client.chat.completions.create(**ASKED)

        assert script.bodies[1] == {"usage": BOUND}

    def test_a_refusal_is_raised_before_the_model_is_asked(self) -> None:
        """402 costs nobody anything."""
        model = Model(completion())
        _, client = waiting(model, refuses(402, "PAYMENT_REQUIRED"))

        with pytest.raises(PaymentRequired):
            client.chat.completions.create(**ASKED)

        assert model.asked == []

    def test_a_call_that_fails_is_voided(self) -> None:
        """The error is OpenAI's own."""
        failing = Model(httpx2.Response(500, json={"error": {"message": "No."}}))
        script, client = waiting(failing, hold(), hold("voided"))

        with pytest.raises(InternalServerError):
            client.chat.completions.create(**ASKED)

        assert script.paths == [HOLDS, VOID]

    def test_a_stream_asks_for_its_usage_and_hides_that_from_who_did_not(self) -> None:
        """The caller sees what it would see of the unmetered client."""
        model = Model(stream())
        script, client = waiting(model, hold(), hold("captured"))

        pieces = list(client.chat.completions.create(**ASKED, stream=True))

        assert [one.choices[0].delta.content for one in pieces] == ["H", "i", "!"]
        assert model.asked[0]["stream_options"] == {"include_usage": True}
        assert script.bodies[1] == {"usage": POOLS}

    def test_whoever_asked_for_the_usage_gets_it(self) -> None:
        """It is not hidden then."""
        _, client = waiting(Model(stream()), hold(), hold("captured"))

        pieces = list(
            client.chat.completions.create(
                **ASKED, stream=True, stream_options={"include_usage": True}
            )
        )

        assert pieces[-1].usage is not None

    def test_a_stream_that_told_no_usage_costs_what_was_held(self) -> None:
        """As an answer at once does."""
        script, client = waiting(Model(stream(has_usage=False)), hold(), hold("captured"))

        list(client.chat.completions.create(**ASKED, stream=True))

        assert script.bodies[1] == {"usage": BOUND}

    @pytest.mark.parametrize("way", ["closed", "left", "forgotten"])
    def test_a_stream_that_is_left_before_its_end_is_voided(self, way: str) -> None:
        """Closed, left by its block, or forgotten: even before the first piece."""
        script, client = waiting(Model(stream()), hold(), hold("voided"))
        pieces = client.chat.completions.create(**ASKED, stream=True)
        if way == "closed":
            next(pieces)
            pieces.close()
        elif way == "left":
            with pieces:
                next(pieces)
        del pieces
        gc.collect()

        assert script.paths == [HOLDS, VOID]

    def test_what_openai_builds_on_create_is_metered_too(self) -> None:
        """The helper that gathers events, and raw answers."""
        steps = [hold(), hold("captured")]
        script, client = waiting(Model(stream()), *steps)
        with client.chat.completions.stream(**ASKED) as events:
            assert events.get_final_completion().choices[0].message.content == "Hi!"
        assert script.paths == [HOLDS, CAPTURE]

        script, client = waiting(Model(completion()), *steps)
        raw = client.chat.completions.with_raw_response.create(**ASKED)
        assert raw.parse().choices[0].message.content == "Hi"
        assert script.bodies[1] == {"usage": POOLS}

        script, client = waiting(Model(completion()), *steps)
        client.chat.completions.parse(**ASKED)
        assert script.bodies[1] == {"usage": POOLS}

    def test_what_cannot_be_metered_is_not_let_through(self) -> None:
        """No call is free because nobody sees its usage."""
        model = Model(completion())
        script, client = waiting(model)

        with (
            pytest.raises(NotMetered),
            client.chat.completions.with_streaming_response.create(**ASKED),
        ):
            pass

        assert (script.asked, model.asked) == ([], [])

    def test_everything_else_is_the_clients_own(self) -> None:
        """Its class, its settings, its other calls; and the client itself stays as it was."""
        model = Model(httpx2.Response(200, json={"object": "list", "data": []}))
        plain = model.client()
        billing = Creditbase("http://b", SecretKey("k"))
        client = metered(plain, billing, customer_id="c", idempotency_key="k")

        assert isinstance(client, OpenAI)
        assert client.base_url == plain.base_url
        assert "create" not in vars(plain.chat.completions)
        assert list(client.models.list()) == []
        with pytest.raises(ValueError, match="either"):
            metered(plain, billing, idempotency_key="k")

    def test_the_key_of_an_attempt_that_failed_begins_another(self) -> None:
        """Else a voided hold would make the next attempt free."""
        old = {"Idempotent_Replayed": "true"}
        steps = [hold(**old), hold("voided"), hold(), hold("captured")]
        script, client = waiting(Model(completion()), *steps)

        client.chat.completions.create(**ASKED)

        assert script.paths == [HOLDS, f"{HOLDS}/hold_1", HOLDS, CAPTURE]
        assert [script.keys[0], script.keys[2]] == ["answer:42", "answer:42~2"]

    def test_an_action_that_was_charged_is_repeated_without_being_charged(self) -> None:
        """Whoever crashed before keeping the answer asks again, and pays once."""
        steps = [hold(Idempotent_Replayed="true"), hold("captured")]
        script, client = waiting(Model(completion()), *steps)

        client.chat.completions.create(**ASKED)

        assert script.paths == [HOLDS, f"{HOLDS}/hold_1"]


class TestAwaited:
    """The client that is awaited."""

    def test_calls_and_streams_capture_what_was_reported(self) -> None:
        """As those that wait."""

        async def run() -> None:
            script, client = awaited(Model(completion()), hold(), hold("captured"))
            await client.chat.completions.create(**ASKED)
            assert script.bodies[1] == {"usage": POOLS}

            script, client = awaited(Model(stream()), hold(), hold("captured"))
            pieces = await client.chat.completions.create(**ASKED, stream=True)
            assert [one.choices[0].delta.content async for one in pieces] == ["H", "i", "!"]
            assert script.bodies[1] == {"usage": POOLS}

        asyncio.run(run())

    def test_a_stream_that_is_left_is_voided(self) -> None:
        """The same."""

        async def run() -> None:
            script, client = awaited(Model(stream()), hold(), hold("voided"))
            async with await client.chat.completions.create(**ASKED, stream=True) as pieces:
                await anext(pieces)
            assert script.paths == [HOLDS, VOID]

        asyncio.run(run())

    def test_a_stream_that_is_forgotten_is_voided_by_the_loop_that_it_was_of(self) -> None:
        """What is collected binds no credits until its hold expires."""

        async def run() -> None:
            script, client = awaited(Model(stream()), hold(), hold("voided"))
            async for _ in await client.chat.completions.create(**ASKED, stream=True):
                break
            for _ in range(20):  # the loop ends the generators inside of it first
                gc.collect()
                await asyncio.sleep(0)
            await asyncio.gather(*UNDER_WAY)
            assert script.paths == [HOLDS, VOID]

        asyncio.run(run())

    def test_a_call_that_is_cancelled_is_voided_though_it_is_cancelled_again(self) -> None:
        """A server cancels who disconnects at every await, not only at the first."""

        async def run() -> None:
            began = asyncio.Event()

            async def answer(_: httpx2.Request) -> httpx2.Response:
                began.set()
                await asyncio.Event().wait()
                raise AssertionError

            model = Model(completion())
            model.transport = httpx2.MockTransport(answer)
            script, client = awaited(model, hold(), hold("voided"))
            call = asyncio.ensure_future(client.chat.completions.create(**ASKED))
            await began.wait()

            for _ in range(3):
                call.cancel()
                await asyncio.sleep(0)
            with pytest.raises(asyncio.CancelledError):
                await call
            await asyncio.gather(*UNDER_WAY)

            assert script.paths == [HOLDS, VOID]

        asyncio.run(run())


def test_a_response_is_read_as_a_completion_is() -> None:
    """The newer API has other names for the same."""
    usage = {
        "input_tokens": 100,
        "output_tokens": 20,
        "input_tokens_details": {"cached_tokens": 60},
        "output_tokens_details": {"reasoning_tokens": 5},
    }

    assert usage_of({"usage": usage}) == POOLS
    assert usage_of({"type": "response.completed", "response": {"usage": usage}}) == POOLS
    assert usage_of({"usage": None}) is None


def test_thoughts_that_a_provider_counts_beside_the_answer_are_charged() -> None:
    """The total tells which way it counts."""
    told = {**USAGE, "total_tokens": 125}

    assert usage_of({"usage": told}) == {**POOLS, "output_tokens": 20}


@pytest.mark.parametrize("wrong", [-1, 2**53 + 1, 10**30, 1.5, "9", True])
@pytest.mark.parametrize("name", ["prompt_tokens", "completion_tokens"])
def test_a_count_that_can_be_none_is_not_taken_for_nothing(name: str, wrong: object) -> None:
    """Then nobody knows what was used, and the bound is captured; a guess would be free."""
    assert usage_of({"usage": {**USAGE, name: wrong}}) is None


def test_what_cannot_be_counted_needs_a_bound() -> None:
    """The size of a picture is not that of its address."""
    picture = {"type": "image_url", "image_url": {"url": "http://x"}}
    with pytest.raises(Unbounded):
        usage_max_of({"messages": [{"role": "user", "content": [picture]}]})
    with pytest.raises(Unbounded):
        usage_max_of({"input": "and then?", "previous_response_id": "r"})

    assert usage_max_of({"input": "hi", "max_output_tokens": 9})["output_tokens"] == 9
    assert usage_max_of({"messages": HELLO, "n": 2})["output_tokens"] == 2 * 4_096


def test_importing_needs_neither_openai_nor_starlette() -> None:
    """They are extras."""
    code = (
        "import sys, creditbase_client.openai, creditbase_client.asgi\n"
        "assert not {'openai', 'starlette', 'pydantic'} & set(sys.modules), 'imported'"
    )
    subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        env={"PYTHONPATH": str(ROOT / "clients/python")},
        timeout=60,
    )
