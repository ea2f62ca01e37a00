"""Everything that was said, kept for checks: answers of the API and payloads of webhooks."""

import json
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from stripe_local.honesty import Honesty
from stripe_local.wire.resource import Resource

_KEPT_MAX = 5_000


@dataclass(frozen=True)
class Utterance:
    """One thing said: an answer, with the request before it, or a payload."""

    number: int
    kind: Literal["answer", "webhook"]
    about: str
    status: int | None
    body: bytes

    def told(self) -> Resource:
        """Return it for the control endpoints."""
        return {
            "number": self.number,
            "kind": self.kind,
            "about": self.about,
            "status": self.status,
            "body": json.loads(self.body),
        }


class Transcript:
    """The last few thousand utterances, numbered from 1."""

    def __init__(self) -> None:
        self._kept: deque[Utterance] = deque(maxlen=_KEPT_MAX)
        self._said_count = 0
        self._lock = threading.Lock()
        self._honesty = Honesty.from_environment()

    def note_answer(self, request: str, status: int, body: bytes) -> None:
        """Note what the API answered to a request, named by its method and path."""
        self._note("answer", request, status, body)

    def note_webhook(self, event_type: str, body: bytes) -> None:
        """Note what is sent to an endpoint."""
        self._note("webhook", event_type, None, body)

    def after(self, number: int, limit: int) -> Sequence[Utterance]:
        """Return what was said after an utterance, oldest first."""
        with self._lock:
            return [each for each in self._kept if each.number > number][:limit]

    def _note(
        self, kind: Literal["answer", "webhook"], about: str, status: int | None, body: bytes
    ) -> None:
        self._honesty.check(about, status, body)
        with self._lock:
            self._said_count += 1
            self._kept.append(Utterance(self._said_count, kind, about, status, body))
