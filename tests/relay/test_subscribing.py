"""Subscribing by a back end, and by whoever comes: the wire, and what is refused."""

import time
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from creditbase.accounts import store as accounts
from creditbase.accounts.domain import Project
from creditbase.catalog.domain.tiers import Tier
from creditbase.payments.mirroring import mirror_customer
from creditbase.runtime import answering
from creditbase.runtime.clock import real_now
from creditbase.runtime.firestore import Snapshot
from tests.payments.conftest import _session_shop, shop
from tests.payments.shop import Shop
from tests.payments.tenant import PAGES, Tenant, profile
from tests.relay.backend import Backend
from tests.relay.desk import code_of, json_of

__all__ = ["_session_shop", "shop"]
pytestmark = pytest.mark.firestore
NOBODY = "00000000-0000-4000-8000-0000000000ff"


class Stall:
    """A back end whose project sells tiers at the local Stripe."""

    def __init__(self, backend: Backend, shop: Shop) -> None:
        self.backend, self.shop = backend, shop
        backend.clock.at = real_now().replace(microsecond=0)  # as Stripe's
        self.tenant = Tenant.opened(backend.clock.at)
        self.tenant.project_id = backend.project_id
        self.customer = backend.knows()

    def tier(self, code: str) -> Tier:
        """Return a tier of the project, under a code of its own."""
        return self.tenant.tier(code, suffix=uuid4().hex[:8])

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> Any:
        """Ask about the customer."""
        whole = f"/customers/{self.customer.customer_id}{path}"
        return self.backend.ask("customers", method, whole, body, **headers)

    def subscribe(self, tier_id: str, **changed: object) -> Any:
        """Ask for a Checkout session."""
        return self.ask("POST", "/subscribe", {"tier_id": tier_id, **PAGES, **changed})

    def bought(self, code: str) -> Tier:
        """Buy a tier, and hear of it."""
        tier = self.tier(code)
        self.shop.pay(json_of(self.subscribe(tier.tier_id))["session_id"])
        payer = profile(self.customer.ref).stripe_customer_id
        mirror_customer(payer, now=self.backend.clock.at)
        return tier


@pytest.fixture
def stall(backend: Backend, shop: Shop) -> Stall:
    """Return a back end with something to sell."""
    return Stall(backend, shop)


class TestSubscribe:
    """`POST /customers/{id}/subscribe`."""

    def test_a_session_is_for_the_customer_that_stripe_knows_now(self, stall: Stall) -> None:
        """Its e-mail field is locked; the template of the address passes through."""
        tier = stall.tier("starter")
        page = "https://app.example/ok?session={CHECKOUT_SESSION_ID}"

        answer = stall.subscribe(tier.tier_id.upper(), success_url=page)

        assert answer.status_code == 201
        told = json_of(answer)
        session = stall.shop.get(f"/checkout/sessions/{told['session_id']}")
        assert told == {"session_id": session["id"], "url": session["url"]}
        assert session["success_url"] == page
        payer = stall.shop.get(f"/customers/{session['customer']}")
        assert payer["email"] == stall.customer.email

    def test_repeated_it_is_the_same_session(self, stall: Stall) -> None:
        """SDKs send the same POST again; another page or tier is another session."""
        starter, pro = stall.tier("starter"), stall.tier("pro")

        first, again, other = (
            json_of(stall.subscribe(tier.tier_id)) for tier in (starter, starter, pro)
        )

        assert first == again != other
        assert stall.shop.count("customer") == 1
        status = stall.shop.get(f"/checkout/sessions/{first['session_id']}")["status"]
        assert status == "expired", "two tiers are not bought side by side"

    def test_whoever_has_a_subscription_changes_it_instead(self, stall: Stall) -> None:
        """Two would be billed twice."""
        stall.bought("starter")

        assert code_of(stall.subscribe(stall.tier("pro").tier_id)) == (409, "CONFLICT")

    @pytest.mark.parametrize("code", ["free", "payg", "unsold"])
    def test_what_stripe_does_not_sell_is_a_conflict(self, stall: Stall, code: str) -> None:
        """In the words of the page."""
        answer = stall.subscribe(stall.tier(code).tier_id)

        assert answer.status_code == 409
        assert json_of(answer)["message"] == "tier has no billing pricing configured"

    @pytest.mark.parametrize("tier_id", ["nonsense", NOBODY])
    def test_a_tier_that_is_none_is_not_found(self, stall: Stall, tier_id: str) -> None:
        """Another project's looks the same."""
        answer = stall.subscribe(tier_id)

        assert (answer.status_code, json_of(answer)["message"]) == (404, "tier not found")

    @pytest.mark.parametrize(
        "page",
        [
            "http://app.example/ok",
            "javascript:alert(1)",
            "https://",
            "//app.example/ok",
            "https://user@app.example/ok",
            "https://app.example/a b",
            "https://app.example:x/",
        ],
    )
    def test_an_address_that_is_none_is_refused_by_its_field(
        self, stall: Stall, page: str
    ) -> None:
        """A page of Stripe's must not lead anywhere else."""
        answer = stall.subscribe(stall.tier("starter").tier_id, cancel_url=page)

        assert answer.status_code == 400
        assert json_of(answer)["fields"][0]["field"] == "cancel_url"

    def test_a_page_of_this_machine_will_do_in_the_emulator(self, stall: Stall) -> None:
        """Where nobody has a certificate."""
        tier = stall.tier("starter")

        answer = stall.subscribe(tier.tier_id, success_url="http://localhost:3000/ok")

        assert answer.status_code == 201

    def test_another_projects_customer_looks_like_none(
        self, stall: Stall, rival: Backend
    ) -> None:
        """Whatever is asked of it."""
        tier_id = stall.tier("starter").tier_id
        stall.customer = rival.knows()

        for answer in (
            stall.subscribe(tier_id),
            stall.ask("GET", "/subscription"),
            stall.ask("DELETE", "/subscription"),
        ):
            assert code_of(answer) == (404, "NOT_FOUND")
            assert json_of(answer)["message"] == "Customer not found"


class TestSubscription:
    """`GET` and `DELETE /customers/{id}/subscription`."""

    def test_who_never_had_one_is_shown_as_not_active(self, stall: Stall) -> None:
        """No exception: the page asks `status.active`."""
        answer = stall.ask("GET", "/subscription")

        assert answer.status_code == 200
        assert json_of(answer) == {
            "subscription": {
                "active": False,
                "customer_id": stall.customer.customer_id,
                "project_id": stall.backend.project_id,
            }
        }
        assert code_of(stall.ask("DELETE", "/subscription")) == (404, "NOT_FOUND")

    def test_a_bought_one_is_shown_and_left_at_the_periods_end(self, stall: Stall) -> None:
        """Both shapes in one, and 204 for every repeat."""
        tier = stall.bought("starter")

        shown = json_of(stall.ask("GET", "/subscription"))["subscription"]
        assert (shown["active"], shown["status"], shown["subscription_status"]) == (
            True,
            "active",
            "active",
        )
        assert (shown["tier_id"], shown["tier_code"]) == (tier.tier_id, tier.code)
        assert shown["billing_provider"] == "stripe"
        assert shown["current_period_start"].endswith("Z")
        for _ in range(2):
            assert stall.ask("DELETE", "/subscription").status_code == 204

        shown = json_of(stall.ask("GET", "/subscription"))["subscription"]
        assert (shown["active"], shown["cancel_at_period_end"]) == (True, True)


class TestOpenCheckout:
    """`POST /tiers/{id}/checkout`."""

    def test_each_request_has_a_session_and_a_repeat_has_the_same(self, stall: Stall) -> None:
        """Two people who want the same must not share a page."""
        path = f"/tiers/{stall.tier('starter').tier_id}/checkout"

        def asked(**headers: str) -> str:
            answer = stall.backend.ask("tiers", "POST", path, PAGES, **headers)
            assert answer.status_code == 200
            told: str = json_of(answer)["session_id"]
            return told

        again = {"x_modelrelay_request_id": f"req-{uuid4()}"}
        first, other = asked(), asked()
        assert first != other
        assert asked(**again) == asked(**again)
        session = stall.shop.get(f"/checkout/sessions/{first}")
        assert (session["customer"], session["metadata"]["kind"]) == (None, "subscription")

    def test_a_tier_that_is_not_sold_has_no_page(self, stall: Stall) -> None:
        """Nor one that is none."""
        for tier_id, status in ((stall.tier("free").tier_id, 409), (NOBODY, 404)):
            path = f"/tiers/{tier_id}/checkout"
            assert stall.backend.ask("tiers", "POST", path, PAGES).status_code == status


class Self:
    """The customer's own page, with its token."""

    def __init__(self, stall: Stall) -> None:
        self.stall = stall
        customer_id = stall.customer.customer_id
        minted = stall.backend.minted(
            customer_id=customer_id, tier_code=stall.tier("free").code
        )
        self.bearer = {
            "authorization": f"Bearer {minted['token']}",
            "x_modelrelay_api_key": "",
        }

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """Ask for something of the customer's own."""
        whole = f"/customers/me{path}"
        return self.stall.backend.ask("customers_me", method, whole, body, **self.bearer)

    def checkout(self, code: str, **changed: object) -> Any:
        """Ask for a Checkout session."""
        return self.ask("POST", "/checkout", {"tier_code": code, **PAGES, **changed})

    def change(self, code: str) -> Any:
        """Ask for another tier."""
        return self.ask("POST", "/change-tier", {"tier_code": code})


@pytest.fixture
def own(stall: Stall) -> Self:
    """Return the page of a customer on the free tier."""
    return Self(stall)


class TestOwnCheckout:
    """`POST /customers/me/checkout`."""

    def test_it_is_200_and_the_same_session_again(self, own: Self) -> None:
        """By the tier's code."""
        tier = own.stall.tier("starter")

        first, again = own.checkout(tier.code), own.checkout(tier.code)

        assert (first.status_code, json_of(first)) == (200, json_of(again))
        assert set(json_of(first)) == {"session_id", "url"}

    @pytest.mark.parametrize("code", ["nosuch", "No/Such", "."])
    def test_a_code_that_is_none_is_not_found(self, own: Self, code: str) -> None:
        """Whatever it looks like."""
        assert code_of(own.checkout(code)) == (404, "NOT_FOUND")

    def test_a_tier_without_a_price_is_a_conflict(self, own: Self) -> None:
        """409, in the words of the page."""
        answer = own.checkout(own.stall.tier("unsold").code)

        assert code_of(answer) == (409, "CONFLICT")
        assert json_of(answer)["message"] == "tier has no billing pricing configured"

    def test_a_browser_may_only_name_the_projects_pages(
        self, own: Self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A stolen token must not make Stripe's page lead to a thief's."""
        tier = own.stall.tier("starter")
        has_origins(("https://app.example",), monkeypatch)

        assert own.checkout(tier.code).status_code == 200
        for page in ("https://evil.example/ok", "https://app.example.evil.example/"):
            answer = own.checkout(tier.code, success_url=page)
            assert (answer.status_code, json_of(answer)["fields"][0]["field"]) == (
                400,
                "success_url",
            )
        elsewhere = own.stall.subscribe(tier.tier_id, success_url="https://back.example/ok")
        assert elsewhere.status_code == 201, "a back end is believed"


def has_origins(origins: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every project have said which its pages are, until the test ends."""
    read = accounts.project_from

    def read_limited(snapshot: Snapshot) -> Project | None:
        found = read(snapshot)
        return None if found is None else replace(found, allowed_origins=origins)

    monkeypatch.setattr(accounts, "project_from", read_limited)


class TestOwnSubscription:
    """`GET /customers/me/subscription` and `POST /customers/me/change-tier`."""

    def test_a_free_tier_shows_no_price(self, own: Self) -> None:
        """What is absent is left out."""
        shown = json_of(own.ask("GET", "/subscription"))["subscription"]

        assert shown == {
            "tier_code": own.stall.tier("free").code,
            "tier_display_name": "Free",
            "subscription_status": "active",
        }

    def test_a_change_says_what_it_came_to(self, own: Self) -> None:
        """The action of the page beside the subscription of the SDKs; repeated, the same."""
        own.stall.bought("starter")
        pro = own.stall.tier("pro")

        first, again = own.change(pro.code), own.change(pro.code)

        told = json_of(first)
        assert (first.status_code, told["action"]) == (200, "upgraded")
        assert told == json_of(again)
        shown = told["subscription"]
        assert shown == json_of(own.ask("GET", "/subscription"))["subscription"]
        assert shown.items() >= {
            ("tier_code", pro.code),
            ("tier_display_name", "Pro"),
            ("price_amount_cents", 30_000),
            ("price_currency", "usd"),
            ("price_interval", "month"),
            ("subscription_status", "active"),
        }
        assert {"current_period_start", "current_period_end"} < set(shown)

    @pytest.mark.parametrize(
        ("code", "status", "message"),
        [
            ("free", 400, "already on this tier"),
            ("payg", 400, "paygo subscriptions do not support tier changes"),
            ("starter", 402, "no payment method on file"),
            ("unsold", 409, "tier has no billing pricing configured"),
        ],
    )
    def test_what_cannot_be_is_told_in_the_words_of_the_page(
        self, own: Self, code: str, status: int, message: str
    ) -> None:
        """The table of errors, on the wire."""
        answer = own.change(own.stall.tier(code).code)

        assert (answer.status_code, json_of(answer)["message"]) == (status, message)
        assert json_of(own.change("nosuch"))["message"] == "tier not found"

    def test_who_has_left_has_no_subscription(self, own: Self) -> None:
        """404, where the back end still sees what it was."""
        assert own.stall.ask("DELETE", "/subscription").status_code == 204

        assert code_of(own.ask("GET", "/subscription")) == (404, "NOT_FOUND")
        shown = json_of(own.stall.ask("GET", "/subscription"))["subscription"]
        assert (shown["active"], shown["status"]) == (False, "canceled")

    def test_a_stripe_that_is_slow_is_answered_in_time(
        self, own: Self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """503 before the SDK gives up waiting; nothing was lost, the repeat goes on."""
        own.stall.bought("starter")
        pro = own.stall.tier("pro")

        with monkeypatch.context() as slow:
            late = answering.Instance(time.monotonic() - 4.5)  # a cold start
            slow.setattr(answering, "instance", lambda: late)
            refused = own.change(pro.code)
        assert code_of(refused) == (503, "SERVICE_UNAVAILABLE")
        assert refused.headers["Retry-After"] == "1"

        assert json_of(own.change(pro.code))["action"] == "upgraded"

    def test_a_key_is_not_a_customer(self, own: Self) -> None:
        """Nor is a customer a back end."""
        backend = own.stall.backend
        assert (
            backend.ask("customers_me", "GET", "/customers/me/subscription").status_code == 401
        )
        path = f"/customers/{own.stall.customer.customer_id}/subscription"
        assert backend.ask("customers", "GET", path, **own.bearer).status_code == 401
