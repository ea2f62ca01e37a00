"""A Firebase user is found and deleted at Firebase; what fails there is tried again."""

import http.server
import json
import threading
from collections.abc import Iterator

import pytest

from creditbase.kernel.errors import Unavailable
from creditbase.runtime.settings import settings
from creditbase.runtime.sign_ins import delete_sign_in, uid_at
from tests.runtime.wiring import forget_firebase

ANSWERS = {
    "there": (200, {"kind": "identitytoolkit#DeleteAccountResponse"}),
    "gone": (400, {"error": {"code": 400, "message": "USER_NOT_FOUND"}}),
    "ada@example.com": (200, {"users": [{"localId": "there", "email": "ada@example.com"}]}),
    "nobody@example.com": (200, {"kind": "identitytoolkit#GetAccountInfoResponse"}),
    "refused@example.com": (403, {"error": {"code": 403, "message": "PERMISSION_DENIED"}}),
    "refused": (403, {"error": {"code": 403, "message": "PERMISSION_DENIED"}}),
}


class _Firebase(http.server.BaseHTTPRequestHandler):
    """Answers as Firebase Authentication does, for a user to be deleted or found."""

    def do_POST(self) -> None:
        """Answer by the user's name or address."""
        length = int(self.headers["Content-Length"])
        asked = json.loads(self.rfile.read(length))
        status, body = ANSWERS[asked["localId"] if "localId" in asked else asked["email"][0]]
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def _firebase(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Serve Firebase Authentication on this machine."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Firebase)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    address = f"127.0.0.1:{server.server_address[1]}"
    monkeypatch.setenv("FIREBASE_AUTH_EMULATOR_HOST", address)
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", "127.0.0.1:1")
    monkeypatch.setenv("GCLOUD_PROJECT", "demo-sign-ins")
    settings.cache_clear()
    forget_firebase()
    yield
    forget_firebase()
    settings.cache_clear()
    server.shutdown()
    thread.join(timeout=10)
    server.server_close()


@pytest.mark.usefixtures("_firebase")
@pytest.mark.parametrize("uid", ["there", "gone"])
def test_a_user_is_deleted_once_or_often(uid: str) -> None:
    """A repeat after a lost answer finds nobody, and that is what was wanted."""
    delete_sign_in(uid)


@pytest.mark.usefixtures("_firebase")
def test_what_firebase_refuses_is_tried_again() -> None:
    """An erasure is not done while the person can still sign in."""
    with pytest.raises(Unavailable):
        delete_sign_in("refused")


@pytest.mark.usefixtures("_firebase")
def test_whom_an_address_belongs_to_is_what_firebase_says() -> None:
    """Nobody is an answer, and so is what is no address; a refusal is none."""
    assert uid_at("ada@example.com") == "there"
    assert uid_at("nobody@example.com") is uid_at("@") is None
    with pytest.raises(Unavailable):
        uid_at("refused@example.com")
