"""Logs are one JSON object a line, and nothing secret is in them."""

import ast
import json
import logging
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbase.kernel.ids import credential
from creditbase.runtime import log

logger = logging.getLogger("creditbase.test")

JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ1MSJ9.c2lnbmF0dXJl-_x"
CANARIES = [
    JWT,
    f"Bearer {JWT}",
    "Bearer abc.def~+/==",
    credential("inf_", b"a" * 32),
    credential("mr_sk_", b"b" * 32),
    f"mr_ct_{JWT}",
    "sk_live_51Habcdef",
    "sk_test_51Habcdef",
    "rk_live_1234abcd",
    "whsec_abcdef0123",
    "whsec_+abc/defg+hij0123456789/kl+mn==",
    "a.customer+tag@mail.example.com",
    "4242424242424242",
    "4242 4242 4242 4242",
    "5555-5555-5555-4444",
    "378282246310005",
]


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """Return what was written, a line at a time."""
    return [json.loads(text) for text in capsys.readouterr().out.splitlines()]


@pytest.fixture(autouse=True)
def configured() -> None:
    """Send records to standard output, as every endpoint does first."""
    log.configure()
    log.configure()


@pytest.mark.parametrize("canary", CANARIES)
def test_a_secret_is_removed_wherever_it_stands(
    capsys: pytest.CaptureFixture[str], canary: str
) -> None:
    """In the text, in a field, in a list inside, as a name, in the traceback."""
    try:
        int(canary + "!")
    except ValueError:
        logger.exception(
            "refused %s",
            canary,
            extra={"given": canary, "nested": {"list": [canary, {canary: 1}]}},
        )

    written = capsys.readouterr().out
    secret = canary.removeprefix("Bearer ")
    assert secret not in written
    assert "refused" in written
    assert "ValueError" in written


@pytest.mark.parametrize("name", ["Authorization", "email", "token", "X-Api-Key", "password"])
def test_a_field_with_a_telling_name_is_removed(
    capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """Whatever its value looks like."""
    logger.info("x", extra={"headers": {name: "opaque"}})

    assert lines(capsys)[0]["headers"] == {name: "[removed]"}


@pytest.mark.parametrize(
    "text",
    [
        "req_0123456789abcdef01234567",
        "6f1d1c3e-5a0b-5d5e-9f53-0c5f2f3b7a11",
        "projects/p/wallets/c",
        "2026-11-22T02:31:04.123456Z",
        "hold_AbC123",
        "op:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
        "1234567890123456 is no card",
        "info_desk",
    ],
)
def test_what_is_needed_to_find_a_request_stays(text: str) -> None:
    """A log that removes ids is of no use at night."""
    assert log.scrub(text) == text


@given(st.text())
def test_any_text_becomes_one_line(text: str) -> None:
    """Nobody can write a second line, or break the first."""
    record = logging.LogRecord("creditbase.x", logging.INFO, "", 0, "%s", (text,), None)

    line = log.JsonLines().format(record)

    assert "\n" not in line
    assert json.loads(line)["severity"] == "INFO"


def test_fields_around_a_request_are_on_every_line(capsys: pytest.CaptureFixture[str]) -> None:
    """And on no line after it."""
    with log.fields(request_id="req_1"), log.fields(route="GET /usage/me"):
        logger.info("inside", extra={"count": 3, "is_hit": True, "rate": None})
    logger.info("outside")

    inside, outside = lines(capsys)
    assert (inside["request_id"], inside["route"]) == ("req_1", "GET /usage/me")
    assert (inside["count"], inside["is_hit"], inside["rate"]) == (3, True, None)
    assert "request_id" not in outside


@pytest.mark.parametrize(
    ("header", "trace_id"),
    [
        (f"{'a' * 32}/123;o=1", "a" * 32),
        ("a" * 32, "a" * 32),
        ("short/1", ""),
        (f"{'a' * 32}\nx", ""),
        ("", ""),
    ],
)
def test_the_trace_joins_lines_of_one_request(
    monkeypatch: pytest.MonkeyPatch, header: str, trace_id: str
) -> None:
    """As Cloud Logging wants it; what is no trace is left out."""
    monkeypatch.setenv("GCLOUD_PROJECT", "shop")

    found = log.trace_fields(header)

    expected = f"projects/shop/traces/{trace_id}"
    wanted = {"trace": expected, "logging.googleapis.com/trace": expected} if trace_id else {}
    assert found == wanted


def test_a_closed_output_does_not_fail_the_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log is never worth a customer's answer."""

    class Closed:
        def write(self, text: str) -> None:
            raise BrokenPipeError(text)

    monkeypatch.setattr("sys.stdout", Closed())
    monkeypatch.setattr(logging, "raiseExceptions", False)

    logger.info("x")


PRODUCT = Path(log.__file__).parents[1]
RUNBOOK = Path(log.__file__).parents[3] / log.RUNBOOK


def alerts_raised() -> set[str]:
    """Return the name of every alert that the product may raise."""
    calls = [
        node
        for path in PRODUCT.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "alert"
    ]
    return {ast.literal_eval(call.args[0]) for call in calls}


def test_every_alert_is_raised_somewhere_and_has_its_page() -> None:
    """Whoever is woken at night finds what it means, and what to do."""
    headings = re.findall(r"^## (\w+)$", RUNBOOK.read_text(), re.MULTILINE)

    assert sorted(log.ALERTS) == headings
    assert alerts_raised() == set(log.ALERTS)


def test_an_alert_names_itself_and_its_page(capsys: pytest.CaptureFixture[str]) -> None:
    """One policy on one field finds them all."""
    log.alert("stripe_event_dead", "stripe event dead", stripe_event="evt_1")

    (line,) = lines(capsys)
    assert (line["severity"], line["alert"]) == ("CRITICAL", "stripe_event_dead")
    assert line["runbook"] == "docs/runbooks/alerts.md#stripe_event_dead"
    assert (line["message"], line["stripe_event"]) == ("stripe event dead", "evt_1")
