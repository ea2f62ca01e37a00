"""`/admin/usage`, `/admin/model-economics`, `/admin/customer-economics`, `/admin/export`.

Source: hub-api.md 6.1 and 6.2. Figures are exact as of `as_of`; what is shown in credits is
rounded up once for the whole answer and shared out, so that rows add up. Floats are made here.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta

from creditbase.admin import analytics, exports
from creditbase.admin.analytics import AsOf
from creditbase.admin.domain.economics import Economics, ModelEconomics
from creditbase.hub.admin_door import admin_of
from creditbase.hub.door import HUB
from creditbase.hub.queries import asked_number, asked_project_id, asked_text
from creditbase.hub.usage_days import asked_days
from creditbase.kernel.days import days_between
from creditbase.kernel.errors import InvalidRequest
from creditbase.kernel.instants import write_exact, write_seconds
from creditbase.kernel.money import NANOS_PER_DOLLAR
from creditbase.runtime.http import Call, Reply, Resources, endpoint
from creditbase.runtime.lines import Lines

Json = dict[str, object]

LARGE = Resources(memory_mb=1024, concurrency=8)
"""A year of a million customers is 366 bitmaps of an eighth of a megabyte, each twice."""
FOR_FILES = Resources(memory_mb=1024, concurrency=8, timeout_s=300)
CREDITS_PER_DOLLAR = 1_000
CUSTOMERS = 50
CUSTOMERS_MAX = 200


@endpoint("admin_usage", door=HUB, resources=LARGE)
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


@endpoint("admin_model_economics", door=HUB, resources=LARGE)
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


@endpoint("admin_customer_economics", door=HUB, resources=LARGE)
def admin_customer_economics(call: Call) -> Reply:
    """Show what each customer cost and paid in a month, those that cost us the most first.

    Answers 400 `INVALID_REQUEST` to a month or cursor that is none, or whose list has ended.
    """
    admin_of(call)
    month, cursor = _month(call), asked_text(call, "cursor")
    limit = asked_number(
        asked_text(call, "limit") or str(CUSTOMERS), "limit", most=CUSTOMERS_MAX
    )
    page = analytics.read_customers(
        asked_project_id(call),
        month,
        limit=limit,
        after=analytics.place_of(cursor) if cursor else None,
    )
    body: Json = {
        "month": month,
        "customers": [
            {"customer_id": it.customer_id, **_earned(it.economics)} for it in page.customers
        ],
        **_instants(page.as_of, call.now),
    }
    if page.after is not None:
        body["next_cursor"] = page.after.text
    return Reply(body=body)


@endpoint("admin_export", door=HUB, resources=FOR_FILES)
def admin_export(call: Call) -> Reply:
    """Write days by model, provider and plan, or a month's customers, as a table or JSON Lines.

    Answers 400 `INVALID_REQUEST` to a query that it cannot read, or whose rows are too many.
    """
    admin_of(call)
    what = asked_text(call, "what") or "days"
    form = _form(asked_text(call, "format") or "csv")
    project_id = asked_project_id(call)
    rows: Iterable[exports.Row]
    columns: Sequence[str]
    if what == "days":
        first, last = asked_days(call.body, now=call.now)
        rows = exports.day_rows(project_id, days_between(first, last))
        columns, span = exports.DAY_COLUMNS, f"{first}-{last}"
    elif what == "customers":
        span, columns = _month(call), exports.CUSTOMER_COLUMNS
        rows = exports.customer_rows(project_id, span)
    else:
        raise InvalidRequest("That is days or customers", field="what")
    kind = "text/csv; charset=utf-8" if form == "csv" else "application/jsonl"
    lines = (line.encode() for line in exports.written(rows, columns, form))
    named = f'attachment; filename="{what}-{span}.{form}"'
    return Reply(body=None, stream=Lines(kind, lines), headers={"Content-Disposition": named})


# ---- shapes ----------------------------------------------------------------------------------


def _period(first: date, last: date) -> Json:
    """Return a range of days as a half-open span of instants."""
    return {name: write_seconds(_midnight(day)) for name, day in _bounds(first, last)}


def _bounds(first: date, last: date) -> tuple[tuple[str, date], tuple[str, date]]:
    return ("start", first), ("end", last + timedelta(days=1))


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _instants(as_of: AsOf, now: datetime) -> Json:
    said: Json = {"generated_at": write_seconds(now)}
    if as_of.at is None:
        return said
    return {**said, "as_of": write_exact(as_of.at), "is_exact": as_of.is_exact}


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


# ---- what was asked --------------------------------------------------------------------------


def _form(given: str) -> exports.Form:
    if given == "csv":
        return "csv"
    if given == "jsonl":
        return "jsonl"
    raise InvalidRequest("The format is csv or jsonl", field="format")


def _month(call: Call) -> str:
    return exports.checked_month(asked_text(call, "month") or call.now.strftime("%Y-%m"))
