"""What each parameter may be, read from stripe-python's own parameter types.

Stripe generates those types for exactly the API version that we pin, so the stand-in knows
every parameter that there is, without a list of its own that could drift.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache, reduce
from types import SimpleNamespace, UnionType
from typing import (
    Any,
    ForwardRef,
    Literal,
    NotRequired,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

import stripe
from stripe import RequestOptions
from stripe._stripe_object import UntypedStripeObject
from typing_extensions import is_typeddict

ParameterClass = Any
"""One of the TypedDicts of `stripe.params`. Their classes have no common type to name here."""

Leaf = Literal["text", "integer", "boolean", "decimal", "number"]
_LEAVES: dict[object, Leaf] = {
    str: "text",
    int: "integer",
    bool: "boolean",
    Decimal: "decimal",
    float: "number",
}


@dataclass(frozen=True)
class Accepted:
    """What one parameter takes; it may be several things, for example a number or a hash."""

    leaf: Leaf | None = None
    choices: frozenset[str] = frozenset()
    fields: ParameterClass | None = None
    items: "Accepted | None" = None
    values: "Accepted | None" = None
    can_unset: bool = False
    is_required: bool = True


@cache
def accepted_by(parameters: ParameterClass) -> Mapping[str, Accepted]:
    """Return what each parameter of one of stripe-python's parameter types may be."""
    written = {
        name: annotation
        for name, annotation in parameters.__annotations__.items()
        if name not in RequestOptions.__annotations__
    }
    module = vars(__import__(parameters.__module__, fromlist=["_"]))
    hints = get_type_hints(
        SimpleNamespace(__annotations__=written), globalns=module, include_extras=True
    )
    return {name: _accepted(hint) for name, hint in hints.items()}


def _accepted(hint: Any) -> Accepted:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is NotRequired:
        return replace(_accepted(arguments[0]), is_required=False)
    if origin in {Union, UnionType}:
        return _closed(reduce(_either, map(_accepted, arguments)))
    if origin is Literal:
        chosen = frozenset(arguments)
        return Accepted(choices=chosen - {""}, can_unset="" in chosen)
    if origin is list:
        return Accepted(items=_accepted(arguments[0]))
    if origin is dict or origin is UntypedStripeObject:
        return Accepted(values=_accepted(arguments[-1]))
    if is_typeddict(hint):
        return Accepted(fields=hint)
    assert not isinstance(hint, ForwardRef | str), hint
    return Accepted(leaf=_LEAVES[hint])


def _either(one: Accepted, other: Accepted) -> Accepted:
    return Accepted(
        leaf=one.leaf or other.leaf,
        choices=one.choices | other.choices,
        fields=one.fields or other.fields,
        items=one.items or other.items,
        values=one.values or other.values,
        can_unset=one.can_unset or other.can_unset,
    )


def _closed(accepted: Accepted) -> Accepted:
    """Drop the open end `Literal[…] | str`: it is there for versions to come, not for ours."""
    if accepted.choices and accepted.leaf == "text":
        return replace(accepted, leaf=None)
    return accepted


API_VERSION: str = stripe.api_version
"""The version of the API that the installed client, and so this stand-in, was made for."""
