"""What is exported of the analytics: rows of whole numbers, as CSV or JSON Lines, all of them.

All rows of an export are of one instant, that of its first read.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal

from creditbase.admin import analytics
from creditbase.admin.analytics import CustomerMonth, DayCell
from creditbase.kernel.errors import InvalidRequest
from creditbase.ledger.domain.wallet import Tally
from creditbase.runtime.tables import csv_line, json_line

Row = Mapping[str, object]
Form = Literal["csv", "jsonl"]

CUSTOMERS_MAX = 100_000
"""Of one export; who has more exports from BigQuery."""
PAGE = 500

MONTH = re.compile(r"20[0-9]{2}-(0[1-9]|1[0-2])")

COUNTERS = (
    *("requests", "input_tokens", "output_tokens", "images"),
    *("amount_nanos", "cost_nanos", "received_nanos"),
)
DAY_COLUMNS = ("date", "model", "provider", "plan", *COUNTERS)
CUSTOMER_COLUMNS = ("month", "customer_id", *COUNTERS)


def checked_month(text: str) -> str:
    """Return a month, if it is one.

    Raises:
        InvalidRequest: it is none.
    """
    if not MONTH.fullmatch(text):
        raise InvalidRequest("The month is written like 2026-01", field="month")
    return text


def day_rows(project_id: str, dates: Sequence[str]) -> list[Row]:
    """Return the days by model, provider and plan; days without use have no row."""
    return [_day_row(line) for line in analytics.read_cells(project_id, dates)]


def _day_row(line: DayCell) -> Row:
    cell = line.cell
    names = {"date": line.date, "model": cell.model, "provider": cell.provider}
    return {**names, "plan": cell.plan_code, **_counted(line.tally)}


def customer_rows(project_id: str, month: str) -> Iterator[Row]:
    """Return the customers of a month, those with the least margin first.

    Raises:
        InvalidRequest: there are more than an export may have, so it would not be all.
    """
    if analytics.count_customers(project_id, month) > CUSTOMERS_MAX:
        raise InvalidRequest(
            f"A month of more than {CUSTOMERS_MAX:,} customers is exported from BigQuery",
            field="what",
        )
    first = analytics.read_customers(project_id, month, limit=PAGE)
    return _all_rows(project_id, month, first)


def _all_rows(project_id: str, month: str, page: analytics.Page) -> Iterator[Row]:
    yield from (_customer_row(month, it) for it in page.customers)
    while page.after is not None:
        page = analytics.read_customers(project_id, month, limit=PAGE, after=page.after)
        yield from (_customer_row(month, it) for it in page.customers)


def _customer_row(month: str, found: CustomerMonth) -> Row:
    counted = _counted(found.economics.tally)
    return {"month": month, "customer_id": found.customer_id, **counted}


def _counted(tally: Tally) -> Row:
    return {name: getattr(tally, name) for name in COUNTERS}


def written(rows: Iterable[Row], columns: Sequence[str], form: Form) -> Iterator[str]:
    """Yield the lines of a file: of CSV with a head, of JSON Lines without."""
    if form == "csv":
        yield csv_line(columns)
    for row in rows:
        yield csv_line(row[name] for name in columns) if form == "csv" else json_line(row)
