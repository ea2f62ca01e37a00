"""Firebase's own two tokens: App Check's, and the ID token of whoever is signed in.

Verified by firebase_admin against Google's public keys; where money moves, Firebase is asked
whether the sign-in still holds.
"""

import threading
from functools import lru_cache
from typing import Any

import firebase_admin
import jwt
from firebase_admin import app_check, auth, credentials
from firebase_admin.exceptions import FirebaseError
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import GoogleAuthError
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from creditbase.kernel.errors import Unauthenticated, Unavailable
from creditbase.kernel.ids import sha256_hex
from creditbase.runtime.clock import real_now
from creditbase.runtime.emulator import app_check_keys_url, is_emulated
from creditbase.runtime.log import alert
from creditbase.runtime.settings import settings

TOKEN_CHARACTERS_MAX = 8_192
NO_SESSION = (auth.InvalidIdTokenError, auth.UserDisabledError, auth.UserNotFoundError)
"""What Firebase says of a token that does not hold, whatever the reason."""
ASKED_AGAIN = Retry(connect=1, read=0, status=0, backoff_factor=0)
"""A connection that was closed meanwhile is made anew; an answer is taken as it is."""


class _Emulator(credentials.Base):
    """Lets firebase_admin start without an account where nothing needs one."""

    def get_credential(self) -> Any:
        """Return credentials that sign nothing."""
        anonymous: Any = AnonymousCredentials
        return anonymous()


_admin: Any = firebase_admin  # not annotated by its makers
_auth: Any = auth
_app_lock = threading.Lock()
_APP_NAME = "creditbase"
_SESSIONS = "creditbase-sessions"
ATTESTED_S, ATTESTED_MAX = 300, 10_000
SESSION_TIMEOUT_S = 2
"""How long to wait for Firebase's word on a sign-in: callers wait five seconds for all."""


def firebase_app() -> Any:
    """Return this process's Firebase app, made on first use and under our own name."""
    with _app_lock:
        try:
            return _admin.get_app(_APP_NAME)
        except ValueError:
            keys_url = app_check_keys_url()
            if keys_url:
                app_check._AppCheckService._JWKS_URL = keys_url  # noqa: SLF001 - no other way
            return _new_app(_APP_NAME, timeout_s=5)


def _new_app(name: str, *, timeout_s: int) -> Any:
    return _admin.initialize_app(
        credential=_Emulator() if is_emulated() else None,
        options={"projectId": settings().project_id, "httpTimeout": timeout_s},
        name=name,
    )


def _sessions() -> Any:
    """Return the app that asks for sign-ins: once, and not for long.

    firebase_admin repeats for seven seconds what failed; who waits here has five.
    """
    with _app_lock:
        try:
            return _admin.get_app(_SESSIONS)
        except ValueError:
            made = _new_app(_SESSIONS, timeout_s=SESSION_TIMEOUT_S)
            service: Any = _auth._get_client(made)  # noqa: SLF001 - no option says it
            session = service._user_manager.http_client.session  # noqa: SLF001 - as above
            for scheme in ("https://", "http://"):
                session.mount(scheme, HTTPAdapter(max_retries=ASKED_AGAIN))
            return made


class Attested:
    """App Check tokens that held a moment ago: an app shows the same one for up to an hour.

    Verifying one takes as long as all else that `GET /usage/me` computes, and nobody can
    revoke one. Believed until they expire, and for no longer than some minutes, so that keys
    which Google withdraws are soon asked for. For one thread at a time or many: who meets
    another one here verifies once more.
    """

    def __init__(self) -> None:
        self._until_s: dict[str, int] = {}

    def holds(self, attestation: str, *, now_s: int) -> bool:
        """Return whether a token is one of them."""
        return now_s < self._until_s.get(sha256_hex(attestation), 0)

    def keep(self, attestation: str, *, expires_at_s: int, now_s: int) -> None:
        """Believe a token from now on."""
        if len(self._until_s) >= ATTESTED_MAX:
            self._until_s.clear()
        self._until_s[sha256_hex(attestation)] = min(expires_at_s, now_s + ATTESTED_S)


@lru_cache(maxsize=1)
def _attested(app: Any) -> Attested:
    """Return what is believed by a Firebase app's keys."""
    del app
    return Attested()


def verify_app_check(attestation: str, *, consume: bool) -> None:
    """Refuse a request that does not come from our own app.

    Raises:
        Unauthenticated: there is no App Check token, or it does not hold, or it was used
            before on a route where replay protection asks for a fresh one.
        Unavailable: the public keys cannot be fetched.
    """
    refusal = Unauthenticated("App Check failed", reason="APP_CHECK_FAILED")
    if not attestation or len(attestation) > TOKEN_CHARACTERS_MAX:
        raise refusal
    once = consume and settings().app_check_replay_protection
    app, now_s = firebase_app(), int(real_now().timestamp())
    if not once and _attested(app).holds(attestation, now_s=now_s):
        return
    try:
        claims = app_check.verify_token(attestation, app, consume=once)
    except jwt.PyJWKClientConnectionError as failure:
        alert("keys_unavailable", "App Check keys cannot be fetched")
        raise Unavailable from failure
    except FirebaseError as failure:
        alert("keys_unavailable", "App Check replay protection cannot be asked")
        raise Unavailable from failure
    except (ValueError, AttributeError, TypeError, jwt.PyJWTError) as failure:
        # AttributeError: firebase_admin asks an absent issuer how it begins.
        raise refusal from failure
    if claims.get("already_consumed") or "exp" not in claims:
        raise refusal
    _attested(app).keep(attestation, expires_at_s=int(claims["exp"]), now_s=now_s)


def verify_id_token(token: str, *, asks_firebase: bool = False) -> dict[str, Any] | None:
    """Return the claims of a good ID token, or None.

    A token says for up to an hour what was true when it was made. Where Firebase is asked, it
    must still be: no token from before the sign-ins were revoked holds, nor one of a user who
    was disabled or deleted.

    Raises:
        Unavailable: the public keys cannot be fetched, or Firebase does not say.
    """
    if not token or len(token) > TOKEN_CHARACTERS_MAX:
        return None
    try:
        app = _sessions() if asks_firebase else firebase_app()
        claims: dict[str, Any] = _auth.verify_id_token(token, app, check_revoked=asks_firebase)
    except auth.CertificateFetchError as failure:
        alert("keys_unavailable", "the keys of ID tokens cannot be fetched")
        raise Unavailable from failure
    except (ValueError, *NO_SESSION):
        return None
    except (FirebaseError, GoogleAuthError) as failure:
        alert("keys_unavailable", "Firebase cannot be asked whether a sign-in still holds")
        raise Unavailable from failure
    return claims if _names_a_document(str(claims["uid"])) else None


def _names_a_document(uid: str) -> bool:
    """Return whether `users/{uid}` is a document: custom tokens may carry any text."""
    return "/" not in uid and uid not in {".", ".."} and not uid.startswith("__")
