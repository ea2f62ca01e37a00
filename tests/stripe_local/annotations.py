"""Holds JSON of Stripe against stripe-python's own classes: net A of the stand-in's honesty.

Stripe generates those classes for exactly our API version. Their enums are open
(`Literal[...] | str`), for versions to come; here they are closed, because a value that our
version does not know is an invention. What the annotations cannot say is whether a field that
may be null may also be left out.

`flaws_in_answer` and `flaws_in_event` return every disagreement, as sentences with its place.
"""

import ast
import importlib
import inspect
import types
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from functools import cache
from operator import attrgetter
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from stripe import Discount, ErrorObject, Event, StripeObject
from stripe._list_object import ListObject
from stripe._object_classes import OBJECT_CLASSES
from stripe._stripe_object import UntypedStripeObject

JsonObject = Mapping[str, Any]
STUB_FIELDS = {"id", "object", "deleted"}
ERROR_TYPES = {"api_error", "card_error", "idempotency_error", "invalid_request_error"}
_CONSTANTS = {"OBJECT_NAME"}
SCALARS: dict[Any, tuple[type, ...]] = {
    str: (str,),
    int: (int,),
    bool: (bool,),
    float: (int, float),
}


def flaws_in_answer(status: int, body: JsonObject) -> list[str]:
    """Return what is wrong with an answer of the API: an object, a list, or an error."""
    if status == 200:
        return list(_object_flaws(body, "answer"))
    error = body.get("error")
    if set(body) != {"error"} or not isinstance(error, dict):
        return [f"answer: status {status} without the error envelope"]
    flaws = list(_field_flaws(error, ErrorObject, "error"))
    if error.get("type") not in ERROR_TYPES:
        flaws.append(f"error.type: {error.get('type')!r} is none of {sorted(ERROR_TYPES)}")
    return flaws


def flaws_in_event(payload: JsonObject) -> list[str]:
    """Return what is wrong with the payload of a webhook, and with the object inside."""
    return list(_field_flaws(payload, Event, "event")) + list(_inside_flaws(payload, "event"))


def flaws_in_transcript(utterances: Sequence[JsonObject]) -> list[str]:
    """Return what is wrong with all that a stand-in said, as `/_sim/transcript` tells it."""
    found: list[str] = []
    for each in utterances:
        if each["kind"] == "webhook":
            flaws = flaws_in_event(each["body"])
        else:
            flaws = flaws_in_answer(each["status"], each["body"])
        found += [f"{each['about']}: {flaw}" for flaw in flaws]
    return found


def _object_flaws(value: object, where: str) -> Iterator[str]:
    """Check a JSON object that says by its `object` what it is."""
    name = value.get("object") if isinstance(value, dict) else None
    if not isinstance(value, dict) or name not in OBJECT_CLASSES:
        yield f"{where}: {name!r} is no object of Stripe's"
    elif name == "list":
        yield from _list_flaws(value, None, where)
    else:
        module, class_name = OBJECT_CLASSES[name]
        found: type[StripeObject] = getattr(importlib.import_module(module), class_name)
        yield from _field_flaws(value, found, where)
        if name == "event":
            yield from _inside_flaws(value, where)


def _inside_flaws(event: JsonObject, where: str) -> Iterator[str]:
    """Check the object of an event. Only the invoice that is yet to come has no id."""
    inside, at = event.get("data", {}).get("object"), f"{where}.data.object"
    if event.get("type") == "invoice.upcoming" and isinstance(inside, dict):
        if "id" in inside:
            yield f"{at}.id: an upcoming invoice has none"
        inside = {**inside, "id": "upcoming"}
    yield from _object_flaws(inside, at)


def _field_flaws(value: JsonObject, kind: type[StripeObject], where: str) -> Iterator[str]:
    hints = _hints(kind.__module__, kind.__qualname__)
    if "deleted" in value and "deleted" in hints and kind is not Discount:
        if set(value) != STUB_FIELDS or value["deleted"] is not True:
            yield f"{where}: of a deleted object only {sorted(STUB_FIELDS)} are told"
        return
    for name in sorted(hints.keys() - value.keys()):
        if not _may_be_null(hints[name]):
            yield f"{where}.{name}: missing"
    for name, inner in value.items():
        if name in hints:
            yield from _flaws(inner, hints[name], f"{where}.{name}")
        else:
            yield f"{where}.{name}: {kind.__name__} has no such field"


def _flaws(value: object, hint: Any, where: str) -> Iterator[str]:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in {Union, types.UnionType}:
        yield from _union_flaws(value, arguments, where)
    elif origin is Literal:
        if value not in arguments:
            yield f"{where}: {value!r} is none of {sorted(map(str, arguments))}"
    elif origin is list:
        yield from _rows_flaws(value, arguments[0], where)
    elif origin is ListObject:
        yield from _list_flaws(value, arguments[0], where)
    elif origin in {dict, UntypedStripeObject}:
        yield from _map_flaws(value, arguments[-1], where)
    elif hint is Decimal:
        if not _is_decimal(value):
            yield f"{where}: {value!r} is no decimal in a string"
    elif hint in SCALARS:
        is_stray_bool = isinstance(value, bool) and hint is not bool
        if not isinstance(value, SCALARS[hint]) or is_stray_bool:
            yield f"{where}: {value!r} is no {hint.__name__}"
    elif hint is not Any:
        yield from _class_flaws(value, hint, where)


def _union_flaws(value: object, arguments: tuple[Any, ...], where: str) -> Iterator[str]:
    """Check against each possibility, and report the one that came closest."""
    hints = [hint for hint in arguments if hint is not type(None)]
    if value is None and len(hints) < len(arguments):
        return
    if any(get_origin(hint) is Literal for hint in hints) and str in hints:
        hints.remove(str)
    tried = [list(_flaws(value, hint, where)) for hint in hints]
    yield from min(tried, key=len)


def _rows_flaws(value: object, hint: Any, where: str) -> Iterator[str]:
    if not isinstance(value, list):
        yield f"{where}: {value!r} is no array"
        return
    for place, row in enumerate(value):
        yield from _flaws(row, hint, f"{where}[{place}]")


def _list_flaws(value: object, hint: Any, where: str) -> Iterator[str]:
    """Check a list object; without a hint each row says by itself what it is."""
    if not isinstance(value, dict) or set(value) != {"object", "data", "has_more", "url"}:
        yield f"{where}: no list object"
        return
    yield from _flaws(value["has_more"], bool, f"{where}.has_more")
    yield from _flaws(value["url"], str, f"{where}.url")
    for place, row in enumerate(value["data"]):
        at = f"{where}.data[{place}]"
        yield from _object_flaws(row, at) if hint is None else _flaws(row, hint, at)


def _map_flaws(value: object, hint: Any, where: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{where}: {value!r} is no hash"
        return
    for key, inner in value.items():
        yield from _flaws(inner, hint, f"{where}.{key}")


def _class_flaws(value: object, kind: type[StripeObject], where: str) -> Iterator[str]:
    if isinstance(value, dict):
        yield from _field_flaws(value, kind, where)
    else:
        yield f"{where}: {value!r} is no {kind.__name__}"


def _is_decimal(value: object) -> bool:
    try:
        return isinstance(value, str) and Decimal(value).is_finite()
    except InvalidOperation:
        return False


def _may_be_null(hint: Any) -> bool:
    return hint is Any or type(None) in get_args(hint)


@cache
def _hints(module_name: str, qualified_name: str) -> Mapping[str, Any]:
    """Return the annotations of one of stripe-python's classes, as types."""
    module = importlib.import_module(module_name)
    kind: type[StripeObject] = attrgetter(qualified_name)(module)
    written = {
        name: annotation
        for name, annotation in kind.__annotations__.items()
        if name not in _CONSTANTS and not name.startswith("_")
    }
    return get_type_hints(
        types.SimpleNamespace(__annotations__=written),
        globalns=vars(module),
        localns=_Imports(module),
    )


class _Imports(dict[str, Any]):
    """The names that a module imports only for type checkers, looked up when they are asked."""

    def __init__(self, module: types.ModuleType) -> None:
        super().__init__()
        self._module = module
        self._origins = _imports_for_checkers(module)

    def __missing__(self, name: str) -> Any:
        if name in vars(self._module):
            return vars(self._module)[name]
        module, original = self._origins[name]
        return getattr(importlib.import_module(module), original)


@cache
def _imports_for_checkers(module: types.ModuleType) -> Mapping[str, tuple[str, str]]:
    return {
        alias.asname or alias.name: (node.module or "", alias.name)
        for node in ast.walk(ast.parse(inspect.getsource(module)))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
