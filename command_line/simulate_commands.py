"""The commands `simulate people` and `simulate ledger`: what prices and plans would come to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from command_line.answers import NOT_UNDERSTOOD, Answer, Failure, Session
from command_line.frame import command
from command_line.simulation.living import Living
from command_line.simulation.population import (
    POPULATION_FILE,
    Population,
    count_people,
    months_of,
    people,
    read_population,
)
from command_line.simulation.report import NAMES, brief, write_report
from command_line.simulation.selling import Seller
from command_line.simulation.sheet import Sheet
from command_line.simulation.shelves import Sold, read_sold
from command_line.target import CATALOG_FILE
from creditbase.kernel.instants import read as read_instant
from creditbase.kernel.windows import months_after
from dev.layout import ROOT

BRIEF = (
    *("revenue_nanos", "cost_nanos", "margin_nanos"),
    *("granted_nanos", "used_nanos", "expired_nanos", "customers", "customers_at_limit"),
)
"""What a terminal of 80 columns has room for; `--json` and the report have it all."""
Months = Annotated[int, typer.Option(min=1, max=60, help="How many months.")]
Starts = Annotated[str, typer.Option(help="The first month, 2027-01 (after the price book).")]
Seed = Annotated[int, typer.Option(help="The same seed makes the same customers.")]
SoldBy = Annotated[
    Path,
    typer.Option("--catalog", help="What is sold (catalog.json).", show_default=False),
]
Against = Annotated[
    Path | None, typer.Option(help="Another catalog, for the very same customers.")
]
TiersFile = Annotated[
    Path | None, typer.Option("--tiers", help="Sell these tiers instead of the plans.")
]
RatesFile = Annotated[Path | None, typer.Option("--rates", help="A project's own prices.")]
Who = Annotated[
    Path,
    typer.Option(
        "--population", help="Who is simulated (one to begin with).", show_default=False
    ),
]
Report = Annotated[Path | None, typer.Option(help="Write a report with charts: HTML.")]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is simulated."""

    population: Population
    months: int
    starts: str
    seed: int


def take(app: typer.Typer) -> None:
    """Add what may be typed."""
    simulate = typer.Typer(name="simulate", help="What prices and plans would come to.")
    command(simulate, "people", needs_target=False)(simulate_people)
    app.add_typer(simulate)

    @simulate.callback()
    def _only_by_name() -> None:
        """What prices and plans would come to."""


def simulate_people(
    session: Session,
    *,
    months: Months = 3,
    starts: Starts = "",
    seed: Seed = 1,
    population: Who = POPULATION_FILE,
    report: Report = None,
    catalog: SoldBy = CATALOG_FILE,
    against: Against = None,
    tiers: TiersFile = None,
    rates: RatesFile = None,
) -> Answer:
    """Let made-up customers live for months, by the very decisions that real ones meet."""
    plan = Plan(read_population(population), months, starts, seed)
    files = [catalog, *([against] if against is not None else [])]
    runs: dict[str, Mapping[str, Any]] = {}
    for file in files:
        sold = read_sold(file, tiers, rates)
        runs[_named(file)] = _lived(session, plan, sold)
    facts = [
        f"{count_people(plan.population, months):,} customers, {months} months, seed {seed}",
        f"price book {sold.catalog.book.version}; what Stripe keeps is not taken off",
    ]
    return answer_of(facts, runs, report, {"seed": seed, "months": months})


def _named(file: Path) -> str:
    return str(file.relative_to(ROOT) if file.is_relative_to(ROOT) else file)


def _lived(session: Session, plan: Plan, sold: Sold) -> Mapping[str, Any]:
    months = months_of(_start(plan.starts, sold), plan.months)
    check_sellable(plan.population, sold, months[0].start_at)
    sheet = Sheet(months)
    packs = dict(sold.catalog.packs)
    total = count_people(plan.population, plan.months)
    with session.progress("customers", total) as advance:
        for person in people(plan.population, months, seed=plan.seed):
            Living(person, sold.seller, packs, sheet).live(months)
            advance()
    return sheet.close()


def _start(text: str, sold: Sold) -> datetime:
    """Return the first instant; without one said the month after the price book's."""
    try:
        if text:
            return read_instant(f"{text}-01T00:00Z")
    except ValueError as fault:
        raise Failure(
            "MONTH_UNCLEAR", f"{text!r} is no month", "--starts 2027-01", 2
        ) from fault
    made_at = read_instant(f"{sold.catalog.book.version[:10]}T00:00Z")
    return months_after(made_at.replace(day=1), 1)


def check_sellable(population: Population, sold: Sold, at: datetime) -> None:
    """Refuse a population that wants what is not sold.

    Raises:
        Failure: a plan, pack or model of it is unknown.
    """
    seller: Seller = sold.seller
    for segment in population.segments:
        for name in filter(None, (segment.plan, segment.moves_to)):
            if name not in sold.names:
                raise _unclear(segment.name, f"nobody sells {name}", sold.names)
        if segment.moves_to and seller.price(segment.moves_to) is None:
            raise _unclear(segment.name, f"{segment.moves_to} costs nothing", sold.names)
        if segment.buys and segment.buys not in sold.packs:
            raise _unclear(segment.name, f"there is no pack {segment.buys}", sold.packs)
        for call in segment.calls:
            if sold.catalog.prices.find(call.model, at) is None:
                raise _unclear(segment.name, f"{call.model} has no price", ("docs/prices.md",))


def _unclear(segment: str, text: str, known: Sequence[str]) -> Failure:
    known_text = f"one of: {', '.join(known)}"
    return Failure("POPULATION_UNCLEAR", f"{segment}: {text}", known_text, NOT_UNDERSTOOD)


# ---- what is shown ---------------------------------------------------------------------------


def answer_of(
    facts: Sequence[str],
    runs: Mapping[str, Mapping[str, Any]],
    report: Path | None,
    asked: Mapping[str, Any],
) -> Answer:
    """Return the figures, their tables, and where the report was written."""
    lines: list[RenderableType] = [Text("\n".join(facts))]
    for name, run in runs.items():
        rows = [*run["months"], {"month": "all", **run["totals"]}]
        lines += [_table(name, "month", rows), _table("", "segment", run["segments"])]
    if len(runs) > 1:
        rows = [{"run": name, **run["totals"]} for name, run in runs.items()]
        lines.append(_table("side by side", "run", rows))
    if report is not None:
        report.write_text(write_report("Creditbase simulation", facts, runs), encoding="utf-8")
        lines.append(Text(f"report: {report}"))
    result = {
        **asked,
        "facts": list(facts),
        "runs": [{"name": name, **run} for name, run in runs.items()],
        "report": None if report is None else str(report),
    }
    return Answer(result, Group(*lines))


def _table(title: str, first: str, rows: Sequence[Mapping[str, Any]]) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.add_column(first, no_wrap=True)
    for name in BRIEF:
        table.add_column(NAMES[name], justify="right", no_wrap=True)
    for row in rows:
        table.add_row(str(row[first]), *(brief(key, row[key]) for key in BRIEF))
    return table
