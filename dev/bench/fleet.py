"""The processes of a measurement, and one case played by some of them."""

import contextlib
import json
import os
import secrets
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from dev.background import Failed
from dev.bench.boundary import REGION_MS
from dev.bench.cases import COMMITS_HZ, LATENCY, LIMITED, MANY, OURS, RAW, Case
from dev.layout import FUNCTIONS, ROOT

Json = dict[str, Any]
THREADS = 2 * 256
"""A lane takes as many as wait, up to half of its process's threads."""
PROFILES: Mapping[str, tuple[Mapping[str, int], int]] = {
    LATENCY: (REGION_MS, 0),
    RAW: ({}, 0),
    LIMITED: (REGION_MS, COMMITS_HZ),
}


class Instance:
    """A running worker."""

    def __init__(self, env: Mapping[str, str], log: Path) -> None:
        with log.open("a") as words:
            self._program = subprocess.Popen(
                [sys.executable, "-m", "dev.bench.worker"],
                cwd=ROOT,
                env=dict(env),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=words,
                text=True,
            )

    def tell(self, asked: Json) -> None:
        """Tell it what to do, and go on."""
        assert self._program.stdin is not None
        self._program.stdin.write(json.dumps(asked) + "\n")
        self._program.stdin.flush()

    def hear(self) -> Any:
        """Wait for its answer.

        Raises: Failed.
        """
        assert self._program.stdout is not None
        line = self._program.stdout.readline()
        if not line:
            raise Failed(f"A process of the measurement ended: status {self._program.wait()}")
        return json.loads(line)

    def ask(self, asked: Json) -> Any:
        """Tell it and wait."""
        self.tell(asked)
        return self.hear()

    def end(self) -> None:
        """Let it end."""
        assert self._program.stdin is not None
        self._program.stdin.close()
        try:
            self._program.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._program.kill()
            self._program.wait()


@contextlib.contextmanager
def running(count: int, env: Mapping[str, str], log: Path) -> Iterator[list[Instance]]:
    """Run so many workers until the block ends; `log` is what they say besides answers."""
    path = f"{FUNCTIONS}{os.pathsep}{ROOT}"
    all_env = {**env, "THREADS": str(THREADS), "PYTHONPATH": path, "GRPC_VERBOSITY": "NONE"}
    instances: list[Instance] = []
    try:
        instances += (Instance(all_env, log) for _ in range(count))
        yield instances
    finally:
        for instance in instances:
            instance.end()


def play(case: Case, design: str, fleet: Sequence[Instance], queues: Path) -> Json:
    """Play one case with one design; return its figures, and whether they are exact."""
    names = [f"{secrets.token_hex(8)}" for _ in range(case.customers)]
    shared = str(queues) if case.instances > 1 else ""
    base: Json = {"design": design, "names": names, "queues": shared}
    playing = fleet[: case.instances]
    playing[0].ask({**base, "do": "open"})
    warmed = _warm(base, case, playing)
    latency_ms, commits_hz = PROFILES[case.profile]
    per_instance = case.callers // case.instances
    for number, instance in enumerate(playing):
        instance.tell(
            {
                **base,
                "do": "play",
                "callers": per_instance,
                "all_callers": case.callers,
                "first_caller": number * per_instance,
                "seconds": case.seconds,
                "space_ms": case.space_ms,
                "latency_ms": dict(latency_ms),
                "commits_hz": commits_hz,
            }
        )
    played = [instance.hear() for instance in playing]
    looked = playing[0].ask({**base, "do": "look"})
    return {**figures(played), "is_exact": is_exact(names, played, warmed, looked)}


def _warm(base: Json, case: Case, playing: Sequence[Instance]) -> Mapping[str, list[int]]:
    """Let what keeps something in its process have it; return what that took, by customer.

    Ours keeps a snapshot of each wallet. The library keeps nothing but its channel, so one
    charge is enough, and a thousand would take a minute. Of a thousand customers that several
    processes share nothing is warm in the one that is asked.
    """
    names = base["names"]
    is_kept = base["design"] == OURS and case.instances == 1
    wanted = names if is_kept or len(names) < MANY else names[:1]
    warmed: dict[str, list[int]] = {name: [] for name in names}
    for instance in playing:
        took = instance.ask({**base, "do": "warm", "names": wanted})
        for name, nanos in zip(wanted, took, strict=True):
            warmed[name].append(nanos)
    return warmed


def figures(played: Sequence[Json]) -> Json:
    """Return what the processes of a case did together."""
    took_us = sorted(each for one in played for each in one["took_us"])
    count = len(took_us)
    span_s = max(one["span_s"] for one in played)
    counts, errors = Counter[str](), Counter[str]()
    for one in played:
        counts.update(one["counts"])
        errors.update(one["errors"])
    return {
        "charges": count,
        "per_s": round(count / span_s, 1),
        "p50_ms": quantile_ms(took_us, 50),
        "p99_ms": quantile_ms(took_us, 99),
        "cpu_us": 1000 * sum(one["cpu_ms"] for one in played) // max(1, count),
        "errors": dict(errors),
        "least": min(len(one["took_us"]) for one in played),
        "most": max(len(one["took_us"]) for one in played),
        **{
            name: round(counts[name] / max(1, count), 3)
            for name in ("rpcs", "reads", "writes", "commits")
        },
    }


def quantile_ms(took_us: Sequence[int], percent: int) -> float | None:
    """Return a quantile of sorted times, in milliseconds to a tenth."""
    if not took_us:
        return None
    place = min(len(took_us) - 1, len(took_us) * percent // 100)
    return round(took_us[place] / 1000, 1)


def is_exact(
    names: Sequence[str],
    played: Sequence[Json],
    warmed: Mapping[str, Sequence[int]],
    looked: Json,
) -> bool:
    """Whether of each customer exactly what was answered was taken, by as many calls."""
    answered_nanos = {
        name: sum(warmed[name]) + sum(one["taken_nanos"].get(name, 0) for one in played)
        for name in names
    }
    answered_calls = [
        len(warmed[name]) + sum(one["calls"].get(name, 0) for one in played) for name in names
    ]
    calls: list[int] = looked["calls"]
    taken_nanos: list[int] = looked["taken_nanos"]
    return (
        taken_nanos == [answered_nanos[name] for name in names]
        and calls == answered_calls[: len(calls)]
    )
