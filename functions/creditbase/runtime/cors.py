"""CORS: browsers of named origins only. Never `*`, and no cookies: credentials are headers."""

import re
from collections.abc import Sequence

from creditbase.runtime.settings import settings

REQUEST_HEADERS = (
    "authorization",
    "content-type",
    "idempotency-key",
    "x-api-key",
    "x-firebase-appcheck",
    "x-modelrelay-api-key",
    "x-modelrelay-client",
    "x-modelrelay-customer-id",
    "x-modelrelay-request-id",
)
HOLD_HEADER = "X-Creditbase-Hold-Id"
HELD_HEADER = "X-Creditbase-Held-Nanos"
"""What the gateway says of the hold under which it calls a model."""
ANSWER_HEADERS = (
    HOLD_HEADER,
    HELD_HEADER,
    "Age",
    "Idempotent-Replayed",
    "Retry-After",
    "X-Cache",
    "X-ModelRelay-Request-Id",
    "X-Next-Cursor",
    "X-Request-Id",
)
NAME = re.compile(r"[a-z0-9-]{1,64}")
HEADER_FAMILIES = ("x-modelrelay-", "x-stainless-")
"""Beginnings of request headers that SDKs add to, and whose every name is allowed."""
PREFLIGHT_AGE_S = 3600


def is_listed(origin: str) -> bool:
    """Return whether the settings list this origin."""
    return origin in settings().origins()


def answer_headers(origin: str, *, is_admitted: bool) -> dict[str, str]:
    """Return what lets a page of an admitted origin read our answer; else nothing but Vary."""
    if not is_admitted:
        return {"Vary": "Origin"}
    return {
        "Vary": "Origin",
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Expose-Headers": ", ".join(ANSWER_HEADERS),
    }


def preflight_headers(
    origin: str, methods: Sequence[str], *, is_admitted: bool, asked: str = ""
) -> dict[str, str]:
    """Return the answer to a browser's question whether it may send a request.

    `asked` are the headers that it wants to send.
    """
    allowed = ", ".join((*methods, "OPTIONS"))
    if not is_admitted:
        return {"Vary": "Origin", "Allow": allowed}
    wanted = {name.strip().lower() for name in asked.split(",")}
    more = sorted(name for name in wanted - set(REQUEST_HEADERS) if _is_of_a_family(name))
    return {
        "Vary": "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
        "Allow": allowed,
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Methods": allowed,
        "Access-Control-Allow-Headers": ", ".join((*REQUEST_HEADERS, *more)),
        "Access-Control-Max-Age": str(PREFLIGHT_AGE_S),
    }


def _is_of_a_family(name: str) -> bool:
    return name.startswith(HEADER_FAMILIES) and NAME.fullmatch(name) is not None
