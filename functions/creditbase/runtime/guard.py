"""The guard at every door: who is calling, whether it guesses, and whether it is too fast.

Limits live in the process: they cost no request to the store. Nothing that a caller writes
decides whose they are: the address is the one that our own proxies saw, an IPv6 address counts
as its network, and a caller is a principal, whatever key, path or spelling it uses.
"""

import logging
from functools import cache

from werkzeug.datastructures import Headers

from creditbase.kernel.errors import Unauthenticated, Unavailable
from creditbase.runtime.arriving import network_of
from creditbase.runtime.doors import Door
from creditbase.runtime.identity import Caller
from creditbase.runtime.limits import Lockout, LockoutRule, RateBuckets, RateLimit
from creditbase.runtime.routes import Credential, Route
from creditbase.runtime.settings import settings

CREDENTIAL_HEADERS = (
    "Authorization",
    "X-Api-Key",
    "X-Firebase-AppCheck",
    "X-ModelRelay-Api-Key",
)

logger = logging.getLogger(__name__)


@cache
def rate_buckets() -> RateBuckets:
    """Return this process's buckets of callers."""
    return RateBuckets()


@cache
def strangers() -> RateBuckets:
    """Return this process's buckets of addresses: many of them push no caller's bucket out."""
    return RateBuckets()


@cache
def lockout() -> Lockout:
    """Return this process's blocked addresses."""
    return Lockout()


def identify(door: Door, route: Route, headers: Headers, address: str) -> Caller:
    """Return who is calling; count who shows what does not hold, and who shows nothing.

    Raises:
        Unauthenticated, Forbidden, Unavailable: as the authenticator says.
        RateLimited: the address is blocked, or asks too often without showing anything.
    """
    authenticator, found = door.authenticator, settings()
    if Credential.SIGNATURE in route.credentials:
        return authenticator.identify(headers, route)
    network = network_of(address)
    if Credential.NOBODY in route.credentials:
        if found.rate_limits:
            strangers().take(network, RateLimit(found.stranger_per_minute))
        return authenticator.identify(headers, route)
    if found.lockout:
        lockout().check(network)
    try:
        return authenticator.identify(headers, route)
    except Unauthenticated:
        if not any(name in headers for name in CREDENTIAL_HEADERS):
            if found.rate_limits:
                strangers().take(network, RateLimit(found.stranger_per_minute))
        elif found.lockout:
            lockout().count_failure(network, _rule())
        raise


def check_pace(door: Door, route: Route, caller: Caller) -> None:
    """Let a caller pass that is not too fast.

    Where nobody can say how fast it may be, a read passes, and is logged; whatever may move
    money, or write, does not.

    Raises:
        RateLimited: it is too fast.
        Unavailable: nobody can say, and it is no read.
    """
    if not settings().rate_limits:
        return
    try:
        limit = door.limit_for(caller, route.rate_class)
    except Unavailable:
        if route.method != "GET":
            raise
        logger.warning("a read passes without a limit", extra={"route": route.name})
        return
    if limit is not None:
        rate_buckets().take(f"{route.rate_class}/{caller.principal()}", limit)


def _rule() -> LockoutRule:
    found = settings()
    return LockoutRule(
        failures=found.lockout_failures,
        window_s=found.lockout_window_s,
        block_s=found.lockout_block_s,
    )
