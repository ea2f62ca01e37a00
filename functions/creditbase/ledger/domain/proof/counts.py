"""What entries count: requests and amounts by window, day and model, and budgets."""

from dataclasses import replace

from creditbase.kernel.ids import end_entry_id
from creditbase.ledger.domain.comparing import compared_with
from creditbase.ledger.domain.entries import PRIVATE_OF_METERED
from creditbase.ledger.domain.proof.reading import Doc
from creditbase.ledger.domain.proof.tale import Documents, Tale
from creditbase.ledger.domain.shadow import SHADOW
from creditbase.ledger.domain.wallet import (
    NO_USE,
    UNSPECIFIED_MODEL,
    Metered,
    Tally,
    tallied,
)

ENDS = frozenset({"capture", "void", "expire"})
TAKES = frozenset({"charge", "capture", "expire", "late"})
COMPARES = frozenset({"charge", "hold", "capture", "late"})
DIFFERENCES = ("charge_difference_nanos", "balance_difference_nanos")
TOLD = frozenset(
    {
        *("would", "code", "reason", "short_nanos", "undrawn_nanos", "max_output_tokens"),
        *("beyond_nanos", "charged_nanos", "balance_nanos", *DIFFERENCES),
    }
)
"""What may be told of what was compared."""


def count(tale: Tale, doc: Doc, earlier: Documents) -> None:
    """Count what an entry counts.

    Raises:
        Broken: it says what cannot be counted.
    """
    kind, start_at = doc.text("kind"), doc.instant("window_start_at")
    cause = doc.inner("cause", is_optional=True)
    _compare(tale, doc, cause.inner(SHADOW, is_optional=True))
    budget = cause.text("budget", "")
    if budget and kind in TAKES:
        tale.window(start_at).budgets[budget] += doc.whole("captured_nanos")
    if kind not in TAKES:
        return
    metered = metered_of(doc)
    asked_nanos = doc.whole("captured_nanos") + doc.whole("shortfall_nanos")
    if kind == "expire" and not asked_nanos and not metered.quantities:
        return
    if kind == "late":
        metered = _uncounted(doc, metered, earlier)
    captured_nanos, at = doc.whole("captured_nanos"), doc.instant("at")
    received_nanos = doc.whole("received_nanos", 0)
    window = tale.window(start_at)
    used = Tally.of(metered, captured_nanos)
    window.models = dict(tallied(window.models, metered.model, used))
    date = f"{at:%Y-%m-%d}"
    window.days[date] = window.days.get(date, NO_USE).joined(used)
    key, cells = (metered.model or UNSPECIFIED_MODEL, metered.provider), tale.day.cells
    paid = replace(used, received_nanos=received_nanos)
    cells[key] = cells.get(key, NO_USE).joined(paid)
    tale.used_at = at


def _compare(tale: Tale, doc: Doc, told: Doc) -> None:
    """Count what was compared in shadow mode; what is beyond is the shortfall of the entry."""
    if not told.fields:
        return
    told.has_only(frozenset(), TOLD)
    if doc.text("kind") not in COMPARES:
        raise doc.broken("cause.shadow", "nothing", told.fields)
    if told.whole("beyond_nanos", 0) != doc.whole("shortfall_nanos"):
        raise told.broken("beyond_nanos", doc.whole("shortfall_nanos"), told.fields)
    for name in DIFFERENCES:
        told.signed(name, 0)
    model = doc.inner("metered", is_optional=True).text("model", "")
    tale.day.compared = compared_with(tale.day.compared, model, told.fields)


def metered_of(doc: Doc) -> Metered:
    """Return what an entry metered.

    Raises:
        Broken: that is not what is written.
    """
    found = doc.inner("metered", is_optional=True)
    private = doc.inner("private", is_optional=True) if doc.has("seal") else found
    known = {"model", "quantities", *(() if doc.has("seal") else PRIVATE_OF_METERED)}
    found.has_only(frozenset(), frozenset(known))
    quantities = found.inner("quantities", is_optional=True)
    return Metered(
        found.text("model", ""),
        private.text("provider", ""),
        private.whole("cost_nanos", 0),
        {unit: quantities.whole(unit) for unit in quantities.fields},
        private.inner("pricing", is_optional=True).fields,
    )


def _uncounted(doc: Doc, metered: Metered, earlier: Documents) -> Metered:
    """Return what of a late capture its expiry had not counted."""
    end_id = end_entry_id(doc.text("hold_id"))
    ended = Doc(f"entries/{end_id}", earlier[end_id])
    before = metered_of(ended)
    before_nanos = ended.whole("captured_nanos") + ended.whole("shortfall_nanos")
    return metered.minus(before) if before_nanos or before.quantities else metered
