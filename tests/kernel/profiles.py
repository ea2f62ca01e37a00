"""How many cases a property tries: a few each time, and very many when asked to soak.

`HYPOTHESIS_PROFILE=soak` tries a hundred times as many. No case has a deadline: how fast the
machine is says nothing about what is right.
"""

import os

from hypothesis import HealthCheck, settings

settings.register_profile("pure", max_examples=100, deadline=None, print_blob=True)
settings.register_profile("soak", settings.get_profile("pure"), max_examples=10_000)

PURE = settings.get_profile(os.environ.get("HYPOTHESIS_PROFILE", "pure"))
"""Decorates a property of one value."""
STORIES = settings(
    PURE,
    max_examples=PURE.max_examples * 3 // 10,
    suppress_health_check=[HealthCheck.too_slow],
)
"""Decorates a property of a whole story, which takes longer to choose than to tell."""
