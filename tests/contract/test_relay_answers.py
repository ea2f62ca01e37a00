"""What the relay answers where its specification and its SDKs disagree: relay-api.md 9, by row.

Every answer here is also held to `docs/openapi.yaml` (see `tests.runtime.contract.watch`),
which has types, formats and closed enumerations; these tests say what the rows choose.
"""

import re

import pytest

from tests.contract.house import SITE, House, of

pytestmark = pytest.mark.firestore

ADDRESSES = {"success_url": f"{SITE}/ok?session={{CHECKOUT_SESSION_ID}}", "cancel_url": SITE}
NOBODY = "00000000-0000-4000-8000-000000000000"
ME = "GET /api/v1/customers/me"
TOPUP = "POST /api/v1/customers/me/topup"
CHANGE = "POST /api/v1/customers/me/change-tier"
CHECKOUT = "POST /api/v1/customers/me/checkout"
SUBSCRIPTION = "GET /api/v1/customers/{customer_id}/subscription"


class TestRow1TopUpRequest:
    """`amount_cents` or `credit_amount_cents`: both names, one meaning."""

    @pytest.mark.parametrize(
        "asked",
        [
            {"amount_cents": 2500},
            {"credit_amount_cents": 2500},
            {"amount_cents": 2500, "credit_amount_cents": 2500},
        ],
        ids=["the page's name", "the SDKs' name", "both, the same"],
    )
    def test_either_name_is_taken(self, house: House, asked: dict[str, int]) -> None:
        """Both generations of the SDK reach the same session."""
        person = house.person("payg")

        answer = house.ask(TOPUP, body={**asked, **ADDRESSES}, token=person.token)

        assert answer.status_code == 201
        assert of(answer)["credit_amount_cents"] == 2500

    def test_two_different_amounts_are_refused(self, house: House) -> None:
        """Nobody can know which one was meant."""
        person = house.person("payg")
        asked = {"amount_cents": 2500, "credit_amount_cents": 2600, **ADDRESSES}

        answer = house.ask(TOPUP, body=asked, token=person.token)

        assert answer.status_code == 400
        assert of(answer)["code"] == "VALIDATION_ERROR"


def test_row_2_a_top_up_has_its_address_under_both_names(house: House) -> None:
    """The page reads `session.url`, the SDKs `checkout_url` and six fields beside it."""
    person = house.person("payg")

    body = of(house.ask(TOPUP, body={"amount_cents": 1000, **ADDRESSES}, token=person.token))

    assert body["url"] == body["checkout_url"]
    assert {
        "session_id",
        "gross_amount_cents",
        "credit_amount_cents",
        "owner_revenue_cents",
        "platform_fee_cents",
        "status",
    } <= body.keys()
    split_cents = body["owner_revenue_cents"] + body["platform_fee_cents"]
    assert body["gross_amount_cents"] >= body["credit_amount_cents"]
    assert 0 <= split_cents <= body["gross_amount_cents"]


def test_row_3_a_balance_has_all_three_figures(house: House) -> None:
    """Available is what is left when what is reserved is taken off."""
    person = house.person("payg")
    topped_up = of(
        house.ask(TOPUP, body={"amount_cents": 1000, **ADDRESSES}, token=person.token)
    )
    house.pays(topped_up["session_id"])
    held = house.ask(
        "POST /api/v1/holds",
        body={"customer_id": person.customer_id, "amount_nanos": 2_500_000_000},
        headers={"Idempotency-Key": "row-3"},
    )
    assert held.status_code == 201, held.text

    body = of(house.ask("GET /api/v1/customers/me/balance", token=person.token))

    assert body["balance_cents"] == 1000
    assert body["reserved_cents"] == 250
    assert body["available_cents"] == 750
    assert body["currency"] == "usd"
    assert body["customer_id"] == person.customer_id
    assert body["billing_profile_id"]


def test_rows_4_and_5_a_line_of_history_has_both_times_and_three_reasons(house: House) -> None:
    """Words for the page's example, a code for machines, and a sentence for people."""
    person = house.person("payg")
    topped_up = of(
        house.ask(TOPUP, body={"amount_cents": 1000, **ADDRESSES}, token=person.token)
    )
    house.pays(topped_up["session_id"])

    route = "GET /api/v1/customers/me/balance/history"
    (line,) = of(house.ask(route, token=person.token))["entries"]

    assert line["created_at"] == line["occurred_at"]
    assert line["reason"] == "Top-up via Stripe"
    assert line["reason_code"] == "topup"
    assert line["description"]
    assert (line["direction"], line["amount_cents"]) == ("credit", 1000)
    assert line["balance_after_cents"] == 1000


def test_row_6_me_has_its_tier_three_times(house: House) -> None:
    """As a customer's own field, in its tier, in its subscription."""
    person = house.person("free")

    body = of(house.ask(ME, token=person.token))["customer"]

    assert body["tier_code"] == body["tier"]["tier_code"] == "free"
    assert body["subscription"]["tier_code"] == "free"
    assert body["customer"]["id"] == person.customer_id


def test_row_7_only_items_of_a_list_are_flat_as_well(house: House) -> None:
    """A flat single answer is taken for the unwrapped form, and loses its subscription."""
    person = house.person("free")

    listed = of(house.ask("GET /api/v1/customers"))["customers"]
    route = "GET /api/v1/customers/{customer_id}"
    single = of(house.ask(route, customer_id=person.customer_id))["customer"]

    (item,) = [one for one in listed if one["customer"]["id"] == person.customer_id]
    assert (item["external_id"], item["tier_code"]) == (person.external_id, "free")
    assert not {"external_id", "tier_code", "email", "id"} & single.keys()
    assert single["customer"]["external_id"] == person.external_id


def test_row_8_a_subscription_says_whether_it_is_active(house: House) -> None:
    """`active` and `status` are the older form's names."""
    person = house.person("free")

    body = of(house.ask(SUBSCRIPTION, customer_id=person.customer_id))["subscription"]

    assert body["active"] is True
    assert body["status"] == body["subscription_status"] == "active"


def test_row_9_who_never_subscribed_is_not_an_error(house: House) -> None:
    """The page's code looks at `active`; only an unknown customer is 404."""
    person = house.person()

    answer = house.ask(SUBSCRIPTION, customer_id=person.customer_id)
    nobody = house.ask(SUBSCRIPTION, customer_id=NOBODY)

    assert answer.status_code == 200
    assert of(answer)["subscription"] == {
        "active": False,
        "customer_id": person.customer_id,
        "project_id": house.project_id,
    }
    assert nobody.status_code == 404


def test_row_10_usage_counts_images(house: House) -> None:
    """Three SDKs cannot read a usage without them."""
    person = house.person("free")

    usage = of(house.ask("GET /api/v1/customers/me/usage", token=person.token))["usage"]

    assert usage["images"] == 0


def test_row_11_who_has_no_limit_is_told_of_none(house: House) -> None:
    """`if (usage.spend_limit_cents)`: absent, and so are the three figures made of it."""
    limited, unlimited = house.person("free"), house.person("unlimited")
    route = "GET /api/v1/customers/me/usage"
    figures = {"spend_limit_cents", "spend_remaining_cents", "percentage_used", "low"}

    with_limit = of(house.ask(route, token=limited.token))["usage"]
    without = of(house.ask(route, token=unlimited.token))["usage"]

    assert figures <= with_limit.keys()
    assert not figures & without.keys()


def test_row_12_a_change_of_tier_says_what_it_did(house: House) -> None:
    """The page reads `action`, the SDKs `subscription`."""
    person = house.person("free")

    answer = house.ask(CHANGE, body={"tier_code": "free_plus"}, token=person.token)

    assert answer.status_code == 200
    assert of(answer)["action"] == "changed"
    assert of(answer)["subscription"]["tier_code"] == "free_plus"


def test_row_13_what_cannot_be_bought_is_a_conflict(house: House) -> None:
    """A tier that has no price at Stripe is a conflict, to buy and to change to."""
    person = house.person("free")

    changed = house.ask(CHANGE, body={"tier_code": "enterprise"}, token=person.token)
    bought = house.ask(
        CHECKOUT, body={"tier_code": "enterprise", **ADDRESSES}, token=person.token
    )

    assert (changed.status_code, bought.status_code) == (409, 409)
    assert of(changed)["code"] == of(bought)["code"] == "CONFLICT"


def test_row_14_a_token_is_taken_for_a_jwt_and_for_a_token(house: House) -> None:
    """The prefix of the page, and the two dots that Go and Rust look for."""
    person = house.person("free")

    assert re.fullmatch(r"mr_ct_[\w-]+\.[\w-]+\.[\w-]+", person.token)
    bare = person.token.removeprefix("mr_ct_")
    assert house.ask(ME, token=bare).status_code == 200


def test_row_15_a_first_token_needs_a_tier(house: House) -> None:
    """Making a customer alone leaves it without a subscription."""
    person = house.person()
    mint = "POST /api/v1/auth/customer-token"

    without = house.ask(mint, body={"customer_id": person.customer_id})
    with_tier = house.ask(mint, body={"customer_id": person.customer_id, "tier_code": "free"})
    later = house.ask(mint, body={"customer_id": person.customer_id})

    assert without.status_code == 400
    assert (with_tier.status_code, later.status_code) == (200, 200)
    assert of(later)["tier_code"] == "free"


def test_row_16_stripes_own_event_links_the_subscription(house: House) -> None:
    """The page's `checkout.completed` is Stripe's `checkout.session.completed`."""
    person = house.person("free")
    session = of(
        house.ask(CHECKOUT, body={"tier_code": "pro", **ADDRESSES}, token=person.token)
    )

    house.pays(session["session_id"])

    body = of(house.ask("GET /api/v1/customers/me/subscription", token=person.token))
    assert body["subscription"]["tier_code"] == "pro"
    assert body["subscription"]["price_amount_cents"] == 2900
    assert body["subscription"]["subscription_status"] == "active"


def test_row_17_an_error_is_one_flat_object(house: House) -> None:
    """Go reads nothing else; the page's words are the message."""
    person = house.person("free")

    answer = house.ask(CHANGE, body={"tier_code": "free"}, token=person.token)

    body = of(answer)
    assert answer.status_code == 400
    assert body["error"] == body["code"]
    assert "already on this tier" in body["message"]
    assert body["request_id"] == answer.headers["X-ModelRelay-Request-Id"]
    assert "issues" not in body


def test_row_18_a_models_price_is_its_cost_and_the_markup(house: House) -> None:
    """In whole cents for a million tokens."""
    tiers = of(house.ask("GET /api/v1/tiers"))["tiers"]

    (free,) = [tier for tier in tiers if tier["tier_code"] == "free"]
    models = {model["model_id"]: model for model in free["models"]}
    assert models["local-echo"]["is_default"] is True
    assert models["local-large"]["model_input_cost_cents"] >= 300
    assert models["local-large"]["model_output_cost_cents"] >= 1500


def test_row_19_the_statuses_are_the_descriptions(house: House) -> None:
    """Made is 201; the two checkouts differ, as they do in the published API."""
    person = house.person("payg")
    shopper = house.person("free")

    subscribed = house.ask(
        "POST /api/v1/customers/{customer_id}/subscribe",
        body={"tier_id": house.tier_ids["pro"], **ADDRESSES},
        customer_id=shopper.customer_id,
    )
    bought = house.ask(CHECKOUT, body={"tier_code": "pro", **ADDRESSES}, token=shopper.token)
    topped_up = house.ask(TOPUP, body={"amount_cents": 500, **ADDRESSES}, token=person.token)

    statuses = [answer.status_code for answer in (subscribed, bought, topped_up)]
    assert statuses == [201, 200, 201]
