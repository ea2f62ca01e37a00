"""From when on a change of tier within a period is prorated. Pure.

Stripe prorates by time. But what was used of a dearer tier's limit is not given back, or up,
spend, down would be usage that nobody paid for; and what was not given back is not paid a
second time by whoever goes up again. So the price of a period is taken apart into layers, one
from each price that was paid to the next, each with the part of the limit that it adds. Usage
fills the limits from below. A layer is paid from some instant until another, and Stripe is
told the one instant from which its own proration comes to the sum of what they owe or return.

Source: ADR-0017. Instants within a period are whole seconds, as Stripe's are.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from creditbase.catalog.domain.tiers import Tier, Tiers
from creditbase.kernel.records import dataclass
from creditbase.kernel.windows import Window
from creditbase.subscriptions.domain.mirror import Invoice, InvoiceLine, Subscription

NO_LIMIT = None
Limit = int | None
"""The most that may be used in a window, in nanos; None where there is no end to it."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What of a window's limit is used, held work included."""

    used_nanos: int
    window: Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """What a price adds to the next lower one: cents of a whole period, and limit.

    It was paid from `since_s` until `until_s`; never, where these are the period's start.
    """

    cents: int
    price_cents: int
    floor_nanos: Limit
    top_nanos: Limit
    since_s: int
    until_s: int


@dataclass(frozen=True, slots=True)
class Sale:
    """A change of price that was paid or given back from an instant to the period's end."""

    at_s: int
    from_s: int
    before_cents: int
    after_cents: int


def begins_anew(live: Subscription, target: Tier) -> bool:
    """Return whether Stripe begins another period now: the next price has another rhythm."""
    return live.is_yearly != (target.price_interval == "year")


def gives_back(live: Subscription, target: Tier) -> bool:
    """Return whether money of the running period is given back by a change."""
    cents = target.price_amount_cents or 0
    is_billed = live.status != "trialing"
    return is_billed and (begins_anew(live, target) or cents < live.price_cents)


def cap_of(live: Subscription, target: Tier) -> Limit:
    """Return the most that may be used while a change is under way that gives money back.

    Of a limit that begins anew nothing more; else what the next tier allows.
    """
    if begins_anew(live, target):
        return 0
    return NO_LIMIT if target.is_unlimited else target.limit_nanos


def prorated_from(
    live: Subscription,
    target: Tier,
    bills: Sequence[Invoice],
    tiers: Tiers,
    usage: Usage,
    *,
    now: datetime,
) -> datetime:
    """Return from when on Stripe is to prorate; now, where that is as by time alone."""
    is_anew = begins_anew(live, target)
    goes_to_cents = 0 if is_anew else target.price_amount_cents or 0
    step_cents = abs(goes_to_cents - live.price_cents)
    if step_cents == 0 or live.status == "trialing":
        return now
    begin_s, end_s, now_s = *_seconds(live.period), _second(now)
    sales = sales_of(live.period, bills) or [Sale(begin_s, begin_s, 0, live.price_cents)]
    layers = paid_layers(live.period, _limits(live, target, bills, tiers), sales)
    if goes_to_cents < live.price_cents:
        due = sum(
            layer.cents * _returned_s(layer, usage, end_s=end_s, now_s=now_s)
            for layer in layers
            if goes_to_cents < layer.price_cents <= live.price_cents
        )
    else:
        due = sum(
            layer.cents * (end_s - max(now_s, layer.until_s))
            for layer in layers
            if layer.price_cents <= goes_to_cents
        )
    # Not the very end: Stripe need not take it for an instant of the period.
    from_s = min(end_s - 1, end_s - due // step_cents)
    return max(now, datetime.fromtimestamp(max(begin_s, from_s), UTC))


def sales_of(period: Window, bills: Iterable[Invoice]) -> list[Sale]:
    """Return what the paid bills of a period sold and gave back, the oldest first."""
    found = []
    for bill in sorted((bill for bill in bills if bill.is_paid), key=lambda bill: bill.age):
        lines = [line for line in bill.lines if line.end_at == period.end_at]
        whole = [line for line in lines if not line.is_proration]
        if whole:
            begin_s = _second(period.start_at)
            found.append(Sale(begin_s, begin_s, 0, _dearest(whole)))
        changes = [line for line in lines if line.is_proration]
        for from_at in sorted({line.start_at for line in changes}):
            sale = _sale([line for line in changes if line.start_at == from_at], bill)
            found += [sale] if sale is not None else []
    return found


def _sale(lines: Sequence[InvoiceLine], bill: Invoice) -> Sale | None:
    """Return the change that these lines bill; None where no money moved at all."""
    returned = [line for line in lines if line.amount_cents < 0]
    taken = [line for line in lines if line.amount_cents > 0]
    if not returned and not taken:
        return None
    nothing = [line for line in lines if line.amount_cents == 0]
    return Sale(
        at_s=_second(bill.created_at),
        from_s=_second(lines[0].start_at),
        before_cents=_dearest(returned or nothing),
        after_cents=_dearest(taken or nothing),
    )


def paid_layers(
    period: Window, limits: Mapping[int, Limit], sales: Iterable[Sale]
) -> tuple[Layer, ...]:
    """Return the layers of a period's prices, the lowest first, as they are paid now."""
    begin_s, end_s = _seconds(period)
    layers: list[Layer] = []
    below_cents = 0
    floor_nanos: Limit = 0
    for price_cents in sorted(limits):
        top_nanos = _greater(floor_nanos, limits[price_cents])
        layers.append(
            Layer(
                cents=price_cents - below_cents,
                price_cents=price_cents,
                floor_nanos=floor_nanos,
                top_nanos=top_nanos,
                since_s=begin_s,
                until_s=begin_s,
            )
        )
        below_cents, floor_nanos = price_cents, top_nanos
    for sale in sales:
        layers = _after(layers, sale, end_s=end_s)
    return tuple(layers)


def _after(layers: Sequence[Layer], sale: Sale, *, end_s: int) -> list[Layer]:
    if sale.after_cents >= sale.before_cents:
        return [
            _paid_to_the_end(layer, sale.at_s, end_s=end_s)
            if layer.price_cents <= sale.after_cents
            else layer
            for layer in layers
        ]
    # What was given back is of what was used least: of the highest layers first.
    back = (sale.before_cents - sale.after_cents) * (end_s - sale.from_s)
    changed = []
    for layer in reversed(layers):
        part = 0
        if sale.after_cents < layer.price_cents <= sale.before_cents:
            part = min(back, layer.cents * max(0, layer.until_s - sale.at_s))
        back -= part
        changed.append(replace(layer, until_s=layer.until_s - part // layer.cents))
    return changed[::-1]


def _paid_to_the_end(layer: Layer, at_s: int, *, end_s: int) -> Layer:
    since_s = layer.since_s if layer.until_s >= at_s else at_s
    return replace(layer, since_s=since_s, until_s=end_s)


def _returned_s(layer: Layer, usage: Usage, *, end_s: int, now_s: int) -> int:
    """Return how many seconds of a layer are given back: those to come, less what was used.

    Of a year only its running month has a limit that can be used; later months are whole.
    """
    starts_s, ends_s = _seconds(usage.window)
    span_s = max(0, ends_s - max(layer.since_s, starts_s))
    unused_s = span_s
    if layer.floor_nanos is not None and usage.used_nanos > layer.floor_nanos:
        if layer.top_nanos is None:
            unused_s = 0
        elif layer.top_nanos > layer.floor_nanos:
            left_nanos = max(0, layer.top_nanos - usage.used_nanos)
            unused_s = span_s * left_nanos // (layer.top_nanos - layer.floor_nanos)
    within_s = min(max(0, ends_s - now_s), unused_s)
    return max(0, min(layer.until_s - now_s, end_s - max(now_s, ends_s) + within_s))


def _limits(
    live: Subscription, target: Tier, bills: Iterable[Invoice], tiers: Tiers
) -> dict[int, Limit]:
    """Return the limit that comes with each price of the period, by what it costs."""
    priced: list[tuple[int, Tier | None]] = [(live.price_cents, tiers.by_id(live.plan_code))]
    if not begins_anew(live, target):
        priced.append((target.price_amount_cents or 0, target))
    priced += [
        (line.price_cents, tiers.by_id(line.plan_code))
        for bill in bills
        for line in bill.lines
        if bill.is_paid and line.end_at == live.period.end_at
    ]
    found: dict[int, Limit] = {}
    for cents, tier in priced:
        if tier is not None and cents > 0:
            limit = NO_LIMIT if tier.is_unlimited else tier.limit_nanos
            found[cents] = _greater(found.get(cents, 0), limit)
    return found


def _greater(one: Limit, other: Limit) -> Limit:
    return NO_LIMIT if one is None or other is None else max(one, other)


def _dearest(lines: Iterable[InvoiceLine]) -> int:
    return max((line.price_cents for line in lines), default=0)


def _seconds(window: Window) -> tuple[int, int]:
    return _second(window.start_at), _second(window.end_at)


def _second(at: datetime) -> int:
    return int(at.timestamp())
