"""What operations cost at the gRPC boundary: RPCs, documents read, documents written.

The tests that count at the wire assert these figures, and docs/scale.md multiplies them.
"""

Cost = tuple[int, int, int]

CHARGE_WARM: Cost = (1, 0, 2)
CHARGE_COLD: Cost = (2, 2, 2)
CHARGE_FIRST: Cost = (2, 2, 3)
REPLAY_COLD: Cost = (1, 2, 0)
HOLD_WARM: Cost = (1, 0, 2)
EXTEND_WARM: Cost = (1, 0, 1)
END_WARM: Cost = (1, 0, 2)
LAST_END_WARM: Cost = (1, 0, 3)
HOLD_SHOWN: Cost = (1, 3, 0)
REFUSAL_WARM: Cost = (1, 2, 0)
MODEL_CALL_WARM: Cost = (2, 0, 4)
USAGE_ME_HIT: Cost = (1, 1, 0)
USAGE_ME_MISS: Cost = (2, 2, 0)
KEY_READ: Cost = (1, 1, 0)
"""What an API key of the hub costs each time, before the operation."""
USER_READ: Cost = (1, 1, 0)
"""What a user who signed in costs each time, before the operation."""


def together(*costs: Cost) -> Cost:
    """Return what several things cost one after another."""
    rpcs, reads, writes = (sum(parts) for parts in zip(*costs, strict=True))
    return rpcs, reads, writes
