"""A stand-in for Google's key servers: real RS256 keys, real certificates, on this machine.

The tokens it makes are verified by firebase_admin exactly as Google's are; only the
addresses of the public keys differ.
"""

import base64
import hmac
import http.server
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from jwt.algorithms import RSAAlgorithm

from tests.together import join_all

KEY_ID = "k1"
PROJECT_NUMBER = "123"
LIFETIME_S = 3600


def new_key() -> rsa.RSAPrivateKey:
    """Return a fresh RSA key, for instance a forger's."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Signer:
    """Signs ID tokens and App Check tokens of one project, as Google would."""

    def __init__(self, project: str) -> None:
        self.project = project
        self.key = new_key()
        self.keys_asked = 0
        self.consumed: list[str] = []
        self.looked_up: list[str] = []
        """Whose sign-ins were asked for."""
        self.accounts: dict[str, dict[str, Any]] = {}
        """What Firebase knows of users of whom it is not just that they are there."""
        self.url = ""

    def certificates(self) -> bytes:
        """Return what the key server of ID tokens answers: certificates by key id."""
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "securetoken.local")])
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self.key.public_key())
            .serial_number(1)
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .sign(self.key, hashes.SHA256())
        )
        pem = certificate.public_bytes(serialization.Encoding.PEM).decode()
        return json.dumps({KEY_ID: pem}).encode()

    def key_set(self) -> bytes:
        """Return what the key server of App Check answers: a JSON web key set."""
        public = RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return json.dumps(
            {"keys": [{**public, "kid": KEY_ID, "use": "sig", "alg": "RS256"}]}
        ).encode()

    def id_claims(self, uid: str, **changed: Any) -> dict[str, Any]:
        """Return the claims of a good ID token, with some of them changed."""
        now = int(time.time())
        return {
            "iss": f"https://securetoken.google.com/{self.project}",
            "aud": self.project,
            "sub": uid,
            "user_id": uid,
            "auth_time": now,
            "iat": now,
            "exp": now + LIFETIME_S,
            **changed,
        }

    def app_claims(self, **changed: Any) -> dict[str, Any]:
        """Return the claims of a good App Check token, with some of them changed."""
        now = int(time.time())
        return {
            "iss": f"https://firebaseappcheck.googleapis.com/{PROJECT_NUMBER}",
            "aud": [f"projects/{PROJECT_NUMBER}", f"projects/{self.project}"],
            "sub": "1:123:web:abc",
            "iat": now,
            "exp": now + LIFETIME_S,
            **changed,
        }

    def account(self, uid: str) -> dict[str, Any]:
        """Return what Identity Toolkit says of a user; of one that is gone, nothing."""
        self.looked_up.append(uid)
        known = self.accounts.get(uid, {"validSince": "0"})
        kind = {"kind": "identitytoolkit#GetAccountInfoResponse"}
        return {**kind, "users": [{"localId": uid, **known}]} if known else kind

    def account_of(self, sent: dict[str, Any]) -> dict[str, Any]:
        """Return what Identity Toolkit says of whom a lookup names, by id or by address."""
        if "localId" in sent:
            return self.account(*sent["localId"])
        (asked,) = sent["email"]
        for uid, known in self.accounts.items():
            if known.get("email") == asked.lower():
                return self.account(uid)
        return {"kind": "identitytoolkit#GetAccountInfoResponse"}

    def sign(
        self, claims: dict[str, Any], *, kid: str = KEY_ID, key: rsa.RSAPrivateKey | None = None
    ) -> str:
        """Return the claims as a signed token."""
        headers = {"kid": kid, "typ": "JWT"}
        return jwt.encode(claims, key or self.key, algorithm="RS256", headers=headers)

    def id_token(self, uid: str, **changed: Any) -> str:
        """Return an ID token of a user."""
        return self.sign(self.id_claims(uid, **changed))

    def app_token(self, **changed: Any) -> str:
        """Return an App Check token of our app."""
        return self.sign(self.app_claims(**changed))

    def headers(self, uid: str) -> dict[str, str]:
        """Return what a signed-in browser of our app sends."""
        return {
            "Authorization": f"Bearer {self.id_token(uid)}",
            "X-Firebase-AppCheck": self.app_token(),
        }


def unsigned(claims: dict[str, Any]) -> str:
    """Return a token that says it needs no signature."""
    return jwt.encode(claims, "", algorithm="none", headers={"kid": KEY_ID})


def signed_with_the_public_key(signer: Signer, claims: dict[str, Any]) -> str:
    """Return an HS256 token whose secret is the public key: the classic confusion.

    Made by hand, because the library refuses to make one.
    """
    public = signer.key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    head = {"alg": "HS256", "typ": "JWT", "kid": KEY_ID}
    signed = ".".join(_segment(json.dumps(part).encode()) for part in (head, claims))
    return f"{signed}.{_segment(hmac.digest(public, signed.encode(), 'sha256'))}"


def _segment(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


@contextmanager
def serving_keys(signer: Signer) -> Iterator[Signer]:
    """Serve a signer's public keys at its `url`: `/certs` and `/jwks`.

    A POST consumes an App Check token, as Google's replay protection does, or looks a user's
    account up, as Identity Toolkit does: whoever it has no other word on is there.
    """

    class Answers(http.server.BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
            """Say nothing."""

        def do_GET(self) -> None:
            signer.keys_asked += 1
            body = signer.certificates() if self.path == "/certs" else signer.key_set()
            self.send_response(200)
            self.send_header("Cache-Control", "public, max-age=3600")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path.endswith("/accounts:lookup"):
                found = signer.account_of(sent)
            else:
                token = sent["app_check_token"]
                found = {"alreadyConsumed": token in signer.consumed}
                signer.consumed.append(token)
            body = json.dumps(found).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    signer.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield signer
    finally:
        server.shutdown()
        join_all([thread])
        server.server_close()
