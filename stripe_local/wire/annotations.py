"""Holds JSON of Stripe against stripe-python's own classes: net A of the stand-in's honesty.

Stripe generates those classes for exactly our API version. Their enums are open
(`Literal[...] | str`), for versions to come; here they are closed, because a value that our
version does not know is an invention. What the annotations cannot say is whether a field that
may be null may also be left out.

Each annotation becomes a check once, so that everything that is said in a whole test suite can
be held against them. `flaws_in_answer` and `flaws_in_event` return every disagreement, as
sentences with its place.
"""

import ast
import importlib
import inspect
import re
import textwrap
import types
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from functools import cache
from operator import attrgetter
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from stripe import Discount, ErrorObject, Event, StripeObject
from stripe._list_object import ListObject
from stripe._object_classes import OBJECT_CLASSES
from stripe._stripe_object import UntypedStripeObject

JsonObject = Mapping[str, Any]
Flaw = tuple[str, str]
"""Where, from the value that was checked on, and what is wrong there."""
Check = Callable[[Any], Sequence[Flaw]]
STUB_FIELDS = {"id", "object", "deleted"}
ERROR_TYPES = {"api_error", "card_error", "idempotency_error", "invalid_request_error"}
_CONSTANTS = {"OBJECT_NAME"}
_FOR_CHECKERS = re.compile(r"^if TYPE_CHECKING:\n((?:[ ]{4}.*\n|\n)+)", re.MULTILINE)
"""A module's imports for type checkers: the whole of it takes a second to parse."""
_LIST_FIELDS = {"object", "data", "has_more", "url"}
_SCALARS: dict[Any, tuple[type, ...]] = {
    str: (str,),
    int: (int,),
    bool: (bool,),
    float: (int, float),
}
_SOUND: Sequence[Flaw] = ()


def flaws_in_answer(status: int, body: JsonObject) -> list[str]:
    """Return what is wrong with an answer of the API: an object, a list, or an error."""
    if status == 200:
        return _told("answer", _check_object(body))
    error = body.get("error")
    if set(body) != {"error"} or not isinstance(error, dict):
        return [f"answer: status {status} without the error envelope"]
    flaws = _told("error", _check_of(ErrorObject)(error))
    if error.get("type") not in ERROR_TYPES:
        flaws.append(f"error.type: {error.get('type')!r} is none of {sorted(ERROR_TYPES)}")
    return flaws


def flaws_in_event(payload: JsonObject) -> list[str]:
    """Return what is wrong with the payload of a webhook, and with the object inside."""
    return _told("event", [*_check_of(Event)(payload), *_check_inside(payload)])


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


def _told(where: str, flaws: Sequence[Flaw]) -> list[str]:
    return [f"{where}{at}: {said}" for at, said in flaws]


def _under(at: str, flaws: Sequence[Flaw]) -> Sequence[Flaw]:
    """Return flaws as they are seen from one level up."""
    return [(at + inner, said) for inner, said in flaws] if flaws else _SOUND


def _check_object(value: object) -> Sequence[Flaw]:
    """Check a JSON object that says by its `object` what it is."""
    name = value.get("object") if isinstance(value, dict) else None
    if not isinstance(value, dict) or name not in OBJECT_CLASSES:
        return [("", f"{name!r} is no object of Stripe's")]
    if name == "list":
        return _list_check(None)(value)
    module, class_name = OBJECT_CLASSES[name]
    flaws = _check_of(getattr(importlib.import_module(module), class_name))(value)
    return [*flaws, *_check_inside(value)] if name == "event" else flaws


def _check_inside(event: JsonObject) -> Sequence[Flaw]:
    """Check the object of an event. Only the invoice that is yet to come has no id."""
    inside, at = event.get("data", {}).get("object"), ".data.object"
    if event.get("type") == "invoice.upcoming" and isinstance(inside, dict):
        whole = _under(at, _check_object({**inside, "id": "upcoming"}))
        return (
            [(f"{at}.id", "an upcoming invoice has none"), *whole] if "id" in inside else whole
        )
    return _under(at, _check_object(inside))


@cache
def _check_of(hint: Any) -> Check:
    """Return the check of one annotation."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in {Union, types.UnionType}:
        return _union_check(arguments)
    if origin is Literal:
        return _choice_check(arguments)
    if origin is list:
        return _rows_check(_check_of(arguments[0]))
    if origin is ListObject:
        return _list_check(arguments[0])
    if origin in {dict, UntypedStripeObject}:
        return _map_check(_check_of(arguments[-1]))
    if hint is Decimal:
        return _check_decimal
    if hint in _SCALARS:
        return _scalar_check(hint)
    if hint is Any:
        return lambda _value: _SOUND
    return _class_check(hint)


def _union_check(arguments: tuple[Any, ...]) -> Check:
    """Check against each possibility, and report the one that came closest."""
    hints = [hint for hint in arguments if hint is not type(None)]
    may_be_null = len(hints) < len(arguments)
    if any(get_origin(hint) is Literal for hint in hints) and str in hints:
        hints.remove(str)
    checks = [_check_of(hint) for hint in hints]

    def check(value: object) -> Sequence[Flaw]:
        if value is None and may_be_null:
            return _SOUND
        closest: Sequence[Flaw] | None = None
        for each in checks:
            flaws = each(value)
            if not flaws:
                return _SOUND
            if closest is None or len(flaws) < len(closest):
                closest = flaws
        assert closest is not None
        return closest

    return check


def _choice_check(choices: tuple[Any, ...]) -> Check:
    def check(value: object) -> Sequence[Flaw]:
        if value in choices:
            return _SOUND
        return [("", f"{value!r} is none of {sorted(map(str, choices))}")]

    return check


def _rows_check(of_row: Check) -> Check:
    def check(value: object) -> Sequence[Flaw]:
        if not isinstance(value, list):
            return [("", f"{value!r} is no array")]
        return [flaw for at, row in enumerate(value) for flaw in _under(f"[{at}]", of_row(row))]

    return check


@cache
def _list_check(hint: Any) -> Check:
    """Check a list object; without a hint each row says by itself what it is."""
    of_row = _check_object if hint is None else _check_of(hint)
    of_rows, of_flag, of_text = _rows_check(of_row), _scalar_check(bool), _scalar_check(str)

    def check(value: Any) -> Sequence[Flaw]:
        if not isinstance(value, dict) or set(value) != _LIST_FIELDS:
            return [("", "no list object")]
        return [
            *_under(".has_more", of_flag(value["has_more"])),
            *_under(".url", of_text(value["url"])),
            *_under(".data", of_rows(value["data"])),
        ]

    return check


def _map_check(of_value: Check) -> Check:
    def check(value: object) -> Sequence[Flaw]:
        if not isinstance(value, dict):
            return [("", f"{value!r} is no hash")]
        return [
            flaw for key, inner in value.items() for flaw in _under(f".{key}", of_value(inner))
        ]

    return check


def _check_decimal(value: object) -> Sequence[Flaw]:
    try:
        is_decimal = isinstance(value, str) and Decimal(value).is_finite()
    except InvalidOperation:
        is_decimal = False
    return _SOUND if is_decimal else [("", f"{value!r} is no decimal in a string")]


@cache
def _scalar_check(hint: type) -> Check:
    allowed = _SCALARS[hint]

    def check(value: object) -> Sequence[Flaw]:
        is_stray_bool = isinstance(value, bool) and hint is not bool
        if isinstance(value, allowed) and not is_stray_bool:
            return _SOUND
        return [("", f"{value!r} is no {hint.__name__}")]

    return check


def _class_check(kind: type[StripeObject]) -> Check:
    """Check every field of one of the classes, and that none is missing that must be there."""
    named = kind.__module__, kind.__qualname__

    def check(value: object) -> Sequence[Flaw]:
        if not isinstance(value, dict):
            return [("", f"{value!r} is no {kind.__name__}")]
        fields, needed = _fields_of(*named)  # only now: classes name each other in circles
        if "deleted" in value and "deleted" in fields and kind is not Discount:
            is_stub = set(value) == STUB_FIELDS and value["deleted"] is True
            told = f"of a deleted object only {sorted(STUB_FIELDS)} are told"
            return _SOUND if is_stub else [("", told)]
        flaws = [(f".{name}", "missing") for name in sorted(needed - value.keys())]
        for name, inner in value.items():
            of_field = fields.get(name)
            if of_field is None:
                flaws.append((f".{name}", f"{kind.__name__} has no such field"))
            else:
                flaws += _under(f".{name}", of_field(inner))
        return flaws

    return check


@cache
def _fields_of(
    module_name: str, qualified_name: str
) -> tuple[Mapping[str, Check], frozenset[str]]:
    """Return the check of each field of a class, and the fields that are always there."""
    hints = _hints(module_name, qualified_name)
    needed = frozenset(name for name, hint in hints.items() if not _may_be_null(hint))
    return {name: _check_of(hint) for name, hint in hints.items()}, needed


def _may_be_null(hint: Any) -> bool:
    return hint is Any or type(None) in get_args(hint)


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
    block = _FOR_CHECKERS.search(inspect.getsource(module))
    imports = ast.parse(textwrap.dedent(block[1])) if block else ast.Module([], [])
    return {
        alias.asname or alias.name: (node.module or "", alias.name)
        for node in imports.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
