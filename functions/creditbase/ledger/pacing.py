"""Pacing: how often one process may commit to one wallet, so that nobody starves.

Optimistic commits let the fastest writer win every race: its cycle is one commit, the
loser's is a read and a commit. So each process leaves gaps: at most 25 commits a second
to a wallet after a short burst, and less once it sees others writing, halved at each lost
race and creeping up again while it wins (ADR-0004; figures in docs/benchmarks).
Pure: the clock is passed in, in seconds.
"""

from dataclasses import dataclass

RATE_MAX_HZ = 25.0
RATE_MIN_HZ = 2.0
RATE_STEP_HZ = 1.0
BURST = 3.0


@dataclass(slots=True)
class Pacer:
    """A token bucket whose rate follows the others' writing."""

    rate_hz: float = RATE_MAX_HZ
    tokens: float = BURST
    updated_s: float = 0.0

    def wait_s(self, now_s: float) -> float:
        """Take a token and return how long to wait before committing with it."""
        self.tokens = min(BURST, self.tokens + max(0.0, now_s - self.updated_s) * self.rate_hz)
        self.updated_s = now_s
        self.tokens -= 1.0
        return 0.0 if self.tokens >= 0 else -self.tokens / self.rate_hz

    def lost(self) -> None:
        """Slow down: another process was writing at the same time."""
        self.rate_hz = max(RATE_MIN_HZ, self.rate_hz / 2)
        self.tokens = min(self.tokens, 0.0)

    def won(self) -> None:
        """Speed up a little: nobody was in the way."""
        self.rate_hz = min(RATE_MAX_HZ, self.rate_hz + RATE_STEP_HZ)
