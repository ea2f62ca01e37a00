"""Python's collector of garbage: off while a function is loaded, and seldom later.

What is loaded stays, 130,000 objects: looking through them was a tenth of a cold start. What a
hundred charges make at once is as young as they are, and gone with them: by its default the
collector looks at every 700 new objects, which took a twentieth of deciding a charge.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

YOUNG_MAX = 10_000
"""New objects, beyond those that are gone again, after which it looks at the new ones."""


@contextmanager
def loading() -> Iterator[None]:
    """Load modules without the collector; from then on it leaves them alone."""
    is_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.set_threshold(YOUNG_MAX)
        if is_on:
            gc.enable()
