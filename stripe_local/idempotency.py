"""Idempotency keys as in Stripe's v1 API: the first answer to a key is the answer for good.

Kept are the status and body of whatever began to execute, declined cards and server errors
included; not kept are answers to requests that were refused before.
"""

import json
import threading
from dataclasses import dataclass

from stripe_local.wire.errors import IdempotencyInProgress, IdempotencyMismatch
from stripe_local.wire.forms import Tree


@dataclass(frozen=True)
class Remembered:
    """The answer to a key's first request."""

    status: int
    body: bytes
    request_id: str


@dataclass
class _Key:
    fingerprint: str
    answer: Remembered | None = None


def fingerprint_of(method: str, path: str, tree: Tree) -> str:
    """Return what two requests have in common exactly when they ask the same."""
    return json.dumps([method, path, tree], sort_keys=True)


class IdempotencyKeys:
    """The keys that were used, and what was answered to each."""

    def __init__(self) -> None:
        self._keys: dict[str, _Key] = {}
        self._lock = threading.Lock()

    def claim(self, key: str, fingerprint: str) -> Remembered | None:
        """Return the answer to an earlier request, or None: then execute, and say how it went.

        Raises:
            IdempotencyMismatch: the key was first used for another request.
            IdempotencyInProgress: the first request with this key is still at work.
        """
        with self._lock:
            known = self._keys.get(key)
            if known is None:
                self._keys[key] = _Key(fingerprint)
                return None
            if known.fingerprint != fingerprint:
                raise IdempotencyMismatch(
                    "Keys for idempotent requests can only be used with the same parameters "
                    f"they were first used with. Try using a key other than '{key}' if you "
                    "meant to execute a different request."
                )
            if known.answer is None:
                raise IdempotencyInProgress(
                    "There is currently another in-progress request using this Idempotent Key "
                    "(that probably means you submitted twice, and the other request is still "
                    f"going through): {key}. Please try again later.",
                    code="idempotency_key_in_use",
                )
            return known.answer

    def remember(self, key: str, answer: Remembered) -> None:
        """Keep the answer to a claimed key."""
        with self._lock:
            claimed = self._keys.get(key)
            if claimed is not None:  # else everything was reset in the meantime
                claimed.answer = answer

    def release(self, key: str) -> None:
        """Give up a claim that came to nothing, as if the key had never been used."""
        with self._lock:
            claimed = self._keys.get(key)
            if claimed is not None and claimed.answer is None:
                del self._keys[key]

    def in_progress_count(self) -> int:
        """Return how many requests with a key are at work."""
        with self._lock:
            return sum(key.answer is None for key in self._keys.values())

    def forget_all(self) -> None:
        """Start with no keys."""
        with self._lock:
            self._keys.clear()
