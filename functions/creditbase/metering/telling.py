"""Whether a project's developer wants to hear of completed requests.

Telling is one more write for each of them, so it is asked first; and remembered for a minute,
so that a charge reads nothing for it.
"""

import time
from functools import cache

from creditbase.accounts.webhook_store import find_webhooks
from creditbase.catalog.per_project import PerProject

REMEMBERED_S = 60
COMPLETED = "request.completed"


def is_told(project_id: str) -> bool:
    """Return whether a webhook of the project wants to hear of completed requests.

    Raises:
        Unavailable: the store gave no answer in time.
    """
    return listeners().get(project_id)


@cache
def listeners() -> PerProject[bool]:
    """Return what this process knows of that."""
    return PerProject(_listens, ttl_s=REMEMBERED_S, clock=time.monotonic)


def _listens(project_id: str) -> bool:
    return any(webhook.wants(COMPLETED) for webhook in find_webhooks(project_id))
