"""Cold start: the CPU time of a function's server from its start to its first answer.

Each function is served as in production (functions-framework, gunicorn, threads) and asked
once; what the processes of its server have computed by then is compared with a function that
only imports the two SDKs and answers `ok`. CPU time, because a busy machine makes wall time a
matter of luck; and each round measures the bare function again, because it makes CPU time
dearer, too.
"""

import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil
import requests

from dev import firestore_emulator
from dev.background import Failed
from dev.layout import FUNCTIONS, FUNCTIONS_BIN, ROOT, Layout
from dev.stack_steps import settings_of

BARE = "bare"
BARE_SOURCE = '''"""What every function must load, and no more."""

from firebase_functions import https_fn
from google.cloud import firestore  # noqa: F401


@https_fn.on_request()
def bare(request):
    return https_fn.Response("ok")
'''
RATIO_MAX = 1.25
ANSWERS_WITHIN_S = 120
POLL_S = 0.02


def run(names: Sequence[str] = (), *, rounds: int = 3, store: str = "") -> dict[str, Any]:
    """Measure functions (all of them, unless named); return figures in milliseconds.

    `store` is the address of a Firestore emulator: jobs need one to answer.

    Raises: Failed.
    """
    folder = Layout.from_environment().folder / "bench" / "bare"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "main.py").write_text(BARE_SOURCE)
    entries = exports()
    wanted = list(names) or sorted(entries)
    took_ms: dict[str, list[int]] = {name: [] for name in (BARE, *wanted)}
    first_answers: dict[str, int] = {}
    for _ in range(rounds):
        took_ms[BARE].append(measure(BARE, folder / "main.py", store)[0])
        for name in wanted:
            cpu_ms, first_answers[name] = measure(name, FUNCTIONS / "main.py", store)
            took_ms[name].append(cpu_ms)
        took_ms[BARE].append(measure(BARE, folder / "main.py", store)[0])
    bare_ms = int(statistics.median(took_ms[BARE]))
    rows = {
        name: {
            "cpu_ms": (cpu_ms := int(statistics.median(took_ms[name]))),
            "ratio_percent": cpu_ms * 100 // bare_ms,
            "status": first_answers[name],
        }
        for name in wanted
    }
    return {"rounds": rounds, "bare_cpu_ms": bare_ms, "functions": rows}


def exports() -> dict[str, str]:
    """Return the functions that are deployed, with their modules."""
    command = [str(FUNCTIONS_BIN / "python"), "-c", "import main; print(*main.EXPORTS)"]
    said = subprocess.run(command, cwd=FUNCTIONS, capture_output=True, text=True, check=True)
    return dict.fromkeys(said.stdout.split(), "")


def measure(name: str, source: Path, store: str = "") -> tuple[int, int]:
    """Return the CPU milliseconds of one server to its first answer, and that one's status.

    Raises: Failed.
    """
    port = firestore_emulator.free_port()
    command = [str(FUNCTIONS_BIN / "functions-framework"), "--target", name]
    command += ["--source", str(source), "--host", "127.0.0.1", "--port", str(port)]
    env = {**settings_of(Layout.from_environment(), "whsec_bench"), "THREADS": "80"}
    env["FIRESTORE_EMULATOR_HOST"] = store or env["FIRESTORE_EMULATOR_HOST"]
    log = Layout.from_environment().folder / "bench" / "cold.log"
    with log.open("wb") as words:
        server = subprocess.Popen(
            command,
            cwd=source.parent,
            env=env,
            stdout=words,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        status = _first_answer(server, port)
        return _cpu_ms(server), status
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=60)


def _first_answer(server: "subprocess.Popen[bytes]", port: int) -> int:
    gives_up_at = time.monotonic() + ANSWERS_WITHIN_S
    while not firestore_emulator.is_listening(port):
        if server.poll() is not None or time.monotonic() > gives_up_at:
            raise Failed("The function's server did not start: see .run/bench/cold.log")
        time.sleep(POLL_S)
    url = f"http://127.0.0.1:{port}/"
    return requests.post(url, json={}, timeout=ANSWERS_WITHIN_S).status_code


def _cpu_ms(server: "subprocess.Popen[bytes]") -> int:
    parent = psutil.Process(server.pid)
    processes = [parent, *parent.children(recursive=True)]
    times = [process.cpu_times() for process in processes]
    # Of the parent's children only those that have ended are in its own figures.
    ended_s = times[0].children_user + times[0].children_system
    return round(1000 * (ended_s + sum(one.user + one.system for one in times)))


def table(found: dict[str, Any]) -> list[str]:
    """Return the figures as lines, the dearest first."""
    lines = [f"{BARE:28}{found['bare_cpu_ms']:8} ms"]
    rows = sorted(found["functions"].items(), key=lambda row: -row[1]["ratio_percent"])
    for name, row in rows:
        times = f"{row['ratio_percent'] // 100}.{row['ratio_percent'] % 100:02}"
        lines.append(f"{name:28}{row['cpu_ms']:8} ms  {times}  (status {row['status']})")
    return lines


def main(arguments: list[str]) -> int:
    """Measure what is named; print a table."""
    port = firestore_emulator.free_port()
    log = ROOT / ".run" / "bench" / "firestore.log"
    emulator = firestore_emulator.start_bare(port, log=log, ends_with_us=signal.SIGTERM)
    try:
        while not firestore_emulator.is_listening(port):
            emulator.require_alive()
            time.sleep(POLL_S)
        firestore_emulator.warm_up(port)
        found = run(arguments, store=f"127.0.0.1:{port}")
    finally:
        os.killpg(emulator.process.pid, signal.SIGTERM)
        emulator.process.wait(timeout=60)
    print(*table(found), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
