"""Identity: who is calling, proved by the credential that the route takes.

Firebase's two tokens are verified by firebase_admin, App Check first; keys are looked up by
digest. Every refusal of one kind has one text, so that none tells more than that it was
refused. Runtime imports no room: the look-ups come from the door.
"""

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import field, replace
from datetime import UTC, datetime
from enum import StrEnum

from werkzeug.datastructures import Headers

from creditbase.kernel.errors import Forbidden, Unauthenticated
from creditbase.kernel.ids import (
    API_KEY_PREFIX,
    CUSTOMER_TOKEN_PREFIX,
    SECRET_KEY_PREFIX,
    is_well_formed,
    sha256_hex,
)
from creditbase.kernel.records import dataclass
from creditbase.runtime.clock import real_now
from creditbase.runtime.firebase_tokens import (
    TOKEN_CHARACTERS_MAX,
    verify_app_check,
    verify_id_token,
)
from creditbase.runtime.routes import Credential, RateClass, Route
from creditbase.runtime.settings import settings

CACHED_KEYS_MAX = 1_000
LATEST_S = 2**40
"""Instants of tokens are below this, so that each is a date."""
API_KEY_HEADER = "X-Api-Key"
SECRET_KEY_HEADER = "X-ModelRelay-Api-Key"  # noqa: S105 - the name of a header
ASKED_FOR = (
    *(Credential.SECRET_KEY, Credential.CUSTOMER_TOKEN, Credential.FIREBASE),
    *(Credential.OWNER, Credential.ADMIN, Credential.API_KEY),
)
"""What a caller is told to show who has shown nothing."""


class CallerKind(StrEnum):
    """By what a caller was recognised."""

    FIREBASE = "firebase"
    API_KEY = "api_key"
    SECRET_KEY = "secret_key"  # noqa: S105 - the name of a kind
    CUSTOMER_TOKEN = "customer_token"  # noqa: S105 - the name of a kind
    OWNER = "owner"
    ADMIN = "admin"
    UNPROVEN = "unproven"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who is calling. A Firebase user's customer is found, or made, in subscriptions."""

    kind: CallerKind
    project_id: str
    uid: str = ""
    customer_id: str = ""
    key_id: str = ""
    """Which key, or the id of the customer token."""
    email: str = field(default="", repr=False)
    """The verified address of a Firebase user, empty where there is none. Never logged."""
    budget_nanos: int | None = None
    """The most that this credential may spend in a window, where it has a budget."""
    allowed_origins: tuple[str, ...] = ()
    """Of a customer token: the origins of its project's pages."""
    signed_in_at: datetime | None = None
    """When a Firebase user last showed who it is; a refreshed token keeps that instant."""

    def principal(self) -> str:
        """Return whose limits count: a user, whatever it shows, a customer, or a project."""
        if self.uid:
            return f"user/{self.uid}"
        if self.kind is CallerKind.CUSTOMER_TOKEN:
            return f"customer/{self.project_id}/{self.customer_id}"
        return f"project/{self.project_id}"

    def trace_name(self) -> str:
        """Return a name for logs that tells callers apart, and not who they are."""
        return hashlib.sha256(self.principal().encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyHolder:
    """Whose key or token it is, as a look-up found it."""

    project_id: str
    key_id: str
    uid: str = ""
    customer_id: str = ""
    budget_nanos: int | None = None
    allowed_origins: tuple[str, ...] = ()
    expires_at: datetime | None = None
    """The first instant at which a remembered holder no longer holds, where there is one."""


FindKey = Callable[[str, datetime], KeyHolder | None]
"""From a digest, or a token's text, and the real instant to the holder; None: unknown,
revoked or expired."""


ADMIN_ROLE = "admin"


def find_no_role(uid: str) -> str:
    """Return no role: for doors that have no admins."""
    del uid
    return ""


def find_no_key(shown: str, now: datetime) -> KeyHolder | None:
    """Return None: for doors that take no such key."""
    del shown, now
    return None


def _monotonic_s() -> float:
    return time.monotonic()


class Authenticator:
    """Proves callers for a door, with the look-ups that the door was given."""

    def __init__(
        self,
        *,
        project_id: str,
        find_api_key: FindKey = find_no_key,
        find_secret_key: FindKey = find_no_key,
        find_token: FindKey = find_no_key,
        find_role: Callable[[str], str] = find_no_role,
        monotonic: Callable[[], float] = _monotonic_s,
    ) -> None:
        self._project_id = project_id
        self._find_api_key = find_api_key
        self._find_role = find_role
        self._secret_keys = _Remembered(find_secret_key, monotonic)
        self._tokens = _Remembered(find_token, monotonic)

    def identify(self, headers: Headers, route: Route) -> Caller:
        """Return who is calling this route.

        Raises:
            Unauthenticated: nothing that this route takes was shown, or it does not hold.
            Forbidden: ADMIN_REQUIRED, the route is for admins and this user is none now.
            Unavailable: what is needed to verify cannot be reached.
        """
        kind = _shown(headers, route.credentials)
        # Believed for seconds where each request is money's own path; else read every time.
        is_believed = route.rate_class is RateClass.METERING
        match kind:
            case Credential.SIGNATURE | Credential.NOBODY:
                return Caller(kind=CallerKind.UNPROVEN, project_id=self._project_id)
            case Credential.API_KEY:
                return self._by_api_key(
                    headers.get(API_KEY_HEADER, "").strip() or _bearer(headers)
                )
            case Credential.SECRET_KEY:
                return self._by_secret_key(headers, is_believed=is_believed)
            case Credential.CUSTOMER_TOKEN:
                return self._by_token(_bearer(headers), is_believed=is_believed)
            case _:
                found = self._by_firebase(headers, route)
                # Never believed: who lost the role has lost it with the next request.
                if kind is Credential.ADMIN and self._find_role(found.uid) != ADMIN_ROLE:
                    raise Forbidden("This needs the admin role", reason="ADMIN_REQUIRED")
                return replace(found, kind=CallerKind(str(kind)))

    def _by_api_key(self, secret: str) -> Caller:
        refusal = Unauthenticated("Invalid API key", reason="INVALID_API_KEY")
        if not is_well_formed(secret, API_KEY_PREFIX):
            raise refusal
        holder = self._find_api_key(sha256_hex(secret), real_now())
        if holder is None:
            raise refusal
        return _caller(CallerKind.API_KEY, holder)

    def _by_secret_key(self, headers: Headers, *, is_believed: bool) -> Caller:
        secret = headers.get(SECRET_KEY_HEADER, "").strip() or _bearer(headers)
        refusal = Unauthenticated("Missing or invalid API key")
        if not is_well_formed(secret, SECRET_KEY_PREFIX):
            raise refusal
        digest = sha256_hex(secret)
        holder = self._secret_keys.find(digest, digest, is_believed=is_believed)
        if holder is None:
            raise refusal
        return _caller(CallerKind.SECRET_KEY, holder)

    def _by_token(self, token: str, *, is_believed: bool) -> Caller:
        refusal = Unauthenticated("Missing or invalid customer token")
        if not token or len(token) > TOKEN_CHARACTERS_MAX:
            raise refusal
        holder = self._tokens.find(sha256_hex(token), token, is_believed=is_believed)
        if holder is None:
            raise refusal
        return _caller(CallerKind.CUSTOMER_TOKEN, holder)

    def _by_firebase(self, headers: Headers, route: Route) -> Caller:
        token, attestation = _bearer(headers), headers.get("X-Firebase-AppCheck", "").strip()
        refusal = Unauthenticated("Missing or invalid Firebase authentication")
        if not token and not attestation:
            raise refusal
        verify_app_check(attestation, consume=route.consumes_app_check)
        claims = verify_id_token(token, asks_firebase=route.checks_session)
        if claims is None:
            raise refusal
        is_verified = claims.get("email_verified") is True
        return Caller(
            kind=CallerKind.FIREBASE,
            project_id=self._project_id,
            uid=str(claims["uid"]),
            email=str(claims.get("email") or "") if is_verified else "",
            signed_in_at=_signed_in_at(claims.get("auth_time")),
        )


def _signed_in_at(auth_time: object) -> datetime | None:
    if not isinstance(auth_time, int) or not 0 <= auth_time < LATEST_S:
        return None
    return datetime.fromtimestamp(auth_time, UTC)


def _caller(kind: CallerKind, holder: KeyHolder) -> Caller:
    return Caller(
        kind=kind,
        project_id=holder.project_id,
        uid=holder.uid,
        customer_id=holder.customer_id,
        key_id=holder.key_id,
        budget_nanos=holder.budget_nanos,
        allowed_origins=holder.allowed_origins,
    )


def _shown(headers: Headers, taken: frozenset[Credential]) -> Credential:
    """Return which of the credentials that a route takes the caller means.

    Several may arrive at once, because the SDKs send every one that they have: a key where
    the route takes keys only, the bearer where it takes customers too.
    """
    if len(taken) == 1:
        return next(iter(taken))
    bearer = _bearer(headers)
    has_key = SECRET_KEY_HEADER in headers or bearer.startswith(SECRET_KEY_PREFIX)
    is_browser = "X-Firebase-AppCheck" in headers
    is_customer = bearer.startswith(CUSTOMER_TOKEN_PREFIX) or bearer.count(".") == 2
    for kind, is_meant in (
        (Credential.API_KEY, API_KEY_HEADER in headers or bearer.startswith(API_KEY_PREFIX)),
        (Credential.FIREBASE, is_browser),
        (Credential.OWNER, is_browser),
        (Credential.CUSTOMER_TOKEN, is_customer),
        (Credential.SECRET_KEY, has_key),
    ):
        if kind in taken and is_meant:
            return kind
    return next(kind for kind in ASKED_FOR if kind in taken)


def _bearer(headers: Headers) -> str:
    scheme, _, token = headers.get("Authorization", "").strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


# ---- keys and tokens, believed for a few seconds -------------------------------------------


class _Remembered:
    """A look-up whose findings are believed for `secret_key_cache_s`; misses never are."""

    def __init__(self, find: FindKey, monotonic: Callable[[], float]) -> None:
        self._find = find
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._found: OrderedDict[str, tuple[float, KeyHolder]] = OrderedDict()

    def find(self, digest: str, shown: str, *, is_believed: bool) -> KeyHolder | None:
        """Return the holder of what was shown, from memory while that may be believed."""
        if not is_believed:
            return self._find(shown, real_now())
        # Counted from before the read, so that no key is believed longer than promised.
        asked_at_s = self._monotonic()
        with self._lock:
            read_at_s, holder = self._found.get(digest, (0.0, None))
        if holder is not None and asked_at_s - read_at_s < settings().secret_key_cache_s:
            return holder if _holds(holder, real_now()) else None
        holder = self._find(shown, real_now())
        with self._lock:
            self._found.pop(digest, None)
            if holder is not None:
                self._found[digest] = (asked_at_s, holder)
            if len(self._found) > CACHED_KEYS_MAX:
                self._found.popitem(last=False)
        return holder


def _holds(holder: KeyHolder, now: datetime) -> bool:
    return holder.expires_at is None or now < holder.expires_at
