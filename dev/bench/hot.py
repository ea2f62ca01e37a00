"""One hot customer in several processes, simulated: which way of sharing a wallet serves best.

Events under a seed, no store and no clock. Each process has callers who call again as soon as
they are answered; those who wait together share a commit, as in a lane. A process that knows
the newest version decides and commits; one that does not reads first; a commit holds only if
the version is still the one that was read. The product's own pacer is among the policies.
"""

import heapq
import itertools
import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from creditbase.ledger.lane import ATTEMPTS_MAX, COMMANDS_MAX, TRUST_MIN, TRUST_STEP
from creditbase.ledger.pacing import Pacer
from dev.bench.fleet import quantile_ms

READ_S, COMMIT_S = 0.010, 0.022
"""The latencies that are put in elsewhere, and a little for the way."""
DECIDE_S = 0.003
PER_COMMAND_S = {"light": 0.0003, "heavy": 0.001}
"""What a command of a batch costs, on a good core and on a poor one."""
HOP_S = 0.005
"""From the instance that was asked to the one that owns the customer."""
CALLERS, SECONDS, SEEDS = 256, 10.0, 4
Json = dict[str, Any]


class Greedy:
    """Commit whenever there is something to commit."""

    def wait_s(self, _now_s: float) -> float:
        """Return how long to wait before a commit."""
        return 0.0

    def pause_s(self, attempt: int, chance: float) -> float:
        """Return how long to wait after a lost race."""
        return 0.001 + chance * min(0.2, 0.005 * (1 << attempt))

    def won(self, now_s: float, *, began_s: float, commits: int) -> None:
        """Hear of a commit of one's own."""

    def lost(self, now_s: float) -> None:
        """Hear of a lost race."""


class Halving(Greedy):
    """At most 25 commits a second, halved at each lost race, one more at each that is won."""

    def __init__(self) -> None:
        self._rate_hz, self._tokens, self._updated_s = 25.0, 3.0, 0.0

    def wait_s(self, now_s: float) -> float:
        """Take a token."""
        more = (now_s - self._updated_s) * self._rate_hz
        self._tokens = min(3.0, self._tokens + more) - 1.0
        self._updated_s = now_s
        return 0.0 if self._tokens >= 0 else -self._tokens / self._rate_hz

    def won(self, now_s: float, *, began_s: float, commits: int) -> None:
        """Speed up a little."""
        del now_s, began_s, commits
        self._rate_hz = min(25.0, self._rate_hz + 1.0)

    def lost(self, now_s: float) -> None:
        """Slow down."""
        del now_s
        self._rate_hz = max(2.0, self._rate_hz / 2)
        self._tokens = min(self._tokens, 0.0)


Policy = Greedy | Pacer


@dataclass
class Instance:
    """A process, its callers since when, and what became of them."""

    waiting: list[float]
    took_us: list[int] = field(default_factory=list)
    attempts_max: int = 0


@dataclass
class World:
    """The wallet's version, and what happens when."""

    chance: random.Random
    per_command_s: float
    now_s: float = 0.0
    version: int = 0
    won: int = 0
    lost: int = 0
    hop_s: float = 0.0

    def run(self, lanes: list[Iterator[float]], seconds: float) -> None:
        """Let every lane go on until its next wait is over, again and again."""
        order = itertools.count()
        waiting = [(self.chance.random() * 0.02, next(order), lane) for lane in lanes]
        heapq.heapify(waiting)
        while waiting[0][0] < seconds:
            self.now_s, _, lane = heapq.heappop(waiting)
            heapq.heappush(waiting, (self.now_s + next(lane), next(order), lane))

    def lane(self, one: Instance, policy: Policy) -> Iterator[float]:
        """Serve a process's callers; yield each wait."""
        trust, snapshot = 1.0, -1
        while True:
            yield policy.wait_s(self.now_s)
            batch, one.waiting = one.waiting[:COMMANDS_MAX], one.waiting[COMMANDS_MAX:]
            known = warm = snapshot if trust >= TRUST_MIN else -1
            for attempt in itertools.count():
                began_s = self.now_s
                if known < 0:
                    yield READ_S
                    known = self.version
                yield DECIDE_S + self.per_command_s * len(batch) + COMMIT_S
                is_warm = known == warm
                if self.version == known:
                    break
                self.lost += 1
                if is_warm:
                    trust -= TRUST_STEP * trust
                else:
                    policy.lost(self.now_s)
                    yield policy.pause_s(attempt + 1, self.chance.random())
                known = warm = -1
            self.version += 1
            self.won += 1
            trust += TRUST_STEP * (1.0 - trust) if is_warm else 0.0
            if not is_warm and snapshot >= 0:
                trust += TRUST_STEP * (float(snapshot == known) - trust)
            snapshot = self.version
            policy.won(self.now_s, began_s=began_s, commits=self.version)
            one.attempts_max = max(one.attempts_max, attempt + 1)
            one.took_us += (int((self.now_s - at_s + self.hop_s) * 1e6) for at_s in batch)
            one.waiting += [self.now_s] * len(batch)


def shared(make: Callable[[], Policy], count: int, per_command_s: float, seed: int) -> Json:
    """Let processes share the wallet, each with its part of the callers."""
    world = World(random.Random(seed), per_command_s)  # noqa: S311 - a seed, not a secret
    found = [Instance([0.0] * (CALLERS // count)) for _ in range(count)]
    world.run([world.lane(one, make()) for one in found], SECONDS)
    return _figures(found, world)


def owned(count: int, per_command_s: float, seed: int) -> Json:
    """Let one process own the wallet: the others pass their callers on."""
    del count
    world = World(random.Random(seed), per_command_s, hop_s=HOP_S)  # noqa: S311 - as above
    only = Instance([0.0] * CALLERS)
    world.run([world.lane(only, Pacer())], SECONDS)
    return _figures([only], world)


def split(count: int, per_command_s: float, seed: int) -> Json:
    """Let each process own a slice of the wallet, in a document of its own."""
    parts = []
    for number in range(count):
        world = World(random.Random(seed + number), per_command_s)  # noqa: S311 - as above
        one = Instance([0.0] * (CALLERS // count))
        world.run([world.lane(one, Pacer())], SECONDS)
        parts.append((one, world))
    return _figures([one for one, _ in parts], *(world for _, world in parts))


def _figures(found: list[Instance], *worlds: World) -> Json:
    took_us = sorted(each for one in found for each in one.took_us)
    lost, won = (sum(getattr(it, name) for it in worlds) for name in ("lost", "won"))
    return {
        "per_s": len(took_us) / SECONDS,
        "p50_ms": quantile_ms(took_us, 50),
        "p99_ms": quantile_ms(took_us, 99),
        "least": min(len(one.took_us) for one in found),
        "most": max(len(one.took_us) for one in found),
        "lost_percent": 100 * lost // max(1, lost + won),
        "attempts": max(one.attempts_max for one in found),
    }


POLICIES: dict[str, Callable[[int, float, int], Json]] = {
    "greedy": lambda *of: shared(Greedy, *of),
    "halving at each lost race": lambda *of: shared(Halving, *of),
    "gaps after won races (the product)": lambda *of: shared(Pacer, *of),
    "one owner, 5 ms away": owned,
    "slices of the wallet": split,
}


def run() -> list[Json]:
    """Simulate every policy; return the worst of some seeds for each number of processes."""
    rows = []
    for weight, per_command_s in PER_COMMAND_S.items():
        for count in (2, 4, 8):
            for name, play in POLICIES.items():
                seen = [play(count, per_command_s, seed) for seed in range(SEEDS)]
                worst = max(seen, key=lambda it: (it["least"] == 0, it["p99_ms"]))
                rows.append({"commands": weight, "processes": count, "policy": name, **worst})
    return rows


def table(rows: list[Json]) -> list[str]:
    """Return the figures as lines of a document."""
    head = "| commands | processes | policy | charges/s | p50 ms | p99 ms | least | lost |"
    lines = [head, "|---|--:|---|--:|--:|--:|--:|--:|"]
    for row in rows:
        figures = f"{row['per_s']:.0f} | {row['p50_ms']:.0f} | {row['p99_ms']:.0f}"
        least = f"{row['least']:,}" if row["least"] else "**0: starved**"
        lines.append(
            f"| {row['commands']} | {row['processes']} | {row['policy']} | {figures} | {least} "
            f"| {row['lost_percent']} % |"
        )
    return lines


def main() -> int:
    """Simulate; print a table, and fail where the product starves or gives up."""
    rows = run()
    print(*table(rows), sep="\n")
    ours = [row for row in rows if "product" in row["policy"]]
    is_good = all(row["least"] > 0 and row["attempts"] <= ATTEMPTS_MAX for row in ours)
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
