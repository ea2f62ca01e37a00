"""How fast a hub user may call the hub's routes: as its plan says, and never faster."""

from creditbase.runtime.identity import Caller
from creditbase.runtime.limits import RateLimit
from creditbase.runtime.routes import RateClass
from creditbase.subscriptions.paces import pace_of, plans

SYNCS_PER_MINUTE = 10
ADMIN_PER_MINUTE = 120


def limit_for(caller: Caller, rate_class: RateClass) -> RateLimit | None:
    """Return how many requests of this class a user may make a minute."""
    if rate_class in {RateClass.NONE, RateClass.PUBLIC}:
        return None  # of the public's, the guard has counted the address
    if rate_class is RateClass.ADMIN:
        return RateLimit(ADMIN_PER_MINUTE)
    if rate_class is RateClass.SYNC:
        return RateLimit(SYNCS_PER_MINUTE, plans().find(caller))
    return pace_of(caller)
