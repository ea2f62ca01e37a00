"""How often a project may call the relay's routes."""

from creditbase.runtime.identity import Caller
from creditbase.runtime.limits import RateLimit
from creditbase.runtime.routes import RateClass
from creditbase.runtime.settings import settings


def metering_limit(caller: Caller, rate_class: RateClass) -> RateLimit | None:
    """Return the setting's limit for metering, per project and process."""
    del caller
    if rate_class is not RateClass.METERING:
        return None
    return RateLimit(per_minute=settings().metering_per_minute)
