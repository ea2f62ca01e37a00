"""Usage, balances and history in cents: rounded where they must be, and adding up."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbase.kernel.errors import PaymentRequired
from creditbase.ledger.domain.balance import Balance, balance_of
from creditbase.ledger.domain.commands import GrantCredits, SetLevel, TakeBack
from creditbase.ledger.domain.wallet import Metered, Terms
from creditbase.ledger.history import Row
from creditbase.relay.history_answers import row_answer
from creditbase.relay.wallet_answers import (
    account_answer,
    balance_answer,
    summary_answer,
    usage_answer,
    wallet_cents,
)
from tests.kernel.profiles import STORIES
from tests.ledger.builders import DAY, NOON, PERIOD, Story, a_charge, a_story, tier

CENT = 10_000_000
PAYGO = Terms("paygo")


def taken(entry_id: str, grant_id: str, nanos: int) -> TakeBack:
    """Return a refund of a top-up."""
    return TakeBack(entry_id, grant_id, nanos, owes_rest=True)


def shown(story: Story) -> Balance:
    """Return the balance of now."""
    return balance_of(story.wallet, now=story.now)


def rows_of(story: Story) -> list[Row]:
    """Return the whole history of a story, oldest first."""
    rows, before_nanos = [], 0
    for entry in sorted(story.entries.values(), key=lambda entry: entry.seq):
        if entry.row:
            rows.append(Row(entry, before_nanos))
            before_nanos = entry.figures.balance_nanos
    return rows


def signed(row: dict[str, Any]) -> int:
    """Return by how many cents a row says that the balance moved."""
    return int(row["amount_cents"]) * (1 if row["direction"] == "credit" else -1)


# ---- history -------------------------------------------------------------------------------

MOVES = ("topup", "promo", "charge", "hold", "capture", "void", "refund", "wait")
STEPS = st.lists(
    st.tuples(
        st.sampled_from(MOVES),
        st.integers(0, 3 * CENT),
    ),
    max_size=25,
)


def live(steps: list[tuple[str, int]]) -> Story:
    """Return a wallet through which somebody has lived."""
    story = a_story()
    holds: list[str] = []
    for number, (step, nanos) in enumerate(steps):
        spendable = story.wallet.available_nanos(story.now)
        match step:
            case "topup":
                story.do(GrantCredits(f"topup:{number}", "topup", nanos))
            case "promo":
                ends_at = story.now + timedelta(hours=30)
                story.do(GrantCredits(f"promo:{number}", "promo", nanos, expires_at=ends_at))
            case "charge" if nanos <= spendable:
                story.charge(nanos, Metered("m", quantities={"input_tokens": 3}))
            case "hold" if nanos <= spendable:
                holds.append(story.hold(nanos))
            case "capture" if holds:
                story.do(SetLevel("low", nanos))
                story.capture(holds.pop(), nanos)
            case "void" if holds:
                story.void(holds.pop())
            case "refund":
                story.do(taken(f"refund:{number}", "topup:0", nanos))
            case "wait":
                story.wait(timedelta(hours=nanos // CENT * 20)).tidy()
                holds = [hold for hold in holds if hold in story.wallet.holds]
            case _:
                pass
    return story


@STORIES
@given(STEPS)
def test_the_rows_always_add_up_to_the_balance_that_is_shown(
    steps: list[tuple[str, int]],
) -> None:
    """Whoever adds up a receipt must come to the figure on top of it, to the cent."""
    story = live(steps)

    rows = [row_answer(row) for row in rows_of(story)]

    balance = wallet_cents(shown(story))
    assert sum(signed(row) for row in rows) == balance["balance_cents"]
    running = 0
    for row in rows:
        running += signed(row)
        assert row["balance_after_cents"] == running
    assert balance["reserved_cents"] >= 0
    assert balance["balance_cents"] == balance["reserved_cents"] + balance["available_cents"]


@STORIES
@given(STEPS)
def test_the_days_always_add_up_to_the_window(steps: list[tuple[str, int]]) -> None:
    """The chart of a page and its headline must say the same."""
    told = usage_answer(shown(live(steps)))

    for name in ("requests", "tokens", "images"):
        assert told[name] == sum(day[name] for day in told["daily"])
    days = [day["day"] for day in told["daily"]]
    assert days == sorted(set(days))


def a_row(story: Story, number: int = -1) -> dict[str, Any]:
    """Return a row as it is shown."""
    return row_answer(rows_of(story)[number])


def test_a_top_up_names_its_payment_and_its_split() -> None:
    """A receipt is looked up by Stripe's names."""
    story = a_story()
    cause = {"payment": "pi_1", "session": "cs_1", "tier": "wallet", "paid_cents": 500}
    story.do(GrantCredits("topup:pi_1", "topup", 500 * CENT, cause=cause))

    row = a_row(story)

    assert (row["direction"], row["amount_cents"]) == ("credit", 500)
    assert row["reason_code"] == "topup"
    assert row["reason"] == row["description"] == "Top-up via Stripe"
    assert row["stripe_payment_intent_id"] == "pi_1"
    assert row["stripe_checkout_session_id"] == "cs_1"
    assert row["gross_amount_cents"] == row["credit_amount_cents"] == 500
    assert (row["owner_revenue_cents"], row["platform_fee_cents"]) == (500, 0)
    assert row["created_at"] == row["occurred_at"] == "2026-03-10T12:00:00Z"


@pytest.mark.parametrize(
    ("kind", "cause", "code", "description"),
    [
        ("topup", {"tier": "auto"}, "topup", "Automatic top-up via Stripe"),
        ("promo", {}, "promo_credit", "Promotional credit of the tier"),
        ("adjustment", {}, "adjustment", "Adjustment by the operator"),
        ("voucher", {}, "voucher", "Credit of a voucher"),
    ],
)
def test_every_credit_says_why(kind: Any, cause: Any, code: str, description: str) -> None:
    """The page prints the reason; a program switches on the code."""
    story = a_story()
    story.do(GrantCredits("g", kind, 5 * CENT, cause=cause))

    row = a_row(story)

    assert (row["reason_code"], row["description"]) == (code, description)
    assert "gross_amount_cents" not in row


def test_usage_names_its_model_and_tokens() -> None:
    """A debit is explained by what was used; thinking counts as output."""
    story = a_story(topup=10 * CENT)
    read = {"input_tokens": 5, "cached_input_tokens": 2}
    written = {"output_tokens": 3, "reasoning_tokens": 4}
    story.charge(CENT // 2, Metered("gpt-5", quantities={**read, **written}))

    row = a_row(story)

    assert (row["direction"], row["reason"]) == ("debit", "API usage")
    assert row["reason_code"] == "usage"
    assert (row["model_id"], row["input_tokens"], row["output_tokens"]) == ("gpt-5", 7, 7)
    assert row["amount_cents"] == 1  # ten cents less a half is nine whole ones
    story.charge(CENT // 2)
    assert a_row(story)["amount_cents"] == 0
    assert a_row(story)["direction"] == "debit"


def test_refunds_and_what_expires() -> None:
    """What goes by itself or by the bank says so."""
    story = a_story()
    story.do(GrantCredits("topup:1", "topup", 5 * CENT))
    story.do(GrantCredits("promo:1", "promo", 2 * CENT, expires_at=NOON + DAY))
    story.do(taken("refund:pi:1", "topup:1", 3 * CENT))
    refund = a_row(story)
    story.do(replace(taken("refund:pi:2", "topup:1", 1), cause={"disputed_cents": 1}))
    disputed = a_row(story)
    story.wait(2 * DAY).tidy()
    expired = a_row(story)

    assert (refund["reason"], refund["direction"]) == ("Refund", "debit")
    assert refund["amount_cents"] == 3
    assert disputed["description"] == "A payment was disputed"
    assert (expired["reason_code"], expired["amount_cents"]) == ("expired", 2)


# ---- usage ---------------------------------------------------------------------------------


def on(terms: Terms, spent_nanos: int = 0) -> Story:
    """Return a customer on some terms who has spent an amount of the limit."""
    story = a_story()
    story.terms(terms, PERIOD if terms.window == "period" else None)
    if spent_nanos:
        story.charge(spent_nanos, Metered("m", quantities={"input_tokens": 1}))
    return story


@pytest.mark.parametrize(
    ("spent_nanos", "remaining", "percentage", "low"),
    [
        (0, 1000, 0, False),
        (1, 999, 0, False),
        (799 * CENT + 9_999_999, 200, 79, False),
        (800 * CENT, 200, 80, True),
        (1000 * CENT, 0, 100, True),
    ],
)
def test_the_limit(spent_nanos: int, remaining: int, percentage: int, low: bool) -> None:
    """Used rounds up and the rest is the limit less that; low from eighty percent on."""
    told = usage_answer(shown(on(tier(1000 * CENT), spent_nanos)))

    assert told["spend_limit_cents"] == 1000
    assert told["spend_remaining_cents"] == remaining
    assert (told["percentage_used"], told["low"]) == (percentage, low)
    assert told["total_cost_cents"] == 1000 - remaining
    assert "wallet_balance_cents" in told  # these terms draw on the wallet


@pytest.mark.parametrize("terms", [tier(included="unlimited"), tier(0), PAYGO])
def test_without_a_limit_its_four_fields_are_absent(terms: Terms) -> None:
    """0 means unlimited on the wire: absent is the only thing that every SDK reads right."""
    told = usage_answer(shown(on(terms)))

    names = {"spend_limit_cents", "spend_remaining_cents", "percentage_used", "low"}
    assert not names & set(told)


def test_the_limit_is_gone_with_a_period_that_nobody_followed() -> None:
    """Calls are refused then, and a page must not say that there is something left."""
    story = a_story()
    story.terms(tier(1000 * CENT, draws_wallet=False), PERIOD)
    story.charge(100 * CENT)
    before = usage_answer(shown(story))
    assert (before["spend_remaining_cents"], before["low"]) == (900, False)

    story.wait(PERIOD.end_at - story.now)
    told = usage_answer(shown(story))

    assert (told["spend_limit_cents"], told["spend_remaining_cents"]) == (1000, 0)
    assert (told["percentage_used"], told["low"]) == (100, True)
    with pytest.raises(PaymentRequired):
        story.charge(1)


def test_the_wallets_fields_are_there_where_it_is_drawn_on() -> None:
    """Pay-as-you-go is no overage; a subscription that may exceed its limit is."""
    paygo = usage_answer(shown(on(PAYGO)))
    overage = usage_answer(shown(on(tier(draws_wallet=True))))
    without = usage_answer(shown(on(tier(draws_wallet=False))))

    assert (paygo["wallet_balance_cents"], paygo["overage_enabled"]) == (0, False)
    assert overage["overage_enabled"] is True
    assert not {"wallet_balance_cents", "wallet_reserved_cents", "overage_enabled"} & set(
        without
    )


def test_what_exceeds_the_limit_is_cost_and_the_percentage_stays_at_a_hundred() -> None:
    """Overage is paid by the wallet, and shown."""
    story = on(tier(10 * CENT, draws_wallet=True))
    story.do(GrantCredits("topup:1", "topup", 10 * CENT))
    story.charge(15 * CENT)

    told = usage_answer(shown(story))

    assert (told["total_cost_cents"], told["percentage_used"]) == (15, 100)
    assert told["spend_remaining_cents"] == 0
    assert told["wallet_balance_cents"] == 5


def test_days_are_those_of_utc() -> None:
    """What is used at midnight is of the new day."""
    story = a_story(topup=CENT)
    story.wait(timedelta(hours=12) - timedelta(seconds=1)).charge(1)
    story.wait(timedelta(seconds=1)).charge(1)

    days = usage_answer(shown(story))["daily"]

    assert [(day["day"], day["requests"]) for day in days] == [
        ("2026-03-10T00:00:00Z", 1),
        ("2026-03-11T00:00:00Z", 1),
    ]


# ---- balances ------------------------------------------------------------------------------


def test_what_a_hold_keeps_is_reserved() -> None:
    """Balance rounds down, so does what is free; the difference is reserved."""
    story = a_story(topup=10 * CENT + 5)
    story.hold(3 * CENT + 6)

    told = balance_answer("6f1d1c3e-5a0b-5d5e-9f53-0c5f2f3b7a11", shown(story))

    assert (told["balance_cents"], told["available_cents"]) == (10, 6)
    assert told["reserved_cents"] == 4


def test_a_debt_is_no_negative_balance() -> None:
    """The readers take no figure below zero."""
    story = a_story()
    story.do(GrantCredits("topup:1", "topup", 5 * CENT))
    story.do(a_charge(4 * CENT, "k"))
    story.do(taken("refund:1", "topup:1", 5 * CENT))

    assert wallet_cents(shown(story))["balance_cents"] == 0


def test_the_account_in_words_and_figures() -> None:
    """`$1,234.50` is what people read."""
    story = a_story(topup=123_450 * CENT + 1)
    story.charge(CENT // 2)

    told = account_answer(shown(story), threshold_cents=500)
    summary = summary_answer(shown(story))

    assert told["balance_formatted"] == "$1,234.49"
    assert (summary["used"], summary["remaining"], summary["limit"]) == (1, 123_449, 123_450)
    assert summary["state"] == "allowed"
    assert summary_answer(shown(a_story()))["state"] == "exhausted"
