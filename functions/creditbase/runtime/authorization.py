"""Who may call what: the one table. A function without its row does not start.

Each row is a route: the Cloud Function that serves it, its method and path, the door whose
error table it answers with, the credentials it takes, the largest body that a valid request
can have, and the class of its rate limit. Tests hold `main.py`, `firebase.json` and
`docs/openapi.yaml` to this table, each way.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class DoorName(StrEnum):
    """Whose dialect a route speaks."""

    HUB = "hub"
    RELAY = "relay"
    WEBHOOK = "webhook"


class Credential(StrEnum):
    """What a caller may show, and where."""

    FIREBASE = "firebase"
    """A Firebase ID token as bearer, and an App Check token; both."""
    API_KEY = "api_key"
    """A user's own key in `X-Api-Key`. Where present it decides alone."""
    SECRET_KEY = "secret_key"  # noqa: S105 - the name of a kind
    """A project's key in `X-ModelRelay-Api-Key`, or as bearer."""
    SIGNATURE = "signature"
    """A signature over the raw body, which the operation itself verifies."""


class RateClass(StrEnum):
    """Which limit counts."""

    USER = "user"
    """By the user's plan: free 10, guru 30, pro 100 a minute."""
    SYNC = "sync"
    """10 a minute for each user: the only way round the published balance."""
    METERING = "metering"
    """A setting, for each project."""
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One row: a method and path, and what they ask of the caller."""

    function: str
    method: str
    path: str
    door: DoorName
    credentials: frozenset[Credential]
    body_bytes_max: int
    rate_class: RateClass
    consumes_app_check: bool = False
    """Where replay protection is on: whether an App Check token is good for one call only."""

    @property
    def name(self) -> str:
        """Return method and pattern, as logs and request digests name the route."""
        return f"{self.method} {self.path}"


KEY_OR_FIREBASE = frozenset({Credential.FIREBASE, Credential.API_KEY})
FIREBASE = frozenset({Credential.FIREBASE})
SECRET_KEY = frozenset({Credential.SECRET_KEY})
SIGNATURE = frozenset({Credential.SIGNATURE})

SMALL = 4 * 1024
METERED = 32 * 1024
EVENT = 1024 * 1024


def _hub(
    function: str,
    method: str,
    path: str,
    credentials: frozenset[Credential],
    *,
    rate_class: RateClass = RateClass.USER,
    consumes_app_check: bool = False,
) -> Route:
    return Route(
        function=function,
        method=method,
        path=path,
        door=DoorName.HUB,
        credentials=credentials,
        body_bytes_max=SMALL,
        rate_class=rate_class,
        consumes_app_check=consumes_app_check,
    )


def _meter(method: str, path: str) -> Route:
    return Route(
        function="meter",
        method=method,
        path=path,
        door=DoorName.RELAY,
        credentials=SECRET_KEY,
        body_bytes_max=METERED,
        rate_class=RateClass.METERING,
    )


ROUTES: tuple[Route, ...] = (
    _hub("usage_me", "GET", "/usage/me", KEY_OR_FIREBASE),
    _hub("plans", "GET", "/plans", FIREBASE),
    _hub("billing_checkout", "POST", "/billing/checkout", FIREBASE, consumes_app_check=True),
    _hub("billing_topup", "POST", "/billing/topup", FIREBASE, consumes_app_check=True),
    _hub("billing_portal", "POST", "/billing/portal", FIREBASE, consumes_app_check=True),
    _hub("billing_redeem", "POST", "/billing/redeem", FIREBASE, consumes_app_check=True),
    _hub(
        "billing_sync_balance",
        "POST",
        "/billing/sync-balance",
        KEY_OR_FIREBASE,
        rate_class=RateClass.SYNC,
    ),
    Route(
        function="billing_webhook",
        method="POST",
        path="/billing/webhook",
        door=DoorName.WEBHOOK,
        credentials=SIGNATURE,
        body_bytes_max=EVENT,
        rate_class=RateClass.NONE,
    ),
    _hub("api_keys", "POST", "/api-keys", FIREBASE, consumes_app_check=True),
    _hub("api_keys", "GET", "/api-keys", FIREBASE),
    _hub("api_keys", "DELETE", "/api-keys/{key_id}", FIREBASE),
    _meter("POST", "/api/v1/charges"),
    _meter("POST", "/api/v1/holds"),
    _meter("GET", "/api/v1/holds/{hold_id}"),
    _meter("POST", "/api/v1/holds/{hold_id}/capture"),
    _meter("POST", "/api/v1/holds/{hold_id}/void"),
    _meter("POST", "/api/v1/holds/{hold_id}/extend"),
)


def routes_of(function: str) -> tuple[Route, ...]:
    """Return the rows of a function.

    Raises:
        LookupError: it has none, so nobody has said who may call it.
    """
    found = tuple(route for route in ROUTES if route.function == function)
    if not found:
        raise LookupError(f"{function} has no row in runtime/authorization.py")
    return found


@dataclass(frozen=True, slots=True)
class Match:
    """Rows that share a path, and what its variables are."""

    routes: tuple[Route, ...]
    path: Mapping[str, str]

    def methods(self) -> tuple[str, ...]:
        """Return the methods of this path, in the table's order."""
        return tuple(route.method for route in self.routes)

    def row(self, method: str) -> Route | None:
        """Return the row of a method, if this path has one."""
        return next((route for route in self.routes if route.method == method), None)


def match_path(routes: tuple[Route, ...], path: str) -> Match | None:
    """Return the rows that a request path means, or None.

    The path is whole through Hosting. Called at its own address a function sees only what
    follows its name, so the part that all its routes share may be missing.
    """
    for candidate in (path, f"{_shared_path(routes)}{path}"):
        segments = _segments(candidate)
        found = [route for route in routes if _fits(route.path, segments)]
        if found:
            pairs = zip(_segments(found[0].path), segments, strict=True)
            names = {want[1:-1]: is_ for want, is_ in pairs if want.startswith("{")}
            return Match(tuple(found), names)
    return None


def _segments(path: str) -> list[str]:
    return path.strip("/").split("/")


def _fits(pattern: str, segments: list[str]) -> bool:
    wanted = _segments(pattern)
    return len(wanted) == len(segments) and all(
        (is_ != "" if want.startswith("{") else want == is_)
        for want, is_ in zip(wanted, segments, strict=True)
    )


def _shared_path(routes: tuple[Route, ...]) -> str:
    """Return the leading segments that all routes of a function have in common."""
    shared = _segments(routes[0].path)
    for route in routes[1:]:
        other = _segments(route.path)
        length = 0
        while length < min(len(shared), len(other)) and shared[length] == other[length]:
            length += 1
        shared = shared[:length]
    return "/" + "/".join(shared)
