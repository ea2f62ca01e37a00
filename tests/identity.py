"""Firebase Authentication on this machine: users, their claims, and an outage if one is wanted.

The two requests are those of Identity Toolkit's REST interface, as firebase_admin makes them;
`tests/scenarios/test_claims.py` asks the emulator of Firebase itself the same.
"""

import http.server
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from creditbase.runtime.settings import settings
from tests.runtime.wiring import forget_firebase


@dataclass
class Identity:
    """The users that there are, with the text of their claims; what is answered else."""

    claims: dict[str, str] = field(default_factory=dict)
    outage: int = 0
    """A status that everything is answered with; 0: nothing is wrong."""
    updates: int = 0

    def of(self, uid: str) -> object:
        """Return a user's claims."""
        return json.loads(self.claims[uid])

    def answer(self, path: str, asked: dict[str, object]) -> tuple[int, dict[str, object]]:
        """Return what Firebase says."""
        if self.outage:
            return self.outage, {"error": {"code": self.outage, "message": "INTERNAL"}}
        if path.endswith("accounts:lookup"):
            (uid,) = asked["localId"] if isinstance(asked["localId"], list) else [""]
            if uid not in self.claims:
                return 200, {"kind": "identitytoolkit#GetAccountInfoResponse"}
            user = {"localId": uid, "customAttributes": self.claims[uid]}
            return 200, {"users": [user]}
        uid = str(asked["localId"])
        self.claims[uid] = str(asked["customAttributes"])
        self.updates += 1
        return 200, {"localId": uid}


@pytest.fixture
def identity(monkeypatch: pytest.MonkeyPatch) -> Iterator[Identity]:
    """Serve Firebase Authentication, and let this process ask it."""
    kept = Identity()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, body = kept.answer(self.path, asked)
            text = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *args: object) -> None:
            del args

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    address = f"127.0.0.1:{server.server_address[1]}"
    monkeypatch.setenv("FIREBASE_AUTH_EMULATOR_HOST", address)
    forget_firebase()
    yield kept
    forget_firebase()
    settings.cache_clear()
    server.shutdown()
    thread.join(timeout=10)
    server.server_close()
