"""The local Stripe in a thread, and what a test wants of it: pay, look, sign, break."""

import json
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import requests
import stripe

from stripe_local.payer import pay_session
from stripe_local.resources.webhook_endpoints import add_endpoint
from stripe_local.server import LocalStripe
from stripe_local.world import Settings, World
from tests.payments.doorstep import ask, is_undisturbed

SECRET = "whsec_tests"
CARD = "4242424242424242"
STARTS_WITHIN_S = 30
SETTLES_WITHIN_S = 10
AUTHORIZED = {"Authorization": "Bearer sk_test_tests"}

Resource = dict[str, Any]


@dataclass(frozen=True)
class Signed:
    """An event as it is sent: the bytes, and the header that proves them."""

    raw: bytes
    signature: str


def signed(payload: str, *, secret: str = SECRET, age_s: int = 0) -> Signed:
    """Return any text, signed as Stripe signs."""
    stamp = int(time.time()) - age_s
    header = stripe.WebhookSignature.generate_signature_header(payload, secret, stamp)
    return Signed(payload.encode(), header)


def signed_event(event: Resource, **changed: Any) -> Signed:
    """Return an event, with some fields changed, signed as Stripe signs."""
    return signed(json.dumps({**event, **changed}))


class Shop:
    """A running local Stripe."""

    def __init__(self, url: str, world: World) -> None:
        self.url = url
        self._world = world
        self._clock = world.clock
        self.is_over_http = True
        """Whether the API is asked through its socket, as the product is deployed to."""
        self._session = requests.Session()
        self._session.trust_env = False

    def get(self, path: str, **params: object) -> Resource:
        """Ask the API."""
        return self._ask("GET", path, params=params)

    def post(self, path: str, **form: object) -> Resource:
        """Change something by the API."""
        return self._ask("POST", path, data=form)

    def order(self, path: str, **given: object) -> Resource:
        """Turn one of the switches that only the local Stripe has."""
        return self._send("POST", f"/_sim{path}", json=given)

    @property
    def world(self) -> World:
        """Return what is behind the address."""
        return self._world

    def live_in(self, other: World) -> None:
        """Go on with another world's account, at its time, until the next reset."""
        self._world.clock, self._world.keys = other.clock, other.keys
        self._world.account = other.account

    def reset(self) -> None:
        """Start over with an empty account, and in real time."""
        self._world.clock = self._clock
        self._world.reset()
        self._world.clock.move_to(int(time.time()))

    def let_pass(self, **span: float) -> None:
        """Let time pass."""
        self.order("/clock", by_s=int(timedelta(**span).total_seconds()))

    def forget(self, what: str) -> None:
        """Let Stripe have no objects of a kind any more, as events are gone after a month."""
        with self._world.account.lock:
            for one in self._world.account.store.newest_first(what):
                self._world.account.store.delete(one)

    def break_posts(self, path: str, fault: str, *, count: int) -> None:
        """Let that many POSTs fail: `error` or `reset`, `before` or `after` they are done."""
        outcome, moment = fault.split()
        order = {"outcome": outcome, "moment": moment, "method": "POST", "path_prefix": path}
        self.order("/faults", count=count, **order)

    def order_end_of_faults(self) -> None:
        """Let nothing fail any more."""
        self._world.faults.disarm()

    def pay(self, session_id: str, card: str = CARD) -> None:
        """Pay a session as a person would."""
        email = "ada@example.com"
        if self.is_over_http:
            pay_session(self.url, session_id, card=card, email=email)
            return
        page = f"/payment_pages/{session_id}"
        paid = self.post(f"{page}/confirm", **{"card[number]": card}, email=email)
        if paid["status"] == "open":  # the bank wants to see who pays
            self.post(f"{page}/authenticate", outcome="succeeded")
        self._world.deliveries.wait_until_settled(SETTLES_WITHIN_S, about=session_id)

    def pay_unwatched(self, session_id: str) -> None:
        """Pay a session and do not wait for what is told of it."""
        self.post(f"/payment_pages/{session_id}/confirm", **{"card[number]": CARD})

    def hold_deliveries(self, *kinds: str) -> None:
        """Keep what is told from now on, of these types or all, until it is released."""
        self.order("/deliveries/hold", types=list(kinds) or None)

    def release_deliveries(self, order: str = "made") -> None:
        """Deliver what was kept, and keep no more."""
        self.order("/deliveries/release", order=order)

    def send_again(self, event: Resource) -> None:
        """Deliver an event once more, as the Dashboard's button does."""
        self.order(f"/events/{event['id']}/duplicate")

    def buy_elsewhere(self, **metadata: str) -> None:
        """Pay a session that our product did not ask for."""
        form: dict[str, object] = {
            "mode": "payment",
            "success_url": "https://elsewhere.example",
            "line_items[0][quantity]": 1,
            "line_items[0][price_data][currency]": "usd",
            "line_items[0][price_data][unit_amount]": 500,
            "line_items[0][price_data][product_data][name]": "Shoes",
        }
        for place in ("metadata", "payment_intent_data[metadata]"):
            form |= {f"{place}[{name}]": value for name, value in metadata.items()}
        self.pay(self.post("/checkout/sessions", **form)["id"])

    def expire(self, session_id: str) -> None:
        """End a session unpaid."""
        self.post(f"/checkout/sessions/{session_id}/expire")

    def delete(self, path: str) -> None:
        """Delete something, as somebody would in the Dashboard."""
        self._ask("DELETE", path)

    def order_cancel(self, subscription_id: str) -> None:
        """End a subscription at once, as somebody would in the Dashboard."""
        self._ask("DELETE", f"/subscriptions/{subscription_id}")

    def events(self, kind: str) -> list[Resource]:
        """Return the events of a type, oldest first."""
        found: list[Resource] = self.get("/events", type=kind, limit=100)["data"]
        return found[::-1]

    def event(self, kind: str) -> Resource:
        """Return the one event of a type."""
        (found,) = self.events(kind)
        return found

    def count(self, what: str) -> int:
        """Return how many objects of a kind the account has."""
        with self._world.account.lock:
            return self._world.account.store.counts().get(what, 0)

    def listen(self, address: str, secret: str, kinds: Iterable[str] = ("*",)) -> None:
        """Deliver events to an address from now on, signed with that secret."""
        wanted = {"url": address, "enabled_events": list(kinds)}
        with self._world.account.lock:
            add_endpoint(self._world.account, wanted, secret)

    def set_clock(self, at_s: int) -> None:
        """Set the clock to any moment; for an account in which nothing happens yet."""
        self._world.clock.move_to(at_s)

    def change(self, what: str, object_id: str, **fields: object) -> None:
        """Make Stripe tell something else of an object than what we asked for."""
        self._world.account.store.at_address(what, object_id).update(fields)

    def _ask(self, method: str, path: str, **given: Any) -> Resource:
        url = f"{self.url}/v1{path}"
        if self.is_over_http or not is_undisturbed(self._world, url, self.url):
            return self._send(method, f"/v1{path}", **given)
        made = requests.Request(method, url, headers=AUTHORIZED, **given).prepare()
        assert made.method is not None
        assert made.url is not None
        body, status, _ = ask(
            self._world, made.method, made.url, made.headers, str(made.body or "")
        )
        assert status < 400, body
        answered: Resource = json.loads(body)
        return answered

    def _send(self, method: str, path: str, **given: Any) -> Resource:
        reply = self._session.request(
            method,
            f"{self.url}{path}",
            headers=AUTHORIZED,
            timeout=30,
            **given,
        )
        assert reply.ok, reply.text
        answered: Resource = reply.json()
        return answered


@contextmanager
def serving_shop() -> Iterator[Shop]:
    """Serve an empty local Stripe until the block ends."""
    ready = threading.Event()
    server = LocalStripe(Settings(), on_ready=lambda _: ready.set())
    thread = threading.Thread(target=server.serve_until_stopped, daemon=True)
    thread.start()
    assert ready.wait(STARTS_WITHIN_S)
    try:
        yield Shop(server.url, server.world)
    finally:
        server.should_exit = True
        thread.join(STARTS_WITHIN_S)
    assert not thread.is_alive(), "the local Stripe does not end"
