"""`make test`: everything that the build machine runs, on one stack of its own.

The checks run while the emulators start, and the tests begin as soon as Firestore answers:
those that need the whole stack wait for it. With arguments for pytest it is a narrow run: only
those tests, and a stack only if one of them needs it.
"""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from dev import background, chromium, coverage_gate, firestore_emulator, stack
from dev.background import MARK, Failed
from dev.check import RULES
from dev.layout import BIN, ROOT, BadNumber, Layout
from dev.stack_steps import without_foreign
from stripe_local import honesty
from tests import figures

STACK_NUMBER = 9
CORES = os.cpu_count() or 2
WORKERS = min(12, CORES + 2)
"""Two more than cores: many tests wait for an answer rather than compute."""
SIMULATION = "tests/simulation/test_simulation.py"
"""It computes and waits for nothing, and goes through nothing that other tests do not."""
ALONE = "tests/proof/test_hot_wallet.py"
"""It fills both cores itself and measures what it does: nothing may run beside it."""
PYTEST_NOTHING_SELECTED = 5
CHECKED_WITHIN_S = 900
HANGS_AFTER_S = 420
"""A test's alarm at 300 s comes once; an `__exit__` that waits without a limit sleeps on. This
ends the worker from a thread of its own, with every stack, and the run names the test."""
STACK_ENV = "CREDITBASE_STACK_ENV"
EMULATOR = "FIRESTORE_EMULATOR_HOST"

console = Console(highlight=False, soft_wrap=True)


@dataclass
class Suite:
    """One run: its stack, the time each part took, and what was not good."""

    layout: Layout
    took_s: dict[str, float] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Measure a part of the run."""
        started_at = time.monotonic()
        console.print(f"\n[bold]== {name}[/bold]")
        try:
            yield
        finally:
            self.took_s[name] = time.monotonic() - started_at

    def judge(self, name: str, status: int) -> None:
        """Remember that a part failed."""
        if status != 0:
            self.failures.append(f"{name} (status {status})")

    def environment(self, mark: str, *, has_stack: bool = True) -> dict[str, str]:
        """Return what tests see: the stack's addresses, and no setting of the developer's."""
        store = self.layout.address("firestore")
        named = {STACK_ENV: str(self.layout.env), EMULATOR: store} if has_stack else {}
        return {**without_foreign(os.environ), **named, MARK: mark}

    def run_everything(self) -> None:
        """Check, start and test side by side, then what runs alone.

        The checks come last where there is not time for all: tests ask what answers in seconds.
        """
        chromium.ensure(stack.speaker("install"))
        self.look_for_flaws()
        self.add_up_figures()
        os.environ[firestore_emulator.LONG_VARIABLE] = "1"
        mark = background.fresh_mark()
        checking = subprocess.Popen(
            ["nice", "-n", "10", str(BIN / "python"), "-m", "dev.check"],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            with contextlib.ExitStack() as running:
                with self.part("start the stack, while checking and testing"):
                    begun: list[subprocess.Popen[bytes]] = []
                    values = stack.up(
                        self.layout,
                        is_bound_to_us=True,
                        say=stack.speaker("up"),
                        then=lambda: begun.append(running.enter_context(self.testing(mark))),
                    )
                with self.part("the rest of pytest"):
                    self.judge("pytest", begun[0].wait())
                with self.part("wait for the checks"):
                    said, _ = checking.communicate(timeout=CHECKED_WITHIN_S)
                    console.print(said.rstrip(), markup=False)
                    self.judge("check", checking.returncode)
            self.run_alone(mark, values)
        finally:
            if checking.poll() is None:
                checking.kill()
            background.end(mark, politely={})

    def testing(self, mark: str) -> AbstractContextManager[subprocess.Popen[bytes]]:
        """Begin with the tests that run side by side."""
        self.coverage.unlink(missing_ok=True)
        command = [*self.measured_pytest, "-q", "-n", str(WORKERS)]
        command += ["--dist", "worksteal", "--durations=10"]
        command += ["-o", f"faulthandler_timeout={HANGS_AFTER_S}"]
        command += ["-o", "faulthandler_exit_on_timeout=true"]
        # The rules ran with the checks.
        command += [f"--ignore={name}" for name in (*RULES, SIMULATION, ALONE)]
        return background.in_view(command, cwd=ROOT, env=self.environment(mark))

    def run_alone(self, mark: str, values: dict[str, str]) -> None:
        """Run what computes or measures, and the web SDK's tests."""
        env = self.environment(mark)
        with self.part(f"pytest {SIMULATION}"):
            command = [str(BIN / "pytest"), "-q", "-n", str(CORES), SIMULATION]
            command += ["--dist", "worksteal"]
            self.judge(SIMULATION, background.run_in_view(command, cwd=ROOT, env=env))
        with self.part(f"pytest {ALONE}"):
            command = [str(BIN / "pytest"), "-q", ALONE]
            self.judge(ALONE, background.run_in_view(command, cwd=ROOT, env=env))
        self.judge_coverage()
        with self.part("web SDK"):
            tests = sorted(str(path) for path in (ROOT / "tests/e2e").glob("*.test.mjs"))
            if not tests:
                raise Failed("There is no tests/e2e/*.test.mjs to run.")
            command = [
                "node",
                "--test",
                "--test-reporter=spec",
                "--test-concurrency=1",
                *tests,
            ]
            status = background.run_in_view(command, cwd=ROOT, env={**env, **values})
            self.judge("web SDK", status)
        self.judge_flaws()
        self.judge_figures()

    def look_for_flaws(self) -> None:
        """Let every local Stripe of this run write down what Stripe would not say."""
        self.layout.folder.mkdir(parents=True, exist_ok=True)
        file = self.layout.folder / "stripe-flaws.txt"
        file.unlink(missing_ok=True)
        os.environ[honesty.FLAWS_VARIABLE] = str(file)

    @property
    def figures(self) -> Path:
        """Return where all parts of this run count how much they tried."""
        return self.layout.folder / "figures.jsonl"

    def add_up_figures(self) -> None:
        """Let the parts of this run count together."""
        self.figures.unlink(missing_ok=True)
        os.environ[figures.RUN_VARIABLE] = str(self.figures)

    def judge_figures(self) -> None:
        """Fail where less was tried than is claimed."""
        lines = figures.shortfalls(figures.so_far(self.figures), figures.MINIMA)
        for line in lines:
            console.print(f"too few: {line}", markup=False)
        self.judge("how much was tried", len(lines))

    def judge_flaws(self) -> None:
        """Fail for anything that a local Stripe has said and Stripe would not."""
        flaws = honesty.flaws_so_far()
        for flaw in flaws:
            console.print(f"local Stripe: {flaw}", markup=False)
        self.judge("what the local Stripe said", len(flaws))

    @property
    def measured_pytest(self) -> list[str]:
        """Return how pytest is called where the product's coverage is measured."""
        quietly = ["-W", "ignore:Unable to activate pytest branch coverage:RuntimeWarning"]
        return [
            *(str(BIN / "python"), *quietly, "-m", "slipcover"),
            *("--json", "--out", str(self.coverage), "-m", "pytest"),
        ]

    @property
    def coverage(self) -> Path:
        """Return where the report of coverage goes."""
        return self.layout.folder / "coverage.json"

    def judge_coverage(self) -> None:
        """Hold what the tests went through against the limits."""
        if not self.coverage.is_file():
            self.failures.append("coverage (no report)")
            return
        lines = coverage_gate.shortfalls(coverage_gate.read(self.coverage))
        for line in lines:
            console.print(f"coverage: {line}", markup=False)
        if lines:
            self.failures.append("coverage")

    def run_narrow(self, arguments: list[str]) -> None:
        """Run only some tests, with the stack if one of them needs it."""
        mark = background.fresh_mark()
        console.print("A narrow run: these tests only, without checks, coverage and web SDK.")
        command = [str(BIN / "pytest"), *arguments]
        self.look_for_flaws()
        try:
            env = self.environment(mark, has_stack=False)
            if self._needs_stack(command, env):
                with self.part("start the stack"):
                    say = stack.speaker("up")
                    stack.up(self.layout, is_bound_to_us=True, say=say)
                env = self.environment(mark)
            with self.part("pytest"):
                self.judge("pytest", background.run_in_view(command, cwd=ROOT, env=env))
        finally:
            background.end(mark, politely={})

    def _needs_stack(self, command: list[str], env: dict[str, str]) -> bool:
        only_asking = [*command, "--collect-only", "-q", "-m", "stack"]
        asked = {**env, STACK_ENV: str(self.layout.env)}
        done = subprocess.run(
            only_asking, cwd=ROOT, env=asked, capture_output=True, text=True, check=False
        )
        return done.returncode != PYTEST_NOTHING_SELECTED

    def close(self) -> None:
        """End the stack and say where the time went."""
        with background.undisturbed():
            started_at = time.monotonic()
            stack.down_if_ours(self.layout)
            self.took_s["end the stack"] = time.monotonic() - started_at
        table = Table(title="Where the time went", title_justify="left")
        table.add_column("part")
        table.add_column("seconds", justify="right")
        for name, took_s in sorted(self.took_s.items(), key=lambda item: -item[1]):
            table.add_row(name, f"{took_s:.1f}")
        table.add_row("all", f"{sum(self.took_s.values()):.1f}", style="bold")
        console.print()
        console.print(table)
        if self.failures:
            console.print("FAILED: " + ", ".join(self.failures), style="bold red")
        else:
            console.print("All good.", style="bold green")


def main(arguments: list[str]) -> int:
    """Run the suite; return the exit status."""
    background.signals_end_the_program()
    try:
        number = os.environ.get("CREDITBASE_STACK") or str(STACK_NUMBER)
        suite = Suite(Layout.from_environment({"CREDITBASE_STACK": number}))
    except BadNumber as problem:
        print(problem, file=sys.stderr)
        return 1
    try:
        if arguments:
            suite.run_narrow(arguments)
        else:
            suite.run_everything()
    except (KeyboardInterrupt, SystemExit):
        suite.failures.append("interrupted")
    except Failed as problem:
        print(problem, file=sys.stderr)
        suite.failures.append("not everything was run")
    finally:
        suite.close()
    return 1 if suite.failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
