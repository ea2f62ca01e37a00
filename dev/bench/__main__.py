"""`make bench`: three ways of taking credits side by side, and what else must be fast.

`make bench` measures everything, prints ratios, targets and figures, writes `.run/bench.json`
and the documents of `docs/benchmarks/`, and fails where a target is missed.
`ARGS=--short` shows in a minute that the machinery works; it judges exactness alone and writes
no documents. `make load` keeps 64 clients at a server for MINUTES (10). `ARGS=pages` writes the
documents again, from the figures of the last runs.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dev.background import Failed
from dev.bench import cases, cold, fleet, ground, hot, load, machine, page
from dev.bench.boundary import REGION_MS
from dev.bench.targets import judged, load_is_good
from dev.layout import FUNCTIONS, ROOT, Layout

Json = dict[str, Any]
COLD_ROUNDS = 2
COLD_NAMES = ("usage_me", "meter", "gateway", "billing_webhook", "plans", "ledger")
"""Of each kind one: all functions take minutes (`python -m dev.bench.cold`)."""


def deductions(env: Mapping[str, str], folder: Path, *, is_short: bool) -> list[Json]:
    """Play all cases; return them with their figures."""
    queues = folder / "queues"
    queues.mkdir(exist_ok=True)
    todo = list(cases.short() if is_short else cases.full())
    found = []
    with fleet.running(max(it.instances for it in todo), env, folder / "workers.log") as ready:
        for case in todo:
            designs = {}
            for design in case.designs:
                designs[design] = figures = fleet.play(case, design, ready, queues)
                print(
                    f"{case.case_id:52} {design:15} {figures['per_s']:9,} /s  p50 "
                    f"{figures['p50_ms']} ms  p99 {figures['p99_ms']} ms"
                    + ("" if figures["is_exact"] else "  NOT EXACT")
                    + (f"  {figures['errors']}" if figures["errors"] else ""),
                    flush=True,
                )
            found.append({**case.facts(), "designs": designs})
    return found


def measure(folder: Path, *, is_short: bool) -> Json:
    """Measure everything on one emulator; return the figures.

    Raises: Failed.
    """
    started_s = time.monotonic()
    commit, is_changed = machine.commit()
    report: Json = {
        "commit": commit,
        "is_changed": is_changed,
        "is_short": is_short,
        "started_at": machine.now_text(),
        "machine": machine.facts(),
        "latency_ms": dict(REGION_MS),
    }
    with ground.emulator(folder) as env:
        report["cases"] = deductions(env, folder, is_short=is_short)
        if not is_short:
            report["cpu_us"] = _asked("dev.bench.layers", env)
            report["hot"] = hot.run()
            report["doors"] = _asked("dev.bench.doors", env)
            store = env["FIRESTORE_EMULATOR_HOST"]
            report["cold"] = cold.run(COLD_NAMES, rounds=COLD_ROUNDS, store=store)
    report["took_s"] = int(time.monotonic() - started_s)
    return report


def _asked(module: str, env: Mapping[str, str]) -> Json:
    """Return what a module of this package measures, in a process of its own."""
    path = f"{FUNCTIONS}{os.pathsep}{ROOT}"
    done = subprocess.run(
        [sys.executable, "-m", module],
        cwd=ROOT,
        env={**env, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise Failed(f"{module} failed: {done.stderr[-1000:]}")
    found: Json = json.loads(done.stdout.splitlines()[-1])
    return found


def told(report: Json) -> int:
    """Print ratios, then targets; return the exit status."""
    verdicts = judged(report)
    print("", *page.ratio_table(report), "", *page.target_table(verdicts), sep="\n")
    if report["is_short"]:
        every = [figures for case in report["cases"] for figures in case["designs"].values()]
        return 0 if all(it["is_exact"] and not it["errors"] for it in every) else 1
    missed = [it for it in verdicts if it.is_met is False]
    print(f"\n{len(missed)} targets missed." if missed else "\nAll targets that were measured.")
    return 1 if missed else 0


def publish(folder: Path) -> None:
    """Write the documents from the figures of the last whole run and the last load."""
    file, loaded = folder / "bench.json", folder / "load.json"
    if not file.is_file():
        return
    report = json.loads(file.read_text())
    if report["is_short"]:
        return
    published = page.FOLDER / page.FIGURES
    if loaded.is_file():
        report["load"] = json.loads(loaded.read_text())
    elif published.is_file():
        report["load"] = json.loads(published.read_text()).get("load")
    page.write(report)
    print(f"Written: {page.FOLDER.relative_to(ROOT)}/, {page.SCALE.relative_to(ROOT)}")


def main(arguments: list[str]) -> int:
    """Measure, tell and write; return the exit status."""
    parser = argparse.ArgumentParser(prog="make bench", description="side by side")
    parser.add_argument("what", nargs="?", choices=("all", "load", "pages"), default="all")
    parser.add_argument("--short", action="store_true", help="a minute; writes no documents")
    parser.add_argument("--minutes", type=float, default=load.MINUTES, help="of the load")
    given = parser.parse_args(arguments)
    folder = Layout.from_environment().folder
    work = folder / "bench"
    work.mkdir(parents=True, exist_ok=True)
    status = 0
    try:
        if given.what == "load":
            with ground.emulator(work) as env:
                found = load.run(env, work, minutes=given.minutes)
            (folder / "load.json").write_text(json.dumps(found, indent=1) + "\n")
            print(json.dumps(found, indent=1))
            status = 0 if load_is_good(found) else 1
        elif given.what == "all":
            report = measure(work, is_short=given.short)
            text = json.dumps(report, indent=1, ensure_ascii=False)
            (folder / "bench.json").write_text(text + "\n")
            status = told(report)
    except Failed as problem:
        print(problem, file=sys.stderr)
        return 1
    publish(folder)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
