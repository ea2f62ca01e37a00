"""The middleware: what Creditbase is asked for, and what the end user is told."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from creditbase_client import AsyncCreditbase, Retries, SecretKey
from creditbase_client.asgi import Charge, Metering, Scope
from creditbase_client.types_gen import UsageFields
from tests.clients.scripted import Script, Step, breaks, refuses
from tests.clients.test_metered_openai import CAPTURE, HOLDS, POOLS, USAGE, VOID, hold

MOST: UsageFields = {"input_tokens": 1_000, "output_tokens": 500}


async def reports(request: Request) -> Response:
    """Say what was used."""
    request.state.work.used(usage={"input_tokens": 3})
    return PlainTextResponse("ok")


async def tells(_: Request) -> Response:
    """Pass on an answer of OpenAI's form."""
    return JSONResponse({"choices": [], "usage": USAGE})


async def streams(_: Request) -> Response:
    """Pass on a stream, its usage split between two parts."""

    async def parts() -> AsyncIterator[bytes]:
        line = f"data: {json.dumps({'usage': USAGE})}\n\n".encode()
        for part in (b'data: {"usage": null}\n\n', line[:20], line[20:], b"data: [DONE]\n\n"):
            yield part

    return StreamingResponse(parts(), media_type="text/event-stream")


async def says_nothing(_: Request) -> Response:
    """Answer without a word on usage."""
    return PlainTextResponse('"usage"')


async def declines(_: Request) -> Response:
    """Answer with an error."""
    return PlainTextResponse("no", status_code=404)


async def fails(_: Request) -> Response:
    """Fail."""
    raise ZeroDivisionError


async def charge_for(scope: Scope) -> Charge | None:
    """Let one customer pay for everything but one route."""
    if scope["path"] == "/free":
        return None
    return Charge(
        "answer:42", {"customer_external_id": "ada", "model": "gpt-5-mini", "usage_max": MOST}
    )


ROUTES = [
    Route("/reports", reports),
    Route("/tells", tells),
    Route("/streams", streams),
    Route("/nothing", says_nothing),
    Route("/declines", declines),
    Route("/fails", fails),
    Route("/free", says_nothing),
]


def an_app(*steps: Step) -> tuple[Script, Starlette]:
    """Return the hub, and a metered application."""
    script = Script(list(steps))
    once = Retries(tries_max=1)
    billing = AsyncCreditbase("http://b", SecretKey("k"), retries=once, transport=script)
    metering = Middleware(Metering, billing=billing, charge_for=charge_for)
    return script, Starlette(routes=ROUTES, middleware=[metering])


def get(app: Starlette, path: str) -> httpx.Response:
    """Ask as an end user does, who would like to choose the key."""

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://app") as client:
            mine = {"Idempotency-Key": "mine", "X-Request-Id": "mine"}
            return await client.get(path, headers=mine)

    return asyncio.run(ask())


@pytest.mark.parametrize(
    ("path", "used"),
    [
        ("/reports", {"input_tokens": 3}),
        ("/tells", POOLS),
        ("/streams", POOLS),
        ("/nothing", MOST),
    ],
)
def test_an_answer_captures_what_was_used(path: str, used: object) -> None:
    """What the handler said, else what the answer says, else all that was held."""
    script, app = an_app(hold(), hold("captured"))

    answer = get(app, path)

    assert answer.status_code == 200
    assert script.paths == [HOLDS, CAPTURE]
    assert script.keys[0] == "answer:42", "an end user's header is no key"
    assert script.bodies[1] == {"usage": used}


def test_an_error_is_voided() -> None:
    """An answer that is an error, and a handler that fails."""
    script, app = an_app(hold(), hold("voided"))
    assert get(app, "/declines").status_code == 404
    assert script.paths == [HOLDS, VOID]

    script, app = an_app(hold(), hold("voided"))
    with pytest.raises(ZeroDivisionError):
        get(app, "/fails")
    assert script.paths == [HOLDS, VOID]


def test_what_nobody_pays_for_is_let_through() -> None:
    """Creditbase is not asked."""
    script, app = an_app()

    assert get(app, "/free").status_code == 200
    assert script.asked == []


def test_a_customer_without_credits_is_told_so() -> None:
    """402 with the figures, and the handler never runs."""
    body = {
        "code": "PAYMENT_REQUIRED",
        "message": "Not enough credits",
        "available_nanos": 5,
        "required_nanos": 9,
        "limit_source": "wallet",
    }
    script, app = an_app(lambda _: httpx.Response(402, json=body))

    answer = get(app, "/fails")

    assert answer.status_code == 402
    assert answer.json() == {"error": "PAYMENT_REQUIRED", **body}
    assert script.paths == [HOLDS]


@pytest.mark.parametrize(
    ("step", "status", "code"),
    [
        (refuses(429, "TOO_MANY_HOLDS", Retry_After="3"), 429, "TOO_MANY_HOLDS"),
        (refuses(403, "FORBIDDEN"), 403, "FORBIDDEN"),
        (refuses(401, "UNAUTHORIZED"), 503, "SERVICE_UNAVAILABLE"),
        (refuses(400, "VALIDATION_ERROR"), 503, "SERVICE_UNAVAILABLE"),
        (breaks(httpx.ConnectError), 503, "SERVICE_UNAVAILABLE"),
    ],
)
def test_what_is_no_concern_of_the_end_user_is_a_503(
    step: Step, status: int, code: str
) -> None:
    """A revoked key of ours is not a wrong password of theirs."""
    _, app = an_app(step)

    answer = get(app, "/fails")

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert ("retry-after" in answer.headers) == (status in {429, 503})


def test_a_request_that_was_charged_before_is_not_answered_again() -> None:
    """Whoever could repeat a key would have answers for nothing."""
    script, app = an_app(hold(Idempotent_Replayed="true"), hold("captured"))

    answer = get(app, "/fails")

    assert (answer.status_code, answer.json()["code"]) == (409, "CONFLICT")
    assert script.paths == [HOLDS, f"{HOLDS}/hold_1"]


def test_a_capture_that_fails_takes_nothing_from_the_answer(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The answer has been made; the log says which hold."""
    _, app = an_app(hold(), refuses(503, "CONTENTION"))

    assert get(app, "/reports").text == "ok"
    assert "hold_1 was not captured" in caplog.text


async def left_after(
    parts: int, spec_version: str, *, used: UsageFields | None = None, fails: bool = False
) -> Script:
    """Let a caller go away after some parts of an answer; return what the hub was asked."""
    script = Script([hold(), hold("captured")])
    billing = AsyncCreditbase("http://b", SecretKey("k"), transport=script)
    has_had_them = asyncio.Event()
    sent = 0

    async def endless(scope: Any, receive: Any, send: Any) -> None:
        async def answer() -> AsyncIterator[bytes]:
            while True:
                if used is not None:
                    scope["state"]["work"].used(usage=used)
                yield b"more"
                if fails and sent == parts:
                    raise ZeroDivisionError
                await asyncio.sleep(0)

        await StreamingResponse(answer())(scope, receive, send)

    async def receive() -> dict[str, Any]:
        if not fails:
            await has_had_them.wait()
            return {"type": "http.disconnect"}
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Any) -> None:
        nonlocal sent
        if message["type"] == "http.response.body":
            if spec_version == "2.4" and sent == parts and not fails:
                raise OSError
            sent += 1
        if sent == parts:
            has_had_them.set()

    app = Metering(endless, billing=billing, charge_for=charge_for)
    scope = {"type": "http", "path": "/", "asgi": {"spec_version": spec_version}}
    with contextlib.suppress(ClientDisconnect, ZeroDivisionError, ExceptionGroup):
        await app(scope, receive, send)
    return script


@pytest.mark.parametrize("spec_version", ["2.3", "2.4"])
@pytest.mark.parametrize("used", [None, {"output_tokens": 7}])
def test_who_leaves_with_a_part_pays_as_who_stays(
    spec_version: str, used: UsageFields | None
) -> None:
    """What was reported until then, or all that was held: it may have been nearly all."""
    script = asyncio.run(left_after(3, spec_version, used=used))

    assert script.paths == [HOLDS, CAPTURE]
    assert script.bodies[1] == {"usage": used or MOST}


def test_who_leaves_before_the_first_part_pays_nothing() -> None:
    """Nothing was handed over."""
    assert asyncio.run(left_after(0, "2.4")).paths == [HOLDS, VOID]


@pytest.mark.parametrize("spec_version", ["2.3", "2.4"])
def test_who_stays_for_an_answer_that_breaks_pays_nothing(spec_version: str) -> None:
    """It was the model that left."""
    assert asyncio.run(left_after(3, spec_version, fails=True)).paths == [HOLDS, VOID]
