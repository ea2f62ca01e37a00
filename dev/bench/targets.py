"""What a run must reach, as ratios within the run: pure, from its figures.

A target whose figures were not measured in the run is neither met nor missed.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dev.bench.cases import (
    COMMIT,
    HOT_CALLERS,
    LIMITED,
    MANY,
    NAIVE,
    OURS,
    SPACE_MS,
    Case,
)

Json = Mapping[str, Any]
TIMES = "\N{MULTIPLICATION SIGN}"
ONE_CALLER_TIMES, ONE_COMMIT_TIMES = 4.0, 1.2
CALLERS_TIMES: Mapping[int, float] = {8: 20.0, 32: 60.0, 128: 240.0}
MANY_TIMES = 12.0
HOT_P99_MS = 2_000.0
LIMITED_PER_S, LIMITED_P99_MS = 200.0, 1_000.0
CPU_TIMES = 2.0
COLD_PERCENT = 125
USAGE_ME_MORE_MS = 2.0
GATEWAY_RPC_TIMES = 2.25
"""Two RPCs, and a quarter of one for all that is computed."""
FIRST_BYTE_RPC_TIMES = 1.25
GROWS_PERCENT_MAX = 10


@dataclass(frozen=True)
class Verdict:
    """A target, what the run came to, and whether that is enough."""

    name: str
    wanted: str
    found: str
    is_met: bool | None
    """None: not measured in this run."""


def judged(report: Json) -> list[Verdict]:
    """Return every target with what the run says about it."""
    return [
        *_one_caller(report),
        *_one_customer(report),
        _many_customers(report),
        *_hot(report),
        _limited(report),
        _exact(report),
        *_cpu(report),
        *_cold(report),
        *_doors(report),
        *_load(report),
    ]


def found_in(report: Json, case: Case, design: str) -> Json | None:
    """Return the figures of a design in a case, if they were measured."""
    for each in report.get("cases", []):
        if each["id"] == case.case_id:
            figures: Json | None = each["designs"].get(design)
            return figures
    return None


def ratio(ours: float | None, theirs: float | None) -> float | None:
    """Return how many times as much ours is; nothing where one is missing or nothing."""
    return None if ours is None or not theirs else ours / theirs


def _at_least(name: str, times: float | None, wanted: float) -> Verdict:
    said = "" if times is None else f"{times:.1f} {TIMES}"
    is_met = None if times is None else times >= wanted
    return Verdict(name, f"≥ {wanted:g} {TIMES}", said, is_met)


def _pair(report: Json, case: Case, figure: str) -> tuple[float | None, float | None]:
    ours, theirs = (found_in(report, case, design) for design in (OURS, NAIVE))
    return (ours or {}).get(figure), (theirs or {}).get(figure)


def _one_caller(report: Json) -> Iterator[Verdict]:
    case = Case(1, space_ms=SPACE_MS)
    ours_ms, naive_ms = _pair(report, case, "p50_ms")
    yield _at_least(
        "one spaced caller: p50 against (a)", ratio(naive_ms, ours_ms), ONE_CALLER_TIMES
    )
    commit_ms = (found_in(report, case, COMMIT) or {}).get("p50_ms")
    times = ratio(ours_ms, commit_ms)
    yield Verdict(
        "one spaced caller: p50 against a bare commit, the limit",
        f"≤ {ONE_COMMIT_TIMES:g} {TIMES}",
        "" if times is None else f"{times:.2f} {TIMES} ({ours_ms} of {commit_ms} ms)",
        None if times is None else times <= ONE_COMMIT_TIMES,
    )


def _one_customer(report: Json) -> Iterator[Verdict]:
    for callers, wanted in CALLERS_TIMES.items():
        times = ratio(*_pair(report, Case(callers), "per_s"))
        yield _at_least(f"{callers} callers on one customer: rate against (a)", times, wanted)


def _many_customers(report: Json) -> Verdict:
    times = ratio(*_pair(report, Case(32, MANY), "per_s"))
    name = f"32 callers on {MANY:,} customers: rate against (a)"
    return _at_least(name, times, MANY_TIMES)


def _hot(report: Json) -> Iterator[Verdict]:
    """Nobody may be refused or starve, and it must be faster than any number of (a)'s."""
    alone = [found_in(report, Case(callers), NAIVE) for callers in CALLERS_TIMES]
    shared = [found_in(report, Case(HOT_CALLERS, instances=n), NAIVE) for n in (2, 4, 8)]
    naive_per_s = max((each["per_s"] for each in (*alone, *shared) if each), default=None)
    for instances in (2, 4, 8):
        ours = found_in(report, Case(HOT_CALLERS, instances=instances), OURS)
        name = f"{instances} processes on one hot customer, {HOT_CALLERS} callers"
        wanted = "no error, all get on, p99 < 2 s, more than any (a)"
        if ours is None or naive_per_s is None:
            yield Verdict(name, wanted, "", None)
            continue
        said = f"{sum(ours['errors'].values())} errors, {ours['least']} to {ours['most']} each"
        said += f", p99 {ours['p99_ms']} ms, {ours['per_s'] / naive_per_s:.0f} {TIMES}"
        is_met = not ours["errors"] and ours["least"] > 0 and ours["p99_ms"] < HOT_P99_MS
        yield Verdict(name, wanted, said, is_met and ours["per_s"] > naive_per_s)


def _limited(report: Json) -> Verdict:
    ours = found_in(report, Case(128, profile=LIMITED), OURS)
    name = "one customer, 5 commits a second for each document"
    wanted = f"≥ {LIMITED_PER_S:.0f} charges/s, p99 < {LIMITED_P99_MS:.0f} ms"
    if ours is None:
        return Verdict(name, wanted, "", None)
    said = f"{ours['per_s']} charges/s, p99 {ours['p99_ms']} ms"
    is_met = ours["per_s"] >= LIMITED_PER_S and ours["p99_ms"] < LIMITED_P99_MS
    return Verdict(name, wanted, said, is_met and not ours["errors"])


def _exact(report: Json) -> Verdict:
    ours = [each["designs"][OURS] for each in report["cases"] if OURS in each["designs"]]
    wrong = sum(not each["is_exact"] or bool(each["errors"]) for each in ours)
    said = f"{len(ours) - wrong} of {len(ours)} cases"
    return Verdict("ours is exact, without an error, in every case", "all", said, wrong == 0)


def _cpu(report: Json) -> Iterator[Verdict]:
    layers = report.get("cpu_us")
    name = "CPU of a warm charge: gRPC's own, twice, and the pure decision"
    if not layers:
        yield Verdict(name, "at most", "", None)
        return
    floor_us, charge_us = layers["gRPC, bytes"], layers["a charge, without HTTP"]
    most_us = int(CPU_TIMES * floor_us) + layers["the pure decision"]
    wanted = (
        f"≤ {CPU_TIMES:g} {TIMES} {floor_us} + {layers['the pure decision']} = {most_us} µs"
    )
    yield Verdict(name, wanted, f"{charge_us} µs", charge_us <= most_us)


def _cold(report: Json) -> Iterator[Verdict]:
    cold = report.get("cold")
    name = "cold start of each function, in CPU, against one that imports the SDKs alone"
    wanted = f"≤ {COLD_PERCENT / 100:g} {TIMES}"
    if not cold:
        yield Verdict(name, wanted, "", None)
        return
    percents: Sequence[tuple[int, str]] = sorted(
        ((row["ratio_percent"], name) for name, row in cold["functions"].items()), reverse=True
    )
    over = [name for percent, name in percents if percent > COLD_PERCENT]
    worst, dearest = percents[0]
    said = f"{worst / 100:.2f} {TIMES} ({dearest}); {len(over)} of {len(percents)} above"
    yield Verdict(name, wanted, said, not over)


def _doors(report: Json) -> Iterator[Verdict]:
    doors = report.get("doors") or {}
    usage, gateway = doors.get("usage_me"), doors.get("gateway")
    more_ms = None if not usage else usage["p50_ms"] - usage["read_p50_ms"]
    yield Verdict(
        "GET /usage/me: p50 beyond a bare document read",
        f"≤ {USAGE_ME_MORE_MS:g} ms",
        "" if more_ms is None else f"{more_ms:.1f} ms",
        None if more_ms is None else more_ms <= USAGE_ME_MORE_MS,
    )
    wanted = f"≤ {GATEWAY_RPC_TIMES:g} in all, ≤ {FIRST_BYTE_RPC_TIMES:g} before the first byte"
    name = "a model call through the gateway, in RPC times more"
    if not gateway:
        yield Verdict(name, wanted, "", None)
        return
    times, first_times = (
        gateway["added_ms"] / gateway["rpc_ms"],
        gateway["first_byte_rpc_times"],
    )
    is_met = times <= GATEWAY_RPC_TIMES and first_times <= FIRST_BYTE_RPC_TIMES
    yield Verdict(name, wanted, f"{times:.2f} and {first_times:.2f}", is_met)


def _load(report: Json) -> Iterator[Verdict]:
    load = report.get("load")
    name = "64 clients, mixed traffic, ten minutes"
    wanted = f"no 5xx, exact, memory grows by less than {GROWS_PERCENT_MAX} %"
    if not load:
        yield Verdict(name, wanted, "", None)
        return
    said = (
        f"{load['minutes']:g} min, {load['requests']:,} requests, {load['failures']} failures"
    )
    said += f", memory {load['grown_percent']:+} %"
    yield Verdict(name, wanted, said, load_is_good(load))


def load_is_good(load: Json) -> bool:
    """Whether nobody was refused by a fault of ours, nothing was lost, and memory is flat."""
    is_flat = load["grown_percent"] < GROWS_PERCENT_MAX
    return bool(is_flat and load["is_exact"] and load["failures"] == 0)
