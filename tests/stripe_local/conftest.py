"""A local Stripe for each test worker, emptied before each test, and an endpoint that listens.

After every test everything that was said in it is held against stripe-python's own classes,
and against the TypeScript declarations of stripe-node.
"""

import os
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
import stripe
from stripe.params.checkout import SessionCreateParams

from stripe_local.clock import CLOCK_FILE_VARIABLE
from stripe_local.server import LocalStripe
from stripe_local.webhooks.policy import DeliveryPolicy
from stripe_local.wire.annotations import flaws_in_transcript
from stripe_local.wire.parameter_types import API_VERSION
from stripe_local.world import Settings, World
from tests.stripe_local.schemas import disagreements_in_transcript

FAST = DeliveryPolicy(first_delay_s=0.01, delay_s_max=0.02, attempts_max=4, timeout_s=10)
HEADERS = {"Authorization": "Bearer sk_test_sim", "Stripe-Version": API_VERSION}
GOOD_CARD = "4242424242424242"
DECLINED_CARD = "4000000000000002"


@dataclass
class Local:
    """One local Stripe as a test sees it: the real client, and the ways around the client."""

    url: str
    client: stripe.StripeClient
    clock_file: Path
    world: World
    http: requests.Session = field(default_factory=requests.Session)

    def call(
        self, method: str, path: str, form: dict[str, Any] | None = None, **headers: str
    ) -> requests.Response:
        """Send a request without the client, for what the client would not send."""
        return self.http.request(
            method,
            self.url + path,
            headers={**HEADERS, **{name.replace("_", "-"): headers[name] for name in headers}},
            data=form if method == "POST" else None,
            params=form if method != "POST" else None,
            timeout=30,
        )

    def sim(self, method: str, path: str, order: dict[str, Any] | None = None) -> Any:
        """Turn one of the switches, and return what it told."""
        told = self.http.request(method, f"{self.url}/_sim{path}", json=order, timeout=30)
        assert told.status_code == 200, told.text
        return told.json()

    def sell(self, **changes: Any) -> stripe.checkout.Session:
        """Make a session that sells credits for 25 dollars, changed as asked."""
        params: SessionCreateParams = {
            "mode": "payment",
            "success_url": "http://127.0.0.1:9/paid?session={CHECKOUT_SESSION_ID}",
            "cancel_url": "http://127.0.0.1:9/cancelled",
            "line_items": [
                {
                    "price_data": {
                        "currency": "usd",
                        "unit_amount": 2500,
                        "product_data": {"name": "25,000 credits"},
                    },
                    "quantity": 1,
                }
            ],
        }
        params.update(changes)  # type: ignore[typeddict-item]  # a test may ask for nonsense
        return self.client.v1.checkout.sessions.create(params)

    def pay(self, session_id: str, card: str = GOOD_CARD, **headers: str) -> requests.Response:
        """Pay for a session as its page does."""
        form = {"card[number]": card}
        return self.call("POST", f"/v1/payment_pages/{session_id}/confirm", form, **headers)

    def event_types(self) -> list[str]:
        """Return the types of all events, oldest first, also of those too old to be listed."""
        with self.world.account.lock:
            events = self.world.account.store.newest_first("event")
        return [str(event["type"]) for event in reversed(events)]

    def settle(self) -> None:
        """Wait until every webhook is taken or given up."""
        assert self.sim("POST", "/settle", {"timeout_s": 20})["settled"]

    def move_clock(self, seconds: int) -> None:
        """Let this much time have passed since the test began."""
        self.clock_file.write_text(str(seconds))


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStripe]:
    """Run a local Stripe on a free port, with deliveries that try again quickly."""
    with pytest.MonkeyPatch.context() as patch:
        clock_file = tmp_path_factory.mktemp("clock") / "offset"
        patch.setenv(CLOCK_FILE_VARIABLE, str(clock_file))
        ready = threading.Event()
        running = LocalStripe(Settings(policy=FAST), on_ready=lambda _url: ready.set())
        thread = threading.Thread(target=running.serve_until_stopped)
        thread.start()
        assert ready.wait(20)
        yield running
        running.should_exit = True
        thread.join(20)
        assert not thread.is_alive()


@pytest.fixture(scope="session")
def client(server: LocalStripe) -> stripe.StripeClient:
    """Return the real client. Building one takes longer than most tests."""
    return stripe.StripeClient(
        "sk_test_sim", base_addresses={"api": server.url}, max_network_retries=0
    )


@pytest.fixture
def local(server: LocalStripe, client: stripe.StripeClient) -> Iterator[Local]:
    """Return an empty local Stripe; whatever it says is checked when the test is over."""
    clock_file = Path(os.environ[CLOCK_FILE_VARIABLE])
    clock_file.unlink(missing_ok=True)
    server.world.reset()
    stripe_local = Local(server.url, client, clock_file, server.world)
    said_before = _last_number(server)
    with stripe_local.http:
        yield stripe_local

    said = [each.told() for each in server.world.transcript.after(said_before, 5_000)]
    assert flaws_in_transcript(said) == []
    assert disagreements_in_transcript(said) == []


def _last_number(server: LocalStripe) -> int:
    said = server.world.transcript.after(0, 5_000)
    return said[-1].number if said else 0


@dataclass
class Delivery:
    """One webhook as it arrived."""

    body: bytes
    headers: dict[str, str]

    def event(self, secret: str) -> stripe.Event:
        """Return the event, once the signature has proved who sent it."""
        event: stripe.Event = stripe.Webhook.construct_event(
            self.body, self.headers["Stripe-Signature"], secret
        )
        return event


class Listener(ThreadingHTTPServer):
    """A webhook endpoint: keeps what arrives, and answers as it is told, else with 200."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _ListenerRequest)
        self.answers: deque[int] = deque()
        self.received: list[Delivery] = []
        self.open = threading.Event()
        self.open.set()

    @property
    def url(self) -> str:
        """Return where to send webhooks."""
        return f"http://127.0.0.1:{self.server_port}/hook"

    def types(self, secret: str) -> list[str]:
        """Return the types of what arrived, every signature checked."""
        return [delivery.event(secret).type for delivery in self.received]


class _ListenerRequest(BaseHTTPRequestHandler):
    server: Listener
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.open.wait(20)
        self.server.received.append(Delivery(body, dict(self.headers)))
        self.send_response(self.server.answers.popleft() if self.server.answers else 200)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_args: object) -> None:
        """Say nothing: the test says what matters."""


@pytest.fixture
def listener(local: Local) -> Iterator[Listener]:
    """Return an endpoint that listens, not yet known to Stripe."""
    endpoint = Listener()
    thread = threading.Thread(target=endpoint.serve_forever, args=(0.02,))
    thread.start()
    yield endpoint
    endpoint.open.set()
    local.sim("POST", "/reset")  # nothing is sent to a port that is no longer ours
    endpoint.shutdown()
    thread.join(10)
    endpoint.server_close()


@pytest.fixture
def secret(local: Local, listener: Listener) -> str:
    """Return the secret of an endpoint that hears everything."""
    endpoint = local.client.v1.webhook_endpoints.create(
        {"url": listener.url, "enabled_events": ["*"]}
    )
    assert endpoint.secret is not None
    return endpoint.secret
