"""The commands, as a shell runs them."""

import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from stripe_local.__main__ import main
from tests.stripe_local.conftest import DECLINED_CARD, HEADERS, Listener, Local

ROOT = Path(__file__).resolve().parents[2]
SECRET = "whsec_chosen"


def run_pay(local: Local, *arguments: str) -> int:
    """Run the command `pay` against the local Stripe of this test."""
    return main(["pay", "--url", local.url, *arguments])


def test_pay_pays_and_says_so(local: Local, capsys: pytest.CaptureFixture[str]) -> None:
    """What a demonstration or a script calls instead of a person."""
    session = local.sell()

    status = run_pay(local, session.id, "--email", "ada@example.com")

    said = capsys.readouterr().out
    paid = local.client.v1.checkout.sessions.retrieve(session.id)
    assert status == 0
    assert f"{session.id} is paid: $25.00, payment intent {paid.payment_intent}" in said
    assert "webhooks: taken" in said
    assert paid.payment_status == "paid"


def test_pay_fails_with_the_reason(local: Local, capsys: pytest.CaptureFixture[str]) -> None:
    """Declined, unknown, expired, already paid: a script must see each."""
    session, expired = local.sell(), local.sell()
    local.client.v1.checkout.sessions.expire(expired.id)
    tries = [
        (
            [session.id, "--card", DECLINED_CARD],
            "Your card was declined. (card_declined, generic",
        ),
        ([session.id, "--card", "4111111111111111"], "incorrect_number"),
        (["cs_test_none"], "No such checkout.session: 'cs_test_none'"),
        ([expired.id], "status of expired"),
    ]

    for arguments, reason in tries:
        assert run_pay(local, *arguments) == 1
        assert reason in capsys.readouterr().err
    assert run_pay(local, session.id) == 0
    assert run_pay(local, session.id) == 1
    assert "status of complete" in capsys.readouterr().err


def test_pay_tells_webhooks_that_nobody_took(
    local: Local, listener: Listener, secret: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The payment stands all the same."""
    session = local.sell()
    local.settle()
    listener.answers.extend([500] * 100)

    assert run_pay(local, session.id) == 0

    assert "webhooks: not taken" in capsys.readouterr().out
    assert secret.startswith("whsec_")


def test_pay_without_a_server_fails(capsys: pytest.CaptureFixture[str]) -> None:
    """And says where it looked."""
    assert main(["pay", "cs_test_1", "--url", "http://127.0.0.1:9"]) == 1
    assert "no local Stripe answers at http://127.0.0.1:9" in capsys.readouterr().err


def test_pay_looks_where_the_environment_says(
    local: Local, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`.run/env` names the running stack."""
    monkeypatch.setenv("STRIPE_URL", local.url)

    assert main(["pay", local.sell().id]) == 0


def test_a_secret_must_look_like_one(capsys: pytest.CaptureFixture[str]) -> None:
    """An API key in its place would never verify anything."""
    with pytest.raises(SystemExit):
        main(["serve", "--webhook-url", "http://127.0.0.1:9", "--webhook-secret", "sk_test_1"])
    assert "starts with whsec_" in capsys.readouterr().err


def test_a_listener_needs_a_secret_and_a_secret_a_listener(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Half of the pair would be ignored in silence, and every webhook with it."""
    for half in (["--webhook-url", "http://127.0.0.1:9"], ["--webhook-secret", "whsec_1"]):
        with pytest.raises(SystemExit):
            main(["serve", *half])
        assert "go together" in capsys.readouterr().err


def test_a_port_in_use_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """Two stacks on one port: the second says so and ends."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        assert main(["serve", "--port", str(port)]) == 2

    assert f"Port {port} of 127.0.0.1 cannot be had" in capsys.readouterr().err


@pytest.fixture
def served(listener: Listener) -> Iterator[str]:
    """Run `serve` as a process of its own with a listener, and return its address."""
    command = [sys.executable, "-m", "stripe_local", "serve", "--port", "0"]
    command += ["--webhook-url", listener.url, "--webhook-secret", SECRET]
    command += ["--enabled-events", "customer.created,charge.succeeded", "--merchant", "Hats"]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": ""},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    with process:
        try:
            is_ready, _, _ = select.select([process.stdout], [], [], 60)
            assert is_ready, "it says nothing"
            yield process.stdout.readline().strip()
            process.send_signal(signal.SIGINT)
            assert process.wait(20) in {0, 130}
            assert process.stdout.read() == ""
        finally:
            process.kill()


def test_serve_says_one_line_and_serves_until_it_is_stopped(
    served: str, listener: Listener
) -> None:
    """With the listener that it was given; Ctrl-C ends it."""
    assert served.startswith("local Stripe ready at http://127.0.0.1:")
    url = served.rpartition(" ")[2]

    for _ in range(2):
        for path, form in (("/v1/customers", {}), ("/v1/products", {"name": "Hat"})):
            made = requests.post(url + path, data=form, headers=HEADERS, timeout=10)
            assert made.status_code == 200
        settled = requests.post(f"{url}/_sim/settle", timeout=20).json()
        assert settled == {"settled": True, "pending": 0, "held": 0, "lost": 0}
        assert listener.types(SECRET) == ["customer.created"]
        listener.received.clear()
        # the listener is there again after a reset
        requests.post(f"{url}/_sim/reset", timeout=10)
