"""Charges over HTTP: who pays, how much, and the exact shape of the answer."""

import re
from typing import Any

import pytest

from creditbase.catalog.domain import Usage, price_usage
from creditbase.catalog.use_cases import load_catalog
from tests.relay.desk import CREDIT, CREDITS, Desk, code_of, json_of, wrong_field

pytestmark = pytest.mark.firestore

SECOND = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
NOBODY = "00000000-0000-5000-8000-000000000000"


def price(desk: Desk, model: str, **usage: int) -> int:
    """Return what the catalog asks for usage."""
    catalog = load_catalog(desk.tenant.project_id)
    asked = price_usage(catalog.prices, model, Usage(**usage), catalog.markup, at=desk.clock.at)
    return asked.amount_nanos


class TestShape:
    """What the published readers decode, to the field."""

    def test_a_charge_by_amount_has_these_fields_and_no_others(self, desk: Desk) -> None:
        """Absent is left out, never null; instants have no fraction; ids are bare UUIDs."""
        desk.clock.pass_on(milliseconds=123)

        answer = desk.charge("k", 7 * CREDIT)

        body = json_of(answer)
        assert answer.status_code == 201
        assert answer.content_type == "application/json"
        assert "Idempotent-Replayed" not in answer.headers
        charge_id = body["charge"].pop("id")
        assert re.fullmatch(r"chg_[A-Za-z0-9_-]{64}", charge_id)
        assert UUID.fullmatch(desk.customer_id)
        assert body == {
            "charge": {
                "customer_id": desk.customer_id,
                "status": "captured",
                "amount_nanos": 7 * CREDIT,
                "captured_nanos": 7 * CREDIT,
                "shortfall_nanos": 0,
                "draws": [{"kind": "free", "amount_nanos": 7 * CREDIT}],
                "created_at": "2026-03-10T12:00:00Z",
            },
            "balance": {
                "available_nanos": 493 * CREDIT,
                "held_nanos": 0,
                "receivable_nanos": 0,
                "included_remaining_nanos": 0,
            },
        }

    def test_a_charge_by_usage_names_the_model_and_costs_its_price(self, desk: Desk) -> None:
        """The customer pays what the catalog says, to the nano."""
        answer = desk.charge_for("k", "gpt-5-mini", input_tokens=1200, output_tokens=347)

        charge = json_of(answer)["charge"]
        assert answer.status_code == 201
        assert charge["model"] == "gpt-5-mini"
        expected = price(desk, "gpt-5-mini", input_tokens=1200, output_tokens=347)
        assert charge["amount_nanos"] == charge["captured_nanos"] == expected > 0

    def test_an_alias_is_charged_as_its_model(self, desk: Desk) -> None:
        """A dated name is the same model, and counts with it."""
        answer = desk.charge_for("k", "gpt-5-mini-2025-08-07", input_tokens=1)

        assert json_of(answer)["charge"]["model"] == "gpt-5-mini"

    def test_a_pool_with_a_fee_for_each_request_costs_it_also_without_tokens(
        self, desk: Desk
    ) -> None:
        """`requests` is 1 unless said otherwise; 0 asks for none, and is counted as none."""
        once = desk.charge_for("a", "sonar", input_tokens=10)
        none = desk.charge_for("b", "sonar", input_tokens=10, requests=0)

        with_fee = price(desk, "sonar", input_tokens=10, requests=1)
        without = price(desk, "sonar", input_tokens=10, requests=0)
        assert json_of(once)["charge"]["amount_nanos"] == with_fee > without
        assert json_of(none)["charge"]["amount_nanos"] == without
        assert desk.wallet.state()["window"]["models"]["sonar"]["requests"] == 1

    def test_a_charge_of_nothing_is_an_entry_that_counts_the_request(self, desk: Desk) -> None:
        """Free calls are seen in the usage too."""
        answer = desk.charge("k", 0)

        assert answer.status_code == 201
        assert json_of(answer)["charge"]["draws"] == []
        assert desk.wallet.state()["window"]["models"]["unspecified"]["requests"] == 1

    def test_draws_of_one_kind_are_one_line(self, desk: Desk) -> None:
        """Free credits first, then both packs together."""
        desk.wallet.topup("pi_1", 3 * CREDIT)
        desk.wallet.topup("pi_2", 3 * CREDIT)

        answer = desk.charge("k", CREDITS * CREDIT + 5 * CREDIT)

        assert json_of(answer)["charge"]["draws"] == [
            {"kind": "free", "amount_nanos": CREDITS * CREDIT},
            {"kind": "topup", "amount_nanos": 5 * CREDIT},
        ]

    def test_metadata_is_kept_beside_the_entry_and_not_shown(self, desk: Desk) -> None:
        """The caller's own words, for its own books."""
        answer = desk.charge("k", 1, metadata={"run": {"id": "r1", "n": [1, None]}})

        assert "metadata" not in json_of(answer)["charge"]
        assert desk.wallet.entries()[-1]["metadata"] == '{"run": {"id": "r1", "n": [1, null]}}'


class TestSelectors:
    """Exactly one customer, by id or by name."""

    def test_a_name_means_its_customer(self, desk: Desk) -> None:
        """Back ends know their own ids."""
        body = {"customer_external_id": desk.external_id, "amount_nanos": 1}

        answer = desk.post("/charges", body, key="k")

        assert json_of(answer)["charge"]["customer_id"] == desk.customer_id

    def test_an_id_in_capitals_is_the_same_customer(self, desk: Desk) -> None:
        """RFC 9562: letters of either case are read."""
        body = {"customer_id": desk.customer_id.upper(), "amount_nanos": 1}

        answer = desk.post("/charges", body, key="k")

        assert json_of(answer)["charge"]["customer_id"] == desk.customer_id

    @pytest.mark.parametrize(
        "selector",
        [
            {},
            {"customer_id": None},
            {"customer_id": ""},
            {"customer_id": "ada"},
            {"customer_id": "{00000000-0000-5000-8000-000000000000}"},
            {"customer_id": "00000000000050008000000000000000"},
            {"customer_id": 7},
            {"customer_external_id": ""},
            {"customer_external_id": "x" * 256},
            {"customer_external_id": ["x"]},
            {
                "customer_id": "00000000-0000-5000-8000-000000000000",
                "customer_external_id": "x",
            },
        ],
        ids=str,
    )
    def test_anything_else_is_refused(self, desk: Desk, selector: dict[str, Any]) -> None:
        """Neither, both, or something that is no id."""
        answer = desk.post("/charges", {"amount_nanos": 1, **selector}, key="k")

        assert code_of(answer) == (400, "VALIDATION_ERROR")

    def test_the_longest_name_is_read_as_a_name(self, desk: Desk) -> None:
        """255 characters are a name: nobody has this one, which is another refusal."""
        body = {"customer_external_id": "x" * 255, "amount_nanos": 1}

        assert code_of(desk.post("/charges", body, key="k")) == (404, "NOT_FOUND")


class TestHowMuch:
    """Exactly one of an amount, and a model with its usage; whole numbers only."""

    @pytest.mark.parametrize(
        "asked",
        [
            {},
            {"amount_nanos": None},
            {"model": "gpt-5"},
            {"usage": {"input_tokens": 1}},
            {"model": "gpt-5", "usage_max": {"input_tokens": 1}},
            {"amount_nanos": 1, "model": "gpt-5"},
            {"amount_nanos": 1, "usage": {}},
            {"amount_nanos": 1, "model": "gpt-5", "usage": {"input_tokens": 1}},
            {"amount_nanos": 1, "project_id": "p"},
            {"amount_nanos": 1, "ttl_s": 60},
        ],
        ids=str,
    )
    def test_neither_both_and_unknown_fields_are_refused(
        self, desk: Desk, asked: dict[str, Any]
    ) -> None:
        """A typing error must not become a free call."""
        body = {"customer_id": desk.customer_id, **asked}

        assert code_of(desk.post("/charges", body, key="k")) == (400, "VALIDATION_ERROR")

    @pytest.mark.parametrize("amount", [True, 1.0, 1.5, "1", -1, 2**53 + 1, 10**400, [], {}])
    def test_an_amount_is_a_whole_number_that_every_reader_takes(
        self, desk: Desk, amount: object
    ) -> None:
        """No coercion near money."""
        body = {"customer_id": desk.customer_id, "amount_nanos": amount}

        assert wrong_field(desk.post("/charges", body, key="k")) == "amount_nanos"

    @pytest.mark.parametrize("count", [True, 1.0, "1", -1, 2**53 + 1, None, []])
    def test_a_quantity_is_a_whole_number(self, desk: Desk, count: object) -> None:
        """The same for tokens, and the pool is named."""
        body = {"customer_id": desk.customer_id, "model": "gpt-5", "usage": {"images": count}}

        assert wrong_field(desk.post("/charges", body, key="k")) == "usage.images"

    def test_the_largest_amount_is_understood(self, desk: Desk) -> None:
        """2^53 is a number, and nobody can pay it: 402, not 400."""
        assert code_of(desk.charge("k", 2**53)) == (402, "PAYMENT_REQUIRED")

    def test_usage_beyond_any_wallet_is_refused(self, desk: Desk) -> None:
        """2^53 tokens have a price that is no amount."""
        answer = desk.charge_for("k", "gpt-5", input_tokens=2**53)

        assert wrong_field(answer) == "usage"

    def test_a_model_without_a_price_is_not_found(self, desk: Desk) -> None:
        """Unknown price, no call; also for what only looks like a model that we have."""
        for model in ("gpt-6", "GPT-5", "gpt-5 ", "other/gpt-5"):
            assert code_of(desk.charge_for("k", model, input_tokens=1)) == (404, "NOT_FOUND")

    def test_a_unit_without_a_price_is_refused_and_named(self, desk: Desk) -> None:
        """An image of a model that has no price for images is not free."""
        answer = desk.charge_for("k", "gpt-5", input_tokens=1, images=1)

        assert wrong_field(answer) == "usage.images"

    def test_a_refusal_leaves_nothing_behind(self, desk: Desk) -> None:
        """The key of a refused charge is still free."""
        desk.charge_for("k", "gpt-6", input_tokens=1)
        desk.charge("k", -1)
        desk.charge("k", 2**53)

        answer = desk.charge("k", 1)

        assert answer.status_code == 201
        assert len(desk.wallet.entries()) == 2


class TestMetadata:
    """The relay's limits: an object of ten kilobytes, keys of forty characters, five deep."""

    @staticmethod
    def nested(depth: int) -> dict[str, Any]:
        """Return objects inside each other."""
        return {"in": TestMetadata.nested(depth - 1) if depth > 1 else 1}

    @pytest.mark.parametrize(
        "metadata",
        [
            {},
            {"k" * 40: 1},
            {"k": "x" * (10_240 - len('{"k":""}'))},
            {"k": "é" * ((10_240 - len('{"k":""}')) // 2)},
            {"list": [[[[1]]]]},
        ],
        ids=lambda metadata: str(metadata)[:30],
    )
    def test_what_is_at_the_limit_is_taken(self, desk: Desk, metadata: dict[str, Any]) -> None:
        """Bytes of compact UTF-8 JSON, as the published SDK counts them."""
        assert desk.charge("k", 1, metadata=metadata).status_code == 201

    def test_five_levels_are_taken_and_six_are_not(self, desk: Desk) -> None:
        """The outermost object is the first level."""
        assert desk.charge("a", 1, metadata=self.nested(5)).status_code == 201
        assert wrong_field(desk.charge("b", 1, metadata=self.nested(6))) == ""

    @pytest.mark.parametrize(
        "metadata",
        [
            {"k" * 41: 1},
            {"k": "x" * (10_241 - len('{"k":""}'))},
            {"list": [[[[[1]]]]]},
            {"in": {"k" * 41: 1}},
            "text",
            [],
            7,
        ],
        ids=lambda metadata: str(metadata)[:30],
    )
    def test_what_is_beyond_is_refused(self, desk: Desk, metadata: object) -> None:
        """One more of anything."""
        assert code_of(desk.charge("k", 1, metadata=metadata)) == (400, "VALIDATION_ERROR")
