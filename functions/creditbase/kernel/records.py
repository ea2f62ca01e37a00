"""Records: dataclasses that are made quickly, and others of them with some fields different.

A dataclass of the standard library writes six methods as text and compiles each, a millisecond
for each class; three hundred classes were half of what a function needs before its first answer
(ADR-0054). Here only `__init__` is compiled, and the other methods are the same for all.
What a checker sees, and what a record does, is the standard library's dataclass.
"""

import dataclasses
from collections.abc import Callable
from functools import cache
from operator import attrgetter
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any, TypeVar

R = TypeVar("R")

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass  # noqa: PLC0414 - for others to import
else:

    def dataclass(
        cls=None, /, *, frozen=False, slots=False, kw_only=False, eq=True, order=False
    ):
        """Make a class a dataclass, by the standard library if it is ordered or not frozen."""
        if cls is None:
            return lambda named: dataclass(
                named, frozen=frozen, slots=slots, kw_only=kw_only, eq=eq, order=order
            )
        if not frozen or not eq or order:
            how = {"frozen": frozen, "slots": slots, "kw_only": kw_only}
            return dataclasses.dataclass(cls, eq=eq, order=order, **how)
        # A class with an `__eq__` of its own has None for a hash until it gets one.
        own = {name for name, value in vars(cls).items() if value is not None}
        made = dataclasses.dataclass(
            cls, init=False, repr=False, eq=False, slots=slots, kw_only=kw_only
        )
        for name, method in _METHODS.items():
            if name not in own:
                setattr(made, name, method)
        made.__init__ = _init_of(made)
        return made


def changed(record: R, **fields: Any) -> R:
    """Return a record with some fields changed, as `dataclasses.replace` does.

    That asks every field each time whether it may be given. A decision about a wallet changes
    a record of two dozen fields ten times, and was busy with that for a tenth of its time. For
    dataclasses whose fields are all given to `__init__`, in their order. Fastest for those
    without slots: all their fields are copied at once.

    Raises:
        TypeError: the record has no such field.
    """
    kind: Any = type(record)
    places, values_of = _fields(kind)
    if values_of is None:
        copied = {**record.__dict__, **fields}
        if len(copied) > len(places):
            raise TypeError(f"{kind.__name__} has no field {(fields.keys() - places).pop()}")
        like: R = object.__new__(kind)
        object.__setattr__(like, "__dict__", copied)
        return like
    values = list(values_of(record))
    for name, value in fields.items():
        place = places.get(name)
        if place is None:
            raise TypeError(f"{kind.__name__} has no field {name}")
        values[place] = value
    made: R = kind(*values)
    return made


@cache
def _fields(kind: type) -> tuple[dict[str, int], Any]:
    names = tuple(kind.__dataclass_fields__)  # type: ignore[attr-defined]
    assert len(names) > 1, "one field has no tuple of values"
    is_copied = _is_plain(kind) and not hasattr(kind, "__post_init__")
    values_of = None if is_copied else attrgetter(*names)
    return {name: place for place, name in enumerate(names)}, values_of


def _is_plain(kind: type) -> bool:
    """Return whether all fields of its records are in their `__dict__`."""
    return not any("__slots__" in vars(one) for one in kind.__mro__)


# ---- what all frozen records have in common --------------------------------------------------


def _init_of(kind: Any) -> Callable[..., None]:
    """Return the `__init__` of a frozen record: the one method that is its own."""
    fields = dataclasses.fields(kind)
    asked = [_asked(field) for field in fields if field.init and field.kw_only is not True]
    named = [_asked(field) for field in fields if field.init and field.kw_only is True]
    values = {field.name: _given(field) for field in fields if _has(field)}
    if _is_plain(kind):
        pairs = ", ".join(f"{name!r}: {value}" for name, value in values.items())
        lines = [f'_set(self, "__dict__", {{{pairs}}})']
    else:
        lines = [f"_set(self, {name!r}, {value})" for name, value in values.items()]
    if hasattr(kind, "__post_init__"):
        lines.append("self.__post_init__()")
    heading = ", ".join(["self", *asked, *(["*", *named] if named else [])])
    body = "\n  ".join(lines or ["pass"])
    scope: dict[str, Any] = {"_set": object.__setattr__, "_missing": dataclasses.MISSING}
    scope |= {f"_default_{field.name}": field.default for field in fields}
    scope |= {f"_make_{field.name}": field.default_factory for field in fields}
    exec(f"def __init__({heading}):\n  {body}", scope)  # noqa: S102 - names of fields
    made: Callable[..., None] = scope["__init__"]
    made.__qualname__ = f"{kind.__qualname__}.__init__"
    return made


def _has(field: Any) -> bool:
    """Return whether `__init__` sets a field; `__post_init__` sets what it cannot know."""
    defaults = field.default, field.default_factory
    return field.init or any(one is not dataclasses.MISSING for one in defaults)


def _asked(field: Any) -> str:
    """Return a field as `__init__` asks for it: what is made anew is left out at first."""
    if field.default_factory is not dataclasses.MISSING:
        return f"{field.name}=_missing"
    is_optional = field.default is not dataclasses.MISSING
    return f"{field.name}=_default_{field.name}" if is_optional else field.name


def _given(field: Any) -> str:
    """Return what a field is set to."""
    name = field.name
    if field.default_factory is not dataclasses.MISSING:
        made = f"_make_{name}()"
        return f"{made} if {name} is _missing else {name}" if field.init else made
    return name if field.init else f"_default_{name}"


@cache
def _compared(kind: Any) -> Callable[[Any], tuple[Any, ...]]:
    """Return what takes the values of a record that make it equal to another."""
    names = [field.name for field in dataclasses.fields(kind) if field.compare]
    if len(names) > 1:
        return attrgetter(*names)
    return lambda record: tuple(getattr(record, name) for name in names)


def _equals(self: Any, other: Any) -> Any:
    if other.__class__ is not self.__class__:
        return NotImplemented
    values_of = _compared(self.__class__)
    return values_of(self) == values_of(other)


def _hash(self: Any) -> int:
    return hash(_compared(self.__class__)(self))


@recursive_repr()
def _repr(self: Any) -> str:
    shown = [field.name for field in dataclasses.fields(self) if field.repr]
    values = ", ".join(f"{name}={getattr(self, name)!r}" for name in shown)
    return f"{self.__class__.__qualname__}({values})"


def _refuse_to_set(self: object, name: str, value: object) -> None:
    del self, value
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_to_delete(self: object, name: str) -> None:
    del self
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


def _state(self: Any) -> list[Any]:
    return [getattr(self, field.name) for field in dataclasses.fields(self)]


def _set_state(self: Any, state: list[Any]) -> None:
    for field, value in zip(dataclasses.fields(self), state, strict=True):
        object.__setattr__(self, field.name, value)


_METHODS: dict[str, Any] = {
    "__eq__": _equals,
    "__hash__": _hash,
    "__repr__": _repr,
    "__setattr__": _refuse_to_set,
    "__delattr__": _refuse_to_delete,
    "__getstate__": _state,
    "__setstate__": _set_state,
}
