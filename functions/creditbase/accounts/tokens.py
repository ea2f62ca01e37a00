"""Customer tokens: how they are signed and read. What they mean is looked up elsewhere.

`mr_ct_` and a JWT with two dots, which is what the SDKs look for. One algorithm, named key,
one spelling: a token that differs in any character from what was signed is refused.
Credentials live in real time.
"""

import base64
import binascii
import re
from datetime import datetime, timedelta
from typing import Any

import jwt

from creditbase.accounts.domain import Customer, Project
from creditbase.kernel.errors import Unavailable
from creditbase.kernel.ids import CUSTOMER_TOKEN_PREFIX
from creditbase.kernel.instants import EPOCH
from creditbase.kernel.records import dataclass
from creditbase.runtime.log import alert
from creditbase.runtime.settings import CUSTOMER_TOKEN_KEYS

ALGORITHM = "HS256"
ISSUER = "creditbase"
KIND = "customer"
KEYS_MAX = 2
KEY = re.compile(r"([A-Za-z0-9_-]{1,32}):([\x21-\x2b\x2d-\x7e]{32,256})")
"""`name:secret`: a secret of at least 32 printable characters, none of them a comma."""
CHARACTERS_MAX = 8_192
TTL_DEFAULT = timedelta(days=7)
TTL_MAX = timedelta(days=30)
REQUIRED = ("iss", "aud", "typ", "iat", "exp", "jti", "pid", "euid", "eext", "key_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What a good token says: who it is for, and until when."""

    token_id: str
    key_id: str
    """The secret key that asked for it, and with which it ends."""
    project_id: str
    customer_id: str
    external_id: str
    expires_at: datetime
    budget_nanos: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Minting:
    """What a new token shall say beside whose it is."""

    token_id: str
    key_id: str
    """The secret key that asked for it."""
    ttl: timedelta
    now: datetime
    budget_nanos: int | None = None


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A new token, and when it ends."""

    text: str
    expires_at: datetime
    ttl: timedelta


class SigningKeys:
    """The live keys by name; the first one signs."""

    def __init__(self, secrets: dict[str, str]) -> None:
        assert secrets
        self._secrets = secrets

    @classmethod
    def configured(cls) -> "SigningKeys":
        """Return the keys of the secret.

        Raises:
            Unavailable: there is none, or it cannot be used. Nothing is signed or believed.
        """
        found: dict[str, str] = {}
        parts = CUSTOMER_TOKEN_KEYS.value().strip().split(",")
        for part in parts:
            key = KEY.fullmatch(part.strip())
            if key is not None:
                found[key[1]] = key[2]
        if len(found) != len(parts) or len(found) > KEYS_MAX:
            alert(
                "secret_missing",
                "a secret cannot be used",
                secret_name=CUSTOMER_TOKEN_KEYS.name,
            )
            raise Unavailable
        return cls(found)

    def mint(self, project: Project, customer: Customer, asked: Minting) -> IssuedToken:
        """Return a token of this customer."""
        assert timedelta(0) < asked.ttl <= TTL_MAX
        name, secret = next(iter(self._secrets.items()))
        issued_s = (asked.now - EPOCH) // timedelta(seconds=1)
        expires_s = issued_s + asked.ttl // timedelta(seconds=1)
        claims: dict[str, Any] = {
            "iss": ISSUER,
            "aud": project.project_id,
            "sub": customer.customer_id,
            "typ": KIND,
            "iat": issued_s,
            "exp": expires_s,
            "jti": asked.token_id,
            "sid": asked.token_id,
            "uid": project.owner_id,
            "pid": project.project_id,
            "euid": customer.customer_id,
            "eext": customer.external_id,
            "key_id": asked.key_id,
        }
        if asked.budget_nanos is not None:
            claims["bud"] = asked.budget_nanos
        signed = jwt.encode(claims, secret, algorithm=ALGORITHM, headers={"kid": name})
        expires_at = EPOCH + timedelta(seconds=expires_s)
        return IssuedToken(CUSTOMER_TOKEN_PREFIX + signed, expires_at, asked.ttl)

    def read(self, token: str, *, now: datetime) -> Claims | None:
        """Return what a token says, or None where it does not hold; with or without prefix."""
        text = token.removeprefix(CUSTOMER_TOKEN_PREFIX)
        if len(text) > CHARACTERS_MAX or not _is_in_one_spelling(text):
            return None
        try:
            header = jwt.get_unverified_header(text)
            secret = self._secrets.get(str(header.get("kid")))
            if secret is None or header.keys() - {"alg", "typ", "kid"}:
                return None
            claims = jwt.decode(
                text,
                secret,
                algorithms=[ALGORITHM],
                issuer=ISSUER,
                # The audience is the project that the token itself names, checked below; the
                # times are checked below too, by the clock that was passed in.
                options={
                    "require": list(REQUIRED),
                    "verify_aud": False,
                    "verify_exp": False,
                    "verify_iat": False,
                },
            )
        except (jwt.PyJWTError, ValueError):
            return None
        return _claims(claims, now)


def looks_like_token(text: str) -> bool:
    """Return whether a bearer is meant as a customer token, good or bad."""
    return text.startswith(CUSTOMER_TOKEN_PREFIX) or text.count(".") == 2


def _is_in_one_spelling(text: str) -> bool:
    """Return whether each part is base64url as it is written, which leaves no free bits."""
    parts = text.split(".")
    if len(parts) != 3:
        return False
    for part in parts:
        try:
            plain = base64.b64decode(
                part + "=" * (-len(part) % 4), altchars=b"-_", validate=True
            )
        except (binascii.Error, ValueError):
            return False
        if base64.urlsafe_b64encode(plain).decode().rstrip("=") != part:
            return False
    return True


def _claims(claims: dict[str, Any], now: datetime) -> Claims | None:
    texts = [claims[name] for name in ("aud", "pid", "euid", "eext", "jti", "key_id")]
    times = [claims["iat"], claims["exp"]]
    budget = claims.get("bud")
    if not all(isinstance(text, str) for text in texts) or claims["typ"] != KIND:
        return None
    if claims["aud"] != claims["pid"] or not all(type(time) is int for time in times):
        return None
    if budget is not None and (type(budget) is not int or budget < 0):
        return None
    now_s = (now - EPOCH) // timedelta(seconds=1)
    if now_s >= claims["exp"]:
        return None
    return Claims(
        token_id=claims["jti"],
        key_id=claims["key_id"],
        project_id=claims["pid"],
        customer_id=claims["euid"],
        external_id=claims["eext"],
        expires_at=EPOCH + timedelta(seconds=claims["exp"]),
        budget_nanos=budget,
    )
