"""What a run says, as documents: its page, its charts, and its lines in docs/scale.md.

All of it is made from the figures of one run, which lie beside the page: `make bench` writes
them, and `tests/dev/test_bench.py` holds the page to them.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from dev.bench import charts, sections
from dev.bench.cases import (
    ALL,
    COMMIT,
    HOT_CALLERS,
    LATENCY,
    LIMITED,
    NAIVE,
    OURS,
    RAW,
    SPACE_MS,
    TIDY,
    UNQUEUED,
    Case,
)
from dev.bench.targets import TIMES, Verdict, found_in, judged, ratio
from dev.layout import ROOT

Json = Mapping[str, Any]
FOLDER = ROOT / "docs" / "benchmarks"
SCALE = ROOT / "docs" / "scale.md"
FIGURES = "figures.json"
NOTHING = "\N{EN DASH}"
PER_CHARGE = "RPCs | reads | writes | CPU ms | by process"
BEGIN, END = "<!-- made by make bench: begin -->", "<!-- made by make bench: end -->"
TITLES = {
    NAIVE: "(a) as most write it",
    TIDY: "(b) tidy",
    OURS: "(c) Creditbase",
    COMMIT: "a bare commit",
    UNQUEUED: "(a) without its queue",
}
COLOURS = dict(zip((*ALL, COMMIT), charts.COLOURS, strict=True))
PROFILES = {
    LATENCY: "With latency put in",
    RAW: "Raw: the emulator as it is",
    LIMITED: "With latency, and at most 5 commits a second to each document",
}
BOUNDS = "[0058](../decisions/0058-what-bounds-a-wallet-in-one-process.md)"


def write(report: Json, folder: Path = FOLDER, scale: Path = SCALE) -> None:
    """Write the page with its charts and figures, and the lines about them in scale.md."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FIGURES).write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n")
    (folder / "README.md").write_text(page(report))
    for name, drawn in drawings(report).items():
        (folder / name).write_text(drawn)
    scale.write_text(with_lines(scale.read_text(), scale_lines(report)))


def with_lines(text: str, lines: Iterable[str]) -> str:
    """Return a document with other lines between the two marks."""
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n" + "\n".join(lines) + f"\n{END}{after}"


# ---- the page -------------------------------------------------------------------------------


def page(report: Json) -> str:
    """Return the page."""
    lines = [
        "# Benchmarks",
        "",
        f"Made by `make bench` from the figures of one run (`docs/benchmarks/{FIGURES}`).",
        *where(report),
        "",
        "## Ratios first",
        "",
        "With latency put in; of one spaced caller by its p50, else by charges a second.",
        "",
        *ratio_table(report),
        "",
        *(f"![{title}]({name})\n" for name, title in PICTURES.items()),
        "## Targets",
        "",
        *target_table(judged(report)),
        "",
        f"What bounds the rates of one process, and what was not done about it: {BOUNDS}.",
        "",
        *_what_is_compared(report),
        *(line for profile in PROFILES for line in _cases(report, profile)),
        *sections.simulated(report),
        *sections.cpu(report),
        *sections.cold(report),
        *sections.doors(report),
        *sections.load(report),
    ]
    return "\n".join(lines).rstrip() + "\n"


def where(report: Json) -> list[str]:
    """Return on what, when and of what the figures are."""
    machine = report["machine"]
    changed = ", with changes that are not committed" if report["is_changed"] else ""
    short = " A short run, which shows only that the machinery works." * report["is_short"]
    return [
        sections.line(
            f"""
            Commit `{report["commit"]}`{changed}, {report["started_at"]}, in {report["took_s"]}
            s; {machine["cores"]} {TIMES} {machine["cpu"]}, {machine["memory_gib"]} GiB, load
            {machine["load"]} before it began; Python {machine["python"]},
            google-cloud-firestore {machine["client"]}, grpcio {machine["grpcio"]}, Firestore
            emulator {machine["emulator"]}.{short}
            """
        ),
        "Absolute figures are this machine's; the ratios are within the run.",
    ]


def _compared(report: Json) -> Iterator[tuple[Json, Mapping[str, Json]]]:
    """Yield the cases with latency in which ours stands beside the library's."""
    for case in report["cases"]:
        if case["profile"] != RAW and {NAIVE, OURS} <= set(case["designs"]):
            yield case, case["designs"]


def ratio_table(report: Json) -> list[str]:
    """Return what ours is in times of the others."""
    lines = [
        "| | ours ÷ (a) | ours ÷ (b) | (a) | (b) | ours |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for case, designs in _compared(report):
        is_spaced = bool(case["space_ms"])
        figure, unit = ("p50_ms", " ms") if is_spaced else ("per_s", "/s")
        values = [(designs.get(name) or {}).get(figure) for name in ALL]
        times = [
            ratio(other, values[2]) if is_spaced else ratio(values[2], other)
            for other in values[:2]
        ]
        cells = [*(_times(each) for each in times), *(_said(each, unit) for each in values)]
        cells[0] = f"**{cells[0]}**"
        lines.append(f"| {_who(case)} | " + " | ".join(cells) + " |")
    return lines


def _who(case: Json) -> str:
    customers = "one customer" if case["customers"] == 1 else f"{case['customers']:,} customers"
    callers = "one spaced caller" if case["space_ms"] else f"{case['callers']} callers"
    instances = f", {case['processes']} processes" if case["processes"] > 1 else ""
    limited = ", 5 commits a second" if case["profile"] == LIMITED else ""
    return f"{callers}, {customers}{instances}{limited}"


def _times(value: float | None) -> str:
    if value is None:
        return NOTHING
    return f"{value:.0f} {TIMES}" if value >= 20 else f"{value:.1f} {TIMES}"


def _said(value: float | None, unit: str = "") -> str:
    if value is None:
        return NOTHING
    return f"{value:,.0f}{unit}" if value >= 100 else f"{value:,g}{unit}"


def target_table(verdicts: Sequence[Verdict]) -> list[str]:
    """Return the targets, each with what came of it."""
    words = {True: "pass", False: "**FAIL**", None: "not measured"}
    rows = [
        f"| {it.name} | {it.wanted} | {it.found or NOTHING} | {words[it.is_met]} |"
        for it in verdicts
    ]
    return ["| target | wanted | found | |", "|---|---|---|---|", *rows]


def _what_is_compared(report: Json) -> list[str]:
    latency = ", ".join(f"{name} {ms} ms" for name, ms in report["latency_ms"].items())
    return [
        "## What is compared",
        "",
        sections.line(
            """
            One call of a model (1,200 tokens in, 350 out) is priced and taken, on one emulator,
            in the same processes, by the same client library underneath:
            """
        ),
        "",
        sections.line(
            """
            - **(a)** the deduction as most Firebase projects write it:
            `@firestore.transactional`, six documents read one by one (user, plan, price,
            dedupe, day, model), five written;
            """
        ),
        sections.line(
            """
            - **(b)** a tidy transaction of the library: two documents read at once, four
            written, prices kept in the process, counters as increments;
            """
        ),
        sections.line(
            """
            - **(c)** Creditbase: the use case of `POST /charges` with everything it does
            (prices by plan and markup, grants, counters, entry with its hash, exactly once).
            """
        ),
        "",
        sections.line(
            """
            (a) and (b) get their best case: callers of one customer queue in front of the
            transaction, in the process and, where there are several, among them, because
            without a queue they end each other's. None of the three is asked over HTTP here.
            """
        ),
        "",
        sections.line(
            f"""
            Latency is put in at the gRPC boundary, before each RPC: {latency}. These figures
            are an assumption, as in a region; the emulator has neither network nor quorum. A
            customer has been charged once before a case begins (of (a) and (b) one of the
            thousand: they keep nothing that could be warm).
            """
        ),
        "",
        sections.line(
            """
            Every case is exact where the balance, the counters and the number of entries are
            those of the charges that were answered as done, to the nano. p50 and p99 are of the
            charges that were done within the time: callers of (a) and (b) that were still
            queueing at its end waited longer than any figure says.
            """
        ),
        "",
    ]


def _cases(report: Json, profile: str) -> list[str]:
    found = [case for case in report["cases"] if case["profile"] == profile]
    if not found:
        return []
    lines = [
        f"## {PROFILES[profile]}",
        "",
        f"| | design | charges/s | p50 ms | p99 ms | {PER_CHARGE} | errors | exact |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|",
    ]
    for case in found:
        who = _who({**case, "profile": ""})
        for name, figures in case["designs"].items():
            lines.append(f"| {who} | {TITLES[name]} | " + _row(figures))
            who = ""
    return [
        *lines,
        "",
        sections.line(
            """
            RPCs, reads, writes and the client's CPU are per charge; by process are the charges
            of the one that did least and of the one that did most.
            """
        ),
        "",
    ]


def _row(figures: Json) -> str:
    errors = ", ".join(f"{count} {name}" for name, count in figures["errors"].items())
    cells = [
        _said(figures["per_s"]),
        _said(figures["p50_ms"]),
        _said(figures["p99_ms"]),
        *(f"{figures[name]:.2f}" for name in ("rpcs", "reads", "writes")),
        f"{figures['cpu_us'] / 1000:.1f}",
        f"{figures['least']} to {figures['most']}",
        errors or "0",
        "yes" if figures["is_exact"] else "**NO**",
    ]
    return " | ".join(cells) + " |"


# ---- pictures, and docs/scale.md ------------------------------------------------------------

PICTURES = {
    "rates.svg": "Charges a second of one customer, by callers",
    "processes.svg": "Charges a second of one hot customer, by processes",
    "alone.svg": "How long a charge takes one spaced caller",
}


def drawings(report: Json) -> dict[str, str]:
    """Return the charts by their files' names."""
    rates = [
        _group(report, Case(callers), f"{callers} callers", "per_s") for callers in (8, 32, 128)
    ]
    hot = [
        _group(report, Case(HOT_CALLERS, instances=n), f"{n} processes", "per_s")
        for n in (2, 4, 8)
    ]
    alone = _group(report, Case(1, space_ms=SPACE_MS), "", "p50_ms", (COMMIT, *ALL))
    drawn = {"rates.svg": rates, "processes.svg": hot, "alone.svg": [alone]}
    units = {"alone.svg": "p50, ms"}
    return {
        name: charts.bars(PICTURES[name], units.get(name, "charges/s"), groups)
        for name, groups in drawn.items()
    }


def _group(
    report: Json, case: Case, title: str, figure: str, names: Sequence[str] = ALL
) -> charts.Group:
    bars = []
    for name in names:
        value = (found_in(report, case, name) or {}).get(figure)
        bars.append(charts.Bar(TITLES[name], value, COLOURS[name]))
    return charts.Group(title, bars)


def scale_lines(report: Json) -> list[str]:
    """Return what docs/scale.md says of a run."""
    return [
        sections.line(
            f"""
            Commit `{report["commit"]}`, {report["started_at"]}, {report["machine"]["cores"]}
            cores; with latency put in. All figures, and what they are of:
            [benchmarks](benchmarks/README.md).
            """
        ),
        "",
        "| | charges/s | p50 ms | p99 ms | writes per charge | times (a) |",
        "|---|--:|--:|--:|--:|--:|",
        *(
            f"| {_who(case)} | {_said(ours['per_s'])} | {_said(ours['p50_ms'])} | "
            f"{_said(ours['p99_ms'])} | {ours['writes']:.2f} | {_times(_versus(case))} |"
            for case, designs in _compared(report)
            for ours in (designs[OURS],)
        ),
    ]


def _versus(case: Json) -> float | None:
    ours, naive = case["designs"][OURS], case["designs"][NAIVE]
    if case["space_ms"]:
        return ratio(naive["p50_ms"], ours["p50_ms"])
    return ratio(ours["per_s"], naive["per_s"])
