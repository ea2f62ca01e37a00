"""The recipe for BigQuery in docs/analytics.md names fields that entries really have."""

import re
from pathlib import Path
from typing import Any, get_args

from creditbase.ledger.domain.entries import EntryKind
from creditbase.ledger.domain.wallet import Metered
from creditbase.ledger.encoding import write_entry
from tests.ledger.builders import a_story

RECIPE = (Path(__file__).parents[2] / "docs" / "analytics.md").read_text(encoding="utf-8")
PATHS = sorted(set(re.findall(r"'\$\.([a-z_.]+)'", RECIPE)))
OF_BEFORE_THE_SEALS = {"metered.provider", "metered.cost_nanos"}
"""Where entries of before have what is private since: the recipe reads either."""
OF_THE_EXTENSION = "_seconds"
"""How the extension writes the parts of an instant."""


def test_every_field_of_the_recipe_is_written() -> None:
    """A field by another name would be NULL, and every sum of it nothing."""
    story = a_story()
    story.grant("topup:a", 100, "topup", paid_nanos=50)
    story.capture(story.hold(5), 3)
    story.charge(7, Metered("m", "acme", 4, {"input_tokens": 1}))
    written = [write_entry(entry) for entry in story.entries.values()]

    assert {"wallet_id", "kind", "private.cost_nanos", "at._seconds"} <= set(PATHS)
    assert set(PATHS) >= OF_BEFORE_THE_SEALS
    for path in sorted(set(PATHS) - OF_BEFORE_THE_SEALS):
        names = [name for name in path.split(".") if name != OF_THE_EXTENSION]
        assert any(_has(fields, names) for fields in written), path


def test_the_kinds_of_the_recipe_are_kinds() -> None:
    """All that take credits for use, by their names."""
    kinds = set(re.findall(r"'(charge|capture|expire|late|[a-z]+)'[,)]", RECIPE))

    assert kinds == {"charge", "capture", "expire", "late"}
    assert kinds <= set(get_args(EntryKind))


def _has(fields: Any, names: list[str]) -> bool:
    for name in names:
        if not isinstance(fields, dict) or name not in fields:
            return False
        fields = fields[name]
    return True
