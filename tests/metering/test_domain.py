"""Prices, bounds and the memory of names: metering without a door."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbase.accounts.domain import CustomerName
from creditbase.catalog.domain import UNITS, Catalog, ModelPrice, Usage, price_usage
from creditbase.catalog.models import read_catalog
from creditbase.kernel.errors import InvalidRequest, NotFound
from creditbase.ledger.paths import WalletRef
from creditbase.metering import names as remembering
from creditbase.metering.domain import CatalogRate, check_bounded
from creditbase.metering.models import (
    CaptureRequest,
    ChargeRequest,
    HoldRequest,
    UsageFields,
    parse,
)
from creditbase.metering.receipts import priced_nanos
from tests.sold import LOCAL_RATES

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
OFFER = read_catalog(Path(__file__).parents[2] / "catalog.json").to_offer("p")
RATES = LOCAL_RATES.to_domain("p")
CATALOG = Catalog(
    "p", OFFER.currency, OFFER.plans, OFFER.packs, OFFER.book, OFFER.markup, RATES
)
FIELDS = [*ChargeRequest.model_fields, "usage_max", "ttl_s"]
MODELS = sorted(model.model_id for model in CATALOG.book.every())


def priced(model: str) -> ModelPrice:
    """Return the model as it is priced at noon."""
    found = CATALOG.prices.find(model, NOON)
    assert found is not None
    return found


@st.composite
def priced_usages(draw: st.DrawFn) -> tuple[str, dict[str, int]]:
    """Return a model and usage in units that it has a price for."""
    model = draw(st.sampled_from(MODELS))
    units = sorted({*priced(model).nanos_per_million, "requests"})
    return model, draw(st.dictionaries(st.sampled_from(units), st.integers(0, 10**7)))


class TestPrices:
    """What metering takes is what the catalog asks."""

    @given(priced_usages())
    def test_the_amount_is_the_catalogs_for_any_usage(
        self, asked: tuple[str, dict[str, int]]
    ) -> None:
        """To the nano, from the wire's fields to the ledger's command."""
        model, usage = asked
        quantities = UsageFields.model_validate(usage).quantities()

        asks = CatalogRate(CATALOG).price("free", model, quantities, at=NOON)

        expected = price_usage(CATALOG.prices, model, Usage(**usage), CATALOG.markup, at=NOON)
        assert asks.amount_nanos == expected.amount_nanos
        assert asks.metered.cost_nanos == expected.cost_nanos <= asks.amount_nanos

    @given(priced_usages())
    def test_a_receipt_has_all_that_recomputes_it(
        self, asked: tuple[str, dict[str, int]]
    ) -> None:
        """Quantities times the lines' prices, plus the markup, rounded up once."""
        model, usage = asked
        quantities = UsageFields.model_validate(usage).quantities()

        asks = CatalogRate(CATALOG).price("free", model, quantities, at=NOON)

        metered = asks.metered
        lines, markup_bps = metered.pricing["nanos_per_million"], metered.pricing["markup_bps"]
        assert isinstance(lines, dict)
        assert isinstance(markup_bps, int)
        total = sum(metered.quantities[unit] * price for unit, price in lines.items())
        assert asks.amount_nanos == -(-total * (10_000 + markup_bps) // 10**10)
        assert metered.pricing["book_digest"] == CATALOG.book.digest
        assert priced_nanos(metered) == asks.amount_nanos

    @given(priced_usages(), st.sampled_from([unit for unit in UNITS if unit != "requests"]))
    def test_more_usage_never_costs_less(
        self, asked: tuple[str, dict[str, int]], unit: str
    ) -> None:
        """So that the most of each pool is the most that a call can cost."""
        model, usage = asked
        if unit not in priced(model).nanos_per_million:
            with pytest.raises(InvalidRequest):
                CatalogRate(CATALOG).price("free", model, {**usage, unit: 1}, at=NOON)
            return

        less = CatalogRate(CATALOG).price("free", model, usage, at=NOON)
        more = CatalogRate(CATALOG).price(
            "free", model, {**usage, unit: usage.get(unit, 0) + 1}, at=NOON
        )

        assert less.amount_nanos <= more.amount_nanos


class TestBounds:
    """A hold says the most of everything that nearly every call has."""

    @pytest.mark.parametrize("model", MODELS)
    def test_nothing_said_bounds_no_model(self, model: str) -> None:
        """Whatever a model charges for, a hold of nothing is refused."""
        with pytest.raises(InvalidRequest):
            check_bounded(CATALOG, model, frozenset(), at=NOON)

    def test_an_unknown_model_is_not_found(self) -> None:
        """Unknown price, no call."""
        with pytest.raises(NotFound):
            check_bounded(CATALOG, "gpt-6", frozenset(UNITS), at=NOON)

    def test_a_model_of_images_wants_images_said_and_no_tokens(self) -> None:
        """It has no price for tokens, so there is nothing to bound."""
        check_bounded(CATALOG, "imagen-3.0-generate-001", frozenset({"images"}), at=NOON)

    def test_a_fee_for_each_request_is_bounded_by_its_default(self) -> None:
        """One request, unless the caller says more."""
        assert "requests" in priced("sonar").nanos_per_million
        check_bounded(CATALOG, "sonar", frozenset({"input_tokens", "output_tokens"}), at=NOON)


class TestRequests:
    """Whatever JSON has, a request is understood or refused; nothing else happens."""

    @given(
        st.dictionaries(
            st.sampled_from([*FIELDS, "unknown"]),
            st.recursive(
                st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
                lambda inner: (
                    st.lists(inner, max_size=3)
                    | st.dictionaries(st.sampled_from(["images", "requests", "k"]), inner)
                ),
                max_leaves=6,
            ),
        )
    )
    def test_any_object_is_a_request_or_a_refusal(self, body: dict[str, object]) -> None:
        """Never an error of ours, and never a number that was something else."""
        for kind in (ChargeRequest, HoldRequest, CaptureRequest):
            try:
                asked = parse(kind, body)
            except InvalidRequest:
                continue
            amount = getattr(asked, "amount_nanos", None)
            assert amount is None or amount is body["amount_nanos"]

    def test_requests_are_one_unless_said_otherwise(self) -> None:
        """Zero is kept: an absent count would be read as one."""
        assert UsageFields().quantities() == {"requests": 1}
        assert UsageFields(requests=0, images=2).quantities() == {"requests": 0, "images": 2}


class TestNames:
    """A name is believed for ten seconds, as a secret key is."""

    def test_a_name_is_looked_up_once_in_ten_seconds(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Not one read for each call of a busy customer, and no longer than promised."""
        asked: list[str] = []

        def find(project_id: str, external_id: str) -> CustomerName:
            asked.append(external_id)
            return CustomerName(
                project_id=project_id,
                external_id=external_id,
                generation=len(asked),
                customer_id=f"c{len(asked)}",
            )

        monkeypatch.setattr(remembering, "find_name", find)
        names = remembering.CustomerNames()
        seconds = (0, 9.999, 10, 5)

        found = [names.find("p", "ada", now=NOON + timedelta(seconds=s)) for s in seconds]

        # A clock that went back makes nothing believed for longer.
        assert found == ["c1", "c1", "c2", "c3"]

    def test_a_name_that_is_not_there_is_asked_for_again(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The customer may be made the next moment."""
        answers = [None, CustomerName(**BEN)]
        monkeypatch.setattr(remembering, "find_name", lambda *_: answers.pop(0))
        names = remembering.CustomerNames()

        assert names.find("p", "ben", now=NOON) is None
        assert names.find("p", "ben", now=NOON) == "c"

    def test_it_does_not_grow_without_end(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The longest unused names go first."""
        monkeypatch.setattr(remembering, "NAMES_MAX", 2)
        found = CustomerName(**BEN)
        monkeypatch.setattr(remembering, "find_name", lambda *_: found)
        names = remembering.CustomerNames()

        for name in ("a", "b", "c"):
            names.find("p", name, now=NOON)

        assert [name for _, name in names._known] == ["b", "c"]

    def test_one_that_was_deleted_and_made_again_is_followed(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What is remembered means the deleted one, whose wallet takes nothing any more."""
        answers = [CustomerName(**BEN), CustomerName(**{**BEN, "customer_id": "c2"})]
        monkeypatch.setattr(remembering, "find_name", lambda *_: answers.pop(0))
        names = remembering.CustomerNames()
        names.find("p", "ben", now=NOON)
        asked: list[str] = []

        def act(ref: WalletRef) -> str:
            asked.append(ref.customer_id)
            if ref.customer_id == "c":
                raise NotFound("Customer not found")
            return "done"

        assert [names.follow("p", "ben", act, now=NOON) for _ in range(2)] == ["done", "done"]
        assert asked == ["c", "c2", "c2"]

    @pytest.mark.parametrize(
        ("is_known", "reason", "looked_up"), [(True, "", 2), (False, "", 1), (True, "X", 1)]
    )
    def test_a_refusal_costs_one_more_look_at_most(
        self, monkeypatch: pytest.MonkeyPatch, is_known: bool, reason: str, looked_up: int
    ) -> None:
        """Where the name was looked up just now, or something else is missing: none."""
        reads: list[str] = []
        acts: list[str] = []

        def find(project_id: str, external_id: str) -> CustomerName:
            reads.append(project_id + external_id)
            return CustomerName(**BEN)

        def act(ref: WalletRef) -> str:
            acts.append(ref.customer_id)
            raise NotFound("Not here", reason=reason)

        monkeypatch.setattr(remembering, "find_name", find)
        names = remembering.CustomerNames()
        if is_known:
            names.find("p", "ben", now=NOON)

        with pytest.raises(NotFound, match="Not here"):
            names.follow("p", "ben", act, now=NOON)

        assert (len(reads), acts) == (looked_up, ["c"])

    def test_one_that_was_only_deleted_is_not_found(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """And not remembered any longer."""
        answers = [CustomerName(**BEN), None, None]
        monkeypatch.setattr(remembering, "find_name", lambda *_: answers.pop(0))
        names = remembering.CustomerNames()
        names.find("p", "ben", now=NOON)

        def act(ref: WalletRef) -> str:
            raise NotFound(ref.customer_id)

        for _ in range(2):
            with pytest.raises(NotFound, match="Customer not found"):
                names.follow("p", "ben", act, now=NOON)
        assert answers == []


BEN: dict[str, Any] = {
    "project_id": "p",
    "external_id": "ben",
    "generation": 1,
    "customer_id": "c",
}
