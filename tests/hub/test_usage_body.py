"""`/usage/me` in figures: rounding, and rows that add up whatever was used. Pure."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbase.hub.usage import usage_body
from creditbase.kernel.windows import Window
from creditbase.ledger.domain.balance import Balance, ModelUse
from creditbase.ledger.domain.wallet import Terms

START = datetime(2026, 3, 10, 12, tzinfo=UTC)
END = datetime(2026, 4, 10, 12, tzinfo=UTC)
END_TEXT = "2026-04-10T12:00:00Z"
CREDIT = 1_000_000

uses = st.builds(
    ModelUse,
    amount_nanos=st.integers(0, 5 * CREDIT) | st.integers(0, 10**15),
    requests=st.integers(0, 10**6),
)
models = st.dictionaries(st.text("abc-.5", min_size=1, max_size=6), uses, max_size=30)


def balance(used: dict[str, ModelUse] | None = None, **figures: Any) -> Balance:
    """Return a balance of the free plan with these figures."""
    fields: dict[str, Any] = {
        "monthly_remaining_nanos": 0,
        "topup_nanos": 0,
        "held_nanos": 0,
        "receivable_nanos": 0,
        "available_nanos": 0,
        "included_remaining_nanos": 0,
        **figures,
    }
    return Balance(
        owner_uid="ada",
        terms=Terms("free", allocation_nanos=500 * CREDIT),
        window=Window(START, END),
        models=used or {},
        seq=1,
        published_at=START,
        valid_until=END,
        recheck_at=None,
        is_settled=True,
        **fields,
    )


def body_of(given_balance: Balance) -> dict[str, Any]:
    """Return the body, for looking into."""
    return usage_body(given_balance)


@pytest.mark.parametrize(
    ("terms", "shown"),
    [
        ({}, None),
        ({"next_plan_code": "guru", "next_plan_at": END}, {"plan": "guru", "at": END_TEXT}),
        ({"next_plan_code": "guru", "next_plan_at": END, "cancel_at_period_end": True}, None),
    ],
    ids=["goes on", "planned", "ends"],
)
def test_what_is_to_come_is_one_thing(
    terms: dict[str, Any], shown: dict[str, str] | None
) -> None:
    """The plan that follows, and when; of one that ends none follows but the free one."""
    on_pro = replace(balance(), terms=Terms("pro", window="period", **terms))

    assert body_of(on_pro)["scheduled_change"] == shown


@given(models)
def test_rows_add_up_to_the_totals(used: dict[str, ModelUse]) -> None:
    """A table whose rows do not add up is a support ticket."""
    body = body_of(balance(used))

    rows = body["usage"]["breakdown_by_model"]
    total_nanos = sum(use.amount_nanos for use in used.values())
    assert sum(row["credits_used"] for row in rows) == body["usage"]["total_credits_used"]
    assert body["usage"]["total_credits_used"] == -(-total_nanos // CREDIT)
    assert sum(row["requests"] for row in rows) == body["usage"]["total_requests"]
    assert {row["model"] for row in rows} == set(used)


@given(models)
def test_a_row_is_within_one_credit_of_what_was_used(used: dict[str, ModelUse]) -> None:
    """Rounded up or down, by the largest remainder; nothing is moved between models."""
    rows = body_of(balance(used))["usage"]["breakdown_by_model"]

    for row in rows:
        nanos = used[row["model"]].amount_nanos
        assert nanos // CREDIT <= row["credits_used"] <= -(-nanos // CREDIT)


@given(models)
def test_rows_are_sorted_by_credits_and_then_by_model(used: dict[str, ModelUse]) -> None:
    """By the figure that is shown: equal figures stand in the order of names."""
    rows = body_of(balance(used))["usage"]["breakdown_by_model"]

    order = [(-row["credits_used"], row["model"]) for row in rows]
    assert order == sorted(order)


@given(models)
def test_the_aliases_say_the_same(used: dict[str, ModelUse]) -> None:
    """The public client reads other names for the same figures."""
    body = body_of(balance(used, monthly_remaining_nanos=7 * CREDIT))

    usage = body["usage"]
    assert body["plan_allocation"] == body["monthly_credits_total"] == 500
    assert body["plan_credits_remaining"] == body["monthly_credits_remaining"] == 7
    assert body["this_month"] == {
        "credits_used": usage["total_credits_used"],
        "requests": usage["total_requests"],
    }
    assert body["by_model"] == {
        row["model"]: {"credits_used": row["credits_used"], "requests": row["requests"]}
        for row in usage["breakdown_by_model"]
    }


@pytest.mark.parametrize(
    ("nanos", "remaining", "held"),
    [(0, 0, 0), (1, 0, 1), (CREDIT - 1, 0, 1), (CREDIT, 1, 1), (CREDIT + 1, 1, 2)],
)
def test_remaining_is_rounded_down_and_held_up(nanos: int, remaining: int, held: int) -> None:
    """Never a credit shown that cannot be spent."""
    body = body_of(balance(monthly_remaining_nanos=nanos, topup_nanos=nanos, held_nanos=nanos))

    assert body["monthly_credits_remaining"] == body["topup_balance"] == remaining
    assert body["credits_held"] == held


@pytest.mark.parametrize(("nanos", "shown"), [(-1, -1), (-CREDIT, -1), (-CREDIT - 1, -2)])
def test_a_debt_is_shown_below_zero_and_rounded_down(nanos: int, shown: int) -> None:
    """Spent, and then refunded: what is owed is not made smaller than it is."""
    assert body_of(balance(topup_nanos=nanos))["topup_balance"] == shown
