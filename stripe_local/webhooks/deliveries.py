"""Sends what is due, in the background, until it is taken or the tries are up."""

import heapq
import itertools
import threading
import time
from collections import deque
from collections.abc import Callable

import requests
from stripe import WebhookSignature

from stripe_local.webhooks.parcels import Attempt, Parcel, Target
from stripe_local.webhooks.policy import DeliveryPolicy
from stripe_local.wire.resource import Resource

_HEADERS = {
    "Content-Type": "application/json; charset=utf-8",
    "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
    "Accept": "*/*; q=0.5, application/xml",
    "Cache-Control": "no-cache",
}
_KEPT_MAX = 10_000
_JOIN_S = 1.0


class Deliveries:
    """The parcels of one server, and the threads that carry them."""

    def __init__(
        self,
        policy: DeliveryPolicy,
        *,
        find_target: Callable[[str], Target | None],
        on_taken: Callable[[Parcel], None],
    ) -> None:
        self._policy = policy
        self._find_target = find_target
        self._on_taken = on_taken
        self._changed = threading.Condition()
        self._due: list[tuple[float, int, Parcel]] = []
        self._order = itertools.count()
        self._pending: set[Parcel] = set()
        self._kept: deque[Parcel] = deque(maxlen=_KEPT_MAX)
        self._drops: list[frozenset[str] | None] = []
        self._is_closed = False
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Start the threads that send."""
        for number in range(self._policy.senders):
            thread = threading.Thread(
                target=self._send_what_is_due, name=f"webhooks-{number}", daemon=True
            )
            thread.start()
            self._threads.append(thread)

    def close(self) -> None:
        """Stop sending. Whoever waits for a delivery is let go."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(_JOIN_S)

    def send(self, parcel: Parcel) -> None:
        """Take a parcel to be sent at once, unless it is to be dropped."""
        with self._changed:
            self._kept.append(parcel)
            if self._takes_a_drop(parcel):
                parcel.state = "dropped"
            else:
                self._pending.add(parcel)
                self._schedule(parcel, delay_s=0)
            self._changed.notify_all()

    def drop_next(self, count: int, types: frozenset[str] | None) -> None:
        """Lose the next parcels, of these event types or of any, without sending them."""
        with self._changed:
            self._drops.extend([types] * count)

    def wait_until_settled(self, timeout_s: float, *, about: str | None = None) -> bool:
        """Wait until nothing is left to send, or nothing about one object.

        Returns:
            Whether that came about within the time.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: self._is_closed or not self._is_pending(about), timeout_s
            )
            return not self._is_pending(about)

    def pending_count(self) -> int:
        """Return how many parcels are still to be taken."""
        with self._changed:
            return len(self._pending)

    def lost_count(self, about: str | None) -> int:
        """Return how many parcels, or those about one object, nobody will send any more."""
        with self._changed:
            return sum(
                parcel.state in {"abandoned", "dropped"} and about in {None, parcel.about}
                for parcel in self._kept
            )

    def told(self, event_id: str | None = None) -> list[Resource]:
        """Return what became of every parcel, or of one event's, oldest first."""
        with self._changed:
            return [
                parcel.told() for parcel in self._kept if event_id in {None, parcel.event_id}
            ]

    def forget_all(self) -> None:
        """Cancel whatever is under way and start with nothing."""
        with self._changed:
            for parcel in self._pending:
                parcel.state = "cancelled"
            self._pending.clear()
            self._due.clear()
            self._kept.clear()
            self._drops.clear()
            self._changed.notify_all()

    def _is_pending(self, about: str | None) -> bool:
        return any(about in {None, parcel.about} for parcel in self._pending)

    def _takes_a_drop(self, parcel: Parcel) -> bool:
        for place, types in enumerate(self._drops):
            if types is None or parcel.event_type in types:
                del self._drops[place]
                return True
        return False

    def _schedule(self, parcel: Parcel, *, delay_s: float) -> None:
        heapq.heappush(self._due, (time.monotonic() + delay_s, next(self._order), parcel))

    def _send_what_is_due(self) -> None:
        with requests.Session() as session:
            session.trust_env = False  # a proxy of the machine is no way to 127.0.0.1
            while (parcel := self._next_due()) is not None:
                target = self._find_target(parcel.endpoint_id)
                attempt = self._attempt(session, parcel, target) if target else None
                self._note(parcel, attempt)

    def _next_due(self) -> Parcel | None:
        """Wait for the next parcel to send; None when it is time to stop."""
        with self._changed:
            while not self._is_closed:
                wait_s = self._due[0][0] - time.monotonic() if self._due else None
                if wait_s is not None and wait_s <= 0:
                    parcel = heapq.heappop(self._due)[2]
                    if parcel.state == "pending":
                        return parcel
                else:
                    self._changed.wait(wait_s)
            return None

    def _attempt(self, session: requests.Session, parcel: Parcel, target: Target) -> Attempt:
        """Send once. Each try has a signature of its own, with the real time."""
        signature = WebhookSignature.generate_signature_header(
            parcel.body.decode(), target.secret
        )
        try:
            answer = session.post(
                target.url,
                data=parcel.body,
                headers={**_HEADERS, "Stripe-Signature": signature},
                timeout=self._policy.timeout_s,
                allow_redirects=False,
            )
        except requests.RequestException as problem:
            return Attempt(status=None, problem=type(problem).__name__)
        return Attempt(status=answer.status_code)

    def _note(self, parcel: Parcel, attempt: Attempt | None) -> None:
        """Write down how a try went, and plan the next one where it failed."""
        if attempt is not None and attempt.is_taken:
            self._on_taken(parcel)  # before anyone who waits for it is woken
        with self._changed:
            if parcel.state != "pending":
                return
            delay_s = None
            if attempt is None:
                parcel.state = "cancelled"
            else:
                parcel.attempts.append(attempt)
                delay_s = self._policy.delay_s(len(parcel.attempts))
                if attempt.is_taken:
                    parcel.state, delay_s = "delivered", None
                elif delay_s is None:
                    parcel.state = "abandoned"
            if delay_s is None:
                self._pending.discard(parcel)
            else:
                self._schedule(parcel, delay_s=delay_s)
            self._changed.notify_all()
