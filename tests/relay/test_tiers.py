"""Tiers over the wire: who makes and who reads them, and what they look like."""

import uuid
from typing import Any

import pytest
from werkzeug.test import TestResponse

from creditbase.catalog.use_cases import load_catalog
from creditbase.payments import stripe_gateway
from tests.hub.conftest import key_server, signer
from tests.payments.conftest import _session_shop, shop
from tests.payments.shop import Shop
from tests.relay.backend import Backend
from tests.relay.desk import code_of, json_of, wrong_field
from tests.relay.office import NO_KEY, Json, Office, a_body
from tests.runtime.signing import Signer

__all__ = ["_session_shop", "key_server", "shop", "signer"]
pytestmark = pytest.mark.firestore

MODEL_FIELDS = {
    *("id", "tier_id", "model_id", "model_display_name", "description", "capabilities"),
    *("context_window", "max_output_tokens", "deprecated", "is_default"),
    *("model_input_cost_cents", "model_output_cost_cents", "created_at", "updated_at"),
}
TIER_FIELDS = {
    *("id", "project_id", "tier_code", "display_name", "spend_limit_cents", "models"),
    *("billing_mode", "billing_provider", "overage_enabled", "created_at", "updated_at"),
}
PRICED_FIELDS = {"billing_price_ref", "price_amount_cents", "price_currency", "price_interval"}


@pytest.fixture
def office(signer: Signer, backend: Backend, monkeypatch: pytest.MonkeyPatch) -> Office:
    """Return the office of a new project; there is no Stripe."""
    monkeypatch.delenv("STRIPE_SECRET_KEY", raising=False)
    stripe_gateway.client.cache_clear()
    return Office.opened(signer, backend)


def refusal(answer: TestResponse) -> Json:
    """Return what a refusal says, without what names the request."""
    body = json_of(answer)
    del body["request_id"]
    return {"status": answer.status_code, **body}


class TestReading:
    """Back ends, customers and owners see the same."""

    def test_a_tier_is_whole_and_says_nothing_that_it_has_not(self, office: Office) -> None:
        """Rust wants every required field, Swift no null, Go no decimal."""
        tier = office.made()

        assert tier.keys() == TIER_FIELDS
        assert (tier["billing_mode"], tier["billing_provider"]) == ("subscription", "stripe")
        (model,) = tier["models"]
        assert model.keys() == MODEL_FIELDS
        assert (model["tier_id"], model["is_default"]) == (tier["id"], True)
        assert {tier["created_at"], model["updated_at"]} == {"2026-03-10T12:00:00Z"}
        for found in (tier["id"], tier["project_id"], model["id"]):
            assert str(uuid.UUID(found)) == found

    def test_everybody_who_may_read_reads_the_same(self, office: Office) -> None:
        """By id and in the list, with each credential that a route takes."""
        tier = office.made()
        customer = office.backend.knows()
        minted = office.backend.minted(customer_id=customer.customer_id, tier_code="basic")
        token = {**NO_KEY, "authorization": f"Bearer {minted['token']}"}
        bearer = {**NO_KEY, "authorization": f"Bearer {office.backend.tenant.secret_key}"}
        below = f"/projects/{office.project_id}/tiers"
        path = f"/tiers/{tier['id']}"

        shown = [office.read(path), office.read(path, **token), office.read(path, **bearer)]
        shown += [office.read(f"{below}/{tier['id']}"), office.ask("GET", path)]
        listed = [office.read("/tiers"), office.read("/tiers", **token)]
        listed += [office.read(below), office.ask("GET", "/tiers")]

        assert [json_of(it) for it in shown] == [{"tier": tier}] * 5
        assert [json_of(it) for it in listed] == [{"tiers": [tier]}] * 4

    def test_no_customer_is_told_the_margin(self, office: Office) -> None:
        """It sees what it pays; what of that is the developer's is the developer's affair."""
        model = {"model_id": "local-echo", "markup_percentage": 50}
        tier = office.made(markup_percentage=100, models=[model])
        customer = office.backend.knows()
        minted = office.backend.minted(customer_id=customer.customer_id, tier_code="basic")
        token = {**NO_KEY, "authorization": f"Bearer {minted['token']}"}

        me = office.backend.ask("customers_me", "GET", "/customers/me", **token)
        seen = [
            json_of(office.read(f"/tiers/{tier['id']}", **token))["tier"],
            *json_of(office.read("/tiers", **token))["tiers"],
            json_of(me)["customer"]["tier"],
        ]

        del tier["markup_percentage"], tier["models"][0]["markup_percentage"]
        assert seen == [tier] * 3

    def test_tiers_are_listed_in_the_order_of_their_making(self, office: Office) -> None:
        """A pricing page does not shuffle."""
        codes = ["zebra", "ant", "mouse"]
        for code in codes:
            office.made(code)
            office.backend.clock.pass_on(seconds=1)

        found = json_of(office.read("/tiers"))["tiers"]
        assert [tier["tier_code"] for tier in found] == codes

    def test_an_id_in_capitals_is_the_same_id(self, office: Office) -> None:
        """Swift writes UUIDs so, in the path of its list of tiers."""
        tier = office.made()

        listed = office.read(f"/projects/{office.project_id.upper()}/tiers")
        shown = office.read(f"/tiers/{tier['id'].upper()}")

        assert json_of(listed) == {"tiers": [tier]}
        assert json_of(shown) == {"tier": tier}

    def test_models_are_described_and_priced_with_what_is_added(self, office: Office) -> None:
        """Cents for a million tokens, rounded up; the model's markup, else the tier's, else
        the project's.
        """
        tier = office.made(
            markup_percentage=100,
            models=[
                {"model_id": "gpt-5-nano", "markup_percentage": 0},
                {"model_id": "gpt-5-mini-2025-08-07", "is_default": True},
            ],
        )
        plain = office.made("plain", models=[{"model_id": "gpt-5-nano"}])

        nano, mini = tier["models"]
        assert (nano["model_input_cost_cents"], nano["model_output_cost_cents"]) == (5, 40)
        assert (mini["model_input_cost_cents"], mini["model_output_cost_cents"]) == (50, 400)
        assert (mini["model_id"], mini["is_default"]) == ("gpt-5-mini", True)
        assert (nano["is_default"], nano["markup_percentage"]) == (False, 0)
        assert (tier["markup_percentage"], "markup_percentage" in mini) == (100, False)
        assert plain["models"][0]["model_input_cost_cents"] == 7
        priced = load_catalog(office.project_id).book.model("gpt-5-mini")
        assert priced is not None
        assert mini["model_display_name"] == priced.display_name
        assert mini["capabilities"] == list(priced.capabilities)
        assert (mini["context_window"], mini["max_output_tokens"]) == (400_000, 128_000)
        assert mini["description"]

    def test_a_price_per_million_is_rounded_up_to_the_cent(self, office: Office) -> None:
        """What costs 1.75 cents is not advertised at 1."""
        tier = office.made(
            markup_percentage=25, models=[{"model_id": "gpt-5-nano"}], spend_limit_cents=0
        )

        # 5 cents with a quarter more are 6.25; the output's 40 are 50 to the cent
        (model,) = tier["models"]
        assert model["model_input_cost_cents"] == 7
        assert model["model_output_cost_cents"] == 50


class TestIsolation:
    """No read, write or existence oracle across projects."""

    @pytest.fixture
    def other(self, office: Office) -> Office:
        """Return the office of another project of another owner."""
        return Office.opened(office.signer, office.backend)

    def test_another_projects_tier_looks_like_none(self, office: Office, other: Office) -> None:
        """The same words for somebody else's, for none, for no id, and for one put away."""
        foreign = other.made()["id"]
        gone = office.made()["id"]
        assert office.ask("DELETE", f"/tiers/{gone}").status_code == 204
        ids = (foreign, str(uuid.uuid4()), "none", gone)

        for method, body in (("GET", None), ("PUT", a_body()), ("DELETE", None)):
            refusals = [refusal(office.ask(method, f"/tiers/{it}", body)) for it in ids]
            assert refusals == [refusals[0]] * 4
            assert (refusals[0]["status"], refusals[0]["message"]) == (404, "Tier not found")
        assert [refusal(office.read(f"/tiers/{it}")) for it in ids] == [refusals[0]] * 4
        assert json_of(other.read(f"/tiers/{foreign}"))["tier"]["id"] == foreign

    def test_another_project_looks_like_none(self, office: Office, other: Office) -> None:
        """For the secret key of one as for the owner of another, reading and writing."""
        other.made()
        stranger = office.as_user("bob")
        for project_id in (other.project_id, str(uuid.uuid4()), "none"):
            path = f"/projects/{project_id}/tiers"
            keyed = office.read(path)
            owned = office.backend.ask("tiers", "GET", path, **stranger)
            written = office.backend.ask("tiers", "POST", path, a_body("x"), **stranger)

            for answer in (keyed, owned, written):
                assert code_of(answer) == (404, "NOT_FOUND")
                assert json_of(answer)["message"] == "Project not found"

    def test_a_secret_key_does_not_set_prices(self, office: Office) -> None:
        """Nor does a customer's token, nor nobody at all."""
        tier = office.made()
        below = f"/projects/{office.project_id}/tiers"
        for method, path in (("POST", below), ("PUT", f"{below}/{tier['id']}")):
            asked = office.backend.ask("tiers", method, path, a_body("other"))
            assert code_of(asked) == (401, "UNAUTHORIZED")
        assert code_of(office.backend.ask("tiers", "DELETE", f"{below}/{tier['id']}"))[0] == 401
        assert code_of(office.read("/tiers", **NO_KEY))[0] == 401
        assert json_of(office.read("/tiers")) == {"tiers": [tier]}


class TestWriting:
    """Owners make, change and put away."""

    def test_what_is_left_out_keeps_its_value(self, office: Office) -> None:
        """Whoever changes a name does not change a price by accident."""
        tier = office.made(
            billing_provider="external",
            price_amount_cents=900,
            price_interval="year",
            trial_days=14,
            promo_credits_cents=250,
            overage_enabled=True,
            customer_token_max_ttl_seconds=3_600,
            markup_percentage=20,
        )
        office.backend.clock.pass_on(hours=1)

        after = office.changed(tier, display_name="Better")

        assert (
            after.keys()
            == tier.keys()
            == TIER_FIELDS
            | {
                *PRICED_FIELDS - {"billing_price_ref"},
                *("trial_days", "promo_credits_cents", "customer_token_max_ttl_seconds"),
                "markup_percentage",
            }
        )
        differing = {name for name in tier if tier[name] != after[name]} - {"models"}
        assert differing == {"display_name", "updated_at"}
        assert after["updated_at"] == "2026-03-10T13:00:00Z"
        assert office.changed(after) == after

    def test_a_tier_may_be_renamed_and_stays_what_it_is(self, office: Office) -> None:
        """Its customers keep it; its old code is free for another, its new one is not."""
        tier = office.made("basic")
        other = office.made("other")

        renamed = office.changed(tier, tier_code="gold")

        assert (renamed["id"], renamed["tier_code"]) == (tier["id"], "gold")
        assert json_of(office.read(f"/tiers/{tier['id']}")) == {"tier": renamed}
        taken = office.ask("PUT", f"/tiers/{other['id']}", a_body("gold"))
        assert code_of(taken) == (409, "CONFLICT")
        assert code_of(office.ask("POST", "/tiers", a_body("gold"))) == (409, "CONFLICT")
        again = office.made("basic")
        assert again["id"] not in {tier["id"], other["id"]}
        assert office.changed(renamed, tier_code="gold") == renamed

    def test_a_tier_that_somebody_is_on_is_not_put_away(self, office: Office) -> None:
        """When nobody is on it any more it goes, and its code with it."""
        free, other = office.made(), office.made("other")
        customer = office.backend.knows()
        office.backend.minted(customer_id=customer.customer_id, tier_code="basic")

        held = office.ask("DELETE", f"/tiers/{free['id']}")
        empty = office.ask("DELETE", f"/tiers/{other['id']}")

        assert code_of(held) == (409, "CONFLICT")
        assert (empty.status_code, empty.data) == (204, b"")
        assert json_of(office.read("/tiers")) == {"tiers": [free]}
        assert office.made("other")["id"] != other["id"]

    @pytest.mark.parametrize(
        ("fields", "field"),
        [
            ({"tier_code": ""}, "tier_code"),
            ({"tier_code": "Gold"}, "tier_code"),
            ({"tier_code": "a" * 65}, "tier_code"),
            ({"display_name": " "}, "display_name"),
            ({"display_name": "two\nlines"}, "display_name"),
            ({"spend_limit_cents": -1}, "spend_limit_cents"),
            ({"spend_limit_cents": 1.5}, "spend_limit_cents"),
            ({"models": []}, "models"),
            ({"models": [{"model_id": "gpt-9"}]}, "models"),
            ({"models": [{"model_id": "gpt-5"}, {"model_id": "local-echo"}]}, "models"),
            (
                {"models": [{"model_id": it, "is_default": True} for it in ("gpt-5", "sonar")]},
                "models",
            ),
            ({"models": [{"model_id": "gpt-5", "is_default": True}] * 2}, "models"),
            (
                {
                    "models": [
                        {"model_id": "gpt-5", "is_default": True},
                        {"model_id": "gpt-5-2025-08-07"},
                    ]
                },
                "models",
            ),
            ({"billing_mode": "free"}, "billing_mode"),
            ({"billing_provider": "crypto"}, "billing_provider"),
            ({"price_interval": "week"}, "price_interval"),
            ({"price_interval": "year"}, "price_interval"),
            ({"billing_mode": "paygo", "price_amount_cents": 5}, "price_amount_cents"),
            ({"customer_token_max_ttl_seconds": 2_592_001}, "customer_token_max_ttl_seconds"),
            ({"markup_percentage": -1}, "markup_percentage"),
            ({"project_id": "p"}, "project_id"),
        ],
    )
    def test_what_is_not_sound_is_refused_by_its_field(
        self, office: Office, fields: dict[str, Any], field: str
    ) -> None:
        """Before anything is made, at Stripe or here."""
        answer = office.ask("POST", "/tiers", a_body(**fields))

        assert wrong_field(answer) == field

    def test_a_tier_is_not_billed_in_another_way_than_before(self, office: Office) -> None:
        """Its customers' wallets and subscriptions are of the one kind."""
        tier, paygo = office.made(), office.made("payg", billing_mode="paygo")

        for found, fields in (
            (tier, {"billing_mode": "paygo"}),
            (tier, {"billing_provider": "external"}),
            (paygo, {"billing_mode": "subscription"}),
        ):
            body = a_body(found["tier_code"], **fields)
            answer = office.ask("PUT", f"/tiers/{found['id']}", body)
            assert code_of(answer) == (400, "VALIDATION_ERROR")
        assert paygo["billing_provider"] == "external"
        assert office.changed(paygo, display_name="Wallet")["display_name"] == "Wallet"

    def test_without_stripe_only_what_it_does_not_sell_is_made(self, office: Office) -> None:
        """503 for a price, and nothing left behind."""
        answer = office.ask("POST", "/tiers", a_body(price_amount_cents=1_000))

        assert code_of(answer) == (503, "SERVICE_UNAVAILABLE")
        assert json_of(office.read("/tiers")) == {"tiers": []}

    def test_a_price_is_one_of_stripes_and_another_amount_another(
        self, office: Office, shop: Shop
    ) -> None:
        """The page's rule: prices are immutable, so they are made anew."""
        tier = office.made(price_amount_cents=1_000, trial_days=7)

        dearer = office.changed(tier, price_amount_cents=1_500)
        same = office.changed(dearer, spend_limit_cents=900)

        assert tier.keys() == TIER_FIELDS | PRICED_FIELDS | {"trial_days"}
        assert (tier["price_interval"], tier["price_currency"]) == ("month", "usd")
        assert dearer["billing_price_ref"] != tier["billing_price_ref"]
        assert same["billing_price_ref"] == dearer["billing_price_ref"]
        sold = shop.get(f"/prices/{same['billing_price_ref']}")
        assert (sold["unit_amount"], sold["active"]) == (1_500, True)
        assert not shop.get(f"/prices/{tier['billing_price_ref']}")["active"]
