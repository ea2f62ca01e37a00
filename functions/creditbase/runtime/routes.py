"""Routes: what a row of the authorization table says, and which rows a path means."""

from collections.abc import Mapping
from enum import StrEnum
from urllib.parse import unquote

from creditbase.kernel.records import dataclass


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
    """A user's own key in `X-Api-Key`, or as bearer. Where present it decides alone."""
    SECRET_KEY = "secret_key"  # noqa: S105 - the name of a kind
    """A project's key in `X-ModelRelay-Api-Key`, or as bearer."""
    CUSTOMER_TOKEN = "customer_token"  # noqa: S105 - the name of a kind
    """A customer's signed token as bearer, with or without its prefix `mr_ct_`."""
    OWNER = "owner"
    """As `FIREBASE`; the operation itself looks whether the user owns the path's project."""
    ADMIN = "admin"
    """As `FIREBASE`, of a user whose role says so now: it is read for every request."""
    NOBODY = "nobody"
    """None: what it shows is everybody's. Its requests are limited by their address."""
    SIGNATURE = "signature"
    """A signature over the raw body, which the operation itself verifies."""


class RateClass(StrEnum):
    """Which limit counts."""

    USER = "user"
    """By the user's plan: free 10, guru 30, pro 100 a minute."""
    SYNC = "sync"
    """10 a minute for each user: the only way round the published balance."""
    METERING = "metering"
    """A setting, for each project; of customers' own tokens, for each customer."""
    RELAY = "relay"
    """A setting, for each project, customer or owner."""
    ADMIN = "admin"
    """120 a minute for each admin, whatever plan that user is on."""
    PUBLIC = "public"
    """A setting, for each address: of what needs no credential."""
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
    takes_rest: bool = False
    """Whether the last variable may have slashes, which some proxies decode on the way."""
    holds_prompt: bool = False
    """Whether the body is what somebody says to a model, which is passed on and not kept."""

    @property
    def name(self) -> str:
        """Return method and pattern, as logs and request digests name the route."""
        return f"{self.method} {self.path}"

    @property
    def checks_session(self) -> bool:
        """Return whether Firebase is asked if the sign-in still holds.

        It is where money is about to move or be given away, where one acts on others'
        accounts, and where credentials are made.
        """
        is_owners_deed = Credential.OWNER in self.credentials and self.method != "GET"
        is_admins = Credential.ADMIN in self.credentials
        return self.consumes_app_check or is_admins or is_owners_deed


KEY_OR_FIREBASE = frozenset({Credential.FIREBASE, Credential.API_KEY})
FIREBASE = frozenset({Credential.FIREBASE})
SECRET_KEY = frozenset({Credential.SECRET_KEY})
CUSTOMER_TOKEN = frozenset({Credential.CUSTOMER_TOKEN})
OWNER = frozenset({Credential.OWNER})
ADMIN = frozenset({Credential.ADMIN})
SIGNATURE = frozenset({Credential.SIGNATURE})
NOBODY = frozenset({Credential.NOBODY})

SMALL = 4 * 1024
METERED = 32 * 1024
EVENT = 1024 * 1024
PROMPT = 4 * 1024 * 1024
"""The largest request of a model call, images and files included."""


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


def match_path(routes: tuple[Route, ...], path: str, *, raw_path: str = "") -> Match | None:
    """Return the rows that a request path means, or None; words win over variables.

    The path is whole through Hosting. Called at its own address a function sees only what
    follows its name, so the part that all its routes share may be missing. `raw_path` is
    the path as it was sent: there a slash inside a variable is still `%2F`.
    """
    sent = [unquote(segment) for segment in _segments(raw_path)]
    is_same = "/".join(sent).strip("/") == path.strip("/")
    segments = sent if is_same else _segments(path)
    shared = _segments(_shared_path(routes))
    for candidate in (segments, shared if segments == [""] else shared + segments):
        fitting = [route for route in routes if _fits(route, candidate)]
        if fitting:
            pattern = min((_segments(route.path) for route in fitting), key=_vagueness)
            rest = "/".join(candidate[len(pattern) - 1 :])
            values = [*candidate[: len(pattern) - 1], rest]
            pairs = zip(pattern, values, strict=True)
            names = {want[1:-1]: is_ for want, is_ in pairs if _is_variable(want)}
            found = tuple(route for route in fitting if _segments(route.path) == pattern)
            return Match(found, names)
    return None


def _segments(path: str) -> list[str]:
    return path.strip("/").split("/")


def _is_variable(segment: str) -> bool:
    return segment.startswith("{")


def _vagueness(pattern: list[str]) -> list[bool]:
    return [_is_variable(segment) for segment in pattern]


def _fits(route: Route, segments: list[str]) -> bool:
    wanted = _segments(route.path)
    is_long = len(segments) > len(wanted) and route.takes_rest
    return (is_long or len(segments) == len(wanted)) and all(
        (is_ != "" if _is_variable(want) else want == is_)
        for want, is_ in zip(wanted, segments, strict=False)
    )


def _shared_path(routes: tuple[Route, ...]) -> str:
    """Return the leading words that all routes of a function have in common."""
    shared = _segments(routes[0].path)
    for route in routes:
        other = _segments(route.path)
        length = 0
        while (
            length < min(len(shared), len(other))
            and shared[length] == other[length]
            and not _is_variable(other[length])
        ):
            length += 1
        shared = shared[:length]
    return "/" + "/".join(shared)
