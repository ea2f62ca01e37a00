"""Which customer a project's name means, remembered by a process for a few seconds.

A customer may be deleted and made again meanwhile, under another id. So whoever is told that
there is no such customer looks the name up again, and asks once more where it has moved.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache
from typing import TypeVar

from creditbase.accounts.store import find_name
from creditbase.kernel.errors import NotFound
from creditbase.ledger.paths import WalletRef

NAME_TTL = timedelta(seconds=10)
"""How long a process may remember which customer a name means, as long as a secret key."""
NAMES_MAX = 10_000

Answer = TypeVar("Answer")


class CustomerNames:
    """Which customer a project's name means, remembered for a few seconds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[str, str], tuple[str, datetime]] = OrderedDict()

    def find(self, project_id: str, external_id: str, *, now: datetime) -> str | None:
        """Return the customer's id. Names that are not there are not remembered."""
        key = (project_id, external_id)
        with self._lock:
            known = self._known.get(key)
        if known is not None and timedelta(0) <= now - known[1] < NAME_TTL:
            return known[0]
        name = find_name(project_id, external_id)
        with self._lock:
            self._known.pop(key, None)
            if name is None:
                return None
            self._known[key] = (name.customer_id, now)
            while len(self._known) > NAMES_MAX:
                self._known.popitem(last=False)
        return name.customer_id

    def follow(
        self,
        project_id: str,
        external_id: str,
        act: Callable[[WalletRef], Answer],
        *,
        now: datetime,
    ) -> Answer:
        """Act on the wallet of a name; again where the name means another customer by now.

        Raises:
            NotFound: the project has no such customer, or `act` found none.
        """
        with self._lock:
            was_known = (project_id, external_id) in self._known
        customer_id = self._required(project_id, external_id, now=now)
        try:
            return act(WalletRef(project_id, customer_id))
        except NotFound as refusal:
            if refusal.reason or not was_known:
                raise
            with self._lock:
                self._known.pop((project_id, external_id), None)
            moved_to = self._required(project_id, external_id, now=now)
            if moved_to == customer_id:
                raise
        return act(WalletRef(project_id, moved_to))

    def _required(self, project_id: str, external_id: str, *, now: datetime) -> str:
        found = self.find(project_id, external_id, now=now)
        if found is None:
            raise NotFound("Customer not found")
        return found


@cache
def customer_names() -> CustomerNames:
    """Return this process's memory of names. Tests call `cache_clear`."""
    return CustomerNames()
