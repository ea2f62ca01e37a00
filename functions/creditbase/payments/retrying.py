"""When an event that could not be finished is tried again, by the inbox itself. Pure."""

from datetime import timedelta

from creditbase.kernel.ids import sha256_hex
from creditbase.ledger.paths import SHARDS

ATTEMPTS_MAX = 8
"""How often an event is tried before the inbox calls for a person."""
FIRST_RETRY_AFTER = timedelta(minutes=1)
RETRY_AFTER_MAX = timedelta(days=1)


def retry_after(attempts: int) -> timedelta:
    """Return how long an unfinished event rests after so many attempts: ever longer.

    All of them together take three days, as long as Stripe itself keeps trying.
    """
    return min(RETRY_AFTER_MAX, FIRST_RETRY_AFTER * (1 << 2 * attempts))


def shard_of(event_id: str) -> int:
    """Return the shard of the index of due times that an event belongs to."""
    return int(sha256_hex(event_id), 16) % SHARDS
