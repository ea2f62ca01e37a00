"""When what failed is tried again, and where its due time is indexed. Pure.

Source: ADR-0008. Whatever is due at an instant carries `shard`, so that an index of instants
that always grow is no hot spot.
"""

from datetime import timedelta

from creditbase.kernel.ids import sha256_hex

SHARDS = 16
"""Over how many values the due-time indexes are spread."""
ATTEMPTS_MAX = 8
"""How often something is tried before a person is called."""
FIRST_REST = timedelta(minutes=1)
REST_MAX = timedelta(days=1)


def rest_after(attempts: int) -> timedelta:
    """Return how long something rests after so many attempts: ever longer.

    All of them together take three days, as long as Stripe itself keeps trying.
    """
    return min(REST_MAX, FIRST_REST * (1 << 2 * attempts))


TRIED_FOR = sum(map(rest_after, range(1, ATTEMPTS_MAX)), timedelta(0))
"""How long something is tried, from its first attempt to its last."""


def shard_of(name: str) -> int:
    """Return the shard of the index of due times that something of that name belongs to."""
    return int(sha256_hex(name), 16) % SHARDS
