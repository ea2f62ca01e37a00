"""The life of a hold over HTTP: placed, looked at, extended, ended once."""

import re
from datetime import timedelta
from typing import Any

import pytest

from creditbase.catalog.domain import Usage, price_usage
from creditbase.catalog.use_cases import load_catalog
from creditbase.kernel.ids import hold_public_id, operation_entry_id
from creditbase.metering import rates
from tests.relay.desk import (
    CREDIT,
    CREDITS,
    NOON,
    Desk,
    at_once,
    code_of,
    json_of,
    without,
    wrong_field,
)

pytestmark = pytest.mark.firestore
TOKENS = {"input_tokens": 1000, "output_tokens": 500}


def price(desk: Desk, model: str, **usage: int) -> int:
    """Return what the catalog asks for usage."""
    it = load_catalog(desk.tenant.project_id)
    return price_usage(it.prices, model, Usage(**usage), it.markup, at=NOON).amount_nanos


def after(**span: float) -> str:
    """Return an instant after noon, as RFC 3339."""
    return (NOON + timedelta(**span)).isoformat()


class TestPlacing:
    """The most that work can cost is set aside before it starts."""

    def test_a_hold_has_these_fields_and_no_others(self, desk: Desk) -> None:
        """Fifteen minutes by default; nothing captured yet."""
        answer = desk.hold("k", 7 * CREDIT)

        body = json_of(answer)
        assert answer.status_code == 201
        hold_id = body["hold"].pop("id")
        assert hold_id == hold_public_id(desk.customer_id, operation_entry_id("k"))
        assert re.fullmatch(r"hold_[A-Za-z0-9_-]{64}", hold_id)
        assert body == {
            "hold": {
                "customer_id": desk.customer_id,
                "status": "held",
                "amount_nanos": 7 * CREDIT,
                "captured_nanos": 0,
                "shortfall_nanos": 0,
                "draws": [{"kind": "free", "amount_nanos": 7 * CREDIT}],
                "expires_at": "2026-03-10T12:15:00Z",
                "created_at": "2026-03-10T12:00:00Z",
            },
            "balance": {
                "available_nanos": 493 * CREDIT,
                "held_nanos": 7 * CREDIT,
                "receivable_nanos": 0,
                "included_remaining_nanos": 0,
            },
        }

    def test_what_is_held_is_shown_the_same(self, desk: Desk) -> None:
        """`GET` gives the object of the answer, and only that."""
        placed = json_of(desk.hold_for("k", "gpt-5-mini", **TOKENS))["hold"]

        answer = desk.get(f"/holds/{placed['id']}")

        assert placed["model"] == "gpt-5-mini"
        assert placed["amount_nanos"] == price(desk, "gpt-5-mini", **TOKENS)
        assert (answer.status_code, json_of(answer)) == (200, {"hold": placed})

    @pytest.mark.parametrize("ttl_s", [1, 86_400])
    def test_it_may_live_from_a_second_to_a_day(self, desk: Desk, ttl_s: int) -> None:
        """Both ends are inside."""
        answer = desk.hold("k", 1, ttl_s=ttl_s)

        expires_at = (NOON + timedelta(seconds=ttl_s)).strftime("%Y-%m-%dT%H:%M:%SZ")
        assert json_of(answer)["hold"]["expires_at"] == expires_at

    @pytest.mark.parametrize("ttl_s", [0, -1, 86_401, 1.0, "60", True, None, 2**53])
    def test_it_may_live_no_shorter_and_no_longer(self, desk: Desk, ttl_s: object) -> None:
        """And whole seconds only."""
        assert wrong_field(desk.hold("k", 1, ttl_s=ttl_s)) == "ttl_s"

    @pytest.mark.parametrize(
        ("model", "usage_max", "field"),
        [
            ("gpt-5", {}, "usage_max.input_tokens"),
            ("gpt-5", {"output_tokens": 5}, "usage_max.input_tokens"),
            ("gpt-5", {"input_tokens": 5}, "usage_max.output_tokens"),
            ("imagen-3.0-generate-001", {}, "usage_max.images"),
            ("imagen-3.0-generate-001", {"requests": 1}, "usage_max.images"),
            ("gpt-5", {**TOKENS, "images": 1}, "usage_max.images"),
        ],
    )
    def test_a_hold_that_leaves_open_what_it_can_cost_is_refused(
        self, desk: Desk, model: str, usage_max: dict[str, int], field: str
    ) -> None:
        """A hold of nothing for a call that costs something would admit everybody."""
        answer = desk.hold_for("k", model, **usage_max)

        assert wrong_field(answer) == field

    def test_a_bound_of_zero_is_a_bound(self, desk: Desk) -> None:
        """Said, not forgotten."""
        answer = desk.hold_for("k", "gpt-5", input_tokens=0, output_tokens=0)

        assert json_of(answer)["hold"]["amount_nanos"] == 0

    def test_holds_admit_no_more_than_is_there(self, desk: Desk) -> None:
        """P29: thirty want fifty credits each of five hundred."""
        answers = at_once(30, lambda number: desk.hold(f"k{number}", 50 * CREDIT))

        statuses = sorted(answer.status_code for answer in answers)
        assert statuses == [201] * 10 + [402] * 20
        assert desk.wallet.available() == 0


class TestCapturing:
    """The end that takes what the work cost."""

    def test_by_amount_the_rest_goes_back(self, desk: Desk) -> None:
        """The answer is the hold as it ended, and the balance after."""
        hold_id = desk.held(7 * CREDIT)
        desk.clock.pass_on(minutes=5)

        answer = desk.end(hold_id, "capture", {"amount_nanos": 4 * CREDIT})

        assert answer.status_code == 200
        assert (
            json_of(answer)["hold"]
            == desk.show(hold_id)
            == {
                "id": hold_id,
                "customer_id": desk.customer_id,
                "status": "captured",
                "amount_nanos": 7 * CREDIT,
                "captured_nanos": 4 * CREDIT,
                "shortfall_nanos": 0,
                "draws": [{"kind": "free", "amount_nanos": 4 * CREDIT}],
                "expires_at": "2026-03-10T12:15:00Z",
                "created_at": "2026-03-10T12:00:00Z",
            }
        )
        assert json_of(answer)["balance"]["available_nanos"] == 496 * CREDIT
        assert json_of(answer)["balance"]["held_nanos"] == 0

    def test_by_usage_it_costs_the_price_for_the_model_of_the_hold(self, desk: Desk) -> None:
        """Also in pools that the hold did not speak of."""
        hold_id = json_of(desk.hold_for("k", "gpt-5", **TOKENS))["hold"]["id"]
        used = {"input_tokens": 900, "cached_input_tokens": 100, "output_tokens": 41}

        answer = desk.end(hold_id, "capture", {"usage": used})

        hold = json_of(answer)["hold"]
        assert hold["model"] == "gpt-5"
        assert hold["captured_nanos"] == price(desk, "gpt-5", **used)

    def test_by_usage_without_a_model_is_refused(self, desk: Desk) -> None:
        """There is nothing to price it by; the hold stays."""
        hold_id = desk.held(7)

        answer = desk.end(hold_id, "capture", {"usage": TOKENS})

        assert wrong_field(answer) == "usage"
        assert desk.show(hold_id)["status"] == "held"

    def test_by_usage_of_a_model_without_a_price_any_more_it_costs_what_was_agreed(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The hold has pinned the book by which it was priced, and that never changes."""
        held = json_of(desk.hold_for("k", "gpt-5", **TOKENS))["hold"]
        monkeypatch.setattr(rates, "load_catalog", without("gpt-5"))

        answer = desk.end(held["id"], "capture", {"usage": TOKENS})

        assert answer.status_code == 200
        assert json_of(answer)["hold"]["captured_nanos"] == held["amount_nanos"]
        again = desk.hold_for("new", "gpt-5", **TOKENS)
        assert code_of(again) == (404, "NOT_FOUND")
        assert json_of(again)["message"] == "This model has no price"

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"amount_nanos": 1, "usage": {"input_tokens": 1}},
            {"amount_nanos": -1},
            {"amount_nanos": 1.0},
            {"amount_nanos": True},
            {"amount_nanos": 2**53 + 1},
            {"usage": {"tokens": 1}},
            {"amount_nanos": 1, "model": "gpt-5"},
        ],
        ids=str,
    )
    def test_neither_both_and_nonsense_are_refused(
        self, desk: Desk, body: dict[str, Any]
    ) -> None:
        """The hold stays as it was."""
        hold_id = desk.held(7)

        assert code_of(desk.end(hold_id, "capture", body)) == (400, "VALIDATION_ERROR")
        assert desk.show(hold_id)["status"] == "held"

    def test_above_the_hold_it_draws_on_what_is_there(self, desk: Desk) -> None:
        """The work was done and costs what it costs; what nothing pays is a shortfall."""
        hold_id = desk.held(7 * CREDIT)

        answer = desk.end(hold_id, "capture", {"amount_nanos": 501 * CREDIT})

        hold = json_of(answer)["hold"]
        assert hold["captured_nanos"] == CREDITS * CREDIT
        assert hold["shortfall_nanos"] == CREDIT
        assert json_of(answer)["balance"]["available_nanos"] == 0

    def test_twice_or_after_a_void_it_conflicts(self, desk: Desk) -> None:
        """P26: a hold ends once."""
        captured, voided = desk.held(7), desk.held(7)
        desk.end(captured, "capture", {"amount_nanos": 4})
        desk.end(voided, "void", {})

        answers = [
            desk.end(captured, "capture", {"amount_nanos": 5}),
            desk.end(captured, "void", {}),
            desk.end(captured, "extend", {"expires_at": after(hours=1)}),
            desk.end(voided, "capture", {"amount_nanos": 4}),
            desk.end(voided, "extend", {"expires_at": after(hours=1)}),
        ]

        assert [code_of(answer) for answer in answers] == [(409, "CONFLICT")] * 5
        assert desk.show(captured)["captured_nanos"] == 4
        assert desk.show(voided)["status"] == "voided"

    def test_ends_in_parallel_are_one_end(self, desk: Desk) -> None:
        """Capture and void at the same moment: one of them, told to everybody."""
        hold_id = desk.held(7)

        def ask(number: int) -> Any:
            if number % 2:
                return desk.end(hold_id, "void", {})
            return desk.end(hold_id, "capture", {"amount_nanos": 4})

        statuses = [answer.status_code for answer in at_once(12, ask)]

        assert sorted(set(statuses)) == [200, 409]
        ended = desk.show(hold_id)["status"]
        won = statuses[1::2] if ended == "voided" else statuses[::2]
        assert set(won) == {200}
        assert len(desk.wallet.entries()) == 3


class TestTimeOut:
    """A hold whose time is over is over, whether or not anybody wrote it."""

    def test_it_is_expired_to_the_instant(self, desk: Desk) -> None:
        """Inside until the last microsecond, outside at the end; nothing is written."""
        hold_id = desk.held(7 * CREDIT)
        desk.clock.at = NOON + timedelta(seconds=900, microseconds=-1)
        assert desk.show(hold_id)["status"] == "held"

        desk.clock.at = NOON + timedelta(seconds=900)

        shown = desk.show(hold_id)
        assert (shown["status"], shown["captured_nanos"]) == ("expired", 0)
        assert shown["draws"] == []
        assert len(desk.wallet.entries()) == 2
        assert json_of(desk.charge("k", CREDITS * CREDIT))["balance"]["held_nanos"] == 0
        assert desk.show(hold_id) == shown

    def test_a_late_capture_takes_what_is_there_once(self, desk: Desk) -> None:
        """P27: never free, never twice."""
        hold_id = desk.held(7 * CREDIT)
        desk.clock.pass_on(hours=2)

        first = desk.end(hold_id, "capture", {"amount_nanos": 4 * CREDIT})
        again = desk.end(hold_id, "capture", {"amount_nanos": 4 * CREDIT})
        other = desk.end(hold_id, "capture", {"amount_nanos": 5 * CREDIT})

        assert (first.status_code, again.status_code) == (200, 200)
        assert again.headers["Idempotent-Replayed"] == "true"
        assert first.data == again.data
        assert code_of(other) == (409, "CONFLICT")
        assert desk.show(hold_id) == json_of(first)["hold"]
        assert desk.wallet.available() == 496 * CREDIT

    def test_a_void_of_what_has_timed_out_says_so(self, desk: Desk) -> None:
        """Nothing is taken either way; it is called what it was."""
        hold_id = desk.held(7)
        desk.clock.pass_on(hours=1)

        answer = desk.end(hold_id, "void", {})

        assert (answer.status_code, json_of(answer)["hold"]["status"]) == (200, "expired")
        assert desk.show(hold_id)["status"] == "expired"

    def test_it_cannot_be_extended_any_more(self, desk: Desk) -> None:
        """Its credits have gone back and may have been spent."""
        hold_id = desk.held(7)
        desk.clock.pass_on(minutes=15)

        answer = desk.end(hold_id, "extend", {"expires_at": after(hours=1)})

        assert code_of(answer) == (409, "CONFLICT")


class TestExtending:
    """More time, absolute, and what has been used so far."""

    def test_it_moves_the_end_and_shows_the_hold(self, desk: Desk) -> None:
        """The answer has hold and balance; repeating it changes nothing."""
        hold_id = desk.held(7 * CREDIT)

        first = desk.end(hold_id, "extend", {"expires_at": "2026-03-10T14:00:00+01:00"})
        second = desk.end(hold_id, "extend", {"expires_at": "2026-03-10T13:00:00Z"})

        assert first.status_code == 200
        assert set(json_of(first)) == {"hold", "balance"}
        assert json_of(first) == json_of(second)
        assert json_of(first)["hold"] == desk.show(hold_id)
        assert json_of(first)["hold"]["expires_at"] == "2026-03-10T13:00:00Z"
        assert json_of(first)["balance"]["held_nanos"] == 7 * CREDIT

    def test_an_earlier_end_is_not_taken(self, desk: Desk) -> None:
        """Messages overtake each other: the latest end that was asked for counts."""
        hold_id = desk.held(7)
        desk.end(hold_id, "extend", {"expires_at": after(hours=2)})

        answer = desk.end(hold_id, "extend", {"expires_at": after(hours=1)})

        assert json_of(answer)["hold"]["expires_at"] == "2026-03-10T14:00:00Z"

    def test_a_day_after_its_start_is_the_latest(self, desk: Desk) -> None:
        """However often it is extended."""
        hold_id = desk.held(7, ttl_s=86_400)
        desk.clock.pass_on(hours=23)

        at_most = desk.end(hold_id, "extend", {"expires_at": after(hours=24)})
        beyond = desk.end(hold_id, "extend", {"expires_at": after(hours=24, microseconds=1)})
        past = desk.end(hold_id, "extend", {"expires_at": after(hours=23)})

        assert at_most.status_code == 200
        assert wrong_field(beyond) == wrong_field(past) == "expires_at"

    @pytest.mark.parametrize(
        "expires_at",
        [
            None,
            "",
            "soon",
            1773144000,
            "2026-03-10T13:00:00",
            "2026-03-10",
            "+9999-01-01T00:00Z",
        ],
        ids=str,
    )
    def test_it_wants_an_instant_with_a_zone(self, desk: Desk, expires_at: object) -> None:
        """RFC 3339, so that nobody's local time is meant."""
        hold_id = desk.held(7)

        answer = desk.end(hold_id, "extend", {"expires_at": expires_at})

        assert wrong_field(answer) == "expires_at"

    def test_expiry_captures_what_was_used_so_far(self, desk: Desk) -> None:
        """A gateway that died owes nothing more, and its customer does not ride free."""
        hold_id = json_of(desk.hold_for("k", "gpt-5", **TOKENS))["hold"]["id"]
        so_far = {"input_tokens": 1000, "output_tokens": 20}
        body = {"expires_at": after(minutes=30), "usage": so_far}
        shown = json_of(desk.end(hold_id, "extend", body))["hold"]
        less = {"expires_at": after(minutes=30), "usage": {"input_tokens": 1}}
        desk.end(hold_id, "extend", less)

        desk.clock.pass_on(minutes=30)
        expired = desk.show(hold_id)

        assert (shown["status"], shown["captured_nanos"]) == ("held", 0)
        assert expired["status"] == "expired"
        assert expired["captured_nanos"] == price(desk, "gpt-5", **so_far)

    def test_usage_so_far_needs_a_model_and_prices(self, desk: Desk) -> None:
        """Refused whole: the end does not move either."""
        plain = desk.held(7)
        metered = json_of(desk.hold_for("k", "gpt-5", **TOKENS))["hold"]["id"]
        body = {"expires_at": after(hours=1), "usage": {"images": 1}}

        answers = [desk.end(hold_id, "extend", body) for hold_id in (plain, metered)]
        assert [wrong_field(answer) for answer in answers] == ["usage", "usage.images"]
        assert desk.show(plain)["expires_at"] == "2026-03-10T12:15:00Z"
        assert desk.show(metered)["expires_at"] == "2026-03-10T12:15:00Z"
