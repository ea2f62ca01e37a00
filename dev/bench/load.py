"""`make load MINUTES=n`: many clients at one server with production settings, for a while.

Mixed traffic of back ends against `meter` under functions-framework and gunicorn: nobody may
be answered by a 5xx, no connection may break, every wallet must be what was answered, and the
server's memory must stay as it is.
"""

import contextlib
import os
import random
import secrets
import signal
import statistics
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import requests

from dev import background, firestore_emulator, probe
from dev.bench import machine
from dev.bench.designs import MODEL, USAGE
from dev.bench.fleet import Instance, quantile_ms, running
from dev.layout import FUNCTIONS, FUNCTIONS_BIN
from dev.stack import SERVER_THREADS

Json = dict[str, Any]
MINUTES = 10.0
CLIENTS = 64
CUSTOMERS = 200
HOT_CLIENTS, HOT_SHARE = 24, 0.25
"""Who ever asks for the hot customer: a server refuses one when half its threads are at it."""
SAMPLES = 20
FIFTHS = 5
START_WITHIN_S = 60
TIMEOUT_S = 30
CHARGE_NANOS, HOLD_NANOS, CAPTURE_NANOS = 1_000, 5_000, 3_000
MORE_THAN_ANYBODY_HAS_NANOS = 2 * 10**15


@dataclass
class Tally:
    """What all clients were answered."""

    statuses: Counter[str] = field(default_factory=Counter)
    took_us: list[int] = field(default_factory=list)
    taken_nanos: Counter[str] = field(default_factory=Counter)
    surprises: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, status: str, took_us: int) -> None:
        """Count an answer."""
        with self.lock:
            self.statuses[status] += 1
            self.took_us.append(took_us)

    def took(self, customer: str, nanos: int) -> None:
        """Count what was answered as taken."""
        with self.lock:
            self.taken_nanos[customer] += nanos

    def expects(self, *, is_so: bool, what: str) -> None:
        """Count what should not be."""
        if not is_so:
            with self.lock:
                self.surprises[what] += 1


class Client:
    """One back end's thread, with a connection that it keeps."""

    def __init__(self, url: str, key: str, ids: Mapping[str, str], tally: Tally) -> None:
        self._url = url
        self._session = requests.Session()
        self._session.headers["X-ModelRelay-Api-Key"] = key
        self._ids = ids
        self._tally = tally
        self._deeds: Sequence[tuple[Callable[[str], None], int]] = (
            (self.charge_amount, 35),
            (self.charge_model, 25),
            (self.hold_and_capture, 15),
            (self.hold_and_void, 8),
            (self.repeat, 7),
            (self.refused, 5),
            (self.quote, 5),
        )

    def work(self, until_s: float, chance: random.Random, hot_share: float) -> None:
        """Do one thing after another until the time is over."""
        hot, *names = self._ids
        deeds, weights = zip(*self._deeds, strict=True)
        while time.monotonic() < until_s:
            name = hot if chance.random() < hot_share else chance.choice(names)
            (deed,) = chance.choices(deeds, weights)
            deed(name)

    def _post(self, path: str, body: Json, key: str = "") -> tuple[int, Json]:
        began_s = time.monotonic()
        headers = {"Idempotency-Key": key or uuid.uuid4().hex}
        try:
            reply = self._session.post(
                f"{self._url}/api/v1{path}", json=body, headers=headers, timeout=TIMEOUT_S
            )
            status, answer = reply.status_code, reply.json()
        except requests.RequestException as failure:
            self._tally.note(type(failure).__name__, 0)
            return 0, {}
        self._tally.note(str(status), int((time.monotonic() - began_s) * 1_000_000))
        return status, answer

    def _charge(self, name: str, body: Json, key: str = "", *, is_first: bool = True) -> Json:
        whole = {"customer_id": self._ids[name], **body}
        status, answer = self._post("/charges", whole, key)
        self._tally.expects(is_so=status == 201, what=f"charge {status}")
        if status == 201 and is_first:
            self._tally.took(name, answer["charge"]["captured_nanos"])
        return answer

    def charge_amount(self, name: str) -> None:
        """Charge nanos."""
        self._charge(name, {"amount_nanos": CHARGE_NANOS})

    def charge_model(self, name: str) -> None:
        """Charge a model's usage, with metadata."""
        body = {"model": MODEL, "usage": USAGE, "metadata": {"feature": "load"}}
        self._charge(name, body)

    def repeat(self, name: str) -> None:
        """Charge twice under one key: once, and the same answer again."""
        key = uuid.uuid4().hex
        first = self._charge(name, {"amount_nanos": CHARGE_NANOS}, key)
        again = self._charge(name, {"amount_nanos": CHARGE_NANOS}, key, is_first=False)
        self._tally.expects(is_so=first == again, what="another answer to the same key")

    def hold_and_capture(self, name: str) -> None:
        """Hold, then take less."""
        hold_id = self._hold(name)
        status, _ = self._post(f"/holds/{hold_id}/capture", {"amount_nanos": CAPTURE_NANOS})
        self._tally.expects(is_so=status == 200, what=f"capture {status}")
        if status == 200:
            self._tally.took(name, CAPTURE_NANOS)

    def hold_and_void(self, name: str) -> None:
        """Hold, then take nothing."""
        status, _ = self._post(f"/holds/{self._hold(name)}/void", {})
        self._tally.expects(is_so=status == 200, what=f"void {status}")

    def _hold(self, name: str) -> str:
        body = {"customer_id": self._ids[name], "amount_nanos": HOLD_NANOS}
        status, answer = self._post("/holds", body)
        self._tally.expects(is_so=status == 201, what=f"hold {status}")
        return str(answer.get("hold", {}).get("id", "none"))

    def refused(self, name: str) -> None:
        """Ask for more than there is."""
        body = {"customer_id": self._ids[name], "amount_nanos": MORE_THAN_ANYBODY_HAS_NANOS}
        status, _ = self._post("/charges", body)
        self._tally.expects(is_so=status == 402, what=f"refusal {status}")

    def quote(self, name: str) -> None:
        """Ask what a call would cost."""
        body = {"customer_id": self._ids[name], "model": MODEL, "prompt_tokens": 1_000}
        status, _ = self._post("/quotes", body)
        self._tally.expects(is_so=status == 200, what=f"quote {status}")


# ---- the run --------------------------------------------------------------------------------


@contextlib.contextmanager
def served(env: Mapping[str, str], folder: Path) -> Iterator[tuple[str, int]]:
    """Serve `meter` as in production; yield its address and the process to watch."""
    port = firestore_emulator.free_port()
    command = [str(FUNCTIONS_BIN / "functions-framework"), "--target", "meter"]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    program = background.start(
        "meter",
        command,
        log=folder / "load-meter.log",
        cwd=FUNCTIONS,
        env={**env, "THREADS": str(SERVER_THREADS)},
        ends_with_us=signal.SIGTERM,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        background.wait_until(
            lambda: probe.answers(url), program=program, within_s=START_WITHIN_S, what="meter"
        )
        yield url, program.process.pid
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(program.process.pid, signal.SIGTERM)
        program.process.wait(timeout=60)


def run(env: Mapping[str, str], folder: Path, *, minutes: float) -> Json:
    """Keep all clients at it; return what they were answered, and the memory meanwhile."""
    commit, _ = machine.commit()
    started_at = machine.now_text()
    names = [secrets.token_hex(6) for _ in range(CUSTOMERS)]
    tally = Tally()
    with running(1, env, folder / "workers.log") as (bank,), served(env, folder) as (url, pid):
        bank.ask({"design": "ours", "do": "open", "names": names})
        ids = dict(
            zip(names, bank.ask({"design": "ours", "do": "ids", "names": names}), strict=True)
        )
        began_s = time.monotonic()
        until_s = began_s + 60 * minutes
        clients = [
            threading.Thread(
                target=Client(url, env["HUB_SECRET_KEY"], ids, tally).work,
                args=(until_s, _chance(number), HOT_SHARE * (number < HOT_CLIENTS)),
            )
            for number in range(CLIENTS)
        ]
        for client in clients:
            client.start()
        rss_mib = list(_samples(pid, began_s, until_s))
        for client in clients:
            client.join()
        span_s = time.monotonic() - began_s
        is_exact = _is_exact(bank, names, tally)
    took_us = sorted(tally.took_us)
    return {
        "commit": commit,
        "started_at": started_at,
        "minutes": minutes,
        "clients": CLIENTS,
        "customers": CUSTOMERS,
        "threads": SERVER_THREADS,
        "requests": len(took_us),
        "per_s": round(len(took_us) / span_s, 1),
        "statuses": dict(sorted(tally.statuses.items())),
        "failures": failures(tally.statuses),
        "surprises": dict(tally.surprises),
        "p50_ms": quantile_ms(took_us, 50),
        "p99_ms": quantile_ms(took_us, 99),
        "is_exact": is_exact and not tally.surprises,
        "rss_mib": rss_mib,
        "grown_percent": grown_percent(rss_mib),
    }


def _chance(number: int) -> random.Random:
    return random.Random(number)  # noqa: S311 - the same load each time; it is no secret


def _samples(pid: int, began_s: float, until_s: float) -> Iterator[int]:
    """Yield the memory of the server and its children, at equal intervals until the end."""
    step_s = (until_s - began_s) / SAMPLES
    for number in range(1, SAMPLES + 1):
        time.sleep(max(0.0, began_s + number * step_s - time.monotonic()))
        server = psutil.Process(pid)
        every = [server, *server.children(recursive=True)]
        yield sum(each.memory_info().rss for each in every) // 2**20


def _is_exact(bank: Instance, names: Sequence[str], tally: Tally) -> bool:
    looked = bank.ask({"design": "ours", "do": "look", "names": names})
    taken: list[int] = looked["taken_nanos"]
    return taken == [tally.taken_nanos[name] for name in names]


def failures(statuses: Mapping[str, int]) -> int:
    """Return how many requests ended by a fault of the server's: 5xx, or no answer at all."""
    return sum(count for code, count in statuses.items() if not code.startswith(("2", "4")))


def grown_percent(rss_mib: Sequence[int]) -> int:
    """Return by how many percent the last fifth of the samples is above the second."""
    length = max(1, len(rss_mib) // FIFTHS)
    early = statistics.median(rss_mib[length : 2 * length])
    late = statistics.median(rss_mib[-length:])
    return round(100 * (late - early) / early)
