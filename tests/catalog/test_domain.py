"""What a call costs: exact to the nano, refused where there is no price."""

from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbase.catalog.domain import (
    UNITS,
    Catalog,
    Current,
    LongContext,
    Margin,
    Markup,
    Model,
    Offer,
    Pack,
    Period,
    Plan,
    PlanMissing,
    PriceBook,
    PricedCall,
    PriceList,
    Rule,
    Table,
    Usage,
    VersionTaken,
    book_of,
    decide_push,
    digest_of,
    plan_uuid,
    price_usage,
)
from creditbase.catalog.domain.units import FALLS_BACK_TO
from creditbase.kernel.errors import InvalidRequest, NotFound
from creditbase.kernel.money import AMOUNT_NANOS_MAX

FORTY_PERCENT = Markup(4000)
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


def a_book(
    prices: dict[str, int],
    *,
    long_context: LongContext | None = None,
    version: str = "2026-01-01",
) -> PriceBook:
    """Return a book with the one model `gpt`, also known as `gpt-dated`."""
    table = Table(prices, () if long_context is None else (long_context,))
    model = Model("gpt", "openai", "GPT", 1000, 100, {"": (Period(table),)})
    return book_of(version, [model], aliases={"gpt-dated": "gpt"})


def price(book: PriceBook, name: str, usage: Usage, markup: Markup) -> PricedCall:
    """Return what the usage costs by the book alone."""
    return price_usage(PriceList(book), name, usage, markup, at=NOON)


NEVER_MISSING = {"requests", *FALLS_BACK_TO}
"""Units that cost as another does, or nothing, where they have no price of their own."""


class TestPriceUsage:
    """What a call costs."""

    def test_adds_the_markup_and_rounds_up_once(self) -> None:
        """Two lines of less than a nano together are one nano, not two."""
        book = a_book({"input_tokens": 400_000, "output_tokens": 300_000})

        priced = price(book, "gpt", Usage(input_tokens=1, output_tokens=1), FORTY_PERCENT)

        assert (priced.amount_nanos, priced.cost_nanos) == (1, 1)

    def test_costs_what_the_published_example_says(self) -> None:
        """The hub's factor of 1.4 on a call of 0.01 dollars is 14 credits."""
        book = a_book({"input_tokens": 1_250_000_000, "output_tokens": 10_000_000_000})

        priced = price(book, "gpt", Usage(input_tokens=4_000, output_tokens=500), FORTY_PERCENT)

        assert priced.cost_nanos == 10_000_000
        assert priced.amount_nanos == 14_000_000

    def test_pins_everything_that_is_needed_to_compute_it_again(self) -> None:
        """A bill must be explainable to the nano years later."""
        book = a_book({"input_tokens": 2_000_000, "images": 5})

        priced = price(book, "gpt-dated", Usage(input_tokens=3, images=2), Markup(100))

        assert [
            (line.unit, line.quantity, line.nanos_per_million) for line in priced.lines
        ] == [
            ("input_tokens", 3, 2_000_000),
            ("images", 2, 5),
        ]
        assert priced.margin == Margin(100)

    @pytest.mark.parametrize("name", ["gpt-5", "GPT", "gpt ", "", "gpt-dated-2"])
    def test_refuses_a_model_that_is_not_exactly_known(self, name: str) -> None:
        """A guessed price would be somebody's loss: unknown price, no call."""
        with pytest.raises(NotFound):
            price(a_book({"input_tokens": 1}), name, Usage(), FORTY_PERCENT)

    @pytest.mark.parametrize("unit", [unit for unit in UNITS if unit not in NEVER_MISSING])
    def test_refuses_a_quantity_without_a_price_and_names_it(self, unit: str) -> None:
        """What has no price is refused, never given away."""
        prices = {other: 7 for other in UNITS if other != unit}

        with pytest.raises(InvalidRequest) as refusal:
            price(a_book(prices), "gpt", Usage(**{unit: 1}), FORTY_PERCENT)

        assert refusal.value.field == f"usage.{unit}"
        assert unit in refusal.value.message

    @pytest.mark.parametrize("unit", UNITS)
    def test_charges_each_unit_by_its_own_price(self, unit: str) -> None:
        """No pool may be billed at another pool's price."""
        prices = {other: 1_000_000 * (number + 1) for number, other in enumerate(UNITS)}
        quantities = dict.fromkeys(UNITS, 0) | {unit: 3}

        priced = price(a_book(prices), "gpt", Usage(**quantities), Markup(0))

        assert priced.amount_nanos == 3 * (UNITS.index(unit) + 1)

    def test_counts_a_request_of_a_model_that_has_no_price_per_request(self) -> None:
        """Each call counts as a request by default, and most models do not charge for it."""
        priced = price(a_book({"input_tokens": 1_000_000}), "gpt", Usage(), FORTY_PERCENT)

        assert (priced.amount_nanos, priced.lines) == (0, ())

    def test_charges_a_request_where_it_has_a_price(self) -> None:
        """A search model takes money for the request itself."""
        priced = price(a_book({"requests": 12_000_000}), "gpt", Usage(), Markup(0))

        assert priced.amount_nanos == 12

    @pytest.mark.parametrize(
        ("pools", "amount_nanos"),
        [
            ({"input_tokens": 10}, 10),
            ({"input_tokens": 11}, 22),
            ({"input_tokens": 6, "cached_input_tokens": 5}, 12),
            ({"input_tokens": 6, "cache_write_tokens": 5}, 12),
            ({"input_tokens": 6, "audio_input_tokens": 5}, 12),
            ({"input_tokens": 10, "output_tokens": 50}, 10),
        ],
    )
    def test_takes_the_long_context_price_above_its_prompt_length_only(
        self, pools: dict[str, int], amount_nanos: int
    ) -> None:
        """Providers charge the whole call more once the prompt is longer; the answer is not
        part of the prompt, a cached prompt is.
        """
        free = dict.fromkeys(UNITS, 0)
        book = a_book(
            free | {"input_tokens": 1_000_000},
            long_context=LongContext(10, free | {"input_tokens": 2_000_000}),
        )

        assert price(book, "gpt", Usage(**pools), Markup(0)).amount_nanos == amount_nanos

    def test_refuses_what_no_wallet_could_hold(self) -> None:
        """An amount beyond 2**53 nanos would not survive a JSON reader."""
        book = a_book({"input_tokens": 1_000_000})

        most = price(book, "gpt", Usage(input_tokens=AMOUNT_NANOS_MAX), Markup(0))
        with pytest.raises(InvalidRequest):
            price(book, "gpt", Usage(input_tokens=AMOUNT_NANOS_MAX + 1), Markup(0))

        assert most.amount_nanos == AMOUNT_NANOS_MAX

    @given(
        st.dictionaries(st.sampled_from(UNITS), st.integers(0, 10**6), min_size=1),
        st.integers(0, 20_000),
        st.data(),
    )
    def test_is_the_exact_price_rounded_up_and_never_below_cost(
        self, quantities: dict[str, int], markup_bps: int, data: st.DataObject
    ) -> None:
        """Rounding costs the customer less than a nano, and never costs us."""
        prices = {unit: data.draw(st.integers(0, 10**13)) for unit in UNITS}
        usage = Usage(**(dict.fromkeys(UNITS, 0) | quantities))

        try:
            priced = price(a_book(prices), "gpt", usage, Markup(markup_bps))
        except InvalidRequest:
            return

        cost = sum(
            (Fraction(count * prices[unit], 10**6) for unit, count in quantities.items()),
            Fraction(0),
        )
        assert priced.cost_nanos == ceil(cost)
        assert priced.amount_nanos == ceil(cost * Fraction(10_000 + markup_bps, 10_000))
        assert priced.amount_nanos >= priced.cost_nanos


class TestValues:
    """What the catalog's values promise."""

    @pytest.mark.parametrize("quantity", [-1, 1.0, True, "1"])
    def test_a_quantity_is_a_whole_number_not_below_zero(self, quantity: object) -> None:
        """The door refuses such input; inside, it is a bug and must stop at once."""
        with pytest.raises(AssertionError):
            Usage(input_tokens=quantity)  # type: ignore[arg-type]  # wrong on purpose

    def test_a_markup_is_never_below_cost(self) -> None:
        """Selling below cost must be said by a plan, never slip in by a sign."""
        with pytest.raises(AssertionError):
            Markup(-1)

    def test_plan_and_pack_credits_are_nanos_in_the_ledger(self) -> None:
        """One credit is a thousandth of a dollar, a million nanos."""
        assert Plan("id", "free", "Free", 0, 500).amount_nanos == 500_000_000
        assert Pack("small", "Small", 500, 5000).amount_nanos == 5_000_000_000

    def test_a_plan_is_found_by_its_code_or_refused(self) -> None:
        """No plan stands in for an unknown one."""
        sold = Catalog("p", "usd", {"pro": PRO}, {}, a_book({}), Markup(0))

        assert sold.plan("pro") is PRO
        with pytest.raises(NotFound):
            sold.plan("PRO")

    def test_a_plan_keeps_its_id_and_shares_it_with_nobody(self) -> None:
        """Customers refer to a plan by id, so pushing again must not move them."""
        assert plan_uuid("p", "pro") == plan_uuid("p", "pro")
        assert len({plan_uuid("p", "pro"), plan_uuid("p", "guru"), plan_uuid("q", "pro")}) == 3

    def test_the_digest_depends_on_content_and_not_on_order(self) -> None:
        """The same prices written in another order are the same version."""
        assert digest_of({"a": 1, "b": "é"}) == digest_of({"b": "é", "a": 1})
        assert digest_of({"a": 1}) != digest_of({"a": 2})


FREE = Plan("1", "free", "Free", 0, 500)
PRO = Plan("2", "pro", "Pro", 5000, 55_000)
SMALL = Pack("small", "Small", 500, 5000)
NOTHING = Current(plans={}, packs={}, markup=None, book_version=None, book_digest=None)


def an_offer(
    plans: tuple[Plan, ...] = (FREE, PRO),
    packs: tuple[Pack, ...] = (SMALL,),
    markup_bps: int = 4000,
    version: str = "2026-01-01",
) -> Offer:
    """Return what a file would offer."""
    return Offer(
        currency="usd",
        plans={plan.code: plan for plan in plans},
        packs={pack.code: pack for pack in packs},
        markup=Markup(markup_bps),
        book=a_book({"input_tokens": 1}, version=version),
    )


def has(offer: Offer) -> Current:
    """Return a project that this offer was pushed to."""
    return Current(
        offer.plans,
        offer.packs,
        offer.markup,
        offer.book.version,
        offer.book.digest,
    )


class TestDecidePush:
    """What a push shows and refuses."""

    def test_shows_each_rule_of_a_markup(self) -> None:
        """Whoever reviews a push sees what it adds, and to what."""
        rules = Markup(4_000, fee_nanos=5, providers={"openai": Rule(bps=100)})

        push = decide_push(has(an_offer()), replace(an_offer(), markup=rules))

        assert push.lines == (
            "markup fee_nanos: None -> 5",
            f"markup of provider openai: None -> {Rule(bps=100)}",
        )

    def test_shows_all_of_a_first_push(self) -> None:
        """Whoever reviews a push sees each price that it brings."""
        push = decide_push(NOTHING, an_offer())

        assert push.is_new_book
        assert push.plans == (FREE, PRO)
        assert push.lines == (
            "plan free: none -> Free, 0 cents, 500 credits",
            "plan pro: none -> Pro, 5000 cents, 55000 credits",
            "pack small: none -> Small, 500 cents, 5000 credits",
            "markup_bps: None -> 4000",
            "price book: None -> 2026-01-01 (1 models, dddddddddddd)",
        )

    def test_changes_nothing_where_nothing_differs(self) -> None:
        """Pushing the same file again is free."""
        push = decide_push(has(an_offer()), an_offer())

        assert not push.changes
        assert push.plans == ()
        assert not push.is_new_book

    def test_shows_what_was_and_what_will_be(self) -> None:
        """A changed plan, a pack that goes, and another markup each have their line."""
        cheaper = Plan("2", "pro", "Pro", 4000, 55_000)
        large = Pack("large", "Large", 10_000, 120_000)

        push = decide_push(
            has(an_offer()), an_offer(plans=(FREE, cheaper), packs=(large,), markup_bps=100)
        )

        assert push.plans == (cheaper,)
        assert push.lines == (
            "plan pro: Pro, 5000 cents, 55000 credits -> Pro, 4000 cents, 55000 credits",
            "pack large: none -> Large, 10000 cents, 120000 credits",
            "pack small: Small, 500 cents, 5000 credits -> none",
            "markup_bps: 4000 -> 100",
        )

    def test_shows_that_a_plan_is_no_longer_sold(self) -> None:
        """It stays in the catalog, and cannot be bought; the free plan never could."""
        gone = replace(PRO, is_sold=False)

        push = decide_push(has(an_offer()), an_offer(plans=(FREE, gone)))

        before = "Pro, 5000 cents, 55000 credits"
        assert push.lines == (f"plan pro: {before} -> {before}, no longer sold",)
        assert [it.can_be_bought for it in (FREE, PRO, gone)] == [False, True, False]

    def test_goes_back_to_a_version_that_is_still_there(self) -> None:
        """A bad price book is undone by pushing the older file; its version is not written."""
        older = an_offer()
        now = Current(older.plans, older.packs, Markup(4000), "2026-02-02", older.book.digest)

        push = decide_push(now, older)

        assert push.lines == ("price book: 2026-02-02 -> 2026-01-01 (1 models, dddddddddddd)",)
        assert not push.is_new_book

    def test_refuses_other_content_under_a_version_that_exists(self) -> None:
        """Entries pin the version: changing it would change past bills."""
        taken = Current({}, {}, None, "2026-01-01", "e" * 64)

        with pytest.raises(VersionTaken, match="2026-01-01"):
            decide_push(taken, an_offer())

    def test_refuses_to_leave_out_a_plan(self) -> None:
        """Customers may be on it."""
        with pytest.raises(PlanMissing, match="pro"):
            decide_push(has(an_offer()), an_offer(plans=(FREE,)))


@pytest.mark.parametrize(
    ("price_cents", "is_sold", "own", "days"),
    [(1_000, True, None, 14), (1_000, True, 0, 0), (1_000, True, 7, 7), (1_000, False, 7, 0)],
)
def test_a_plan_has_its_own_days_of_trial_or_the_usual_ones(
    price_cents: int, is_sold: bool, own: int | None, days: int
) -> None:
    """None where nobody can begin it."""
    plan = Plan("1", "guru", "Guru", price_cents, 10_000, is_sold, own)

    assert plan.trial_days_or(14) == days
    assert Plan("2", "free", "Free", 0, 500).trial_days_or(14) == 0


def test_a_push_shows_the_days_of_trial() -> None:
    """A reviewer sees what is given away."""
    before = Plan("1", "guru", "Guru", 1_000, 10_000)
    after = replace(before, trial_days=14)

    (line,) = decide_push(
        has(an_offer(plans=(FREE, before))), an_offer(plans=(FREE, after))
    ).lines

    assert line.endswith("-> Guru, 1000 cents, 10000 credits, 14 days of trial")


def test_a_push_shows_what_a_plan_opens() -> None:
    """Features are claims, and rules let people in by them."""
    before = Plan("1", "guru", "Guru", 1_000, 10_000)
    after = replace(before, features=("api", "export"))

    (line,) = decide_push(
        has(an_offer(plans=(FREE, before))), an_offer(plans=(FREE, after))
    ).lines

    assert line.endswith("-> Guru, 1000 cents, 10000 credits, with api and export")
