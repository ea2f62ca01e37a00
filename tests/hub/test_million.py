"""Thirty days of a crowd: what admins are told is the ledger's sum, fast, in few reads.

A million charges of a thousand customers by forty models when soaking; fewer otherwise.
"""

import csv
import io
import json
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import pytest

from creditbase.accounts.use_cases import HUB_PROJECT_ID
from creditbase.jobs.rollup import roll_up_usage
from creditbase.kernel.days import days_between
from creditbase.kernel.errors import Unavailable
from creditbase.kernel.money import ceil_div
from creditbase.runtime import store_rpcs
from dev.layout import ROOT
from tests.hub.crowd import CREDIT, Crowd, Sums
from tests.hub.office import Office, office
from tests.relay.desk import NOON
from tests.wire import Wire
from tests.wired import _session_wire, wire

__all__ = ["_session_wire", "office", "wire"]
pytestmark = pytest.mark.firestore

DAYS, MODELS = 30, 40
SOAKED = pytest.param(
    1_000, 1_000_000, marks=[pytest.mark.soak, pytest.mark.timeout(7_200)], id="a million"
)
SIZES = pytest.mark.parametrize(("customers", "charges"), [(25, 900), SOAKED])
FIGURES = ROOT / ".run" / "million.txt"
ANSWER_READS_MAX, ANSWER_S_MAX = 400, 2.0
FIRST = NOON.replace(hour=0, minute=5)


def lived(customers: int, charges: int) -> Crowd:
    """Let the days pass, with roll-ups between, one of which is cut short each time."""
    crowd = Crowd(HUB_PROJECT_ID, MODELS)
    crowd.join(customers, at=FIRST)
    every = 10 if charges < 10_000 else 2
    for day in range(DAYS):
        begins_at = FIRST + timedelta(days=day)
        crowd.live(begins_at, charges // DAYS)
        if day == 12:
            crowd.change_plan(0, at=begins_at + timedelta(hours=23))
            crowd.call(0, at=begins_at + timedelta(hours=23))
        if (day + 1) % every != 0:
            continue
        crowd.write()
        at = begins_at + timedelta(hours=23, minutes=30)
        with suppress(Unavailable):
            roll_up_usage(at, limit=customers // 2)
        roll_up(at + timedelta(minutes=15))
    return crowd


def roll_up(at: datetime) -> None:
    """Run the job until all is counted; a slow store ends a run, and the next goes on."""
    is_complete = False
    while not is_complete:
        with suppress(Unavailable):
            is_complete = roll_up_usage(at).is_complete


def timed(ask: Callable[[], Any]) -> tuple[Any, float]:
    """Return an answer, and in how many seconds it came."""
    began_s = time.monotonic()
    found = ask()
    return found, time.monotonic() - began_s


@SIZES
def test_admins_are_told_the_ledgers_own_sums(
    customers: int,
    charges: int,
    office: Office,
    wire: Wire,
    *,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """To the nano; each answer within two seconds and four hundred documents."""
    began_s = time.monotonic()
    with monkeypatch.context() as patch:  # what is timed are the answers, not the crowd
        for limit in ("READ_TIMEOUT_S", "COMMIT_TIMEOUT_S"):
            patch.setattr(store_rpcs, limit, 120.0)
        crowd = lived(customers, charges)
    dates = days_between(FIRST.date(), (FIRST + timedelta(days=DAYS - 1)).date())
    office.clock.at = FIRST + timedelta(days=DAYS)
    span = {"start_date": dates[0], "end_date": dates[-1]}
    asked = {
        "usage": lambda: office.read("usage", **span),
        "model-economics": lambda: office.read("model-economics", **span),
        "customer-economics": lambda: office.read("customer-economics", month="2026-03"),
        "export": lambda: office.ask("export", 200, **span, format="jsonl").text,
    }
    answers, told = {}, [f"{crowd.charges:,} charges in {time.monotonic() - began_s:.0f} s"]
    office.read("usage", **span)  # the process is warm
    for name, ask in asked.items():
        wire.reset()
        answers[name], took_s = timed(ask)
        rpcs, reads, writes = wire.counts
        told.append(f"{name}: {took_s:.2f} s, {reads} documents by name in {rpcs} RPCs")
        is_paged = name == "customer-economics"
        # Who is asking is one document more.
        assert (reads, writes) == ((2, 0) if is_paged else (DAYS + 2, 0))
        assert reads + is_paged * 51 <= ANSWER_READS_MAX
        if charges >= 10**6:
            assert took_s <= ANSWER_S_MAX, told

    usage, models, page, exported = answers.values()
    _usage_is_the_ledgers(usage, crowd, dates)
    _models_are_the_ledgers(models, crowd, dates)
    rows = list(map(json.loads, exported.splitlines()))
    assert _summed(rows) == +crowd.sums
    assert page["is_exact"]
    for month in ("2026-03", "2026-04"):
        _customers_are_the_ledgers(office, crowd, month)
    if charges >= 10**6:
        # Beside the figures of whole runs: a worker of pytest has no terminal.
        FIGURES.parent.mkdir(parents=True, exist_ok=True)
        FIGURES.write_text("\n".join([*told, ""]), encoding="utf-8")


def _usage_is_the_ledgers(usage: Any, crowd: Crowd, dates: list[str]) -> None:
    assert usage["is_exact"]
    assert usage["total_requests"] == crowd.total("requests", dates) == crowd.charges
    spent = crowd.total("amount", dates)
    assert usage["total_credits_consumed"] == ceil_div(spent, CREDIT)
    trends = usage["usage_trends"]
    assert [day["date"] for day in trends] == dates
    assert [day["active_users"] for day in trends] == [
        len(crowd.active.get(date, set())) for date in dates
    ]
    assert [day["requests"] for day in trends] == [
        crowd.total("requests", [date]) for date in dates
    ]
    assert sum(day["credits_consumed"] for day in trends) == usage["total_credits_consumed"]
    assert usage["active_users"] == len(set().union(*crowd.active.values()))


def _models_are_the_ledgers(models: Any, crowd: Crowd, dates: list[str]) -> None:
    wanted: Sums = Counter()
    for (_, model, provider, name), count in crowd.sums.items():
        wanted[model, provider, "", name] += count
    found: Sums = Counter()
    names = {
        "requests": "total_requests",
        "amount": "revenue_nanos",
        "cost": "provider_cost_nanos",
        "received": "received_nanos",
        "input": "total_input_tokens",
        "output": "total_output_tokens",
    }
    for row in models["models"]:
        for name, field in names.items():
            found[row["model"], row["provider"], "", name] += row[field]
    assert +found == +wanted
    totals = models["totals"]
    assert totals["revenue_nanos"] == crowd.total("amount", dates)
    assert totals["provider_cost_nanos"] == crowd.total("cost", dates)
    assert totals["received_nanos"] == crowd.total("received", dates)
    assert totals["received_margin_pct"] < totals["margin_pct"]


def _customers_are_the_ledgers(office: Office, crowd: Crowd, month: str) -> None:
    """Page by page, and as a table: each customer once, in the order of what is left."""
    listed, cursor = [], ""
    while True:
        more = {"cursor": cursor} if cursor else {}
        page = office.read("customer-economics", month=month, limit="200", **more)
        listed += page["customers"]
        cursor = page.get("next_cursor", "")
        if not cursor:
            break
    table = office.ask("export", what="customers", month=month).text
    rows = list(csv.DictReader(io.StringIO(table)))

    margins = [row["received_nanos"] - row["provider_cost_nanos"] for row in listed]
    assert margins == sorted(margins)
    assert [row["customer_id"] for row in listed] == [row["customer_id"] for row in rows]
    wanted = {who for when, who, _, _ in crowd.by_customer if when == month}
    assert sorted(row["customer_id"] for row in rows) == sorted(wanted)
    for row in rows:
        names = {"requests": "requests", "amount_nanos": "amount", "cost_nanos": "cost"}
        for field, name in {**names, "received_nanos": "received"}.items():
            assert int(row[field]) == crowd.by_customer[month, row["customer_id"], "", name]


def _summed(rows: list[dict[str, Any]]) -> Sums:
    """Add up exported rows over their plans."""
    sums: Sums = Counter()
    names = {
        "requests": "requests",
        "amount": "amount_nanos",
        "cost": "cost_nanos",
        "received": "received_nanos",
        "input": "input_tokens",
        "output": "output_tokens",
    }
    for row in rows:
        for name, field in names.items():
            sums[row["date"], row["model"], row["provider"], name] += row[field]
    return +sums
