"""The commands `simulate people` and `simulate ledger`: what prices and plans would come to."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from command_line.answers import NOT_UNDERSTOOD, Answer, Failure, Session
from command_line.frame import command
from command_line.naming import Seller as OfSeller
from command_line.simulation.ledgers import Ledger, NotToldFrom, exported, stored
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
from command_line.simulation.retelling import Change, Retelling
from command_line.simulation.selling import Seller
from command_line.simulation.sheet import Sheet
from command_line.simulation.shelves import Sold, read_sold
from command_line.target import CATALOG_FILE, take_target
from creditbase.accounts.use_cases import HUB_PROJECT_ID
from creditbase.catalog.tier_use_cases import load_tiers
from creditbase.catalog.use_cases import load_catalog
from creditbase.kernel.ids import project_uuid
from creditbase.kernel.instants import read as read_instant
from creditbase.kernel.windows import Window, months_after
from creditbase.runtime import clock
from creditbase.runtime.emulator import refuse_unsafe_environment
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
Exports = Annotated[
    list[Path], typer.Argument(help="Private exports (the ledgers of the project).")
]
Month = Annotated[str, typer.Option(help="2026-10 (the last whole one; the newest of files).")]
WasSold = Annotated[Path | None, typer.Option(help="What was sold (what the project sells).")]
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
    command(simulate, "ledger", needs_target=False)(simulate_ledger)
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


def simulate_ledger(
    session: Session,
    files: Exports = [],  # noqa: B006  Typer reads it, nobody writes to it.
    *,
    month: Month = "",
    of: OfSeller = "hub",
    catalog: SoldBy = CATALOG_FILE,
    was: WasSold = None,
    rates: RatesFile = None,
    report: Report = None,
) -> Answer:
    """Tell a real month again at other prices or plans; reads a project, or private exports."""
    sold = read_sold(catalog, None, rates).catalog
    if files:
        ledgers: Iterable[Ledger] = _exported(files)
        change = Change(read_sold(was or CATALOG_FILE, None, None).catalog, sold)
        window = _month(month, max(it.entries[-1].at for it in _exported(files)))
    else:
        session.target = take_target(session.project)
        refuse_unsafe_environment()
        window = _month(month, months_after(clock.now().replace(day=1), -1))
        project_id = HUB_PROJECT_ID if of == "hub" else project_uuid(of)
        real = load_catalog(project_id)
        before = real if was is None else read_sold(was, None, None).catalog
        kept = sold if rates is not None else replace(sold, rates=real.rates)
        change = Change(before, kept, load_tiers(project_id))
        ledgers = stored(project_id, until=window.end_at)
    return _retold(session, ledgers, window, change, report)


def _exported(files: Sequence[Path]) -> list[Ledger]:
    try:
        return exported(files)
    except NotToldFrom as fault:
        raise Failure("NO_LEDGER", str(fault), fault.fix, NOT_UNDERSTOOD) from fault


def _month(text: str, at: datetime) -> Window:
    """Return the calendar month that was typed, or the one that an instant is in."""
    first = _first_of(text, "--month") if text else midnight(at.replace(day=1))
    return Window(first, months_after(first, 1))


def _retold(
    session: Session,
    ledgers: Iterable[Ledger],
    month: Window,
    change: Change,
    report: Path | None,
) -> Answer:
    was, again = Sheet([month]), Sheet([month])
    told = untold = limits = 0
    with session.progress("customers") as advance:
        for ledger in ledgers:
            one = Retelling(ledger, month, change, was, again)
            told += one.tell()
            untold += one.untold
            limits += one.has_limit
            advance()
    if not told:
        text = f"no customer has a ledger in {month.start_at:%Y-%m}"
        raise Failure("NOTHING_TO_TELL", text, "--month 2026-10")
    facts = [
        f"{told:,} customers, {month.start_at:%Y-%m}, price book {change.after.book.version}",
        f"{untold:,} corrections could not be told again",
        "calls that were refused then left no trace, and are not in it",
    ]
    if limits:
        facts.append(f"{limits:,} customers within limits of tiers: told without a limit")
    runs = {"as it was": was.close(), "told again": again.close()}
    asked = {"month": f"{month.start_at:%Y-%m}", "customers": told, "untold": untold}
    return answer_of(facts, runs, report, asked)


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
    if text:
        return _first_of(text, "--starts")
    made_at = read_instant(f"{sold.catalog.book.version[:10]}T00:00Z")
    return months_after(made_at.replace(day=1), 1)


def _first_of(text: str, option: str) -> datetime:
    try:
        return read_instant(f"{text}-01T00:00Z")
    except ValueError as fault:
        fix = f"{option} 2027-01"
        raise Failure("MONTH_UNCLEAR", f"{text!r} is no month", fix, NOT_UNDERSTOOD) from fault


def midnight(at: datetime) -> datetime:
    """Return the beginning of a day."""
    return at.replace(hour=0, minute=0, second=0, microsecond=0)


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
        lines.append(_table(name, "month", rows))
        if len(run["segments"]) > 1:
            lines.append(_table("", "segment", run["segments"]))
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
