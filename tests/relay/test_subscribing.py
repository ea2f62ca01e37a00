"""Subscribing by a back end, and by whoever comes: the wire, and what is refused."""

from typing import Any
from uuid import uuid4

import pytest

from creditbase.catalog.domain.tiers import Tier
from creditbase.payments.mirroring import mirror_customer
from creditbase.runtime.clock import real_now
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
