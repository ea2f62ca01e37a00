"""Every door of the product in one process, a Stripe without a socket, one clock that stands.

Requests go through functions-framework's own wiring with credentials that are really verified;
the store is the real emulator. Only a test moves the clock and tells of what happens at Stripe.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest
import stripe
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

import main
from creditbase.accounts.domain import CustomerRef
from creditbase.accounts.owners import add_owner
from creditbase.accounts.store import find_user
from creditbase.accounts.use_cases import HUB_PROJECT_ID, create_secret_key, ensure_project
from creditbase.admin.roles import make_admin
from creditbase.catalog.domain.tiers import Tier
from creditbase.catalog.tier_use_cases import shared_tiers
from creditbase.catalog.use_cases import shared_cache
from creditbase.jobs import scheduled
from creditbase.ledger.paths import WalletRef
from creditbase.ledger.use_cases import lanes
from creditbase.metering.names import customer_names
from creditbase.payments import stripe_billing, stripe_gateway
from creditbase.payments.use_cases import HANDLERS
from creditbase.runtime import firestore, http
from creditbase.runtime.settings import settings
from stripe_local import checkout
from stripe_local.api import ApiRequest, answer
from stripe_local.billing import reversals, standing
from stripe_local.cards import Card
from stripe_local.events import BY_ITSELF
from stripe_local.world import World
from tests.ledger.wallets import LiveWallet
from tests.payments.shop import CARD, SECRET, Resource, signed_event
from tests.payments.tenant import Tenant
from tests.proof.stripe_seam import Seam
from tests.relay.backend import TOKEN_KEYS
from tests.runtime.signing import Signer
from tests.runtime.wiring import client_of, verified_by
from tests.scenarios.walking import new_world
from tests.sold import sell

BEGINS = datetime.fromisoformat("2027-03-10T09:00:00+00:00")
CREDIT = 1_000_000
CENT = 10_000_000
SITE = "http://127.0.0.1:5000"
PAGES = {"success_url": "https://app.example/ok", "cancel_url": "https://app.example/no"}
Json = dict[str, Any]


@cache
def client_for(function: str) -> FlaskClient:
    """Return a client of a function, made once."""
    return client_of(getattr(main, function))


@dataclass
class Clock:
    """The instant at which business happens, here and at Stripe."""

    world: World

    def now(self) -> datetime:
        """Return the instant."""
        return datetime.fromtimestamp(self.world.clock.now_s(), BEGINS.tzinfo)

    def pass_on(self, **span: float) -> datetime:
        """Let time pass, with everything that Stripe does meanwhile."""
        self.world.travel(self.world.clock.now_s() + int(timedelta(**span).total_seconds()))
        return self.now()


@dataclass
class Doors:
    """A hub with an admin, a relay project with its owner, and whoever comes."""

    signer: Signer
    seam: Seam
    clock: Clock
    secret_key: str = ""
    admin_uid: str = ""
    tenant_key: str = ""
    tenant: Tenant = field(init=False)
    told: int = 0
    """How many events of Stripe's were looked at."""
    epoch: int = 0
    _headers: dict[str, dict[str, str]] = field(default_factory=dict)

    def begin_anew(self) -> None:
        """Let Stripe be empty again; time and the store go on."""
        world = new_world(self.clock.now())
        self.clock.world = self.seam.world = world
        self.told, self.epoch = 0, self.epoch + 1
        self.tenant.made.clear()
        stripe_billing.load_marked_price.cache_clear()

    # ---- asking --------------------------------------------------------------------------

    def ask(
        self,
        function: str,
        method: str,
        path: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> TestResponse:
        """Send a request to a function."""
        return (
            client_for(function)
            .application.test_client()
            .open(
                path,
                method=method,
                headers=dict(headers or {}),
                data=None if body is None else json.dumps(body),
                content_type=None if body is None else "application/json",
            )
        )

    def browser(
        self,
        uid: str,
        function: str,
        method: str,
        path: str,
        body: object = None,
        *,
        key: str = "",
    ) -> TestResponse:
        """Ask the hub as a signed-in browser."""
        if uid not in self._headers:
            self._headers[uid] = self.signer.headers(uid)
        named = {"Idempotency-Key": key} if key else {}
        return self.ask(function, method, path, body, {**self._headers[uid], **named})

    def admin(self, path: str, body: Json, key: str) -> TestResponse:
        """Ask for an operator's deed."""
        function = "admin_vouchers" if path.startswith("/vouchers") else "admin_customers"
        asked = {"reason": "a test", **body}
        return self.browser(self.admin_uid, function, "POST", f"/admin{path}", asked, key=key)

    def meter(self, path: str, body: Json, key: str = "") -> TestResponse:
        """Ask the meter as the hub's own back end."""
        headers = {"X-ModelRelay-Api-Key": self.secret_key}
        named = {"Idempotency-Key": key} if key else {}
        return self.ask("meter", "POST", f"/api/v1{path}", body, {**headers, **named})

    def relay(
        self, function: str, method: str, path: str, body: object = None, token: str = ""
    ) -> TestResponse:
        """Ask the relay as the project's back end, or with a customer's token."""
        named = (
            {"Authorization": f"Bearer {token}"}
            if token
            else {"X-ModelRelay-Api-Key": self.tenant_key}
        )
        return self.ask(function, method, f"/api/v1{path}", body, named)

    def webhook(self, event: Resource) -> TestResponse:
        """Deliver an event of Stripe's."""
        sent = signed_event(event)
        return (
            client_for("billing_webhook")
            .application.test_client()
            .post(
                "/billing/webhook", data=sent.raw, headers={"Stripe-Signature": sent.signature}
            )
        )

    def job(self, name: str) -> TestResponse:
        """Run a scheduled function, as the scheduler does."""
        return self.ask(name, "POST", "/", {})

    # ---- who is there ----------------------------------------------------------------------

    def arrive(self) -> str:
        """Return a new user of the hub, who has looked at the free credits."""
        uid = f"u{uuid4().hex}"
        answered = self.browser(uid, "usage_me", "GET", "/usage/me")
        assert answered.status_code == 200, answered.text
        return uid

    def ref_of(self, uid: str) -> CustomerRef:
        """Return the customer behind a user."""
        user = find_user(uid)
        assert user is not None
        return user.customer

    def wallet_of(self, ref: CustomerRef) -> LiveWallet:
        """Return a customer's wallet, now."""
        return LiveWallet(WalletRef(ref.project_id, ref.customer_id), self.clock.now())

    def tier(self, code: str) -> Tier:
        """Return a tier of the project's, made now if nobody wanted it before."""
        self.tenant.now = self.clock.now()
        return self.tenant.tier(code, suffix=f"-{self.epoch}")

    def minted(self, customer_id: str, tier_code: str = "") -> str:
        """Return a token of a customer, put on a tier where one is named."""
        body = {"customer_id": customer_id, **({"tier_code": tier_code} if tier_code else {})}
        path = "/auth/customer-token"
        answered = self.relay("auth_customer_token", "POST", path, body)
        assert answered.status_code == 200, answered.text
        return str(of(answered)["token"])

    # ---- what happens at Stripe -------------------------------------------------------------

    @property
    def world(self) -> World:
        """Return Stripe."""
        return self.clock.world

    def pay(self, session_id: str) -> str:
        """Pay a session on its page, and return the payment, if it is one's own."""
        account = self.world.account
        session = account.store.at_address("checkout.session", session_id)
        checkout.pay(
            account, session, Card(CARD), typed_email="ada@example.com", cause=BY_ITSELF
        )
        return str(session["payment_intent"] or "")

    def at_stripe(self, path: str, **form: object) -> Resource:
        """Change something at Stripe by its API."""
        request = ApiRequest(
            "POST",
            f"/v1{path}",
            "",
            urlencode(form).encode(),
            {"authorization": "Bearer sk_test_1"},
        )
        given = answer(self.world, request)
        assert given.status == 200, given.body
        found: Resource = json.loads(given.body)
        return found

    def own(self, kind: str, ref: CustomerRef) -> list[Resource]:
        """Return what Stripe has of a customer's, newest first."""
        payer = self.payer(ref)
        found = self.world.account.store.newest_first(kind)
        return [one for one in found if one.get("customer") == payer]

    def payer(self, ref: CustomerRef) -> str:
        """Return the customer's id at Stripe."""
        fields = firestore.get_all([f"projects/{ref.project_id}/customers/{ref.customer_id}"])
        assert fields[0].fields is not None
        return str(fields[0].fields.get("stripe_customer_id", ""))

    def refund(self, payment_id: str, cents: int) -> Resource:
        """Give a part of a payment back."""
        charge = self._charge(payment_id)
        given: Resource = {"metadata": {}, "reason": None}
        return reversals.refund(self.world.account, charge, cents, given, BY_ITSELF)

    def fail_refund(self, refund_id: str) -> None:
        """Let a refund come back from the bank."""
        reversals.fail_refund(self.world.account, refund_id)

    def dispute(self, payment_id: str) -> Resource:
        """Let the bank take a payment back until it has decided."""
        return reversals.open_dispute(self.world.account, self._charge(payment_id))

    def decide(self, dispute: Resource, *, is_won: bool) -> None:
        """Let the bank decide."""
        reversals.close_dispute(self.world.account, dispute, is_won=is_won)

    def end_subscription(self, ref: CustomerRef) -> None:
        """End a subscription at once."""
        standing.end(self.world.account, self.own("subscription", ref)[0], BY_ITSELF)

    def _charge(self, payment_id: str) -> Resource:
        charges = self.world.account.store.newest_first("charge")
        return next(one for one in charges if one["payment_intent"] == payment_id)

    def news(self) -> list[Resource]:
        """Return the events since the last look that the product listens to, oldest first."""
        events = self.world.account.store.newest_first("event")
        fresh = list(events[: len(events) - self.told])[::-1]
        self.told = len(events)
        return [event for event in fresh if event["type"] in HANDLERS]

    def tell(self) -> None:
        """Deliver everything that was not told, until there is no news."""
        while news := self.news():
            for event in news:
                answered = self.webhook(event)
                assert answered.status_code == 200, answered.text

    # ---- longer stories ---------------------------------------------------------------------

    def bought(self, uid: str, pack: str = "small", *, is_told: bool = True) -> str:
        """Buy a pack, and return the payment."""
        started = self.browser(uid, "billing_topup", "POST", "/billing/topup", {"amount": pack})
        assert started.status_code == 200, started.text
        payment = self.pay(of(started)["session_id"])
        if is_told:
            self.tell()
        return payment

    def subscribed(self, uid: str, plan: str = "guru", *, is_told: bool = True) -> None:
        """Subscribe to a plan."""
        path = "/billing/checkout"
        started = self.browser(uid, "billing_checkout", "POST", path, {"plan": plan})
        assert started.status_code == 200, started.text
        self.pay(of(started)["session_id"])
        if is_told:
            self.tell()

    def charged(self, ref: CustomerRef, credit_count: int) -> None:
        """Use credits of a hub customer's."""
        body = {"customer_id": ref.customer_id, "amount_nanos": credit_count * CREDIT}
        answered = self.meter("/charges", body, uuid4().hex)
        assert answered.status_code == 201, answered.text

    def held(self, ref: CustomerRef, credit_count: int, ttl_s: int = 900) -> str:
        """Set credits of a hub customer's aside, and return the hold."""
        amount = credit_count * CREDIT
        body = {"customer_id": ref.customer_id, "amount_nanos": amount, "ttl_s": ttl_s}
        answered = self.meter("/holds", body, uuid4().hex)
        assert answered.status_code == 201, answered.text
        return str(of(answered)["hold"]["id"])


def of(answered: TestResponse) -> Json:
    """Return an answer's JSON."""
    found: Json = answered.get_json()
    return found


def forget() -> None:
    """Be another process: nothing known of settings, catalogs, names and wallets."""
    settings.cache_clear()
    stripe_gateway.client.cache_clear()
    stripe_billing.load_marked_price.cache_clear()
    for cached in (shared_cache, shared_tiers, lanes, customer_names):
        cached.cache_clear()


@contextmanager
def opened_doors(signer: Signer) -> Iterator[Doors]:
    """Open every door until the block ends."""
    world = new_world(BEGINS)
    clock, seam = Clock(world), Seam(world)
    with verified_by(signer) as patch:
        _wire_up(patch, clock, seam)
        doors = Doors(signer, seam, clock)
        now = clock.now()
        ensure_project("hub", now=now)
        sell(HUB_PROJECT_ID)
        doors.admin_uid = f"admin{uuid4().hex}"
        doors.browser(doors.admin_uid, "usage_me", "GET", "/usage/me")
        make_admin(doors.admin_uid, reason="a test", now=now)
        doors.tenant = Tenant.opened(now)
        add_owner(doors.tenant.project_id, doors.admin_uid, now=now)
        doors.secret_key, doors.tenant_key = (
            create_secret_key(project, name="t", random_bytes=uuid4().bytes * 2, now=now).secret
            for project in (HUB_PROJECT_ID, doors.tenant.project_id)
        )
        yield doors
    firestore.client.cache_clear()
    forget()


def _wire_up(patch: pytest.MonkeyPatch, clock: Clock, seam: Seam) -> None:
    patch.setenv("STRIPE_SECRET_KEY", "sk_test_local")
    patch.setenv("STRIPE_WEBHOOK_SECRET", SECRET)
    patch.setenv("STRIPE_API_BASE", clock.world.public_url)
    patch.setenv("CREDITBASE_SITE_URL", SITE)
    patch.setenv("CREDITBASE_REDEEM_LIMIT", "false")
    patch.setenv("CUSTOMER_TOKEN_KEYS", TOKEN_KEYS)
    patch.setattr(stripe.RequestsClient, "request", seam.connection())
    patch.setattr(stripe.HTTPClient, "INITIAL_DELAY", 0.001)
    patch.setattr(stripe.HTTPClient, "MAX_DELAY", 0.002)
    now: Callable[[], datetime] = clock.now
    patch.setattr(http, "now", now)
    patch.setattr(scheduled, "now", now)
    firestore.client.cache_clear()
    forget()
