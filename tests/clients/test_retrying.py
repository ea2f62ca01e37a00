"""A lost answer is asked for again with the same key, and nothing is done twice."""

import asyncio
import traceback
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from creditbase_client import (
    AsyncCreditbase,
    Conflict,
    Creditbase,
    CreditbaseError,
    CustomerToken,
    Forbidden,
    IdempotencyConflict,
    InvalidRequest,
    NotFound,
    PaymentRequired,
    RateLimited,
    Refused,
    Retries,
    SecretKey,
    ServerFailed,
    Unauthenticated,
    Unreachable,
)
from creditbase_client.operations import Operation
from creditbase_client.retrying import NeverSent
from tests.clients.scripted import Script, Step, breaks, refuses, says

AT_ONCE = Retries(first_pause_s=0.0)
DONE = says(201, {"charge": {"id": "chg_1"}, "balance": {}})
TAKES = Operation("POST", "/api/v1/charges", is_repeatable=True)


def waits(*steps: Step) -> tuple[Script, Callable[..., Any]]:
    """Return a server and the synchronous client's charge."""
    script = Script(list(steps))
    client = Creditbase("http://b", SecretKey("k"), retries=AT_ONCE, transport=script)
    return script, client.charge


def awaits(*steps: Step) -> tuple[Script, Callable[..., Any]]:
    """Return a server and the asynchronous client's charge."""
    script = Script(list(steps))
    client = AsyncCreditbase("http://b", SecretKey("k"), retries=AT_ONCE, transport=script)
    return script, lambda **given: asyncio.run(client.charge(**given))


@pytest.mark.parametrize("made", [waits, awaits])
class TestBothClients:
    """The one that waits and the one that is awaited do the same."""

    @pytest.mark.parametrize(
        "step",
        [
            refuses(503, "CONTENTION", Retry_After="0"),
            refuses(500, "INTERNAL"),
            refuses(429, "RATE_LIMIT", Retry_After="0"),
            breaks(httpx.ReadTimeout),
            breaks(httpx.RemoteProtocolError),
            breaks(httpx.ConnectError),
        ],
    )
    def test_a_try_that_failed_is_repeated_with_the_same_key_and_body(
        self, made: Callable[..., Any], step: Step
    ) -> None:
        """A fresh key would charge twice for an answer that was lost."""
        script, charge = made(step, step, DONE)

        answer = charge(idempotency_key="call:1", customer_external_id="ada", amount_nanos=5)

        assert answer["charge"]["id"] == "chg_1"
        assert script.keys == ["call:1"] * 3
        assert script.bodies == [{"customer_external_id": "ada", "amount_nanos": 5}] * 3

    def test_what_was_refused_for_good_is_not_repeated(self, made: Callable[..., Any]) -> None:
        """Money does not appear by asking again."""
        body = {"code": "PAYMENT_REQUIRED", "message": "No.", "available_nanos": 3}
        script, charge = made(says(402, {**body, "required_nanos": 5, "request_id": "req_9"}))

        with pytest.raises(PaymentRequired) as refused:
            charge(idempotency_key="call:1", customer_external_id="ada", amount_nanos=5)

        assert len(script.asked) == 1
        assert (refused.value.available_nanos, refused.value.required_nanos) == (3, 5)
        assert (refused.value.status, refused.value.request_id) == (402, "req_9")
        assert not refused.value.retryable

    def test_after_the_last_try_its_failure_is_raised(self, made: Callable[..., Any]) -> None:
        """Whoever called knows that the outcome is open, and may repeat with the same key."""
        script, charge = made(*[breaks(httpx.ReadTimeout)] * AT_ONCE.tries_max)

        with pytest.raises(Unreachable) as lost:
            charge(idempotency_key="call:1", customer_external_id="ada", amount_nanos=5)

        assert lost.value.retryable
        assert len(script.asked) == AT_ONCE.tries_max


CUSTOMER = {"external_id": "ada", "email": "ada@example.com"}


@pytest.mark.parametrize(
    ("step", "tries"),
    [
        (breaks(httpx.ReadTimeout), 1),  # it may have been made
        (refuses(500, "INTERNAL"), 1),  # as above
        (breaks(httpx.ConnectError), 2),  # nobody was asked
        (refuses(503, "SERVICE_UNAVAILABLE", Retry_After="0"), 2),  # told to come again
        (refuses(429, "RATE_LIMIT", Retry_After="0"), 2),
    ],
)
def test_what_has_no_key_is_repeated_only_where_nothing_was_done(
    step: Step, tries: int
) -> None:
    """`POST /customers` would make a second one, or refuse the first as taken."""
    script = Script([step, says(201, {"customer": {}})])
    client = Creditbase("http://b", SecretKey("k"), retries=AT_ONCE, transport=script)

    try:
        client.create_customer(external_id="ada", email="ada@example.com")
    except CreditbaseError:
        assert tries == 1

    assert len(script.asked) == tries


def test_a_credential_is_asked_for_at_every_try() -> None:
    """A token that ran out between two tries is not sent again."""
    script = Script([refuses(503, "CONTENTION"), says(200, {"entries": []})])
    tokens = iter(["one", "two"])
    client = Creditbase(
        "http://b", CustomerToken(lambda: next(tokens)), retries=AT_ONCE, transport=script
    )
    client.me_balance_history()

    sent = [one.headers["Authorization"] for one in script.asked]
    assert sent == ["Bearer one", "Bearer two"]


class TestPauses:
    """How long the client waits is decided without a clock."""

    @pytest.mark.parametrize(("tries", "pause_s"), [(1, 0.2), (2, 0.4), (3, 0.8), (4, 1.6)])
    def test_they_double_and_are_spread_over_their_upper_half(
        self, tries: int, pause_s: float
    ) -> None:
        """Many clients that failed together do not come back together."""
        lost = Unreachable("lost")

        shortest = Retries().pause_s(TAKES, lost, tries=tries, chance=0.0)
        longest = Retries().pause_s(TAKES, lost, tries=tries, chance=1.0)

        assert shortest == pytest.approx(pause_s / 2)
        assert longest == pytest.approx(pause_s)

    def test_the_server_is_believed_when_it_names_a_time(self) -> None:
        """`Retry-After` is the least; more than we are ready to wait is the caller's affair."""
        later = refused_after(4.0)
        much_later = refused_after(11.0)

        assert Retries().pause_s(TAKES, later, tries=1, chance=0.5) == pytest.approx(4.0)
        assert Retries().pause_s(TAKES, much_later, tries=1, chance=0.5) is None

    def test_the_last_try_has_no_pause_after_it(self) -> None:
        """Nobody waits for nothing."""
        assert Retries().pause_s(TAKES, NeverSent("down"), tries=5, chance=0.0) is None
        assert Retries().pause_s(TAKES, NeverSent("down"), tries=4, chance=0.0) is not None


def refused_after(told_s: float) -> RateLimited:
    """Return a refusal that names a time."""
    return RateLimited("No.", code="RATE_LIMIT", status=429, retry_after_s=told_s)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, InvalidRequest),
        (401, Unauthenticated),
        (402, PaymentRequired),
        (403, Forbidden),
        (404, NotFound),
        (409, Conflict),
        (413, InvalidRequest),
        (422, IdempotencyConflict),
        (429, RateLimited),
        (500, ServerFailed),
        (503, ServerFailed),
    ],
)
def test_every_status_is_a_class_of_its_own(status: int, kind: type[Refused]) -> None:
    """Callers catch what they can handle."""
    script = Script([says(status, {"code": "C", "message": "M", "field": "plan"})])
    once = Retries(tries_max=1)
    client = Creditbase("http://b", SecretKey("k"), retries=once, transport=script)

    with pytest.raises(kind) as refused:
        client.list_customers()

    assert (refused.value.code, refused.value.message) == ("C", "M")
    assert refused.value.facts == {"field": "plan"}
    assert refused.value.retryable is (status in {429, 500, 503})


def test_an_answer_that_is_no_json_is_an_error_like_any_other() -> None:
    """A proxy between us speaks HTML."""
    script = Script([lambda _: httpx.Response(502, text="<h1>Bad gateway</h1>")])
    once = Retries(tries_max=1)
    client = Creditbase("http://b", SecretKey("k"), retries=once, transport=script)

    with pytest.raises(ServerFailed) as refused:
        client.list_customers()

    assert refused.value.code == "HTTP_502"


@pytest.mark.parametrize("text", ["<h1>Welcome</h1>", '{"entries":', "\x00"])
def test_a_good_answer_that_is_no_json_is_no_answer(text: str) -> None:
    """A sign-in page between us says 200: whether anything was done is open."""
    script = Script([lambda _: httpx.Response(200, text=text)])
    client = Creditbase("http://b", SecretKey("k"), retries=AT_ONCE, transport=script)

    with pytest.raises(Unreachable):
        client.list_customers()


@pytest.mark.parametrize("made", [waits, awaits])
def test_an_answer_that_cannot_be_decoded_is_asked_for_again(made: Callable[..., Any]) -> None:
    """What a proxy has broken is no answer either."""

    def broken(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=b"no gzip", headers={"Content-Encoding": "gzip"})

    script, charge = made(broken, DONE)

    charge(idempotency_key="call:1", customer_external_id="ada", amount_nanos=5)

    assert script.keys == ["call:1"] * 2


KEY = "mr_sk_very-secret"


def test_a_key_is_in_no_log_and_in_nothing_that_is_shown_of_a_failure(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Those who gather errors keep the local variables of every frame, too."""
    caplog.set_level(0)
    credential = SecretKey(KEY)
    told = [repr(credential)]
    for step in (refuses(500, "INTERNAL"), breaks(httpx.ReadTimeout)):
        once = Retries(tries_max=1)
        script = Script([step])
        client = Creditbase("http://b", credential, retries=once, transport=script)
        try:
            client.list_customers()
        except CreditbaseError as problem:
            shown = traceback.TracebackException.from_exception(problem, capture_locals=True)
            told += [str(problem), repr(problem), repr(client), *shown.format()]
        assert script.asked[0].headers["X-ModelRelay-Api-Key"] == KEY

    assert len(told) > 8
    assert KEY not in "\n".join([*told, caplog.text])


def test_rows_come_from_page_to_page_until_the_last() -> None:
    """Nobody handles a cursor."""
    script = Script(
        [
            says(200, {"entries": [{"id": "a"}, {"id": "b"}], "next_cursor": "7"}),
            says(200, {"entries": [{"id": "c"}]}),
        ]
    )
    client = Creditbase("http://b", SecretKey("k"), retries=AT_ONCE, transport=script)

    assert [row["id"] for row in client.iterate_ledger(limit=2)] == ["a", "b", "c"]
    asked = [dict(one.url.params) for one in script.asked]
    assert asked == [{"limit": "2"}, {"limit": "2", "cursor": "7"}]


def test_rows_without_a_cursor_of_their_page_go_on_after_the_last_row() -> None:
    """The relay's history names no next page: the last row does, until a page is empty."""
    pages = [says(200, {"entries": [{"id": "a"}, {"id": "b"}]}), says(200, {"entries": []})]
    script = Script(pages)
    client = AsyncCreditbase("http://b", SecretKey("k"), retries=AT_ONCE, transport=script)

    async def rows() -> list[str]:
        return [row["id"] async for row in client.iterate_me_balance_history()]

    assert asyncio.run(rows()) == ["a", "b"]
    assert [one.url.params.get("cursor") for one in script.asked] == [None, "b"]


def test_names_in_a_path_are_written_so_that_they_stay_one_part() -> None:
    """A customer's name may have a slash."""
    script = Script([says(200, {"customer": {}})])
    client = Creditbase("http://b", SecretKey("k"), transport=script)

    client.show_customer_by_external_id(external_id="a/b c")

    assert script.asked[0].url.raw_path == b"/api/v1/customers/by-external-id/a%2Fb%20c"
