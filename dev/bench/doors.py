"""Two doors as callers meet them, in process: `GET /usage/me`, and the gateway.

Each is held to the bare thing in the same process, in turns with it: a read of the document
that is shown, and the model's server itself. Functions are wired as functions-framework wires
them; its HTTP server is left out on both sides.
"""

import functools
import http.server
import json
import os
import secrets
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, cast

import flask
import functions_framework
import httpx
import jwt
from flask.testing import FlaskClient
from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder, run_wsgi_app

from creditbase.accounts.use_cases import HUB_PROJECT_ID, ensure_customer
from creditbase.hub.usage import usage_me
from creditbase.ledger.domain.opening import open_wallet
from creditbase.ledger.domain.wallet import Terms
from creditbase.ledger.paths import WalletRef
from creditbase.ledger.salts import new_salt
from creditbase.ledger.store import writes_to_open
from creditbase.relay.gateway.endpoints import gateway
from creditbase.runtime import firestore
from creditbase.runtime.settings import settings
from dev import app_check
from dev.bench.boundary import REGION_MS, Boundary, install
from dev.bench.cpu import load_as_deployed
from dev.bench.designs import FUNDS_NANOS, MODEL
from dev.bench.fleet import quantile_ms
from dev.layout import Layout

Json = dict[str, Any]
CALLS, WARMING = 60, 5
SPACE_S = 0.1
"""Between two model calls: each is two commits, and commits of a wallet are paced."""
THINKS_S = 0.03
SIGNED_IN_S = 3600
WORDS = ("Ledgers ", "are ", "append-only.")


def client_of(function: Any) -> FlaskClient:
    """Return a client of a function in this process."""
    app = flask.Flask(function.__name__)
    wiring: Any = functions_framework
    wiring._configure_app(app, function, "http")  # noqa: SLF001 - it has no public name
    return app.test_client()


@contextmanager
def serving(handler: type[http.server.BaseHTTPRequestHandler]) -> Iterator[str]:
    """Run a server of this machine's own until the block ends; yield its address."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


class Model(http.server.BaseHTTPRequestHandler):
    """A model's server: it thinks a while, says its words, and what they were."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        """Answer as OpenAI streams."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        time.sleep(THINKS_S)
        ends = (*(None for _ in WORDS[1:]), "stop")
        for word, end in zip(WORDS, ends, strict=True):
            choice = {"index": 0, "delta": {"content": word}, "finish_reason": end}
            self._say({"choices": [choice]})
        usage = {"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14}
        self._say({"choices": [], "usage": usage})
        self._write(b"data: [DONE]\n\n")
        self._write(b"")

    def _say(self, value: object) -> None:
        self._write(b"data: " + json.dumps(value).encode() + b"\n\n")

    def _write(self, said: bytes) -> None:
        self.wfile.write(f"{len(said):x}\r\n".encode() + said + b"\r\n")
        self.wfile.flush()

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


def took_us(act: Callable[[], object]) -> int:
    """Return the microseconds until something has been done."""
    began_ns = time.monotonic_ns()
    act()
    return (time.monotonic_ns() - began_ns) // 1000


def in_turns(acts: dict[str, Callable[[], int]], *, space_s: float = 0.0) -> dict[str, float]:
    """Measure acts in turns, so that noise meets all of them; return their medians in ms."""
    found: dict[str, list[int]] = {name: [] for name in acts}
    for number in range(WARMING + CALLS):
        for name, act in acts.items():
            took = act()
            if number >= WARMING:
                found[name].append(took)
            time.sleep(space_s)
    return {name: cast("float", quantile_ms(sorted(took), 50)) for name, took in found.items()}


# ---- GET /usage/me --------------------------------------------------------------------------


def measure_usage_me(boundary: Boundary) -> Json:
    """Return how long a signed-in user waits for the balance, and a bare read for it."""
    project = os.environ["GCLOUD_PROJECT"]
    keys = Layout.from_environment().folder / "bench" / "app-check.json"
    attested = app_check.make(project, keys)
    files = functools.partial(_Quiet, directory=str(keys.parent))
    with serving(cast("Any", files)) as url:
        os.environ["APP_CHECK_JWKS_URL"] = f"{url}/{keys.name}"
        asked = client_of(usage_me)
        signed_in = _signed_in(project, f"u{secrets.token_hex(8)}")
        headers = {"Authorization": f"Bearer {signed_in}", "X-Firebase-AppCheck": attested}

        # Made once: who asks, and the server that reads the request, are left out, as no
        # caller over HTTP stands before the bare read either.
        request = EnvironBuilder(path="/usage/me", headers=Headers(headers)).get_environ()

        def ask() -> bytes:
            pieces, status, _ = run_wsgi_app(asked.application, request, buffered=True)
            body = b"".join(pieces)
            assert status.startswith("200 "), body
            return body

        balance = json.loads(ask())["balance_document"]
        boundary.begin({})
        ask()
        rpcs, reads = boundary.counts["rpcs"], boundary.counts["reads"]
        medians = in_turns(
            {
                "asked": lambda: took_us(ask),
                "read": lambda: took_us(lambda: firestore.get_all([balance])),
            }
        )
    return {
        "calls": CALLS,
        "rpcs": rpcs,
        "reads": reads,
        "p50_ms": medians["asked"],
        "read_p50_ms": medians["read"],
    }


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Keep quiet."""


def _signed_in(project: str, uid: str) -> str:
    """Return an ID token as the Auth emulator makes them: not signed."""
    now_s = int(time.time())
    claims = {
        "iss": f"https://securetoken.google.com/{project}",
        "aud": project,
        "auth_time": now_s,
        "user_id": uid,
        "sub": uid,
        "iat": now_s,
        "exp": now_s + SIGNED_IN_S,
        "email": f"{uid}@example.com",
        "email_verified": True,
        "firebase": {"identities": {}, "sign_in_provider": "password"},
    }
    return jwt.encode(claims, "", algorithm="none")


# ---- a model call ---------------------------------------------------------------------------


def measure_gateway(boundary: Boundary, secret_key: str) -> Json:
    """Return what the gateway adds to a model call, beside the time of one commit."""
    payer = _payer()
    body = {
        "model": MODEL,
        "messages": [{"role": "user", "content": "What is a ledger?"}],
        "max_completion_tokens": 100,
        "stream": True,
    }
    headers = {"X-ModelRelay-Api-Key": secret_key, "X-ModelRelay-Customer-Id": payer}
    first_us: dict[str, list[int]] = {"gateway": [], "model": []}
    with serving(Model) as url, httpx.Client() as direct:
        upstream = {"openai": {"kind": "openai", "base_url": f"{url}/v1"}}
        os.environ["CREDITBASE_UPSTREAMS"] = json.dumps(upstream)
        os.environ["UPSTREAM_KEYS"] = '{"openai": "key"}'
        settings.cache_clear()
        client = client_of(gateway)

        def through() -> int:
            began_ns = time.monotonic_ns()
            answer = client.post("/api/v1/chat/completions", json=body, headers=headers)
            assert answer.status_code == 200, answer.get_data(as_text=True)
            pieces = answer.iter_encoded()
            next(pieces)
            first_us["gateway"].append((time.monotonic_ns() - began_ns) // 1000)
            assert b"[DONE]" in b"".join(pieces)
            answer.close()
            return (time.monotonic_ns() - began_ns) // 1000

        def straight() -> int:
            began_ns = time.monotonic_ns()
            with direct.stream("POST", f"{url}/v1/chat/completions", json=body) as answer:
                pieces = answer.iter_raw()
                next(pieces)
                first_us["model"].append((time.monotonic_ns() - began_ns) // 1000)
                for _ in pieces:
                    pass
            return (time.monotonic_ns() - began_ns) // 1000

        through()
        boundary.begin(REGION_MS)
        through()
        rpcs = boundary.counts["rpcs"]
        medians = in_turns(
            {"gateway": through, "model": straight, "commit": _bare_commit}, space_s=SPACE_S
        )
    firsts = {name: statistics.median(took[-CALLS:]) / 1000 for name, took in first_us.items()}
    added_ms = medians["gateway"] - medians["model"]
    first_ms = firsts["gateway"] - firsts["model"]
    return {
        "calls": CALLS,
        "rpcs": rpcs,
        "p50_ms": medians["gateway"],
        "upstream_ms": medians["model"],
        "rpc_ms": medians["commit"],
        "added_ms": round(added_ms, 1),
        "first_byte_later_ms": round(first_ms, 1),
        "first_byte_rpc_times": round(first_ms / medians["commit"], 2),
    }


def _payer() -> str:
    """Make a customer who can pay, and return its external id."""
    now = datetime.now(UTC)
    external_id = f"bench-{secrets.token_hex(6)}"
    customer = ensure_customer(HUB_PROJECT_ID, external_id, now=now)
    ref = WalletRef(HUB_PROJECT_ID, customer.customer_id)
    terms = Terms("free", allocation_nanos=FUNDS_NANOS)
    opened = open_wallet(ref.wallet_id, owner_uid="", terms=terms, now=now, salt=new_salt())
    firestore.commit(writes_to_open(ref, opened))
    return external_id


def _bare_commit() -> int:
    path = f"bench_wallets/{secrets.token_hex(6)}"
    fields = {"state": {f"count_{number}": number for number in range(120)}}
    wallet = firestore.Put(path, fields)
    entry = firestore.Create(f"{path}/entries/e", {"nanos": 1})
    writes: list[firestore.Write] = [wallet, entry]
    return took_us(lambda: firestore.commit(writes))


def main() -> int:
    """Measure; print one line of JSON."""
    os.environ.setdefault("FIREBASE_AUTH_EMULATOR_HOST", "127.0.0.1:1")
    answers = sys.stdout
    sys.stdout = sys.stderr  # what the product logs is no answer
    load_as_deployed()
    boundary = install()
    found = {"usage_me": measure_usage_me(boundary)}
    found["gateway"] = measure_gateway(boundary, os.environ["HUB_SECRET_KEY"])
    print(json.dumps(found), file=answers)
    return 0


if __name__ == "__main__":
    sys.exit(main())
