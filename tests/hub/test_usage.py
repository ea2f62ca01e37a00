"""`/usage/me` and `/billing/sync-balance` over HTTP: shape, cache, and read-your-writes."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from creditbase.accounts.store import find_user
from creditbase.accounts.use_cases import HUB_PROJECT_ID, create_api_key, ensure_project
from creditbase.catalog.use_cases import push_catalog, shared_cache
from creditbase.hub.usage import billing_sync_balance, usage_me
from creditbase.jobs.use_cases import sync_balances
from creditbase.kernel.ids import operation_entry_id
from creditbase.ledger import use_cases as ledger
from creditbase.ledger.domain.commands import Charge, FixedAmount, TakeBack
from creditbase.ledger.domain.wallet import Metered
from creditbase.ledger.paths import WalletRef
from creditbase.runtime import http
from creditbase.runtime.clock import real_now
from creditbase.subscriptions.relay_customers import delete_customer
from creditbase.subscriptions.use_cases import first_touch
from tests import costs
from tests.ledger.wallets import LiveWallet
from tests.relay.desk import CATALOG, CREDIT, NOON, Clock
from tests.runtime.signing import Signer
from tests.runtime.wiring import client_of
from tests.together import at_once
from tests.wire import Wire
from tests.wired import _session_wire, wire

__all__ = ["_session_wire", "wire"]
pytestmark = pytest.mark.firestore
FREE = 500


@dataclass
class Page:
    """A user's page: asks as a browser or with a key, and spends beside it."""

    signer: Signer
    clock: Clock
    uid: str
    usage: FlaskClient
    syncing: FlaskClient

    def wallet(self) -> LiveWallet:
        """Return the user's wallet, now."""
        user = find_user(self.uid)
        assert user is not None
        ref = WalletRef(user.customer.project_id, user.customer.customer_id)
        return LiveWallet(ref, self.clock.at)

    def spend(self, nanos: int, model: str = "", requests: int = 1) -> None:
        """Charge as the gateway does."""
        entry_id = operation_entry_id(uuid4().hex)
        metered = Metered(model, quantities={"requests": requests})
        self.wallet().run(Charge(entry_id, "d", FixedAmount(nanos, metered)))

    def key(self) -> dict[str, str]:
        """Return the headers of a new API key."""
        issued = create_api_key(
            self.uid, name="k", random_bytes=uuid4().bytes * 2, now=real_now()
        )
        return {"X-Api-Key": issued.secret}

    def ask(self, headers: dict[str, str] | None = None) -> TestResponse:
        """Get `/usage/me`."""
        client = self.usage.application.test_client()
        answer = client.get("/usage/me", headers=headers or self.signer.headers(self.uid))
        assert answer.status_code == 200, answer.text
        return answer

    def sync(self, headers: dict[str, str] | None = None, **body: Any) -> TestResponse:
        """Post `/billing/sync-balance`."""
        answer = self.syncing.post(
            "/billing/sync-balance", headers=headers or self.signer.headers(self.uid), **body
        )
        assert answer.status_code == 200, answer.text
        return answer


def seen(answer: TestResponse) -> tuple[int, str, str]:
    """Return what is left, and what the answer says of its age."""
    left = json_of(answer)["monthly_credits_remaining"]
    return left, answer.headers["X-Cache"], answer.headers["Age"]


def json_of(answer: TestResponse) -> dict[str, Any]:
    """Return the JSON object of an answer."""
    found = answer.get_json()
    assert isinstance(found, dict)
    return found


@pytest.fixture
def page(wire: Wire, signer: Signer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    """Return the page of a user never seen, at noon; the ledger is audited in the end."""
    ensure_project("hub", now=NOON)
    push_catalog(HUB_PROJECT_ID, CATALOG)
    shared_cache().forget()
    ledger.lanes.cache_clear()
    clock = Clock()
    monkeypatch.setattr(http, "now", clock.now)
    uid = f"u{uuid4().hex}"
    opened = Page(signer, clock, uid, client_of(usage_me), client_of(billing_sync_balance))
    wire.reset()
    yield opened
    wire.reset()
    if find_user(uid) is not None:
        opened.wallet().audit()


class TestShape:
    """hub-api 5.1, to the field."""

    def test_a_newcomer_sees_the_free_plan(self, page: Page) -> None:
        """No rows: an empty list and zeros, never null."""
        answer = page.ask()

        assert answer.headers["Cache-Control"] == "private, no-store"
        assert json_of(answer) == {
            "plan": "free",
            "monthly_credits_total": 500,
            "monthly_credits_remaining": 500,
            "topup_balance": 0,
            "credits_held": 0,
            "billing_cycle_start": "2026-03-10T12:00:00Z",
            "billing_cycle_end": "2026-04-10T12:00:00Z",
            "usage": {
                "total_credits_used": 0,
                "total_requests": 0,
                "breakdown_by_model": [],
            },
            "plan_allocation": 500,
            "plan_credits_remaining": 500,
            "this_month": {"credits_used": 0, "requests": 0},
            "by_model": {},
            "subscription_status": "none",
            "cancel_at_period_end": False,
            "scheduled_change": None,
            "payment_issue": False,
            "balance_document": page.wallet().ref.balance,
            "is_admin": False,
        }

    def test_usage_of_models_adds_up(self, page: Page) -> None:
        """Fractions of credits, several models, top-ups and a hold."""
        page.ask()
        page.wallet().topup("pi_1", 5_000 * CREDIT + 1)
        page.spend(1_400_000, "gpt-5", requests=3)
        page.spend(300_000, "sonar")
        page.spend(600_000, "gpt-5")
        page.wallet().hold("h", 2_500_000)

        body = json_of(page.sync())

        rows = [
            {"model": "gpt-5", "credits_used": 2, "requests": 4},
            {"model": "sonar", "credits_used": 1, "requests": 1},
        ]
        assert body["usage"] == {
            "total_credits_used": 3,
            "total_requests": 5,
            "breakdown_by_model": rows,
        }
        # 500 - 2.3 used - 2.5 held, rounded down; what is held is rounded up.
        assert body["monthly_credits_remaining"] == 495
        assert body["credits_held"] == 3
        assert body["topup_balance"] == 5_000

    def test_a_refund_of_spent_credits_shows_below_zero(self, page: Page) -> None:
        """What is owed is no secret."""
        page.ask()
        page.wallet().topup("pi_1", 10 * CREDIT)
        page.spend(510 * CREDIT)
        back = TakeBack("refund:pi_1:1", "topup:pi_1", 10 * CREDIT, owes_rest=True)
        page.wallet().run(back)

        body = json_of(page.ask())

        assert (body["topup_balance"], body["monthly_credits_remaining"]) == (-10, 0)


class TestCache:
    """Served while it is younger than a minute or settled, and of this window."""

    def test_a_settled_balance_is_a_hit_at_any_age(self, page: Page) -> None:
        """Nothing has happened since: nothing can be stale."""
        page.ask()

        page.clock.pass_on(seconds=30)
        assert seen(page.ask()) == (500, "HIT", "30")
        page.clock.pass_on(days=1)
        assert seen(page.ask()) == (500, "HIT", "86430")

    def test_after_spending_it_is_a_hit_for_a_minute_and_then_a_miss(self, page: Page) -> None:
        """To the second; a miss is worked out, and nothing is written for it."""
        page.ask()
        page.spend(CREDIT)
        page.clock.pass_on(seconds=1)
        page.spend(CREDIT)

        page.clock.at = NOON + timedelta(seconds=59, milliseconds=999)
        assert seen(page.ask()) == (499, "HIT", "59")
        page.clock.at = NOON + timedelta(seconds=60)
        assert seen(page.ask()) == (498, "MISS", "0")
        assert seen(page.ask()) == (498, "MISS", "0")

    def test_the_job_makes_it_a_hit_again(self, page: Page) -> None:
        """Once a minute; settled, so it is not due again."""
        page.ask()
        page.spend(CREDIT)
        page.clock.pass_on(seconds=60)

        sync_balances(page.clock.at)

        page.clock.pass_on(minutes=10)
        assert seen(page.ask()) == (499, "HIT", "600")

    def test_spending_does_not_drop_it_for_five_seconds(self, page: Page) -> None:
        """Else the cache would be useless; after that, the next charge publishes."""
        page.ask()
        page.spend(CREDIT)
        page.clock.pass_on(seconds=4.999)
        page.spend(CREDIT)
        assert seen(page.ask()) == (499, "HIT", "4")

        page.clock.pass_on(seconds=0.001)
        page.spend(CREDIT)

        assert seen(page.ask()) == (497, "HIT", "0")

    def test_a_topup_drops_it_at_once(self, page: Page) -> None:
        """The user has just paid."""
        page.ask()
        page.spend(CREDIT)

        page.wallet().topup("pi_1", 9 * CREDIT)

        assert json_of(page.ask())["topup_balance"] == 9

    def test_the_turn_of_the_window_makes_a_miss_with_the_new_one(
        self, page: Page, wire: Wire
    ) -> None:
        """The end is outside: from then on the new credits show, though nobody wrote them."""
        page.ask()
        page.spend(CREDIT)
        page.sync()
        page.clock.at = NOON.replace(month=4) - timedelta(microseconds=1)
        assert seen(page.ask())[:2] == (499, "HIT")
        wire.reset()

        page.clock.at = NOON.replace(month=4)
        answer = page.ask()

        body = json_of(answer)
        assert seen(answer) == (500, "MISS", "0")
        assert body["billing_cycle_start"] == "2026-04-10T12:00:00Z"
        assert body["billing_cycle_end"] == "2026-05-10T12:00:00Z"
        assert body["usage"]["total_requests"] == 0
        assert wire.counts[2] == 0

    def test_it_costs_a_read_or_two(self, page: Page, wire: Wire) -> None:
        """After the key's look-up: the balance; where that does not serve, the wallet."""
        page.ask()
        key = page.key()
        page.ask(key)  # its first use is noted
        wire.reset()

        page.ask(key)
        assert wire.counts == costs.together(costs.KEY_READ, costs.USAGE_ME_HIT)
        page.spend(CREDIT)
        page.clock.pass_on(minutes=1)
        wire.reset()

        page.ask(key)
        assert wire.counts == costs.together(costs.KEY_READ, costs.USAGE_ME_MISS)

    def test_who_is_signed_in_is_read_with_the_balance(self, page: Page, wire: Wire) -> None:
        """Two documents by one RPC, so that a page waits for the store once."""
        page.ask()
        wire.reset()

        assert seen(page.ask())[1] == "HIT"

        assert wire.counts == (1, *costs.together(costs.USER_READ, costs.USAGE_ME_HIT)[1:])

    def test_whose_customer_is_a_later_one_is_asked_for_once_more(
        self, page: Page, wire: Wire
    ) -> None:
        """Who was deleted and came back has its new balance, and never the old one."""
        page.ask()
        page.spend(CREDIT)
        wallet = page.wallet().ref
        delete_customer(wallet.project_id, wallet.customer_id, now=page.clock.at)
        page.ask()
        wire.reset()

        answer = page.ask()

        assert json_of(answer)["usage"]["total_requests"] == 0
        assert json_of(answer)["balance_document"] != wallet.balance
        assert wire.counts == (2, 3, 0)

    def test_it_is_never_shared(self, page: Page) -> None:
        """P34: each sees its own."""
        page.ask()
        page.spend(CREDIT)
        other = Page(page.signer, page.clock, f"u{uuid4().hex}", page.usage, page.syncing)

        assert seen(other.ask())[0] == 500
        assert seen(page.ask())[0] == 499


class TestSync:
    """The only way round the cache: at once, and told as such."""

    @pytest.mark.parametrize("by", ["key", "browser"])
    def test_it_reads_your_writes(self, page: Page, by: str) -> None:
        """What was spent a moment ago shows, here and in the next `/usage/me`."""
        page.ask()
        headers = page.key() if by == "key" else page.signer.headers(page.uid)
        page.spend(CREDIT)
        page.spend(CREDIT)
        page.clock.pass_on(milliseconds=1_999)

        synced = json_of(page.sync(headers))
        answer = page.ask(headers)

        assert synced.pop("synced_at") == "2026-03-10T12:00:01Z"
        assert synced == json_of(answer)
        assert seen(answer) == (498, "HIT", "0")

    @pytest.mark.parametrize("body", [{}, {"json": {}}, {"data": b""}], ids=str)
    def test_it_needs_no_body(self, page: Page, body: dict[str, Any]) -> None:
        """Nothing, an empty body and an empty object are the same."""
        assert json_of(page.sync(**body))["monthly_credits_remaining"] == 500

    def test_it_may_be_the_first_request_of_all(self, page: Page) -> None:
        """A newcomer has an account after it."""
        assert json_of(page.sync())["plan"] == "free"
        assert len(page.wallet().entries()) == 1

    def test_beside_charges_it_never_goes_back(self, page: Page) -> None:
        """P34: synced while others charge, each answer counts all that came before."""
        page.ask()
        page.wallet().warm()

        def spend(_: int) -> None:
            page.spend(CREDIT)

        pool = ThreadPoolExecutor(3)
        charges = [pool.submit(spend, number) for number in range(9)]
        left = [json_of(page.sync())["monthly_credits_remaining"] for _ in range(4)]
        for charge in charges:
            charge.result(60)
        pool.shutdown()

        assert left == sorted(left, reverse=True)
        assert json_of(page.sync())["monthly_credits_remaining"] == FREE - 9
        assert seen(page.ask())[0] == FREE - 9


class TestBothProtocols:
    """`httpsCallable(functions, "usage_me")` answers as `GET /usage/me` does."""

    def test_both_can_be_called(self, page: Page) -> None:
        """With no argument; the result is the body."""
        headers = page.signer.headers(page.uid)

        plain = json_of(page.ask())
        called = json_of(page.usage.post("/", headers=headers, json={"data": None}))
        synced = json_of(page.syncing.post("/", headers=headers, json={"data": {}}))

        assert called == {"result": plain}
        assert synced == {"result": {**plain, "synced_at": "2026-03-10T12:00:00Z"}}

    def test_nobody_else_is_let_in(self, page: Page) -> None:
        """401, in both envelopes."""
        plain = page.usage.get("/usage/me")
        called = page.usage.post("/", json={"data": None})
        synced = page.syncing.post("/billing/sync-balance")

        assert [plain.status_code, called.status_code, synced.status_code] == [401] * 3
        assert json_of(called)["error"]["status"] == "UNAUTHENTICATED"

    def test_a_first_touch_over_http_happens_once(self, page: Page) -> None:
        """Ten tabs, key and browser alike: one account."""
        bodies = [json_of(answer) for answer in at_once(10, lambda _: page.ask())]

        assert bodies == bodies[:1] * 10
        assert first_touch(page.uid, now=NOON).customer_id == page.wallet().ref.customer_id
        assert len(page.wallet().entries()) == 1
