"""Pacing: how often one process may commit to one wallet, so that nobody starves.

Optimistic commits let the fastest writer win every race: its cycle is a decision and a commit,
the loser's a read before them, and all of that has to fit between two commits of the winner's.
So each process leaves gaps (ADR-0042; figures in docs/benchmarks):

- at most 25 commits a second after a short burst, so that callers gather and share commits;
- while others crowd the wallet, after each commit a gap in which they can have their turns:
  one and a half cycles for each of their commits since the one before;
- while it sees nobody, a gap of one cycle every 0.4 s: who wins every race reads nothing and
  would never know that somebody waits.

Pure: the clock is passed in, in seconds.
"""

from creditbase.kernel.records import dataclass

RATE_HZ = 25.0
BURST = 3.0
GAP_CYCLES = 1.5
GAP_S_MAX = 2.0
LOOKS_EVERY_S = 0.4
READ_S = 0.010
"""What another process needs more than we: it has to read before it decides."""
REMEMBERS_S = 3.0
CROWDED = 0.2
"""The share of its time for which others occupy a wallet that is crowded."""
OTHERS_MAX = 16.0
HORIZON_S = 1.0
CYCLE_S, CYCLE_S_MAX = 0.040, 1.0
"""What a cycle is taken for before there was one, and at most."""
PAUSE_S_MIN = 0.002
LONG_AGO_S = -1e9


@dataclass(slots=True)
class Pacer:
    """A token bucket with gaps that follow the others' writing."""

    tokens: float = BURST
    updated_s: float = 0.0
    cycle_s: float = CYCLE_S
    """How long deciding and committing takes here, on the whole."""
    others: float = 0.0
    """How many commits of others come between two of ours, on the whole."""
    commits: int = 0
    """The wallet's own count at our last commit."""
    won_at_s: float = LONG_AGO_S
    met_at_s: float = LONG_AGO_S
    """When others crowded the wallet last, as far as we saw."""
    looked_at_s: float = LONG_AGO_S

    def wait_s(self, now_s: float) -> float:
        """Take a token and return how long to wait before committing with it."""
        self.tokens = min(BURST, self.tokens + max(0.0, now_s - self.updated_s) * RATE_HZ)
        self.updated_s = now_s
        self.tokens -= 1.0
        bucket_s = 0.0 if self.tokens >= 0 else -self.tokens / RATE_HZ
        gap_s = self._gap_s(now_s)
        wait_s = max(bucket_s, min(gap_s, self.won_at_s + gap_s - now_s))
        if gap_s > 0:
            self.looked_at_s = now_s + wait_s
        return wait_s

    def _gap_s(self, now_s: float) -> float:
        """Return how long nothing of ours may be on its way after our last commit."""
        if 0 <= now_s - self.met_at_s < REMEMBERS_S:
            return min(GAP_S_MAX, GAP_CYCLES * self.cycle_s * max(1.0, self.others))
        if 0 <= now_s - self.looked_at_s < LOOKS_EVERY_S:
            return 0.0
        return self.cycle_s + READ_S

    def won(self, now_s: float, *, began_s: float, commits: int) -> None:
        """Learn from a commit of ours that `began_s` began and that the wallet counts so."""
        since_s = max(0.001, now_s - self.won_at_s)
        foreign = commits - 1 - self.commits if self.commits else 0
        foreign_hz = max(0, foreign) / since_s
        if foreign_hz * self.cycle_s >= CROWDED:
            self.met_at_s = now_s
        between = min(OTHERS_MAX, foreign_hz * min(since_s, HORIZON_S))
        self.others += 0.5 * (between - self.others)
        took_s = min(CYCLE_S_MAX, max(0.0, now_s - began_s))
        self.cycle_s += 0.3 * (took_s - self.cycle_s)
        self.commits = commits
        self.won_at_s = now_s

    def lost(self, now_s: float) -> None:
        """Learn that somebody committed between our read and our commit."""
        self.met_at_s = now_s

    def pause_s(self, attempt: int, chance: float) -> float:
        """Return how long to wait before an attempt after a lost race, so that racers part.

        `chance` is from 0 to 1: at first up to half a cycle, and longer with each attempt.
        """
        return PAUSE_S_MIN + chance * self.cycle_s * (0.5 + attempt / 8)
