"""Sends what is due, in the background, until it is taken or the tries are up."""

import heapq
import itertools
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from itertools import pairwise

import requests
from stripe import WebhookSignature

from stripe_local.webhooks.detours import Detour, Detours, Order, in_order
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
        self._detours = Detours()
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
        """Take a parcel to be sent at once, unless a detour was ordered for it."""
        with self._changed:
            self._kept.append(parcel)
            self._set_out(parcel, self._detours.take(parcel))
            self._changed.notify_all()

    def order(self, detour: Detour) -> None:
        """Send deliveries to come on a detour."""
        with self._changed:
            self._detours.order(detour, time.monotonic())
            self._changed.notify_all()

    def ordered(self) -> list[Detour]:
        """Return the detours that are still to be taken."""
        with self._changed:
            return list(self._detours.ordered)

    def call_off(self) -> None:
        """Order no more detours. What is held stays held, until it is released."""
        with self._changed:
            self._detours.call_off()

    def release(
        self, order: Order, *, seed: int, events: Sequence[str] | None = None
    ) -> list[str]:
        """Send what is held, or some of it: each parcel once the one before has been tried.

        Returns:
            The events, in the order in which they are sent.
        """
        with self._changed:
            freed = in_order(self._detours.let_go(events), order, seed)
            self._send_in_turn(freed)
            self._changed.notify_all()
            return [parcel.event_id for parcel in freed]

    def wait_until_settled(
        self, timeout_s: float, *, about: str | None = None, even_late: bool = True
    ) -> bool:
        """Wait until nothing is left to send, or nothing about one object.

        What is held is not waited for. `even_late`: what was ordered to be late is.

        Returns:
            Whether that came about within the time.
        """

        def is_settled() -> bool:
            return not any(
                about in {None, parcel.about} and (even_late or not parcel.is_late)
                for parcel in self._pending
            )

        with self._changed:
            self._changed.wait_for(lambda: self._is_closed or is_settled(), timeout_s)
            return is_settled()

    def pending_count(self) -> int:
        """Return how many parcels are still to be taken."""
        with self._changed:
            return len(self._pending)

    def holds(self, event_id: str) -> bool:
        """Return whether an event waits for its release."""
        with self._changed:
            return any(parcel.event_id == event_id for parcel in self._detours.held)

    def held_count(self) -> int:
        """Return how many parcels wait for their release."""
        with self._changed:
            return len(self._detours.held)

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
            for parcel in (*self._pending, *self._detours.held):
                parcel.state = "cancelled"
            self._pending.clear()
            self._due.clear()
            self._kept.clear()
            self._detours = Detours()
            self._changed.notify_all()

    def _set_out(self, parcel: Parcel, detour: Detour | None) -> None:
        """Plan a parcel, or what its detour makes of it."""
        if detour is not None and detour.way == "drop":
            parcel.state = "dropped"
        elif detour is not None and detour.way == "hold":
            parcel.state = "held"
            self._detours.held.append(parcel)
        else:
            parcel.is_late = detour is not None
            self._pending.add(parcel)
            if detour is not None and detour.way == "shuffle":
                self._detours.gather(parcel, detour)
            else:
                self._schedule(parcel, delay_s=detour.seconds if detour else 0)

    def _send_in_turn(self, parcels: Sequence[Parcel]) -> None:
        """Plan parcels so that each is sent when the one before has been tried."""
        for parcel, following in pairwise(parcels):
            parcel.next_in_turn = following
        for parcel in parcels:
            parcel.state = "pending"
            self._pending.add(parcel)
        if parcels:
            self._schedule(parcels[0], delay_s=0)

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
                while (span := self._detours.take_span(time.monotonic())) is not None:
                    self._send_in_turn(span.shuffled())
                if self._due and self._due[0][0] <= time.monotonic():
                    parcel = heapq.heappop(self._due)[2]
                    if parcel.state == "pending":
                        return parcel
                else:
                    self._changed.wait(self._pause_s())
            return None

    def _pause_s(self) -> float | None:
        """Return how long there is nothing to do; None while nothing is planned at all."""
        ends_s = self._detours.next_end_s()
        planned = [self._due[0][0]] if self._due else []
        planned += [] if ends_s is None else [ends_s]
        return max(0.0, min(planned) - time.monotonic()) if planned else None

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
            following, parcel.next_in_turn = parcel.next_in_turn, None
            if parcel.state != "pending":
                return
            if following is not None:
                self._schedule(following, delay_s=0)
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
