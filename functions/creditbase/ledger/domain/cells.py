"""Cells: what the use of a day is told apart by, and how they are written."""

import json
from functools import lru_cache

from creditbase.kernel.records import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Cell:
    """A model of a provider, used on a plan. Of older days the model alone is known."""

    model: str
    provider: str = ""
    plan_code: str = ""

    @property
    def key(self) -> str:
        """Return the key that it is kept under: a JSON list, or the model if that is all."""
        if not self.provider and not self.plan_code and not self.model.startswith("["):
            return self.model
        return _key_of(self.model, self.provider, self.plan_code)


@lru_cache(maxsize=1_024)
def _key_of(model: str, provider: str, plan_code: str) -> str:
    names = [model, provider, plan_code]
    return json.dumps(names, ensure_ascii=False, separators=(",", ":"))


def cell_of(key: str) -> Cell:
    """Return the cell of a key. Older days have plain models, whatever those are called."""
    if key.startswith('["'):
        try:
            names = json.loads(key)
        except ValueError:
            return Cell(key)
        if len(names) == 3 and all(isinstance(name, str) for name in names):
            return Cell(*names)
    return Cell(key)
