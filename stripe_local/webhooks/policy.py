"""When a delivery that failed is tried again. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True)
class DeliveryPolicy:
    """Stripe spreads its tries over days; these are for a person who waits."""

    first_delay_s: float = 0.2
    delay_s_max: float = 10.0
    attempts_max: int = 10
    timeout_s: float = 30.0
    senders: int = 4
    """How many deliveries may be under way at once."""

    def delay_s(self, attempts_made: int) -> float | None:
        """Return how long to wait for the next try, doubling each time; None to give up."""
        assert attempts_made > 0
        if attempts_made >= self.attempts_max:
            return None
        return float(min(self.first_delay_s * 2 ** (attempts_made - 1), self.delay_s_max))
