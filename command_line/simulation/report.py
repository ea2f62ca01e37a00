"""The report of a simulation: one HTML file with its charts, and nothing from elsewhere."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from creditbase.kernel.money import NANOS_PER_CENT, NANOS_PER_CREDIT, NANOS_PER_DOLLAR

WIDTH, HEIGHT, LEFT, BELOW = 760, 240, 90, 40
COLOURS = ("#2458c5", "#c2571a", "#1a7f4b")
STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:860px;margin:2rem auto;padding:0 1rem;"
    "color:#1b1f24;background:#fff}table{border-collapse:collapse;width:100%;font-size:14px}"
    "th,td{text-align:right;padding:4px 8px;border-bottom:1px solid #d0d7de}"
    "th:first-child,td:first-child{text-align:left}svg{max-width:100%;height:auto}"
    "figcaption span{margin-right:1.2em}figure{margin:1.5rem 0}"
)
CHARTS = (
    ("Money, in dollars", ("revenue_nanos", "cost_nanos", "margin_nanos"), NANOS_PER_DOLLAR),
    ("Credits", ("granted_nanos", "used_nanos", "expired_nanos"), NANOS_PER_CREDIT),
    ("Customers", ("customers", "payers", "customers_at_limit"), 1),
)
NAMES = {
    "revenue_nanos": "Revenue",
    "cost_nanos": "Cost",
    "margin_nanos": "Margin",
    "granted_nanos": "Granted",
    "used_nanos": "Used",
    "expired_nanos": "Expired",
    "outstanding_nanos": "Outstanding",
    "requests": "Calls",
    "refused": "Refused",
    "customers": "Customers",
    "payers": "Payers",
    "customers_at_limit": "At a limit",
}
"""What tables show, in their order."""
MONEY = frozenset({"revenue_nanos", "cost_nanos", "margin_nanos"})

Row = Mapping[str, Any]


def written(name: str, figure: int) -> str:
    """Return a figure as people read it: dollars and cents, credits, or a number.

    Rounded down, also below zero.
    """
    if name in MONEY:
        cents = figure // NANOS_PER_CENT
        sign, cents = ("-", -cents) if cents < 0 else ("", cents)
        return f"{sign}${cents // 100:,}.{cents % 100:02d}"
    return f"{figure // NANOS_PER_CREDIT if name.endswith('_nanos') else figure:,}"


def brief(name: str, figure: int) -> str:
    """Return a figure for a narrow table: money in whole dollars, rounded down."""
    if name not in MONEY:
        return written(name, figure)
    dollars = figure // NANOS_PER_DOLLAR
    return f"-${-dollars:,}" if dollars < 0 else f"${dollars:,}"


def write_report(title: str, facts: Sequence[str], runs: Mapping[str, Row]) -> str:
    """Return the report: what was simulated, then each run with its charts and tables."""
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>",
        f"<h1>{escape(title)}</h1>",
        "<ul>",
        *(f"<li>{escape(fact)}</li>" for fact in facts),
        "</ul>",
    ]
    if len(runs) > 1:
        rows = [{"run": name, **run["totals"]} for name, run in runs.items()]
        parts += ["<h2>Side by side</h2>", _table("run", rows)]
    for name, run in runs.items():
        parts.append(f"<h2>{escape(name)}</h2>")
        for heading, keys, unit in CHARTS:
            parts.append(_chart(heading, run["months"], keys, unit))
        parts += [_table("month", [*run["months"], {"month": "all", **run["totals"]}])]
        if run["segments"]:
            parts.append(_table("segment", run["segments"]))
    return "\n".join([*parts, "</body></html>\n"])


def _table(first: str, rows: Sequence[Row]) -> str:
    head = "".join(f"<th>{escape(it)}</th>" for it in (first, *NAMES.values()))
    lines = [
        f"<tr><td>{escape(str(row[first]))}</td>"
        + "".join(f"<td>{written(key, row[key])}</td>" for key in NAMES)
        + "</tr>"
        for row in rows
    ]
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>"


def _chart(title: str, months: Sequence[Row], keys: Sequence[str], unit: int) -> str:
    """Return bars for each month, in whole numbers throughout."""
    values = [[int(month[key]) // unit for key in keys] for month in months]
    highest = max(1, *(value for row in values for value in row))
    lowest = min(0, *(value for row in values for value in row))
    span, room = highest - lowest, HEIGHT - BELOW

    def y_of(value: int) -> int:
        return (highest - value) * room // span + 10

    slot = (WIDTH - LEFT) // len(months)
    bar = max(1, slot * 4 // 5 // len(keys))
    every = 1 + len(months) // 13
    drawn = [_line(y_of(value), f"{value:,}") for value in sorted({lowest, 0, highest})]
    for number, (month, row) in enumerate(zip(months, values, strict=True)):
        x = LEFT + number * slot
        for place, value in enumerate(row):
            top, bottom = sorted((y_of(value), y_of(0)))
            drawn.append(
                f'<rect x="{x + place * bar}" y="{top}" width="{bar}" '
                f'height="{max(1, bottom - top)}" fill="{COLOURS[place]}">'
                f"<title>{month['month']}: {NAMES[keys[place]]} {value:,}</title></rect>"
            )
        if number % every == 0:
            drawn.append(f'<text x="{x}" y="{HEIGHT - 6}">{escape(month["month"])}</text>')
    legend = "".join(
        f'<span style="color:{COLOURS[place]}">■ {NAMES[key]}</span>'
        for place, key in enumerate(keys)
    )
    return (
        f"<figure><figcaption><strong>{escape(title)}</strong> {legend}</figcaption>"
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}" '
        f'font-size="12">{"".join(drawn)}</svg></figure>'
    )


def _line(y: int, text: str) -> str:
    return (
        f'<line x1="{LEFT - 6}" x2="{WIDTH}" y1="{y}" y2="{y}" stroke="#d0d7de"/>'
        f'<text x="{LEFT - 10}" y="{y + 4}" text-anchor="end">{text}</text>'
    )
