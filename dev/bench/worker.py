"""One process of a measurement: it is told what to do by lines of JSON, and answers by lines.

It lives through all cases, as an instance does; what is put in at the gRPC boundary and which
design it plays change with each.
"""

import json
import sys
import threading
import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from creditbase.runtime import garbage
from dev.bench.boundary import Boundary, install
from dev.bench.designs import Design, Ours, Withdrawn, made

Json = dict[str, Any]
WARMING, WARM_WITHIN_S = 8, 60.0
"""Customers that are warmed at once, and how long one may take."""
CALLS_LOOKED_AT = 10
"""Customers whose calls are counted one by one, where there are many."""


@dataclass
class Played:
    """What came of a case in this process."""

    took_us: list[int] = field(default_factory=list)
    """How long each charge that was answered as done took, for its caller."""
    taken_nanos: Counter[str] = field(default_factory=Counter)
    """What was answered as taken, by customer."""
    calls: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def is_done(self, name: str, nanos: int, took_us: int) -> None:
        """Note a charge that was answered."""
        with self.lock:
            self.took_us.append(took_us)
            self.taken_nanos[name] += nanos
            self.calls[name] += 1


class Worker:
    """The process's state between two lines."""

    def __init__(self, boundary: Boundary) -> None:
        self._boundary = boundary
        self._designs: dict[str, Design] = {}

    def answer(self, asked: Json) -> Any:
        """Do what a line says; return what is answered."""
        self._boundary.begin({})
        queues = Path(asked["queues"]) if asked.get("queues") else None
        name = f"{asked['design']} {queues}"
        if name not in self._designs:
            self._designs[name] = made(asked["design"], queues=queues)
        design = self._designs[name]
        if asked["do"] == "open":
            design.open(asked["names"])
            return None
        if asked["do"] == "ids":
            return [Ours().customer_id(each) for each in asked["names"]]
        if asked["do"] == "warm":
            with ThreadPoolExecutor(WARMING) as pool:
                return list(pool.map(lambda each: _warm(design, each), asked["names"]))
        if asked["do"] == "look":
            looked_at = asked["names"][:CALLS_LOOKED_AT]
            return {
                "taken_nanos": design.taken_nanos(asked["names"]),
                "calls": [design.calls(each) for each in looked_at],
            }
        return self._play(design, asked)

    def _play(self, design: Design, asked: Json) -> Json:
        """Let callers charge, each again and again, until the time is over."""
        self._boundary.begin(asked["latency_ms"], asked["commits_hz"])
        played = Played()
        began_s, cpu_ns = time.monotonic(), time.process_time_ns()
        until_s = began_s + asked["seconds"]
        callers = [
            threading.Thread(target=_call, args=(design, played, asked, number, until_s))
            for number in range(asked["callers"])
        ]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
        return {
            "span_s": time.monotonic() - began_s,
            "cpu_ms": (time.process_time_ns() - cpu_ns) // 1_000_000,
            "took_us": played.took_us,
            "taken_nanos": played.taken_nanos,
            "calls": played.calls,
            "errors": played.errors,
            "counts": self._boundary.counts,
        }


def _warm(design: Design, name: str) -> int:
    return design.charge(name, uuid.uuid4().hex, time.monotonic() + WARM_WITHIN_S)


def _call(design: Design, played: Played, asked: Json, number: int, until_s: float) -> None:
    names: list[str] = asked["names"]
    first = asked["first_caller"] + number
    turn = 0
    while (began_s := time.monotonic()) < until_s:
        name = names[(first + turn * asked["all_callers"]) % len(names)]
        turn += 1
        try:
            nanos = design.charge(name, uuid.uuid4().hex, until_s)
        except Withdrawn:
            return
        except Exception as failure:  # noqa: BLE001 - whatever a caller meets is a figure
            with played.lock:
                played.errors[type(failure).__name__] += 1
            continue
        took_s = time.monotonic() - began_s
        played.is_done(name, nanos, int(took_s * 1_000_000))
        if asked["space_ms"]:
            time.sleep(asked["space_ms"] / 1000)


def main() -> int:
    """Answer each line until there are no more."""
    with garbage.loading():  # as `main` loads a function
        worker = Worker(install())
    answers = sys.stdout
    sys.stdout = sys.stderr  # what the product logs is no answer
    for line in sys.stdin:
        print(json.dumps(worker.answer(json.loads(line))), file=answers, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
