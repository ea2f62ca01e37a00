"""How many cases a property tries: as many as the profile in force says, or fewer.

`tests/conftest.py` has the profiles: "house" is the same each time, "soak" is random and tries
ten times as many (`--hypothesis-profile=soak`, or `make soak` for all properties).
"""

from hypothesis import settings

PURE = settings()
"""Decorates a property of one value."""
STORIES = settings(max_examples=PURE.max_examples * 3 // 10)
"""Decorates a property of a whole story, which takes longer to choose than to tell."""
