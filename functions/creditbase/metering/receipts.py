"""Receipts: what an entry says that it cost, computed again from what it keeps.

Two readers. The customer sees unit prices as it pays them, never what they cost us; the
operator sees cost, markup and whether every figure agrees to the nano. Pure.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from math import gcd

from creditbase.catalog.domain import COUNTED_UNIT, Margin, PriceList, Usage
from creditbase.catalog.domain.pins import Pin
from creditbase.kernel.money import BPS_PER_ONE, UNITS_PER_PRICE, price_of
from creditbase.kernel.records import dataclass
from creditbase.ledger.domain.entries import Entry, digest_of
from creditbase.ledger.domain.shadow import SHADOW
from creditbase.ledger.domain.wallet import Metered

TAKES = frozenset({"charge", "capture", "expire", "late"})
"""Entries that take what work has used."""
UNIT_PRICES = "nanos_per_million"
"""Where the pricing of an entry keeps what the provider asks for each unit."""


@dataclass(frozen=True, slots=True)
class Line:
    """One unit of a priced call: how much of it, and what it cost us."""

    unit: str
    quantity: int
    nanos_per_million: int


@dataclass(frozen=True, slots=True)
class CustomerLine:
    """One unit as the customer pays it: `price_nanos` for every `per_units`, exact."""

    unit: str
    quantity: int
    price_nanos: int
    per_units: int


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that an entry says, and what it comes to when it is computed again."""

    what: str
    said: object
    computed: object


@dataclass(frozen=True, slots=True)
class Explanation:
    """An entry computed again. It agrees where nothing differs, to the nano.

    `price_nanos` and `cost_nanos` are None where nothing was priced by a book: amounts that
    the caller worked out, grants, refunds. `is_book_checked` says whether the unit prices
    were held against the very versions that the entry names.
    """

    entry: Entry
    lines: tuple[Line, ...]
    margin: Margin | None
    price_nanos: int | None
    cost_nanos: int | None
    is_book_checked: bool
    differences: tuple[Difference, ...]

    @property
    def agrees(self) -> bool:
        """Return whether every figure is what it should be."""
        return not self.differences

    def with_differences(self, more: Iterable[Difference]) -> "Explanation":
        """Return the explanation with what else was compared."""
        found = tuple(it for it in more if it.said != it.computed)
        return replace(self, differences=(*self.differences, *found)) if found else self


def explain(entry: Entry, prices: PriceList | None = None) -> Explanation:
    """Compute an entry again: its hash, postings, draws, price and cost.

    With `prices`, the versions that the entry names, the unit prices are looked up too.
    """
    metered = entry.metered
    is_priced = UNIT_PRICES in metered.pricing
    lines = _lines(metered) if is_priced else ()
    margin = Pin.read(metered.pricing).margin if is_priced else None
    price_nanos = None if margin is None else _price_nanos(metered, lines, margin)
    cost_nanos = None if margin is None else price_of(lines=_pairs(lines), markup_bps=0)
    found = [
        *_sums(entry),
        *_money(entry, price_nanos, cost_nanos),
        *(_book(entry, lines, prices) if is_priced and prices is not None else ()),
    ]
    return Explanation(
        entry=entry,
        lines=lines,
        margin=margin,
        price_nanos=price_nanos,
        cost_nanos=cost_nanos,
        is_book_checked=is_priced and prices is not None,
        differences=tuple(it for it in found if it.said != it.computed),
    )


def explain_stored(entry: Entry, load: Callable[[Pin], PriceList]) -> Explanation:
    """Compute an entry again, its unit prices by the versions that `load` finds.

    Raises:
        NotFound: a version that the entry names is not there any more.
    """
    if UNIT_PRICES not in entry.metered.pricing:
        return explain(entry)
    return explain(entry, load(Pin.read(entry.metered.pricing)))


def priced_nanos(metered: Metered) -> int:
    """Return what a receipt comes to, computed again from what it keeps alone."""
    return _price_nanos(metered, _lines(metered), Pin.read(metered.pricing).margin)


def customer_margin(metered: Metered) -> Margin:
    """Return the margin by which the customer can compute what it paid.

    Where the floor binds, the price is the cost and nothing else was added.
    """
    margin = Pin.read(metered.pricing).margin
    pairs, requests = _pairs(_lines(metered)), metered.quantities.get(COUNTED_UNIT, 0)
    unfloored = replace(margin, allows_below_cost=True)
    cost_nanos = price_of(lines=pairs, markup_bps=0)
    if (
        margin.allows_below_cost
        or unfloored.price_nanos(pairs, requests=requests) >= cost_nanos
    ):
        return margin
    return Margin(bps=0)


def customer_lines(metered: Metered) -> tuple[CustomerLine, ...]:
    """Return the units of a call as the customer pays them; none where nothing was priced.

    Their sum, rounded up once, with fee and minimum of `customer_margin`, is the price.
    """
    if UNIT_PRICES not in metered.pricing:
        return ()
    bps = customer_margin(metered).bps
    return tuple(_customer_line(line, bps) for line in _lines(metered))


def _customer_line(line: Line, bps: int) -> CustomerLine:
    price, per = customer_price(line.nanos_per_million, bps)
    return CustomerLine(line.unit, line.quantity, price, per)


def customer_price(nanos_per_million: int, bps: int) -> tuple[int, int]:
    """Return a unit's price with its markup, exact: so many nanos for so many units."""
    price, per = nanos_per_million * (BPS_PER_ONE + bps), UNITS_PER_PRICE * BPS_PER_ONE
    if price % BPS_PER_ONE == 0:
        return price // BPS_PER_ONE, UNITS_PER_PRICE
    shared = gcd(price, per)
    return price // shared, per // shared


# ---- computing again -------------------------------------------------------------------------


def _lines(metered: Metered) -> tuple[Line, ...]:
    prices = metered.pricing[UNIT_PRICES]
    assert isinstance(prices, Mapping)
    return tuple(
        Line(unit, metered.quantities.get(unit, 0), nanos) for unit, nanos in prices.items()
    )


def _pairs(lines: tuple[Line, ...]) -> list[tuple[int, int]]:
    return [(line.quantity, line.nanos_per_million) for line in lines]


def _price_nanos(metered: Metered, lines: tuple[Line, ...], margin: Margin) -> int:
    requests = metered.quantities.get(COUNTED_UNIT, 0)
    return margin.price_nanos(_pairs(lines), requests=requests)


def _sums(entry: Entry) -> Iterator[Difference]:
    """Yield what has to hold for every entry: seal, postings, draws."""
    yield Difference("hash", entry.hash, digest_of(entry.covered()))
    yield Difference("sum of the postings", sum(entry.postings.values()), 0)
    drawn_nanos = sum(draw.amount_nanos for draw in entry.draws)
    if entry.kind in TAKES:
        yield Difference("sum of the draws", drawn_nanos, entry.captured_nanos)
        used_nanos = entry.captured_nanos + entry.shortfall_nanos
        yield Difference("consumed", entry.postings.get("consumed", 0), used_nanos)
        short_nanos = -entry.postings.get("shortfall", 0)
        yield Difference("shortfall", short_nanos, entry.shortfall_nanos)
    if entry.kind == "hold":
        yield Difference("sum of the draws", drawn_nanos, entry.amount_nanos)
        yield Difference("held", entry.postings.get("held", 0), entry.amount_nanos)


def _money(
    entry: Entry, price_nanos: int | None, cost_nanos: int | None
) -> Iterator[Difference]:
    """Yield what the price and the cost say, and what they come to."""
    if price_nanos is None:
        return
    yield Difference("cost", entry.metered.cost_nanos, cost_nanos)
    if entry.kind == "hold":
        # In shadow mode what there is of it is held.
        undrawn_nanos = entry.cause.get(SHADOW, {}).get("undrawn_nanos", 0)
        yield Difference("price", entry.amount_nanos + undrawn_nanos, price_nanos)
        return
    if entry.kind == "void":
        # What a call would have used is noted with it, and not taken.
        yield Difference("price", entry.captured_nanos + entry.shortfall_nanos, 0)
        return
    before = entry.cause.get("before", {})
    already_nanos = before.get("captured_nanos", 0) + before.get("shortfall_nanos", 0)
    taken_nanos = already_nanos + entry.captured_nanos + entry.shortfall_nanos
    # What an expiry has taken is not given back by a late capture of less.
    yield Difference("price", taken_nanos, max(price_nanos, already_nanos))


def _book(entry: Entry, lines: tuple[Line, ...], prices: PriceList) -> Iterator[Difference]:
    """Yield whether the versions are the named ones, and say the same unit prices."""
    metered, pricing = entry.metered, entry.metered.pricing
    pin = Pin.read(pricing)
    yield Difference("book_digest", pricing.get("book_digest"), prices.book.digest)
    whole = "/" in pin.rates or not pin.rates  # an old pin does not name the project
    named = prices.rates.pin if whole else prices.rates.version
    yield Difference("rates_version", pin.rates, named)
    if pin.rates:
        yield Difference("rates_digest", pricing.get("rates_digest"), prices.rates.digest)
    model = prices.model(metered.model)
    priced = None if model is None else model.at(pin.at or entry.at, pin.variant)
    usage = Usage(**{COUNTED_UNIT: 0, **metered.quantities})
    table = {} if priced is None else priced.prices_for(usage)
    said = {line.unit: line.nanos_per_million for line in lines}
    yield Difference("unit prices", said, {unit: table.get(unit) for unit in said})
