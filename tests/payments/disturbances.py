"""Everything that can break while an event is handled: each request to the store and to Stripe.

A case disturbs one of them, lets Stripe deliver again, and puts the customer back to where it
was: only the first life of a kind has to be lived.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
import stripe
from flask.testing import FlaskClient

from creditbase.accounts.domain import CustomerRef
from creditbase.ledger.use_cases import lanes
from creditbase.payments import stripe_billing
from creditbase.runtime.firestore import Delete, Fields, Put, Write, commit, query
from tests.payments.canonical import documents_of
from tests.payments.deliveries import deliver
from tests.payments.shop import Resource, signed_event
from tests.wire import Send, Wire, lost_reply, lost_request

DELIVERIES_MAX = 6
BROKEN: Exception = stripe.APIConnectionError("broken", should_retry=False)  # type: ignore[no-untyped-call]


class Died(BaseException):
    """The process is gone."""


def die(send: Send) -> Any:
    """Die when it is done, before anybody can be told."""
    send()
    raise Died


def die_first(send: Send) -> Any:
    """Die before it leaves."""
    raise Died


AT_THE_STORE = {"die": die, "lost_request": lost_request, "lost_reply": lost_reply}


def stripe_lost(send: Send) -> Any:
    """Lose Stripe's answer; it has done what was asked."""
    send()
    raise BROKEN


def stripe_deaf(send: Send) -> Any:
    """Lose the request."""
    raise BROKEN


AT_STRIPE = {"die": die, "die_first": die_first, "lost": stripe_lost, "deaf": stripe_deaf}


@dataclass
class StripeLine:
    """The requests to Stripe, counted; one of them may be disturbed."""

    asked: list[str] = field(default_factory=list)
    _fault: Callable[[Send], Any] | None = None
    _index: int = -1
    _path: str = ""

    @property
    def is_armed(self) -> bool:
        """Return whether the disturbance is still to come."""
        return self._fault is not None

    def reset(self) -> None:
        """Forget what was asked, and disturb nothing."""
        self.asked.clear()
        self._fault, self._index, self._path = None, -1, ""

    def disturb(self, index: int, fault: Callable[[Send], Any]) -> None:
        """Disturb the request of that number."""
        self._fault, self._index = fault, index

    def disturb_first(self, path: str, name: str) -> None:
        """Disturb the first request to that path."""
        self._fault, self._path = AT_STRIPE[name], path

    def carry(self, method: str, path: str, send: Send) -> Any:
        """Count a request, and send it or do to it what was ordered."""
        is_meant = self._index == len(self.asked) or (self._path and self._path == path)
        self.asked.append(f"{method.upper()} {path}")
        fault = self._fault
        if fault is None or not is_meant:
            return send()
        self._fault = None
        return fault(send)


@contextmanager
def tapped_stripe() -> Iterator[StripeLine]:
    """Stand between the SDK and Stripe, below the SDK's own retries, until the block ends."""
    line = StripeLine()
    plain = stripe.RequestsClient.request

    def request(client: Any, method: str, url: str, *given: Any, **named: Any) -> Any:
        path = url.partition("/v1/")[2].partition("?")[0]
        return line.carry(method, path, lambda: plain(client, method, url, *given, **named))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stripe.RequestsClient, "request", request)
        yield line


@dataclass(frozen=True)
class Kept:
    """A customer's documents at one moment, to go back to."""

    ref: CustomerRef
    documents: dict[str, Fields]

    @classmethod
    def now(cls, ref: CustomerRef) -> "Kept":
        """Keep the customer as it is."""
        return cls(ref, _all_of(ref))

    def bring_back(self, event_id: str) -> None:
        """Undo whatever has happened since, that event included."""
        gone = [path for path in _all_of(self.ref) if path not in self.documents]
        writes: list[Write] = [Delete(path) for path in gone]
        writes += [Put(path, fields) for path, fields in self.documents.items()]
        commit([*writes, Delete(f"stripe_events/{event_id}")])
        forget()


def forget() -> None:
    """Know nothing, as a new process does."""
    lanes.cache_clear()
    stripe_billing.load_marked_price.cache_clear()


def _all_of(ref: CustomerRef) -> dict[str, Fields]:
    mail = query("mail", where=[("customer_id", "==", ref.customer_id)], limit=1_000)
    return {
        **documents_of(ref.project_id, ref.customer_id),
        **{each.path: each.fields for each in mail if each.fields is not None},
    }


def deliver_until_taken(client: FlaskClient, event: Resource) -> int:
    """Deliver as Stripe does, again and again, through deaths; return how often."""
    for tries in range(1, DELIVERIES_MAX + 1):
        try:
            status = deliver(client, signed_event(event))
        except Died:
            forget()
            continue
        if status == 200:
            return tries
        assert status == 500
    raise AssertionError("never taken")


Case = tuple[str, Callable[[], None]]


def points(wire: Wire, line: StripeLine) -> list[Case]:
    """Return every single disturbance of what was just seen, by name."""
    cases: list[Case] = []
    for index, rpc in enumerate(list(wire.rpcs)):
        for name, fault in AT_THE_STORE.items():
            arm = partial(wire.faults.__setitem__, index, fault)
            cases.append((f"{name} of {rpc.name} {index}", arm))
    for index, asked in enumerate(list(line.asked)):
        for name, fault in AT_STRIPE.items():
            cases.append((f"{name} of {asked} {index}", partial(line.disturb, index, fault)))
    return cases


def tells_most(case: Case) -> bool:
    """Return whether a case stands for others: a death between two changes is one after the
    first of them, and a question that was not answered changes nothing.
    """
    fault, _, what = case[0].partition(" of ")
    is_change = what.startswith(("Commit", "POST"))
    return is_change and fault in {"die", "lost_reply", "lost"}
