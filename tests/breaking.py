"""Which RPC of an operation is broken in which way, each time and in a soak."""

from collections.abc import Sequence
from typing import Any

import pytest

from tests.wire import FAULTS

ON_A_READ = frozenset({"lost_reply", "abort", "time_out"})
"""A read leaves nothing at the server: whether it was done, twice or late is the same to us.
What differs is the code that we are told, and these three stand for the rest."""


def broken_rpcs(rpcs: Sequence[str]) -> list[Any]:
    """Return index and fault for each RPC by name; what tells nothing new soaks."""
    return [
        pytest.param(index, fault, id=f"{fault}-{index}", marks=_marks(rpc, fault))
        for fault in FAULTS
        for index, rpc in enumerate(rpcs)
    ]


def _marks(rpc: str, fault: str) -> Sequence[pytest.MarkDecorator]:
    return () if rpc == "Commit" or fault in ON_A_READ else (pytest.mark.soak,)
