"""One of many: whatever goes wrong with it, those behind it get their turn.

Beside the doors' border this is the only place that catches everything, for one reason: a bug
that one item meets, or an item that nobody can make sense of, is a matter for a person. It is
logged with its traceback and stays due, and the run goes on.
"""

import logging
from collections.abc import Callable
from typing import TypeVar

from creditbase.kernel.errors import BillingError

log = logging.getLogger(__name__)

T = TypeVar("T")


def try_one(act: Callable[[], T], *, otherwise: T, **facts: object) -> T:
    """Return what an act on one of many comes to, or `otherwise` where it fails.

    What is refused for now is only noted: it is left for the next run. `facts` name the item
    in the log.
    """
    try:
        return act()
    except BillingError as refusal:
        log.warning("left for the next run", extra={**facts, "code": refusal.code})
    except Exception:
        log.exception("cannot be worked on", extra=facts)
    return otherwise
