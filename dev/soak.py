"""`make soak MINUTES=n`: what takes too long for every run of the tests.

First every net of the local Stripe, and every property of the tests: at random, and ten times
as many values as `make test` takes, which takes the same ones each time. Then the
minutes begin, and until they are over: random lives of customers and simulations of whole
worlds, each batch from seeds that were never walked before, and after a million simulated
operations, between two batches, one of the other long tests.
Whatever has begun when the time is over is finished. A failure ends it at once, and says how
to see it again: a property is run again first with the values that it failed with, which
Hypothesis keeps and shows.
"""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from random import SystemRandom

from dev import background
from dev.layout import BIN, ROOT

MINUTES = 10
NETS = "tests/stripe_local"
LIVES = "tests/scenarios/test_walks.py"
SIMULATION = "tests/simulation/test_simulation.py"
LONG = ("-m", "soak")
PROPERTIES = ("-m", "hypothesis", "--hypothesis-profile=soak", "--timeout=3600", "-n2")
SEEDS_VARIABLE = "CREDITBASE_SOAK_SEEDS"
BATCH = 4
"""How many seeds are walked at once; each is two lives."""
WORLDS = 50
"""How many seeds are simulated at once; each is 2,000 operations."""
WORLDS_FIRST = 500
"""A million operations come before the other long tests: an hour has time for both."""
FIGURES = ROOT / ".run" / "figures"
OF_WORLDS = "t1-*.json"
"""What a run of simulated worlds leaves there: operations, and faults by kind."""
FIRST_SEED, LAST_SEED = 1_000, 10**9


@dataclass
class Soak:
    """One run: when it ends, and what it has done."""

    ends_at_s: float
    next_seed: int
    lives: int = 0
    worlds: int = 0
    tried: Counter[str] = field(default_factory=Counter)
    """What was done in simulated worlds, and what went wrong there."""

    @property
    def is_over(self) -> bool:
        """Whether nothing more is to begin."""
        return time.monotonic() >= self.ends_at_s

    def say(self, said: str) -> None:
        """Print where we are."""
        left_s = max(0, int(self.ends_at_s - time.monotonic()))
        print(f"[soak] {said} ({left_s // 60} min {left_s % 60} s left)", flush=True)

    def run(self, *what: str, seeds: str = "") -> bool:
        """Run tests that soak; say how to run them again where they fail."""
        command = [str(BIN / "pytest"), "-q", *what]
        named = {SEEDS_VARIABLE: seeds} if seeds else {}
        status = background.run_in_view(command, cwd=ROOT, env={**os.environ, **named})
        if status != 0:
            told = " ".join(f"{name}={value}" for name, value in named.items())
            print(f"[soak] FAILED. Again: {told} {' '.join(command)}".replace("  ", " "))
        return status == 0

    def walk(self) -> bool:
        """Walk a batch of random lives."""
        seeds = f"{self.next_seed}:{self.next_seed + BATCH}"
        self.say(f"random lives from the seeds {seeds}, after {self.lives} good ones")
        self.next_seed += BATCH
        self.lives += 2 * BATCH
        return self.run(LIVES, *LONG, "-n2", seeds=seeds)

    def simulate(self) -> bool:
        """Simulate a batch of worlds."""
        seeds = f"{self.next_seed}:{self.next_seed + WORLDS}"
        self.say(f"simulated worlds of the seeds {seeds}, after {self.worlds} good ones")
        self.next_seed += WORLDS
        self.worlds += WORLDS
        for path in FIGURES.glob(OF_WORLDS):
            path.unlink()
        asked = ("-k", "as_many_seeds", *LONG, "-n2")
        is_good = self.run(SIMULATION, *asked, seeds=seeds)
        for path in FIGURES.glob(OF_WORLDS):
            told = json.loads(path.read_text(encoding="utf-8"))
            self.tried[told["name"]] += told["count"]
        return is_good

    def tell(self) -> None:
        """Print what all simulated worlds add up to, and of which commit."""
        asked = ["git", "rev-parse", "--short=12", "HEAD"]
        said = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True)
        print(f"[soak] {self.worlds} simulated worlds at commit {said.stdout.strip()}:")
        for name, count in sorted(self.tried.items()):
            print(f"{count:12,}  {name}")


def other_tests() -> list[str]:
    """Return the other files with tests that soak."""
    found = subprocess.run(
        ["git", "grep", "-l", "pytest.mark.soak", "--", "tests"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [
        name
        for name in found.stdout.split()
        if name.endswith(".py") and name != LIVES and not name.startswith(NETS)
    ]


def main(arguments: list[str]) -> int:
    """Soak for so many minutes; return the exit status."""
    background.signals_end_the_program()
    if len(arguments) > 1 or not all(each.isdigit() for each in arguments):
        print("usage: make soak MINUTES=n", file=sys.stderr)
        return 2
    minutes = int(arguments[0]) if arguments else MINUTES
    first_seed = SystemRandom().randrange(FIRST_SEED, LAST_SEED)
    soak = Soak(time.monotonic() + 60 * minutes, first_seed)
    soak.say(f"nets of the local Stripe; properties; then random lives from seed {first_seed}")
    if not (soak.run(NETS, *LONG) and soak.run("tests", *PROPERTIES)):
        return 1
    soak.ends_at_s = time.monotonic() + 60 * minutes
    try:
        return _live_on(soak)
    finally:
        soak.tell()


def _live_on(soak: Soak) -> int:
    """Walk and simulate until the time is over; return the exit status."""
    waiting = other_tests()
    while not soak.is_over:
        if not (soak.walk() and soak.simulate()):
            return 1
        if waiting and soak.worlds >= WORLDS_FIRST and not soak.is_over:
            soak.say(f"the long tests of {waiting[0]}")
            if not soak.run(waiting.pop(0), *LONG, "-n2"):
                return 1
    missed = f"; not reached: {', '.join(waiting)}" if waiting else ""
    done = f"{soak.lives} random lives, {soak.worlds} simulated worlds"
    print(f"[soak] all good: nets, properties, {done}{missed}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
