"""The commands `analytics`: what `/admin/usage` and its sisters say, by the same use cases."""

import argparse
import sys
from collections.abc import Sequence
from datetime import date

from creditbase.admin import exports
from creditbase.admin.analytics import AsOf, read_customers, read_models, read_usage
from creditbase.admin.command_frame import Group, add_command, add_group
from creditbase.admin.domain.economics import Economics
from creditbase.kernel.days import days_between, range_of
from creditbase.kernel.errors import InvalidRequest
from creditbase.kernel.ids import project_uuid
from creditbase.kernel.instants import write_exact
from creditbase.kernel.money import NANOS_PER_CENT, ceil_div
from creditbase.runtime import clock

CUSTOMERS = 50
HUNDRED = 100


def take_analytics(groups: Group) -> None:
    """Add what may be typed."""
    group = add_group(groups, "analytics", "what was used, what it cost and what it brought")
    for name, run, text in (
        ("usage", _usage, "show each day: requests, credits, active users"),
        ("models", _models, "show each model: requests, revenue, cost, received, margins"),
        ("customers", _customers, "show a month's customers, the dearest to us first"),
        ("export", _export, "write days by model, provider and plan, or a month's customers"),
    ):
        command = add_command(group, name, run, text)
        command.add_argument("--project", default="hub", help="name of the project (hub)")
        if name != "customers":
            command.add_argument(
                "--from", dest="first", type=_day, help="first day, 2026-01-01"
            )
            command.add_argument(
                "--to", dest="last", type=_day, help="last day, inside (today)"
            )
        if name in {"customers", "export"}:
            command.add_argument("--month", help="2026-01 (the running one)")
        if name == "customers":
            command.add_argument("--limit", type=int, default=CUSTOMERS)
        if name == "export":
            command.add_argument("--what", choices=("days", "customers"), default="days")
            command.add_argument("--format", choices=("csv", "jsonl"), default="csv")


def _usage(given: argparse.Namespace) -> None:
    found, as_of = read_usage(project_uuid(given.project), _dates(given))
    for day in found.trends:
        _line(day.date, day.requests, day.credit_count, day.active_users)
    _line("all", found.requests, found.credit_count, found.active_users)
    _say(as_of)


def _models(given: argparse.Namespace) -> None:
    found, as_of = read_models(project_uuid(given.project), _dates(given))
    for row in found.models:
        _line(row.model, row.provider, *_earned(row.economics))
    _line("all", "", *_earned(found.totals))
    _say(as_of)


def _customers(given: argparse.Namespace) -> None:
    if given.limit < 1:
        raise InvalidRequest("At least one customer", field="limit")
    page = read_customers(project_uuid(given.project), _month(given), limit=given.limit)
    for found in page.customers:
        _line(found.customer_id, *_earned(found.economics))
    _say(page.as_of)
    if page.after is not None:
        print("there are more: --limit, or export", file=sys.stderr)


def _export(given: argparse.Namespace) -> None:
    project_id = project_uuid(given.project)
    if given.what == "days":
        rows = iter(exports.day_rows(project_id, _dates(given)))
        columns: Sequence[str] = exports.DAY_COLUMNS
    else:
        rows = exports.customer_rows(project_id, _month(given))
        columns = exports.CUSTOMER_COLUMNS
    sys.stdout.writelines(exports.written(rows, columns, given.format))


# ---- what was typed, what is shown -----------------------------------------------------------


def _dates(given: argparse.Namespace) -> list[str]:
    return days_between(*range_of(given.first, given.last, today=clock.now().date()))


def _month(given: argparse.Namespace) -> str:
    return exports.checked_month(given.month or clock.now().strftime("%Y-%m"))


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as fault:
        raise argparse.ArgumentTypeError(str(fault)) from fault


def _earned(found: Economics) -> tuple[object, ...]:
    """Return requests; face, cost and what was received in dollars; both margins."""
    tally = found.tally
    money = (tally.amount_nanos, tally.cost_nanos, tally.received_nanos)
    margins = (found.face_margin, found.received_margin)
    return (tally.requests, *map(_dollars, money), *map(_percent, margins))


def _dollars(nanos: int) -> str:
    return _hundredths(ceil_div(nanos, NANOS_PER_CENT))


def _percent(hundredths: int | None) -> str:
    return "-" if hundredths is None else f"{_hundredths(hundredths)}%"


def _hundredths(number: int) -> str:
    whole, rest = divmod(abs(number), HUNDRED)
    return f"{'-' if number < 0 else ''}{whole}.{rest:02}"


def _line(*cells: object) -> None:
    print("\t".join(map(str, cells)))


def _say(as_of: AsOf) -> None:
    if as_of.at is None:
        print("nothing was rolled up yet", file=sys.stderr)
        return
    exact = "exactly the ledger" if as_of.is_exact else "NOT exact: see the alert"
    print(f"as of {write_exact(as_of.at)}: {exact}", file=sys.stderr)
