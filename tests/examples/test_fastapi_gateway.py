"""The gateway: typed as its README says, and what its callers are charged."""

import os
import secrets
import signal
import sqlite3
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from creditbase_client import Creditbase, SecretKey
from creditbase_client.types_gen import UsageFields
from dev import background
from dev.client import Customer
from tests.clients.test_against_stack import wait_until
from tests.examples.reading import Place
from tests.servers import free_port

pytestmark = pytest.mark.stack

README = "examples/fastapi-gateway/README.md"
ANSWERS_WITHIN_S = 60
PRICED: UsageFields = {"input_tokens": 2, "output_tokens": 4}
"""What the local model reports of `Hello there`."""
MOST: UsageFields = {"input_tokens": 4_100, "output_tokens": 500}
"""What the gateway holds for a question."""


@dataclass
class Gateway:
    """The running example, and a caller who has a key."""

    url: str
    caller: Customer
    billing: Creditbase
    key: str = "our-key"

    def ask(self, **more: Any) -> requests.Response:
        """Ask a question, with a key of the caller's own choice."""
        headers = {"Authorization": f"Bearer {self.key}", "Idempotency-Key": "mine"}
        body = {"text": "Hello there", **more}
        return requests.post(
            f"{self.url}/ask", json=body, headers=headers, timeout=60, stream=True
        )

    @property
    def quote(self) -> Any:
        """Return what such an answer costs, and the balance."""
        return self.billing.make_quote(
            customer_external_id=self.caller.uid, model="gpt-5-mini", usage_max=PRICED
        )


@pytest.fixture
def gateway(tmp_path: Path, stack_env: dict[str, str]) -> Iterator[Gateway]:
    """Start the model and the gateway."""
    place = Place.at(tmp_path, stack_env)
    model_port, port = free_port(), free_port()
    records = tmp_path / "gateway.db"
    place.env |= {
        "GATEWAY_RECORDS": str(records),
        "MODEL_URL": f"http://127.0.0.1:{model_port}",
        "MODEL_KEY": "none",
    }
    server = ["uvicorn", "--app-dir", "examples/fastapi-gateway", "--port", str(port)]
    commands = [
        ["examples/local_model.py", str(model_port)],
        ["-m", *server, "gateway:app"],
    ]
    programs = [
        background.start(
            "gateway",
            [sys.executable, *command],
            log=tmp_path / f"{number}.log",
            cwd=place.folder,
            env=place.env,
            ends_with_us=signal.SIGKILL,
        )
        for number, command in enumerate(commands)
    ]
    secret = SecretKey(stack_env["HUB_SECRET_KEY"])
    caller = Customer.sign_up(stack_env, f"{secrets.token_hex(6)}@example.com", "secret-1")
    assert caller.get("/usage/me").status_code == 200
    try:
        with Creditbase(stack_env["METER_URL"], secret) as billing:
            found = Gateway(f"http://127.0.0.1:{port}", caller, billing)
            background.wait_until(
                lambda: _is_up(found.url),
                program=programs[1],
                within_s=ANSWERS_WITHIN_S,
                what="gateway",
            )
            with sqlite3.connect(records) as book:
                book.execute("insert into callers values (?, ?)", (found.key, caller.uid))
            yield found
    finally:
        for program in programs:
            os.killpg(program.process.pid, signal.SIGKILL)
            program.process.wait(timeout=20)


def _is_up(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).status_code == 401
    except requests.RequestException:
        return False


def test_its_readme_does_what_it_says(tmp_path: Path, stack_env: dict[str, str]) -> None:
    """From top to bottom, as a reader types it."""
    Place.at(tmp_path, stack_env).type(README)


def test_its_callers_pay_for_what_the_model_reported(gateway: Gateway) -> None:
    """Whole, streamed, left in the middle, and without credits."""
    before = gateway.quote
    price_nanos = before["quote"]["amount_nanos"]

    # when one answer is whole, and the same question is asked again, streamed
    assert gateway.ask().json()["usage"]["total_tokens"] == 6
    assert gateway.ask(stream=True).text.endswith("data: [DONE]\n\n")

    # then both were charged, whatever key the caller would like
    after = gateway.quote["balance"]
    available_nanos = before["balance"]["available_nanos"] - 2 * price_nanos
    assert after["available_nanos"] == available_nanos
    assert after["held_nanos"] == 0

    # when a caller leaves in the middle, then what was held for the question is taken
    most_nanos = gateway.billing.make_quote(
        customer_external_id=gateway.caller.uid, model="gpt-5-mini", usage_max=MOST
    )["quote"]["amount_nanos"]
    leaving = gateway.ask(stream=True, text="word " * 150)
    next(leaving.iter_content(1))
    leaving.close()
    wait_until(lambda: gateway.quote["balance"]["held_nanos"] == 0)
    available_nanos -= most_nanos
    assert gateway.quote["balance"]["available_nanos"] == available_nanos

    # when the credits are spent, then the caller is told so
    gateway.billing.charge(
        idempotency_key=f"spend:{gateway.caller.uid}",
        customer_external_id=gateway.caller.uid,
        amount_nanos=available_nanos,
    )
    refused = gateway.ask()
    assert (refused.status_code, refused.json()["code"]) == (402, "PAYMENT_REQUIRED")
    assert refused.json()["available_nanos"] == 0
