"""How often a project, a customer or an owner may call the relay's routes."""

from creditbase.runtime.identity import Caller, CallerKind
from creditbase.runtime.limits import RateLimit
from creditbase.runtime.routes import RateClass
from creditbase.runtime.settings import settings
from creditbase.subscriptions.paces import pace_of

HUB_USERS = frozenset({CallerKind.FIREBASE, CallerKind.API_KEY})


def metering_limit(caller: Caller, rate_class: RateClass) -> RateLimit | None:
    """Return the setting's limit for metering, per project and process."""
    del caller
    if rate_class is not RateClass.METERING:
        return None
    return RateLimit(per_minute=settings().metering_per_minute)


def relay_limit(caller: Caller, rate_class: RateClass) -> RateLimit | None:
    """Return the setting's limit, per project, customer or owner, and process.

    A customer's own tokens are its own limit, so that no customer uses up its project's. A
    user of the hub calls models as fast as its plan allows, with whatever key.
    """
    if caller.kind in HUB_USERS and rate_class is RateClass.METERING:
        return pace_of(caller)
    if caller.kind is CallerKind.CUSTOMER_TOKEN:
        return RateLimit(per_minute=settings().customer_per_minute)
    if rate_class is RateClass.RELAY:
        return RateLimit(per_minute=settings().relay_per_minute)
    return metering_limit(caller, rate_class)
