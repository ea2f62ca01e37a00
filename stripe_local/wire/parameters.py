"""Reads a request's parameters into values, and refuses what is wrong with them. Pure."""

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from stripe_local.wire import errors
from stripe_local.wire.errors import InvalidParameter
from stripe_local.wire.forms import Tree, join
from stripe_local.wire.parameter_types import Accepted, Leaf, ParameterClass, accepted_by

Parameters = dict[str, Any]
_INTEGER = re.compile(r"-?\d+")


@dataclass(frozen=True)
class Reader:
    """Reads one endpoint's parameters.

    `imitated` names what the stand-in acts on, nested ones with dots (`price_data.currency`);
    a hash named by itself is taken whole. A strict reader refuses unknown parameters and known
    ones that are not imitated; a lenient one, for other API versions, passes over them.
    """

    parameters: ParameterClass
    imitated: frozenset[str]
    is_strict: bool
    removed: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Parameters of older versions that have an error code of their own, and that code."""

    def read(self, tree: Tree) -> Parameters:
        """Return the values of a request's parameters.

        Raises:
            InvalidParameter: as Stripe refuses it, or with a message that says what is not
                imitated.
        """
        return self._fields(tree, self.parameters, name="", dotted="")

    def _fields(
        self, tree: Tree, parameters: ParameterClass, *, name: str, dotted: str
    ) -> Parameters:
        accepted = accepted_by(parameters)
        gone = [given for given in tree if given in self.removed and not name]
        if gone and self.is_strict:
            raise errors.removed_parameter(gone[0], self.removed[gone[0]])
        unknown = [join(name, given) for given in tree if given not in accepted]
        if unknown and self.is_strict:
            raise errors.unknown_parameters(unknown)
        for field, each in accepted.items():
            if each.is_required and field not in tree:
                raise errors.missing_parameter(join(name, field))
        values: Parameters = {}
        for field, given in tree.items():
            inner = f"{dotted}.{field}" if dotted else field
            if field in accepted and self._is_wanted(join(name, field), inner):
                values[field] = self._value(
                    given, accepted[field], name=join(name, field), dotted=inner
                )
        return values

    def _is_wanted(self, name: str, dotted: str) -> bool:
        parts = dotted.split(".")
        is_within = any(
            ".".join(parts[:end]) in self.imitated for end in range(1, len(parts) + 1)
        )
        is_above = any(imitated.startswith(f"{dotted}.") for imitated in self.imitated)
        if not (is_within or is_above) and self.is_strict:
            raise errors.not_imitated(name)
        return is_within or is_above

    def _value(self, given: Tree | str, accepted: Accepted, *, name: str, dotted: str) -> Any:
        if isinstance(given, str):
            return _leaf(given, accepted, name)
        if accepted.items is not None:
            rows = _rows(given, name)
            return [
                self._value(row, accepted.items, name=join(name, str(place)), dotted=dotted)
                for place, row in enumerate(rows)
            ]
        if accepted.values is not None:
            return {  # an empty value is a request to remove the key
                key: value
                and self._value(value, accepted.values, name=join(name, key), dotted=dotted)
                for key, value in given.items()
            }
        if accepted.fields is not None:
            return self._fields(given, accepted.fields, name=name, dotted=dotted)
        raise InvalidParameter(f"Invalid string: {dict(given)}", param=name)


def _rows(tree: Tree, name: str) -> list[Tree | str]:
    if not all(position.isdigit() for position in tree):
        raise InvalidParameter("Invalid array", param=name)
    return [tree[position] for position in sorted(tree, key=int)]


def _leaf(text: str, accepted: Accepted, name: str) -> Any:
    if text == "":
        return _empty(accepted, name)
    if text in accepted.choices:
        return text
    if accepted.leaf is not None:
        return _read_leaf(text, accepted.leaf, name)
    if accepted.choices:
        raise InvalidParameter(
            f"Invalid {name}: must be {_one_of(accepted.choices)}", param=name
        )
    raise InvalidParameter(
        "Invalid array" if accepted.items is not None else "Invalid object", param=name
    )


def _empty(accepted: Accepted, name: str) -> Any:
    if accepted.can_unset:
        return ""
    if accepted.values is not None:
        return {}
    if accepted.items is not None:
        return []
    raise errors.empty_parameter(name)


def _read_leaf(text: str, leaf: Leaf, name: str) -> Any:
    if leaf == "integer":
        if not _INTEGER.fullmatch(text):
            raise InvalidParameter(
                f"Invalid integer: {text}", code="parameter_invalid_integer", param=name
            )
        return int(text)
    if leaf == "boolean":
        if text not in {"true", "false"}:
            raise InvalidParameter(f"Invalid boolean: {text}", param=name)
        return text == "true"
    if leaf in {"decimal", "number"}:
        try:
            return Decimal(text)
        except InvalidOperation:
            raise InvalidParameter(f"Invalid decimal: {text}", param=name) from None
    return text


def _one_of(choices: frozenset[str]) -> str:
    *others, last = sorted(choices)
    return f"one of {', '.join(others)}, or {last}" if others else last
