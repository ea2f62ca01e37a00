"""How requests go to Stripe: for no longer than there is time, and with answers as they are.

Every question has what is left of the time that our own caller waits (`runtime.answering`),
the SDK's repeats and pauses included; none begins that could not be answered in it.
"""

import json
from contextlib import suppress
from contextvars import ContextVar
from typing import Any

import stripe
from urllib3 import Timeout

from creditbase.kernel.errors import NotInTime
from creditbase.runtime import rehearsal
from creditbase.runtime.answering import left_s

TIMEOUT_S = 4
"""For connecting and the answer together."""
LEAST_S = 0.2
"""Stripe answers nothing in less."""
RETRIES_MAX = 2
"""Of the SDK, under the same idempotency key; the caller's own retry comes on top."""
PAUSE_S_MAX = 1.0
"""The longest that the SDK waits before its second repeat."""

_answered: ContextVar[dict[str, Any]] = ContextVar("answered")


def last_answer() -> dict[str, Any]:
    """Return what Stripe answered to the last request of this thread that it served."""
    return _answered.get()


class Wire(stripe.RequestsClient):
    """Asks Stripe, for no longer than there is time; in a rehearsal it does nothing but ask.

    Whoever asks takes the good answers from `last_answer`, and the SDK an empty one: of theirs
    it would make objects that nobody reads, which takes longer than all else.
    """

    def request(self, method: str, *given: Any, **named: Any) -> Any:
        """Send one request.

        Raises:
            NotInTime: nothing was sent, or nothing came back before the time was over.
        """
        if method.lower() != "get":
            rehearsal.change_begins()
        if left_s() < LEAST_S:
            raise NotInTime
        try:
            body, status, headers = super().request(method, *given, **named)
        except stripe.APIConnectionError as failure:
            if left_s() < LEAST_S:
                raise NotInTime from failure
            raise
        with suppress(ValueError):  # the SDK has an error for what is no JSON
            if status < 300:
                _answered.set(json.loads(body))
                return b"{}", status, headers
        return body, status, headers

    def _should_retry(self, *given: Any) -> bool:
        return left_s() > PAUSE_S_MAX + LEAST_S and bool(super()._should_retry(*given))

    @property
    def _timeout(self) -> Any:  # requests takes more than the SDK says
        return Timeout(total=min(TIMEOUT_S, max(LEAST_S, left_s())))

    @_timeout.setter
    def _timeout(self, given: object) -> None:
        """Take what the SDK sets: it is worked out for each request."""
