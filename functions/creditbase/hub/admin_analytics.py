"""`/admin/usage`, `/admin/model-economics`, `/admin/customer-economics`, `/admin/export`.

Source: hub-api.md 6.1 and 6.2. Figures are exact as of `as_of`; what is shown in credits is
rounded up once for the whole answer and shared out, so that rows add up. Floats are made here.
"""

import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from creditbase.admin import analytics
from creditbase.admin.analytics import CustomerMonth, DayCell
from creditbase.admin.domain.economics import Economics, ModelEconomics
from creditbase.hub.admin_door import admin_of
from creditbase.hub.door import HUB
from creditbase.hub.ledger import Lines
from creditbase.hub.queries import asked_number, asked_project_id, asked_text
from creditbase.hub.receipts import csv_line
from creditbase.hub.usage_days import asked_days, days_between
from creditbase.kernel.errors import InvalidRequest
from creditbase.kernel.instants import write_exact, write_seconds
from creditbase.kernel.money import NANOS_PER_DOLLAR
from creditbase.runtime.http import Call, Reply, endpoint

Json = dict[str, object]

CREDITS_PER_DOLLAR = 1_000
CUSTOMERS = 50
CUSTOMERS_MAX = 200
EXPORTED_MONTH_ROWS_MAX = 100_000
MONTH = re.compile(r"20\d\d-(0[1-9]|1[0-2])")
CURSOR = re.compile(r"(-?\d{1,18}):([0-9a-f-]{36})")

COUNTERS = (
    *("requests", "input_tokens", "output_tokens", "images"),
    *("amount_nanos", "cost_nanos", "received_nanos"),
)
DAY_COLUMNS = ("date", "model", "provider", "plan", *COUNTERS)
CUSTOMER_COLUMNS = ("month", "customer_id", *COUNTERS)


@endpoint("admin_usage", door=HUB)
def admin_usage(call: Call) -> Reply:
    """Show what all customers used in a range of days, and how many they were.

    Answers 400 `INVALID_REQUEST` to days that are none, in the wrong order, or too many.
    """
    admin_of(call)
    first, last = asked_days(call.body, now=call.now)
    usage, as_of = analytics.read_usage(asked_project_id(call), days_between(first, last))
    return Reply(
        body={
            "period": _period(first, last),
            "total_requests": usage.requests,
            "total_credits_consumed": usage.credit_count,
            "active_users": usage.active_users,
            "usage_trends": [
                {
                    "date": day.date,
                    "requests": day.requests,
                    "credits_consumed": day.credit_count,
                    "active_users": day.active_users,
                }
                for day in usage.trends
            ],
            **_instants(as_of, call.now),
        }
    )


@endpoint("admin_model_economics", door=HUB)
def admin_model_economics(call: Call) -> Reply:
    """Show what each model cost and earned in a range of days, the largest revenue first.

    Answers 400 `INVALID_REQUEST` to days that are none, in the wrong order, or too many.
    """
    admin_of(call)
    first, last = asked_days(call.body, now=call.now)
    report, as_of = analytics.read_models(asked_project_id(call), days_between(first, last))
    return Reply(
        body={
            "period": _period(first, last),
            "models": [_model(row) for row in report.models],
            "totals": _earned(report.totals),
            **_instants(as_of, call.now),
        }
    )


@endpoint("admin_customer_economics", door=HUB)
def admin_customer_economics(call: Call) -> Reply:
    """Show what each customer cost and paid in a month, those that cost us the most first.

    Answers 400 `INVALID_REQUEST` to a month or cursor that is none.
    """
    admin_of(call)
    month = _month(call)
    limit = asked_number(
        asked_text(call, "limit") or str(CUSTOMERS), "limit", most=CUSTOMERS_MAX
    )
    found, as_of = analytics.read_customers(
        asked_project_id(call), month, after=_cursor(call), limit=limit + 1
    )
    shown = found[:limit]
    body: Json = {
        "month": month,
        "customers": [{"customer_id": it.customer_id, **_earned(it.economics)} for it in shown],
        **_instants(as_of, call.now),
    }
    if len(found) > limit:
        margin_nanos, customer_id = shown[-1].place
        body["next_cursor"] = f"{margin_nanos}:{customer_id}"
    return Reply(body=body)


@endpoint("admin_export", door=HUB)
def admin_export(call: Call) -> Reply:
    """Write days by model, provider and plan, or a month's customers, as a table or JSON Lines.

    Answers 400 `INVALID_REQUEST` to a query that it cannot read.
    """
    admin_of(call)
    what = asked_text(call, "what") or "days"
    form = asked_text(call, "format") or "csv"
    if what not in {"days", "customers"}:
        raise InvalidRequest("That is days or customers", field="what")
    if form not in {"csv", "jsonl"}:
        raise InvalidRequest("The format is csv or jsonl", field="format")
    project_id = asked_project_id(call)
    columns: tuple[str, ...] = CUSTOMER_COLUMNS
    if what == "customers":
        rows = _customer_rows(project_id, _month(call))
    else:
        first, last = asked_days(call.body, now=call.now)
        cells = analytics.read_cells(project_id, days_between(first, last))
        columns, rows = DAY_COLUMNS, (_day_row(cell) for cell in cells)
    is_table = form == "csv"
    return Reply(
        body=None,
        stream=Lines(
            "text/csv; charset=utf-8" if is_table else "application/jsonl",
            _written(rows, columns, is_table=is_table),
            head=csv_line(columns) if is_table else "",
        ),
        headers={"Content-Disposition": f'attachment; filename="{what}.{form}"'},
    )


# ---- shapes ----------------------------------------------------------------------------------


def _period(first: date, last: date) -> Json:
    """Return a range of days as a half-open span of instants."""
    return {name: write_seconds(_midnight(day)) for name, day in _bounds(first, last)}


def _bounds(first: date, last: date) -> tuple[tuple[str, date], tuple[str, date]]:
    return ("start", first), ("end", last + timedelta(days=1))


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _instants(as_of: datetime | None, now: datetime) -> Json:
    said: Json = {"generated_at": write_seconds(now)}
    return said if as_of is None else {**said, "as_of": write_exact(as_of)}


def _model(row: ModelEconomics) -> Json:
    tally = row.economics.tally
    return {
        "model": row.model,
        "provider": row.provider,
        "total_input_tokens": tally.input_tokens,
        "total_output_tokens": tally.output_tokens,
        **_earned(row.economics),
    }


def _earned(found: Economics) -> Json:
    """Return what was earned: as specified at the face of the credits, and in money."""
    tally = found.tally
    return {
        "total_requests": tally.requests,
        "provider_cost_usd": tally.cost_nanos / NANOS_PER_DOLLAR,
        "revenue_credits": found.revenue_credits,
        "revenue_usd": found.revenue_credits / CREDITS_PER_DOLLAR,
        "margin_pct": _percent(found.face_margin),
        "received_usd": tally.received_nanos / NANOS_PER_DOLLAR,
        "received_margin_pct": _percent(found.received_margin),
        "is_below_cost": found.is_below_cost,
        "provider_cost_nanos": tally.cost_nanos,
        "revenue_nanos": tally.amount_nanos,
        "received_nanos": tally.received_nanos,
    }


def _percent(hundredths: int | None) -> float | None:
    return None if hundredths is None else hundredths / 100


# ---- exports ---------------------------------------------------------------------------------


def _day_row(line: DayCell) -> Json:
    cell = line.cell
    names: Json = {"date": line.date, "model": cell.model, "provider": cell.provider}
    return {
        **names,
        "plan": cell.plan_code,
        **{name: getattr(line.tally, name) for name in COUNTERS},
    }


def _customer_rows(project_id: str, month: str) -> Iterator[Json]:
    """Yield the customers of a month, a page at a time; not more than an export may have."""
    after: tuple[int, str] | None = None
    for _ in range(0, EXPORTED_MONTH_ROWS_MAX, CUSTOMERS_MAX):
        page, _as_of = analytics.read_customers(
            project_id, month, after=after, limit=CUSTOMERS_MAX
        )
        yield from (_customer_row(month, it) for it in page)
        if len(page) < CUSTOMERS_MAX:
            return
        after = page[-1].place


def _customer_row(month: str, found: CustomerMonth) -> Json:
    tally = found.economics.tally
    counted = {name: getattr(tally, name) for name in COUNTERS}
    return {"month": month, "customer_id": found.customer_id, **counted}


def _written(
    rows: Iterator[Json], columns: tuple[str, ...], *, is_table: bool
) -> Iterator[bytes]:
    for row in rows:
        text = (
            csv_line(row[name] for name in columns)
            if is_table
            else json.dumps(row, separators=(",", ":"), ensure_ascii=False) + "\n"
        )
        yield text.encode()


# ---- what was asked --------------------------------------------------------------------------


def _month(call: Call) -> str:
    month = asked_text(call, "month") or call.now.strftime("%Y-%m")
    if not MONTH.fullmatch(month):
        raise InvalidRequest("The month is written like 2026-01", field="month")
    return month


def _cursor(call: Call) -> tuple[int, str] | None:
    given = asked_text(call, "cursor")
    if not given:
        return None
    found = CURSOR.fullmatch(given)
    if found is None:
        raise InvalidRequest("That is no cursor", field="cursor")
    return int(found[1]), found[2]
