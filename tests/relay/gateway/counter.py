"""Where a customer calls models, and what can be seen of it in the ledger afterwards."""

import json
from dataclasses import dataclass
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from creditbase.catalog.use_cases import load_catalog
from tests.relay.desk import Desk
from tests.relay.gateway.upstream import FakeProvider

Json = dict[str, Any]
OPENAI_MODEL = "gpt-4.1"
ANTHROPIC_MODEL = "claude-haiku-4-5"
CHAT = "/api/v1/chat/completions"
RESPONSES = "/api/v1/responses"
NDJSON = 'application/x-ndjson; profile="responses-stream/v2"'


def says(text: str) -> list[Json]:
    """Return the messages of a user who says one thing."""
    return [{"role": "user", "content": text}]


@dataclass
class Counter:
    """Calls models for the desk's customer, with the project's secret key."""

    desk: Desk
    client: FlaskClient
    provider: FakeProvider

    def post(self, path: str, body: object, **headers: str) -> TestResponse:
        """Post a body, and read nothing of the answer yet. An empty header is left out."""
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        sent = {
            "X-ModelRelay-Api-Key": self.desk.tenant.secret_key,
            "X-ModelRelay-Customer-Id": self.desk.customer_id,
            **named,
        }
        sent = {name: value for name, value in sent.items() if value}
        client = self.client.application.test_client()
        text = json.dumps(body, ensure_ascii=False)
        return client.post(path, data=text, headers=sent, content_type="application/json")

    def chat(
        self, text: str = "Hello", *, request_id: str = "", **more: object
    ) -> TestResponse:
        """Ask for a chat completion of OpenAI's model."""
        body = {"model": OPENAI_MODEL, "messages": says(text), **more}
        headers = {"X_ModelRelay_Request_Id": request_id} if request_id else {}
        return self.post(CHAT, body, **headers)

    def respond(self, text: str = "Hello", *, accept: str = "", **more: object) -> TestResponse:
        """Ask for a response of OpenAI's model."""
        item = {"type": "message", "role": "user", "content": [{"type": "text", "text": text}]}
        body = {"model": OPENAI_MODEL, "input": [item], **more}
        return self.post(RESPONSES, body, **({"Accept": accept} if accept else {}))

    # ---- the ledger ------------------------------------------------------------------------

    def price(self, model: str, **quantities: int) -> int:
        """Return what usage costs this customer."""
        catalog = load_catalog(self.desk.tenant.project_id)
        priced = catalog.prices.find(model, self.desk.clock.at)
        assert priced is not None
        prices = priced.nanos_per_million
        total = sum(prices[unit] * count for unit, count in quantities.items())
        scale = 1_000_000 * 10_000
        return -(-total * (10_000 + catalog.markup.default_bps) // scale)

    def entries(self, *kinds: str) -> list[Json]:
        """Return the wallet's entries of these kinds, oldest first."""
        return [entry for entry in self.desk.wallet.entries() if entry["kind"] in kinds]

    def spent(self) -> int:
        """Return what was captured altogether."""
        ends = self.entries("capture", "expire", "late", "charge")
        return sum(int(entry["captured_nanos"]) for entry in ends)

    def prompt_tokens(self) -> int:
        """Return the tokens of the running call's prompt by the counting rule."""
        (held,) = self.desk.wallet.state()["holds"].values()
        return int(held["metered"]["quantities"]["input_tokens"])

    def open_holds(self) -> int:
        """Return how many holds are open."""
        return len(self.desk.wallet.state()["holds"])


def events_of(answer: TestResponse) -> list[Json]:
    """Return the JSON of each event of a chat stream, which must end with its mark."""
    lines = [line for line in answer.text.split("\n\n") if line.startswith("data: ")]
    assert lines[-1] == "data: [DONE]"
    return [json.loads(line.removeprefix("data: ")) for line in lines[:-1]]


def lines_of(answer: TestResponse) -> list[Json]:
    """Return the JSON of each line of a response stream."""
    return [json.loads(line) for line in answer.text.splitlines()]
