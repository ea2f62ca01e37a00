"""Receipts: whoever has an entry can compute it again, and a changed one is found."""

from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbase.catalog.domain import Margin, Markup, Rule
from creditbase.kernel.ids import operation_entry_id
from creditbase.ledger.domain.commands import (
    CaptureHold,
    Charge,
    FixedAmount,
    MeteredUsage,
    PlaceHold,
    VoidHold,
)
from creditbase.ledger.domain.entries import Entry
from creditbase.ledger.domain.opening import open_wallet
from creditbase.ledger.domain.wallet import Terms
from creditbase.metering.domain import CatalogRate
from creditbase.metering.receipts import (
    Explanation,
    customer_lines,
    customer_margin,
    customer_price,
    explain,
    explain_stored,
    priced_nanos,
)
from tests.ledger.builders import NOON, WALLET_ID, Story, hold_id_of
from tests.metering.test_domain import CATALOG, priced_usages

PRICES = CATALOG.prices
RICH = Terms("free", allocation_nanos=2**52)
MARKUPS = st.builds(
    Markup,
    st.integers(0, 20_000),
    fee_nanos=st.integers(0, 10**7),
    minimum_nanos=st.integers(0, 10**7),
    plans=st.builds(
        lambda bps, below: {"free": Rule(bps=bps, allows_below_cost=below)},
        st.integers(-5_000, 20_000),
        st.booleans(),
    ),
)


def a_story() -> Story:
    """Return a wallet that can pay for anything."""
    opened = open_wallet(WALLET_ID, owner_uid="ada", terms=RICH, now=NOON)
    return Story(opened.wallet)


def charged(model: str, usage: dict[str, int], markup: Markup | None = None) -> Entry:
    """Return the entry of a charge for usage of a model."""
    rate = CatalogRate(CATALOG if markup is None else replace(CATALOG, markup=markup))
    cost = MeteredUsage({"requests": 1, **usage}, rate, model)
    decided = a_story().do(Charge(operation_entry_id("k"), "d", cost))
    assert decided.entry is not None
    return decided.entry


class TestAgreeing:
    """What the product writes always comes to what it says."""

    @given(priced_usages(), MARKUPS)
    def test_a_charge_agrees_with_itself_and_with_the_book(
        self, asked: tuple[str, dict[str, int]], markup: Markup
    ) -> None:
        """Whatever was used, whatever is added: to the nano."""
        entry = charged(*asked, markup)

        found = explain(entry, PRICES)

        assert found.differences == ()
        assert found.is_book_checked
        assert found.price_nanos == entry.amount_nanos == priced_nanos(entry.metered)

    @given(priced_usages(), MARKUPS)
    def test_the_customer_can_compute_it_from_what_it_is_shown(
        self, asked: tuple[str, dict[str, int]], markup: Markup
    ) -> None:
        """By the lines of the receipt alone, which say nothing of what it cost us."""
        entry = charged(*asked, markup)
        margin = customer_margin(entry.metered)

        lines = customer_lines(entry.metered)

        total = sum(Fraction(it.quantity * it.price_nanos, it.per_units) for it in lines)
        price = ceil(total) + margin.fee_nanos * entry.metered.quantities["requests"]
        if any(it.quantity * it.price_nanos for it in lines):
            price = max(price, margin.minimum_nanos)
        assert price == entry.amount_nanos

    def test_every_end_of_a_hold_agrees(self) -> None:
        """Captured, voided, timed out with something used, and captured after that."""
        story, rate = a_story(), CatalogRate(CATALOG)
        model, usage = "local-large", {"input_tokens": 9_001, "output_tokens": 4_097}
        cost = MeteredUsage(usage, rate, model)
        half = MeteredUsage({"input_tokens": 9_001}, rate)
        for key in ("captured", "voided", "expired"):
            accrued = half if key == "expired" else None
            story.do(
                PlaceHold(
                    operation_entry_id(key), hold_id_of(key), "d", cost, 60, accrued=accrued
                )
            )
        story.do(CaptureHold(hold_id_of("captured"), "c", MeteredUsage(usage, rate)))
        story.do(VoidHold(hold_id_of("voided"), "v"))
        story.now += timedelta(hours=1)
        story.do(CaptureHold(hold_id_of("expired"), "c", MeteredUsage(usage, rate)))

        found: dict[str, list[Explanation]]
        found = {kind: [] for kind in ("hold", "capture", "void", "expire", "late", "grant")}
        for entry in story.entries.values():
            found[entry.kind].append(explain(entry, PRICES))

        assert all(it.agrees for several in found.values() for it in several)
        assert [it.is_book_checked for it in found["late"]] == [True]
        assert [len(found[kind]) for kind in ("hold", "capture", "void", "expire", "late")] == [
            *(3, 1, 1, 1, 1)
        ]

    def test_what_no_book_has_priced_is_not_priced_again(self) -> None:
        """An amount that the caller worked out has only its sums to be held to."""
        decided = a_story().do(Charge(operation_entry_id("k"), "d", FixedAmount(7)))
        assert decided.entry is not None

        found = explain_stored(decided.entry, lambda _: pytest.fail("nothing to load"))

        assert found.agrees
        assert (found.price_nanos, found.is_book_checked, found.lines) == (None, False, ())


class TestTampering:
    """A changed entry is found, whatever was changed; also by who seals it anew."""

    ENTRY = charged("local-large", {"input_tokens": 1_000, "output_tokens": 500})

    @pytest.mark.parametrize(
        ("what", "change"),
        [
            ("price", {"captured_nanos": ENTRY.captured_nanos - 1}),
            ("sum of the draws", {"draws": ()}),
            ("sum of the postings", {"postings": {**ENTRY.postings, "consumed": 1}}),
            ("cost", {"metered": replace(ENTRY.metered, cost_nanos=1)}),
            ("price", {"metered": replace(ENTRY.metered, quantities={"input_tokens": 1})}),
            (
                "book_digest",
                {
                    "metered": replace(
                        ENTRY.metered, pricing={**ENTRY.metered.pricing, "book_digest": "0"}
                    )
                },
            ),
            ("shortfall", {"shortfall_nanos": 5}),
        ],
    )
    @pytest.mark.parametrize("is_sealed_anew", [False, True])
    def test_a_changed_figure_is_found(
        self, what: str, change: dict[str, object], is_sealed_anew: bool
    ) -> None:
        """The hash finds every change, and the figures find who wrote a new hash."""
        forged: Entry = replace(self.ENTRY, **change)  # type: ignore[arg-type]
        if is_sealed_anew:
            forged = forged.sealed()

        found = explain(forged, PRICES)

        named = {it.what for it in found.differences}
        assert what in named
        assert ("hash" in named) is not is_sealed_anew

    def test_unit_prices_that_the_book_does_not_say_are_found(self) -> None:
        """Consistent in itself, sealed, and still not what the named version says."""
        metered = self.ENTRY.metered
        prices = metered.pricing["nanos_per_million"]
        assert isinstance(prices, dict)
        halved = {unit: nanos // 2 for unit, nanos in prices.items()}
        forged = replace(
            self.ENTRY,
            metered=replace(metered, pricing={**metered.pricing, "nanos_per_million": halved}),
        )
        price = priced_nanos(forged.metered)
        forged = replace(
            forged,
            amount_nanos=price,
            captured_nanos=price,
            draws=(replace(self.ENTRY.draws[0], amount_nanos=price),),
            postings={"consumed": price, f"grant:{self.ENTRY.draws[0].source}": -price},
            metered=replace(forged.metered, cost_nanos=metered.cost_nanos // 2),
        ).sealed()

        assert explain(forged).agrees
        assert {it.what for it in explain(forged, PRICES).differences} == {"unit prices"}


@given(st.integers(0, 10**13), st.integers(-10_000, 100_000))
def test_a_unit_price_with_its_markup_is_exact(nanos: int, bps: int) -> None:
    """So that a customer who multiplies gets what it was charged."""
    price, per = customer_price(nanos, bps)

    assert Fraction(price, per) == Fraction(nanos, 10**6) * Fraction(10_000 + bps, 10_000)


def test_a_floor_shows_the_customer_what_it_paid() -> None:
    """Where a rule would go below cost and may not, the price is the cost."""
    assert Margin(bps=-500).price_nanos([(10**6, 100)], requests=1) == 100
