"""What an endpoint of the API is: where it is, what it takes, and what it does."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from stripe_local.account import Account
from stripe_local.events import Cause
from stripe_local.wire.parameter_types import ParameterClass
from stripe_local.wire.parameters import Parameters
from stripe_local.wire.resource import Resource


@dataclass(frozen=True)
class Call:
    """One request, read and allowed: what the endpoint works with."""

    account: Account
    object_id: str
    params: Parameters
    cause: Cause


@dataclass(frozen=True)
class Endpoint:
    """One method on one path. A path with `{id}` hands that id to `run`."""

    method: str
    path: str
    parameters: ParameterClass
    imitated: frozenset[str]
    run: Callable[[Call], Resource]
    removed: Mapping[str, str] = field(default_factory=dict)
    """Parameters that this version no longer has, each with the code of its refusal."""
