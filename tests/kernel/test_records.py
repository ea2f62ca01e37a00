"""A record is the standard library's dataclass; a changed one is what `replace` would make."""

import copy
import dataclasses
import pickle
from collections.abc import Callable
from dataclasses import FrozenInstanceError, asdict, field, fields, replace
from typing import Any, ClassVar

import pytest

from creditbase.kernel.records import changed, dataclass


@dataclass(frozen=True, slots=True)
class Account:
    """A record with defaults and a field of its own."""

    name: str
    credit_count: int = 0
    tags: tuple[str, ...] = field(default_factory=tuple)


@dataclass(frozen=True)
class Shelf:
    """The same without slots: all fields are copied at once."""

    name: str
    book_count: int = 0


def test_a_record_without_slots_is_changed_the_same_way() -> None:
    """And knows its own fields as well as one with slots."""
    poems = Shelf("poems", 3)

    more = changed(poems, book_count=4)

    assert more == replace(poems, book_count=4)
    assert poems.book_count == 3
    with pytest.raises(TypeError, match="Shelf has no field books"):
        changed(poems, books=4)


def test_a_changed_record_has_the_other_fields_as_they_were() -> None:
    """It stands where the standard library stood, in every decision about money."""
    ada = Account("ada", 3, ("paid",))

    richer = changed(ada, credit_count=4)

    assert richer == replace(ada, credit_count=4) == Account("ada", 4, ("paid",))
    assert ada.credit_count == 3
    assert richer.tags is ada.tags


def test_a_field_that_there_is_not_is_refused() -> None:
    """A misspelled field must not vanish."""
    with pytest.raises(TypeError):
        changed(Account("ada"), credits=4)


# ---- the standard library's dataclass --------------------------------------------------------


def kinds_by(make: Any) -> dict[str, Any]:
    """Return classes of every form that we use, made by a decorator."""

    @make(frozen=True, slots=True)
    class Plain:
        """With defaults, a shared constant, and what is not compared or shown."""

        SHARED: ClassVar[int] = 7
        name: str
        count: int = 3
        tags: list[str] = field(default_factory=list)
        note: str = field(default="", compare=False)
        salt: str = field(default="s", repr=False)
        made: int = field(default=5, init=False)

    @make(frozen=True, slots=True)
    class Longer(Plain):
        """With more fields than what it inherits from."""

        last: int = 9

    @make(frozen=True, slots=True, kw_only=True)
    class Named:
        """By name only, and looked at once it is made."""

        first: int
        second: int = 2

        def __post_init__(self) -> None:
            if self.first < 0:
                raise ValueError("below zero")

    @make(frozen=True)
    class Single:
        """One field, no slots, and an equality of its own."""

        value: int

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Single) and abs(self.value) == abs(other.value)

        def __hash__(self) -> int:
            return 1

    return by_name(Plain, Longer, Named, Single)


def other_kinds_by(make: Any) -> dict[str, Any]:
    """Return classes of the seldom forms."""

    @make(frozen=True, slots=True)
    class Empty:
        """Nothing."""

    @make(slots=True)
    class Mutable:
        """May change."""

        count: int = 0

    @make(frozen=True, slots=True, order=True)
    class Ordered:
        """May be sorted."""

        count: int = 0

    @make(frozen=True, slots=True)
    class Near:  # noqa: PLW1641 - the decorator gives it one
        """An equality of its own, and the hash of any record."""

        value: int

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Near) and self.value == other.value

    return by_name(Empty, Mutable, Ordered, Near)


def by_name(*kinds: Any) -> dict[str, Any]:
    """Return classes by their names, as if each stood here by itself."""
    for kind in kinds:
        kind.__qualname__ = kind.__name__
    return {kind.__name__: kind for kind in kinds}


OURS = kinds_by(dataclass) | other_kinds_by(dataclass)
THEIRS = kinds_by(dataclasses.dataclass) | other_kinds_by(dataclasses.dataclass)
globals().update(OURS)  # where a pickle looks for them
MAKING: dict[str, list[Callable[[Any], Any]]] = {
    "Plain": [
        lambda kind: kind("a"),
        lambda kind: kind("a", 4, ["x"], "n", "t"),
        lambda kind: kind(name="a", note="other"),
        lambda kind: kind("a", salt="u"),
    ],
    "Longer": [lambda kind: kind("a"), lambda kind: kind("a", 3, last=1)],
    "Named": [lambda kind: kind(first=1), lambda kind: kind(first=1, second=3)],
    "Single": [lambda kind: kind(1), lambda kind: kind(-1), lambda kind: kind(2)],
    "Empty": [lambda kind: kind()],
    "Near": [lambda kind: kind(1), lambda kind: kind(2)],
    "Mutable": [lambda kind: kind(), lambda kind: kind(2)],
    "Ordered": [lambda kind: kind(), lambda kind: kind(2)],
}
EACH = pytest.mark.parametrize("name", MAKING)


@EACH
def test_a_record_shows_itself_and_equals_as_a_dataclass_does(name: str) -> None:
    """The same values, the same text, the same equalities, the same hash where there is one."""
    ours = [make(OURS[name]) for make in MAKING[name]]
    theirs = [make(THEIRS[name]) for make in MAKING[name]]

    assert [*map(asdict, ours)] == [*map(asdict, theirs)]
    assert [*map(repr, ours)] == [*map(repr, theirs)]
    assert [[a == b for a in ours] for b in ours] == [[a == b for a in theirs] for b in theirs]
    assert [a == b for a, b in zip(ours, theirs, strict=True)] == [False] * len(ours)
    for one, other in zip(ours, theirs, strict=True):
        assert _hash_of(one) == _hash_of(other)


def _hash_of(record: object) -> object:
    try:
        return hash(record)
    except TypeError:
        return "none"


@EACH
def test_a_record_has_the_fields_of_a_dataclass(name: str) -> None:
    """For `match`, `replace`, `fields`, and whoever asks how it is made."""
    ours, theirs = OURS[name], THEIRS[name]

    assert ours.__match_args__ == theirs.__match_args__
    assert [(f.name, f.init, f.kw_only) for f in fields(ours)] == [
        (f.name, f.init, f.kw_only) for f in fields(theirs)
    ]
    assert getattr(ours, "__slots__", None) == getattr(theirs, "__slots__", None)
    assert ours.__doc__ == theirs.__doc__


@pytest.mark.parametrize("name", ["Plain", "Longer", "Named", "Single"])
def test_nobody_changes_a_record(name: str) -> None:
    """Nor takes away what it has, nor gives it more; the same error says so."""
    for kinds in (OURS, THEIRS):
        record = MAKING[name][0](kinds[name])
        known = fields(record)[0].name

        with pytest.raises(FrozenInstanceError, match=f"cannot assign to field '{known}'"):
            setattr(record, known, 8)
        with pytest.raises(FrozenInstanceError, match=f"cannot delete field '{known}'"):
            delattr(record, known)


@pytest.mark.parametrize("name", ["Plain", "Longer", "Named", "Single", "Empty", "Mutable"])
def test_a_copy_and_a_pickle_are_equal(name: str) -> None:
    """What is kept or sent comes back as it was; a deep copy shares nothing."""
    for make in MAKING[name]:
        record = make(OURS[name])

        assert copy.copy(record) == copy.deepcopy(record) == record
        assert pickle.loads(pickle.dumps(record)) == record  # noqa: S301 - our own
        assert replace(record) == record
    if name == "Plain":
        assert copy.deepcopy(record).tags is not record.tags


@pytest.mark.parametrize(
    ("name", "how"),
    [("Plain", {}), ("Plain", {"name": "a", "made": 1}), ("Named", {}), ("Empty", {"x": 1})],
)
def test_what_a_dataclass_refuses_to_make_a_record_refuses(
    name: str, how: dict[str, Any]
) -> None:
    """Too little, or too much."""
    for kinds in (OURS, THEIRS):
        with pytest.raises(TypeError):
            kinds[name](**how)


def test_what_is_looked_at_once_made_is_looked_at() -> None:
    """And a list of one record is not that of another."""
    with pytest.raises(ValueError, match="below zero"):
        OURS["Named"](first=-1)
    with pytest.raises(TypeError):
        OURS["Named"](1)
    assert OURS["Plain"]("a").tags is not OURS["Plain"]("a").tags
    assert OURS["Plain"]("a").made == OURS["Plain"].SHARED - 2
    assert OURS["Ordered"](1) < OURS["Ordered"](2)


def test_a_record_that_holds_itself_can_be_shown() -> None:
    """As a dataclass can."""
    shown = []
    for kinds in (OURS, THEIRS):
        record = kinds["Plain"]("a")
        record.tags.append(record)
        shown.append(repr(record))

    assert shown[0] == shown[1]
