"""How fast a hub user may go: by plan, read from the published balance now and then.

Source: hub-api.md 3, rule 5: free 10, guru 30, pro 100 requests a minute, for each user.
"""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from functools import cache

from creditbase.accounts.store import find_user
from creditbase.kernel.errors import Unavailable
from creditbase.ledger.paths import WalletRef
from creditbase.ledger.store import find_balance
from creditbase.runtime.identity import Caller
from creditbase.runtime.limits import RateLimit

PER_MINUTE = {"free": 10, "guru": 30, "pro": 100}
PLAN_TTL_S = 60
PLANS_MAX = 10_000
PLAN_OF_A_NEWCOMER = "free"

log = logging.getLogger(__name__)


class Plans:
    """Each user's plan, believed for a minute: a limit need not be newer than that."""

    def __init__(
        self, load: Callable[[Caller], str], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._load = load
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._known: OrderedDict[str, tuple[float, str]] = OrderedDict()

    def find(self, caller: Caller) -> str:
        """Return the caller's plan; the last that is known, while the store does not answer.

        Raises:
            Unavailable: it does not, and nothing is known.
        """
        asked_at_s = self._monotonic()
        with self._lock:
            known = self._known.get(caller.uid)
        if known is not None and asked_at_s - known[0] < PLAN_TTL_S:
            return known[1]
        try:
            plan = self._load(caller)
        except Unavailable:
            if known is None:
                raise
            log.warning("a plan is believed for longer")
            return known[1]
        with self._lock:
            self._known[caller.uid] = (asked_at_s, plan)
            self._known.move_to_end(caller.uid)
            if len(self._known) > PLANS_MAX:
                self._known.popitem(last=False)
        return plan


def find_plan(caller: Caller) -> str:
    """Return the plan that a user's published balance names; a newcomer's is free."""
    customer_id = caller.customer_id
    if not customer_id:
        user = find_user(caller.uid)
        if user is None:
            return PLAN_OF_A_NEWCOMER
        customer_id = user.customer.customer_id
    balance = find_balance(WalletRef(caller.project_id, customer_id))
    return PLAN_OF_A_NEWCOMER if balance is None else balance.terms.plan_code


@cache
def plans() -> Plans:
    """Return what this process knows of plans."""
    return Plans(find_plan)


def pace_of(caller: Caller) -> RateLimit:
    """Return how many requests a minute a user's plan allows."""
    plan = plans().find(caller)
    return RateLimit(PER_MINUTE.get(plan, PER_MINUTE[PLAN_OF_A_NEWCOMER]), plan)
