"""CORS: browsers of named origins only. Never `*`, and no cookies: credentials are headers."""

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
ANSWER_HEADERS = (
    "Age",
    "Idempotent-Replayed",
    "Retry-After",
    "X-Cache",
    "X-ModelRelay-Request-Id",
    "X-Request-Id",
)
PREFLIGHT_AGE_S = 3600


def answer_headers(origin: str) -> dict[str, str]:
    """Return what lets a page of an allowed origin read our answer; else nothing but Vary."""
    if origin not in settings().origins():
        return {"Vary": "Origin"}
    return {
        "Vary": "Origin",
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Expose-Headers": ", ".join(ANSWER_HEADERS),
    }


def preflight_headers(origin: str, methods: Sequence[str]) -> dict[str, str]:
    """Return the answer to a browser's question whether it may send a request."""
    allowed = ", ".join((*methods, "OPTIONS"))
    if origin not in settings().origins():
        return {"Vary": "Origin", "Allow": allowed}
    return {
        "Vary": "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
        "Allow": allowed,
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Methods": allowed,
        "Access-Control-Allow-Headers": ", ".join(REQUEST_HEADERS),
        "Access-Control-Max-Age": str(PREFLIGHT_AGE_S),
    }
