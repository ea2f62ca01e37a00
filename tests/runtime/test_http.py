"""The border of every endpoint: what it refuses, and what every answer has."""

import dataclasses
import io
import json
import re
from typing import Any

import pytest
from flask.testing import FlaskClient

from creditbase.kernel.errors import Contention, InvalidRequest, PaymentRequired, Unavailable
from creditbase.runtime import guard
from creditbase.runtime.bodies import DISCARD_BYTES_MAX
from creditbase.runtime.doors import relay_door, webhook_door
from creditbase.runtime.http import Call, Reply, endpoint
from creditbase.runtime.routes import DoorName
from tests.runtime.doubles import Greeter, echo, failing, serving

DOOR = relay_door(Greeter())
KEY = {"X-Api-Key": "u1"}
REQUEST_ID = re.compile(r"req_[0-9a-f]{24}")
HOLDS = "/api/v1/holds"


@pytest.fixture(autouse=True)
def fresh_limits(fresh_settings: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Start every test with empty buckets, nobody blocked, and limits off."""
    fresh_settings.setenv("CREDITBASE_RATE_LIMITS", "off")
    fresh_settings.setenv("CREDITBASE_LOCKOUT", "off")
    fresh_settings.setenv("CREDITBASE_ALLOWED_ORIGINS", "https://app.example")
    guard.rate_buckets.cache_clear()
    guard.lockout.cache_clear()
    return fresh_settings


@pytest.fixture
def meter() -> FlaskClient:
    """Return a client of the metering function, which echoes."""
    return serving("meter", DOOR)


class TestPath:
    """Hosting sends whole paths, the function's own address only what follows its name."""

    @pytest.mark.parametrize(
        ("path", "route", "found"),
        [
            ("/api/v1/holds", "POST /api/v1/holds", {}),
            ("/holds", "POST /api/v1/holds", {}),
            ("/api/v1/holds/", "POST /api/v1/holds", {}),
            ("/holds/h1/void", "POST /api/v1/holds/{hold_id}/void", {"hold_id": "h1"}),
            (
                "/api/v1/holds/a%20b/void",
                "POST /api/v1/holds/{hold_id}/void",
                {"hold_id": "a b"},
            ),
        ],
    )
    def test_both_forms_of_a_path_mean_the_same(
        self, meter: FlaskClient, path: str, route: str, found: dict[str, str]
    ) -> None:
        """One function, reached by three addresses, answers alike."""
        said = meter.post(path, headers=KEY).json

        assert said is not None
        assert (said["route"], said["path"]) == (route, found)

    def test_a_function_with_one_path_is_also_served_at_its_root(self) -> None:
        """The functions emulator calls `/project/region/usage_me`, which arrives as `/`."""
        client = serving("usage_me", dataclasses.replace(DOOR, name=DoorName.HUB))

        assert client.get("/", headers=KEY).status_code == 200

    @pytest.mark.parametrize(
        "path", ["/", "/api/v1", "/api/v1/holds/h1/steal", "/api/v1/holds//void", "/x"]
    )
    def test_an_unknown_path_is_not_found(self, meter: FlaskClient, path: str) -> None:
        """Also for callers who are known: nothing is there."""
        answer = meter.post(path, headers=KEY)

        assert (answer.status_code, answer.json["code"]) == (404, "NOT_FOUND")  # type: ignore[index]

    def test_a_path_that_is_no_address_is_not_found(self, meter: FlaskClient) -> None:
        """Servers pass on what was sent, also where it begins like a host of no form."""
        sent = {"RAW_URI": "//[x/api/v1/holds"}

        answer = meter.post("/[x/api/v1/holds", headers=KEY, environ_overrides=sent)

        assert (answer.status_code, answer.json["code"]) == (404, "NOT_FOUND")  # type: ignore[index]

    def test_another_method_names_the_ones_there_are(self, meter: FlaskClient) -> None:
        """RFC 9110: 405 carries `Allow`."""
        answer = meter.put("/api/v1/holds/h1", headers=KEY)

        assert (answer.status_code, answer.headers["Allow"]) == (405, "GET")

    def test_a_head_request_is_a_get_without_a_body(self, meter: FlaskClient) -> None:
        """Monitors ask so."""
        answer = meter.head("/api/v1/holds/h1", headers=KEY)

        assert (answer.status_code, answer.data) == (200, b"")


class TestBody:
    """Bounded before it is read, strict when it is parsed, and only for known callers."""

    def test_a_body_that_says_it_is_too_large_is_not_read(self, meter: FlaskClient) -> None:
        """The limit is the route's, and is checked on what the request claims."""
        answer = meter.post(HOLDS, headers=KEY, data=b" " * (32 * 1024 + 1))

        assert (answer.status_code, answer.json["code"]) == (413, "BODY_TOO_LARGE")  # type: ignore[index]

    def test_a_body_of_the_largest_size_is_taken(self, meter: FlaskClient) -> None:
        """Exactly the limit is inside it."""
        body = b'{"a":1}'.ljust(32 * 1024)

        assert meter.post(HOLDS, headers=KEY, data=body).status_code == 200

    @pytest.mark.parametrize(("size", "status"), [(32 * 1024, 200), (32 * 1024 + 1, 413)])
    def test_a_body_that_names_no_length_is_bounded_too(
        self, meter: FlaskClient, size: int, status: int
    ) -> None:
        """A chunked body must not be a way round the limit."""
        answer = meter.post(
            HOLDS,
            headers=KEY,
            input_stream=io.BytesIO(b"{}".ljust(size)),
            environ_overrides={"wsgi.input_terminated": True},
        )

        assert answer.status_code == status

    def test_a_body_that_ends_early_is_refused(self, meter: FlaskClient) -> None:
        """Half a request is no request, even where the half is valid JSON."""
        answer = meter.post(
            HOLDS,
            headers=KEY,
            input_stream=io.BytesIO(b"{}"),
            environ_overrides={"CONTENT_LENGTH": "10"},
        )

        assert answer.json is not None
        assert (answer.status_code, answer.json["code"]) == (400, "VALIDATION_ERROR")

    def test_a_body_without_end_is_given_up(self, meter: FlaskClient) -> None:
        """We read on for a while to be polite, not for ever."""
        endless = io.BytesIO(bytes(DISCARD_BYTES_MAX + 1024 * 1024))

        answer = meter.post(
            HOLDS,
            headers=KEY,
            input_stream=endless,
            environ_overrides={"wsgi.input_terminated": True},
        )

        assert answer.status_code == 413
        assert endless.tell() < DISCARD_BYTES_MAX + 512 * 1024

    @pytest.mark.parametrize(
        "body",
        [
            b"{",
            b"[]",
            b"null",
            b"1",
            b'"a"',
            b'{"a":1,"a":2}',
            b'{"a":{"b":1,"b":1}}',
            b'{"a":NaN}',
            b'{"a":Infinity}',
            b'{"a":1e999}',
            b'{"a":"\xff"}',
            b'{"a":"\\ud800"}',
            b'\xef\xbb\xbf{"a":1}',
            b'{"a":1}x',
            b'{"a":' + b"1" * 5000 + b"}",
            b'{"a":' * 17 + b"1" + b"}" * 17,
            b"[" * 20_000,
            b"a=1",
        ],
    )
    def test_what_is_not_strict_json_is_refused(self, meter: FlaskClient, body: bytes) -> None:
        """Two readers of one body must not see two things; and no parser may be crashed."""
        answer = meter.post(HOLDS, headers=KEY, data=body)

        assert (answer.status_code, answer.json["code"]) == (400, "VALIDATION_ERROR")  # type: ignore[index]

    @pytest.mark.parametrize("body", [b"", b"  ", b"{}"])
    def test_no_body_is_an_empty_object(self, meter: FlaskClient, body: bytes) -> None:
        """Void takes `{}`; a client that sends nothing means the same."""
        assert meter.post(HOLDS, headers=KEY, data=body).json["body"] == {}  # type: ignore[index]

    def test_an_unknown_caller_is_not_told_what_is_wrong_with_its_body(
        self, meter: FlaskClient
    ) -> None:
        """401 before 400: nothing is explained to strangers."""
        assert meter.post(HOLDS, data=b"{").status_code == 401

    def test_the_query_is_the_body_of_a_get(self, meter: FlaskClient) -> None:
        """One place to look for what was asked."""
        answer = meter.get("/api/v1/holds/h1?a=1&b=", headers=KEY)

        assert answer.json["body"] == {"a": "1", "b": ""}  # type: ignore[index]

    def test_a_parameter_given_twice_is_refused(self, meter: FlaskClient) -> None:
        """Whether the first or the last counts is a question for nobody."""
        assert meter.get("/api/v1/holds/h1?a=1&a=2", headers=KEY).status_code == 400

    def test_a_signed_body_arrives_as_it_was_sent(self) -> None:
        """The signature covers bytes: also those that are no text and no JSON."""
        client = serving("billing_webhook", webhook_door())
        body = bytes(range(256))

        assert client.post("/", data=body).json["raw"] == body.decode("latin-1")  # type: ignore[index]


class TestEveryAnswer:
    """Good or bad, an answer can be traced, and is never kept by a cache."""

    @pytest.mark.parametrize(
        ("method", "path", "headers"),
        [
            ("POST", HOLDS, KEY),
            ("POST", HOLDS, {}),
            ("PUT", HOLDS, KEY),
            ("POST", "/nowhere", KEY),
            ("OPTIONS", HOLDS, {}),
        ],
    )
    def test_it_has_a_request_id_and_no_cache(
        self, meter: FlaskClient, method: str, path: str, headers: dict[str, str]
    ) -> None:
        """Support asks for the id; a proxy must never show one customer another's balance."""
        answer = meter.open(path, method=method, headers=headers)

        assert REQUEST_ID.fullmatch(answer.headers["X-Request-Id"])
        assert answer.headers["X-ModelRelay-Request-Id"] == answer.headers["X-Request-Id"]
        assert answer.headers["Cache-Control"] == "private, no-store"

    def test_the_body_and_the_operation_have_the_same_id(self, meter: FlaskClient) -> None:
        """One id in the header, the error, the log."""
        refused, served = meter.post(HOLDS), meter.post(HOLDS, headers=KEY)

        for answer in (refused, served):
            assert answer.json["request_id"] == answer.headers["X-Request-Id"]  # type: ignore[index]
        assert refused.headers["X-Request-Id"] != served.headers["X-Request-Id"]

    def test_a_bug_shows_nothing_of_itself(self, capsys: pytest.CaptureFixture[str]) -> None:
        """The caller gets a fixed text and an id; the log gets the traceback."""
        client = serving("meter", DOOR, failing(ZeroDivisionError("secret detail")))

        answer = client.post(HOLDS, headers=KEY)

        assert answer.status_code == 500
        assert answer.json == {
            "error": "INTERNAL_ERROR",
            "code": "INTERNAL_ERROR",
            "message": "Something went wrong",
            "request_id": answer.headers["X-Request-Id"],
        }
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert "ZeroDivisionError: secret detail" in lines[0]["traceback"]
        assert {line["request_id"] for line in lines} == {answer.headers["X-Request-Id"]}

    def test_an_answer_that_is_no_json_is_a_bug_too(self) -> None:
        """What cannot be written must not escape as the framework's own page."""
        client = serving("meter", DOOR, lambda _: Reply(body={"a": object()}))

        assert client.post(HOLDS, headers=KEY).json["code"] == "INTERNAL_ERROR"  # type: ignore[index]

    def test_an_answer_without_a_body_is_empty(self) -> None:
        """204 means nothing follows."""
        client = serving("meter", DOOR, lambda _: Reply(body=None, status=204))

        answer = client.post(HOLDS, headers=KEY)

        assert (answer.status_code, answer.data) == (204, b"")

    def test_headers_of_the_operation_are_sent(self) -> None:
        """`Idempotent-Replayed` is how a client knows a replay."""
        reply = Reply(body={}, status=201, headers={"Idempotent-Replayed": "true"})
        client = serving("meter", DOOR, lambda _: reply)

        answer = client.post(HOLDS, headers=KEY)

        assert (answer.status_code, answer.headers["Idempotent-Replayed"]) == (201, "true")


class TestFlatErrors:
    """The relay's body: flat, with the figures beside the code."""

    def test_a_refusal_carries_its_figures(self) -> None:
        """402 says what is there and what was asked."""
        error = PaymentRequired(available_nanos=5, required_nanos=7, limit_source="wallet")
        answer = serving("meter", DOOR, failing(error)).post(HOLDS, headers=KEY)

        assert answer.status_code == 402
        assert answer.json == {
            "error": "PAYMENT_REQUIRED",
            "code": "PAYMENT_REQUIRED",
            "message": "The balance does not cover this request",
            "request_id": answer.headers["X-Request-Id"],
            "available_nanos": 5,
            "required_nanos": 7,
            "limit_source": "wallet",
        }

    def test_a_wrong_field_is_named(self) -> None:
        """The SDKs show `fields`."""
        error = InvalidRequest("must be positive", field="amount_nanos")
        answer = serving("meter", DOOR, failing(error)).post(HOLDS, headers=KEY)

        assert answer.json["fields"] == [  # type: ignore[index]
            {"field": "amount_nanos", "message": "must be positive"}
        ]

    @pytest.mark.parametrize(
        "error", [Contention(retry_after_s=3), Unavailable(retry_after_s=3)]
    )
    def test_what_may_succeed_later_says_when(
        self, error: Contention | Unavailable, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """A client that waits as told does not make it worse."""
        answer = serving("meter", DOOR, failing(error)).post(HOLDS, headers=KEY)

        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "3")
        assert "traceback" in capsys.readouterr().out

    def test_the_webhook_answers_500_where_stripe_shall_try_again(self) -> None:
        """Stripe knows 200, and everything else; 500 is the one for our troubles."""
        for error, status in (
            (Unavailable(), 500),
            (Contention(), 500),
            (InvalidRequest("bad", reason="INVALID_SIGNATURE"), 400),
        ):
            client = serving("billing_webhook", webhook_door(), failing(error))
            answer = client.post("/billing/webhook", data=b"{}")
            assert answer.status_code == status
        assert answer.json["code"] == "INVALID_SIGNATURE"  # type: ignore[index]

    def test_a_webhook_body_that_is_too_large_is_a_bad_request(self) -> None:
        """Only the statuses of its specification."""
        client = serving("billing_webhook", webhook_door())

        assert client.post("/", data=b" " * (1024 * 1024 + 1)).status_code == 400


class TestDeclaration:
    """A function that nobody has listed does not start."""

    def test_an_unlisted_function_is_refused_when_it_is_imported(self) -> None:
        """The table is the one place that says who may call what."""
        with pytest.raises(LookupError, match="no row"):
            endpoint("billing_portal_of_the_future", door=DOOR)

    def test_a_function_behind_another_door_than_listed_is_refused(self) -> None:
        """Else it would answer in the wrong dialect, with the wrong credentials."""
        with pytest.raises(LookupError, match="another door"):
            endpoint("usage_me", door=DOOR)

    def test_a_function_under_another_name_is_refused(self) -> None:
        """Firebase finds functions by name: it would deploy and never be called."""

        def other(call: Call) -> Reply:
            """Do nothing of note."""
            return echo(call)

        with pytest.raises(LookupError, match="cannot be deployed"):
            endpoint("meter", door=DOOR)(other)


def test_one_line_is_logged_for_a_request(
    meter: FlaskClient, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was asked, by whom, how it ended and how long it took; joined to its trace."""
    meter.post(
        f"{HOLDS}/h1/void",
        headers={**KEY, "X-Cloud-Trace-Context": f"{'a' * 32}/1;o=1"},
    )

    (line,) = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    wanted: dict[str, Any] = {
        "severity": "INFO",
        "message": "request",
        "route": "POST /api/v1/holds/{hold_id}/void",
        "function": "meter",
        "status": 200,
        "code": "",
    }
    assert {name: line[name] for name in wanted} == wanted
    assert line["trace"].endswith(f"/traces/{'a' * 32}")
    assert line["trace"] == line["logging.googleapis.com/trace"]
    assert line["duration_ms"] >= 0
    assert "u1" not in line["caller"]
