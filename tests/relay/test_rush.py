"""Everything at once: many threads of two processes, random operations, keys used twice."""

import random
import threading
from collections import defaultdict
from collections.abc import Callable
from functools import partial

import pytest
from werkzeug.test import TestResponse

from creditbase.ledger import use_cases as ledger
from tests.relay.desk import CREDIT, CREDITS, Desk, json_of
from tests.together import at_once

pytestmark = pytest.mark.firestore
THREADS = 8
ACTS = 20
DEFINITE = {200, 201, 402, 404, 409, 422}


def definite(ask: Callable[[], TestResponse]) -> TestResponse:
    """Ask until the answer is definite, as a back end does after 503."""
    for _ in range(20):
        answer = ask()
        if answer.status_code != 503:
            break
    return answer


class Rush:
    """What one thread does, and what all of them were told."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.holds: list[str] = []
        self.told: dict[str, set[bytes]] = defaultdict(set)
        self.statuses: list[int] = []

    def act(self, seed: int) -> None:
        """Charge, hold and end holds at random; the keys are few, so they meet."""
        chance = random.Random(seed)  # noqa: S311 - a test's own dice
        for _ in range(ACTS):
            number = chance.randrange(12)
            nanos = (number + 1) * 9 * CREDIT
            if number < 4:
                key = f"charge {number}"
                self.keep(key, definite(partial(self.desk.charge, key, nanos)))
            elif number < 8 or not self.holds:
                key = f"hold {number}"
                answer = definite(partial(self.desk.hold, key, nanos))
                self.keep(key, answer)
                if answer.status_code == 201:
                    self.holds.append(str(json_of(answer)["hold"]["id"]))
            else:
                self.end(chance)

    def end(self, chance: random.Random) -> None:
        """End a hold, or give it more time."""
        hold_id = chance.choice(self.holds)
        how = chance.choice(["capture", "capture", "void", "extend"])
        body: dict[str, object] = {}
        if how == "capture":
            body = {"amount_nanos": chance.choice([0, CREDIT, 200 * CREDIT])}
        elif how == "extend":
            body = {"expires_at": "2026-03-10T13:00:00Z"}
        answer = definite(partial(self.desk.end, hold_id, how, body))
        # An extension is no entry: its balance is of the moment.
        if how != "extend":
            self.keep(f"{hold_id} {how} {body}", answer)
        self.statuses.append(answer.status_code)

    def keep(self, asked: str, answer: TestResponse) -> None:
        """Note what was told of something that was done."""
        self.statuses.append(answer.status_code)
        if answer.status_code in {200, 201}:
            self.told[asked].add(answer.data)


def test_a_rush_over_two_processes_adds_up(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every answer definite, every repetition the same, every nano accounted for."""
    processes = [ledger.Lanes(), ledger.Lanes()]
    own = threading.local()
    monkeypatch.setattr(ledger, "lanes", lambda: processes[own.process])
    rush = Rush(desk)

    def one(number: int) -> None:
        own.process = number % 2
        rush.act(number)

    at_once(THREADS, one)

    assert set(rush.statuses) <= DEFINITE
    assert all(len(bodies) == 1 for bodies in rush.told.values())
    entries = desk.wallet.entries()
    captured = sum(e["captured_nanos"] for e in entries)
    held = sum(hold["amount_nanos"] for hold in desk.wallet.state()["holds"].values())
    assert captured + held + desk.wallet.available() == CREDITS * CREDIT
    ended = [e["hold_id"] for e in entries if e["entry_id"].startswith("end:")]
    assert len(ended) == len(set(ended))
    desk.wallet.audit()
