"""A changed record is the record that `dataclasses.replace` would make."""

from dataclasses import dataclass, field, replace

import pytest

from creditbase.kernel.records import changed


@dataclass(frozen=True, slots=True)
class Account:
    """A record with defaults and a field of its own."""

    name: str
    credit_count: int = 0
    tags: tuple[str, ...] = field(default_factory=tuple)


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
