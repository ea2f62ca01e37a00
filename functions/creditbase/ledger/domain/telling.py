"""What a project's developer is told of a wallet: decided in the commit that makes it so.

A threshold of the window's limit is told once for each window. A request is told of when it
is completed, and only where somebody wants to hear: it is one more write.
"""

from collections.abc import Mapping
from dataclasses import replace

from creditbase.kernel.instants import to_micros, write_seconds
from creditbase.kernel.money import NANOS_PER_CENT, ceil_div
from creditbase.ledger.domain.draft import Draft
from creditbase.ledger.domain.entries import Entry
from creditbase.ledger.domain.notes import Told

THRESHOLDS_PERCENT = (80, 100)


def tell_thresholds(draft: Draft) -> None:
    """Tell each threshold of the running window's limit that was reached, and not told yet."""
    terms, window = draft.wallet.terms, draft.wallet.window
    if terms.included != "limited" or terms.limit_nanos == 0:
        return
    spent_nanos, limit_nanos = window.included_spent_nanos, terms.limit_nanos
    for percent in THRESHOLDS_PERCENT:
        if percent <= window.told_percent or spent_nanos * 100 < limit_nanos * percent:
            continue
        window = replace(window, told_percent=percent)
        draft.told.append(
            Told(
                "usage.threshold_exceeded",
                f"threshold/{percent}/{to_micros(window.span.start_at)}",
                {
                    "threshold_percent": percent,
                    "tier_id": terms.plan_code,
                    "spend_limit_cents": limit_nanos // NANOS_PER_CENT,
                    "spent_cents": ceil_div(spent_nanos, NANOS_PER_CENT),
                    "window_start": write_seconds(window.span.start_at),
                    "window_end": write_seconds(window.span.end_at),
                },
            )
        )
    if window is not draft.wallet.window:
        draft.change(window=window)


def tell_request(draft: Draft, entry: Entry) -> None:
    """Tell of a request that was paid for."""
    draft.told.append(Told("request.completed", f"request/{entry.entry_id}", _facts(entry)))


def _facts(entry: Entry) -> Mapping[str, object]:
    before = entry.cause.get("before", {})
    facts: dict[str, object] = {
        "model": entry.metered.model,
        "usage": dict(entry.metered.quantities),
        "amount_nanos": entry.captured_nanos + before.get("captured_nanos", 0),
        "shortfall_nanos": entry.shortfall_nanos + before.get("shortfall_nanos", 0),
        "hold_id": entry.hold_id,
        "completed_at": write_seconds(entry.at),
    }
    return {name: value for name, value in facts.items() if value not in ("", {})}
