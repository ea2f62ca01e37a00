"""What a customer sees with its token: itself, its usage, its balance and its history."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from werkzeug.test import TestResponse

from creditbase.accounts.domain import Customer
from creditbase.catalog.domain.tiers import Tier
from creditbase.kernel.ids import billing_profile_uuid, operation_entry_id
from creditbase.ledger.domain.commands import Charge, FixedAmount, GrantCredits
from creditbase.ledger.domain.wallet import Metered
from creditbase.ledger.paths import WalletRef
from creditbase.runtime.clock import real_now
from creditbase.subscriptions.relay_customers import delete_customer, load_customer_by_name
from creditbase.subscriptions.relay_projects import ensure_account
from tests.catalog.tiers import a_paygo, a_tier
from tests.ledger.wallets import LiveWallet
from tests.relay.backend import Backend
from tests.relay.desk import json_of, wrong_field
from tests.wire import Wire

pytestmark = pytest.mark.firestore
CENT = 10_000_000
Terms = dict[str, Any]


@dataclass
class Browser:
    """A customer's page, with its token."""

    backend: Backend
    customer: Customer
    tier: Tier
    token: str

    def ask(self, method: str, path: str, body: object = None) -> TestResponse:
        """Ask for something of the customer's own."""
        bearer = {"authorization": f"Bearer {self.token}", "x_modelrelay_api_key": ""}
        return self.backend.ask("customers_me", method, f"/customers/me{path}", body, **bearer)

    def get(self, path: str) -> dict[str, Any]:
        """Return what is answered to a good question."""
        answer = self.ask("GET", path)
        assert answer.status_code == 200, answer.text
        return json_of(answer)

    @property
    def wallet(self) -> LiveWallet:
        """Return the customer's wallet, now."""
        ref = WalletRef(self.customer.project_id, self.customer.customer_id)
        return LiveWallet(ref, self.backend.clock.at)

    def pay_in(self, cents: int, name: str = "one") -> None:
        """Put money into the wallet."""
        self.wallet.topup(name, cents * CENT)


Opened = Callable[..., Browser]


@pytest.fixture
def opened(backend: Backend) -> Opened:
    """Return what opens the page of a new customer on a new tier."""
    backend.clock.at = real_now().replace(hour=12, microsecond=0)

    def open_page(make: Callable[..., Tier] = a_paygo, **fields: Any) -> Browser:
        tier_id = str(uuid4())
        own = {"tier_id": tier_id, "project_id": backend.project_id, "code": f"t-{tier_id[:8]}"}
        tier = backend.has(make(**own, **fields))
        customer = backend.knows()
        token = backend.minted(customer_id=customer.customer_id, tier_code=tier.code)["token"]
        return Browser(backend, customer, tier, token)

    return open_page


class TestMe:
    """`GET /customers/me`."""

    def test_shows_the_customer_its_subscription_and_its_tier(self, opened: Opened) -> None:
        """Nested as the SDKs read it, with the flat name of the page."""
        page = opened()

        me = page.get("")["customer"]

        assert me["customer"]["id"] == page.customer.customer_id
        assert me["tier_code"] == me["tier"]["tier_code"] == page.tier.code
        assert me["subscription"]["tier_code"] == page.tier.code
        assert me["tier"]["models"][0]["model_id"] == "local-echo"

    def test_a_secret_key_is_nobody_here(self, backend: Backend) -> None:
        """API keys are not accepted on these routes."""
        answer = backend.ask("customers_me", "GET", "/customers/me")

        assert answer.status_code == 401

    def test_beside_a_secret_key_the_token_counts(self, opened: Opened) -> None:
        """The SDKs send both when they have both."""
        page = opened()

        answer = page.backend.ask(
            "customers_me", "GET", "/customers/me", authorization=f"Bearer {page.token}"
        )

        assert answer.status_code == 200

    def test_the_token_of_who_was_deleted_holds_no_more(self, opened: Opened) -> None:
        """What is left of a customer is nobody's."""
        page = opened()
        delete_customer(
            page.customer.project_id, page.customer.customer_id, now=page.backend.clock.at
        )

        assert page.ask("GET", "/usage").status_code == 401


def looks(wire: Wire) -> list[int]:
    """Return the reads of each look at balance or wallet; identity has its own."""
    return [
        rpc.reads
        for rpc in wire.rpcs
        if any("/balances/" in path or "/wallets/" in path for path in rpc.paths)
    ]


class TestUsage:
    """`GET /customers/me/usage`."""

    def test_counts_the_window_and_its_days(self, opened: Opened) -> None:
        """Requests, tokens and images of the window, and of each of its days."""
        page = opened(a_tier, spend_limit_cents=500)
        used = Metered("m", quantities={"input_tokens": 5, "output_tokens": 2, "images": 1})
        self.charge(page, 100 * CENT, used)
        page.backend.clock.pass_on(days=1)
        self.charge(page, CENT // 2, used)
        page.backend.clock.pass_on(seconds=61)

        usage = page.get("/usage")["usage"]

        assert (usage["requests"], usage["tokens"], usage["images"]) == (2, 14, 2)
        assert [day["tokens"] for day in usage["daily"]] == [7, 7]
        assert all(day["day"].endswith("T00:00:00Z") for day in usage["daily"])
        assert (usage["total_cost_cents"], usage["spend_remaining_cents"]) == (101, 399)
        assert (usage["percentage_used"], usage["low"]) == (20, False)
        assert usage["spend_limit_cents"] == 500

    def test_is_one_read_while_what_was_published_is_young(
        self, opened: Opened, wire: Wire
    ) -> None:
        """A page that asks each second costs a read, and no look at the wallet."""
        page = opened(a_tier)
        self.charge(page, CENT, Metered("m"))
        page.get("/usage")
        wire.reset()

        page.get("/usage")

        assert looks(wire) == [1]

    def test_is_two_reads_when_that_is_old(self, opened: Opened, wire: Wire) -> None:
        """Then it is worked out from the wallet itself."""
        page = opened(a_tier)
        self.charge(page, CENT, Metered("m"))
        page.get("/usage")
        page.backend.clock.pass_on(seconds=61)
        wire.reset()

        usage = page.get("/usage")["usage"]

        assert looks(wire) == [1, 1]
        assert usage["total_cost_cents"] == 1

    @staticmethod
    def charge(page: Browser, nanos: int, metered: Metered) -> None:
        """Let a call be charged."""
        cost = FixedAmount(nanos, metered)
        page.wallet.run(Charge(operation_entry_id(uuid4().hex), "d", cost))


class TestBalance:
    """`GET /customers/me/balance`."""

    def test_shows_what_is_there_what_is_reserved_and_what_is_free(
        self, opened: Opened, wire: Wire
    ) -> None:
        """Exact at any moment: one read, of the wallet itself."""
        page = opened()
        page.pay_in(1000)
        page.wallet.charge("c", 250 * CENT + 1)
        page.wallet.hold("h", 100 * CENT)
        wire.reset()

        balance = page.get("/balance")

        assert looks(wire) == [1]
        assert balance == {
            "customer_id": page.customer.customer_id,
            "billing_profile_id": billing_profile_uuid(page.customer.customer_id),
            "balance_cents": 749,
            "available_cents": 649,
            "reserved_cents": 100,
            "currency": "usd",
        }

    def test_a_subscription_has_none(self, opened: Opened) -> None:
        """Also where its overage draws on the wallet: usage shows that one."""
        for fields in ({}, {"overage_enabled": True}):
            answer = opened(a_tier, **fields).ask("GET", "/balance")

            assert answer.status_code == 400
            assert json_of(answer)["code"] == "VALIDATION_ERROR"


class TestHistory:
    """`GET /customers/me/balance/history`."""

    def test_adds_up_to_the_balance_whichever_way_it_is_paged(self, opened: Opened) -> None:
        """By offset, and by the last row seen."""
        page = opened()
        page.pay_in(100)
        for number in range(7):
            page.wallet.charge(f"c{number}", 3 * CENT // 2)

        whole = page.get("/balance/history")["entries"]
        assert len(whole) == 8
        by_offset = [
            row
            for offset in range(0, 8, 3)
            for row in page.get(f"/balance/history?limit=3&offset={offset}")["entries"]
        ]
        by_cursor: list[dict[str, Any]] = []
        cursor = "first"
        while rows := page.get(f"/balance/history?limit=3&cursor={cursor}")["entries"]:
            by_cursor += rows
            cursor = rows[-1]["id"]
        assert whole == by_offset == by_cursor
        moved = [
            row["amount_cents"] * (1 if row["direction"] == "credit" else -1) for row in whole
        ]
        assert sum(moved) == page.get("/balance")["balance_cents"] == 89
        assert whole[0]["balance_after_cents"] == 89
        assert whole[-1]["reason"] == "Top-up via Stripe"

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ("limit=0", "limit"),
            ("limit=201", "limit"),
            ("limit=x", "limit"),
            ("limit=", "limit"),
            ("limit=1e2", "limit"),
            ("offset=-1", "offset"),
            ("offset=9007199254740993", "offset"),
            ("limit=%C2%B2", "limit"),
        ],
    )
    def test_a_page_out_of_range_is_refused(
        self, opened: Opened, query: str, field: str
    ) -> None:
        """With the field that is wrong."""
        answer = opened().ask("GET", f"/balance/history?{query}")

        assert answer.status_code == 400
        assert wrong_field(answer) == field

    @pytest.mark.parametrize("query", ["limit=200", "offset=9007199254740992", "limit=1"])
    def test_the_bounds_are_taken(self, opened: Opened, query: str) -> None:
        """They are inside; beyond the last row there is nothing."""
        assert opened().get(f"/balance/history?{query}") == {"entries": []}

    def test_what_lapsed_by_now_is_shown_though_nobody_wrote_it(self, opened: Opened) -> None:
        """Balance and rows are of the same instant."""
        page = opened()
        ends_at = page.backend.clock.at + timedelta(minutes=1)
        page.wallet.run(GrantCredits("promo:x", "promo", 50 * CENT, expires_at=ends_at))
        page.backend.clock.pass_on(minutes=1)

        rows = page.get("/balance/history")["entries"]

        assert [(row["reason_code"], row["amount_cents"]) for row in rows] == [
            ("expired", 50),
            ("promo_credit", 50),
        ]
        assert page.get("/balance")["balance_cents"] == 0


class TestBackEnds:
    """The same with the secret key, for the customer that a back end names."""

    @pytest.mark.parametrize("path", ["balance", "balance/history", "auto-topup"])
    def test_shows_the_same(self, opened: Opened, path: str) -> None:
        """Whatever the case of the UUID."""
        page = opened()
        page.pay_in(100)
        asked = f"/customers/{page.customer.customer_id.upper()}/{path}"

        answer = page.backend.ask("customers", "GET", asked)

        assert answer.status_code == 200
        assert json_of(answer) == page.get(f"/{path}")

    @pytest.mark.parametrize("path", ["balance", "balance/history", "auto-topup"])
    def test_nobodys_anothers_and_a_deleted_customer_look_alike(
        self, opened: Opened, rival: Backend, path: str
    ) -> None:
        """No answer tells that somebody else has such a customer."""
        page, gone = opened(), opened()
        delete_customer(
            gone.customer.project_id, gone.customer.customer_id, now=gone.backend.clock.at
        )
        anothers = rival.knows()

        bodies = []
        for name in ("nobody", str(uuid4()), gone.customer.customer_id, anothers.customer_id):
            answer = page.backend.ask("customers", "GET", f"/customers/{name}/{path}")
            assert answer.status_code == 404
            bodies.append({**json_of(answer), "request_id": ""})

        assert all(body == bodies[0] for body in bodies)


class TestAccount:
    """The developer's own account, with the secret key."""

    def test_is_the_customer_of_that_name(self, backend: Backend) -> None:
        """It pays from its wallet; what it has is shown as people read it."""
        self.given(backend, 12_345)

        balance = json_of(backend.ask("account", "GET", "/account/balance"))
        summary = json_of(backend.ask("account", "GET", "/llm/usage"))["summary"]

        assert balance == {
            "balance_cents": 12_345,
            "currency": "usd",
            "low_balance_threshold_cents": 500,
            "balance_formatted": "$123.45",
        }
        assert (summary["remaining"], summary["used"]) == (12_345, 0)
        assert summary["state"] == "allowed"

    @staticmethod
    def given(backend: Backend, cents: int) -> None:
        """Put money into the account's wallet."""
        project_id = backend.project_id
        ensure_account(project_id, now=backend.clock.at)
        customer = load_customer_by_name(project_id, "account")
        ref = WalletRef(project_id, customer.customer_id)
        LiveWallet(ref, backend.clock.at).topup("one", cents * CENT)
