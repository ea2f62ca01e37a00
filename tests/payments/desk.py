"""Real deliveries, each made from exactly the documents that it is to meet.

What a delivery does follows from what it reads. So one that reads what a delivery of the same
event has read before, at the same moment of Stripe's, is not made again: what that one wrote is
written. What was read and written is taken from the wire, underneath all code of ours. Two
documents count as equal where they differ only in what no decision depends on: instants that
say when something was written, hashes, and counters of writes (`UNREAD`).
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from creditbase.kernel.errors import Contention, Unavailable
from creditbase.ledger.use_cases import lanes
from creditbase.payments.use_cases import receive_event
from creditbase.runtime import firestore
from creditbase.runtime.clock import real_now
from creditbase.runtime.firestore import Delete, Fields, Put, Write
from tests.payments.automaton import Automaton, Moment
from tests.payments.shop import SECRET, Resource, signed
from tests.wire import Wire

UNREAD = frozenset(
    {
        *("at", "updated_at", "published_at", "valid_until", "recheck_at"),
        *("received_at", "finished_at", "next_try_at"),
        *("mirrored", "revision", "commits", "seq", "head", "hash", "prev"),
    }
)
"""Fields that do not tell two states apart."""


# ---- states ----------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Kept:
    """A document as it was read back."""

    fields: Fields

    @cached_property
    def mark(self) -> str:
        """Return what tells it apart from others."""
        return _digest(_told_apart(self.fields))


Documents = Mapping[str, Kept]


def _told_apart(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _told_apart(it) for name, it in value.items() if name not in UNREAD}
    return [_told_apart(it) for it in value] if isinstance(value, list) else value


def _digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, eq=False)
class Node:
    """Everything there is, and one way in which it came about."""

    moment: Moment
    steps: int
    """How many steps of the life have happened."""
    told: frozenset[str]
    documents: Documents
    path: tuple[str, ...] = ()

    @cached_property
    def mark(self) -> str:
        """Return what tells it apart from others."""
        marks = {path: kept.mark for path, kept in self.documents.items()}
        return _digest([self.moment.mark, self.steps, sorted(self.told), marks])

    def stands(self, event: Resource) -> str:
        """Return how an event stands in the inbox; empty where it is not there."""
        kept = self.documents.get(f"stripe_events/{event['id']}")
        return "" if kept is None else str(kept.fields["status"])


# ---- deliveries ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Known:
    """What a delivery read, and what it made of that."""

    read: Mapping[str, str]
    """The marks of the documents, empty where there was none."""
    written: Mapping[str, Kept | None]
    moment: Moment

    def fits(self, documents: Documents) -> bool:
        """Return whether it would read the same here."""
        return all(
            mark == (documents[path].mark if path in documents else "")
            for path, mark in self.read.items()
        )


@dataclass
class Desk:
    """Where events are really delivered: to the use case of the webhook, over the emulator."""

    automaton: Automaton
    wire: Wire
    there: dict[str, Kept | None] = field(default_factory=dict)
    """What the emulator has; None where that is not known."""
    known: dict[object, list[Known]] = field(default_factory=dict)
    deliveries: int = 0
    """How many were really made."""

    def deliver(self, node: Node, event: Resource) -> tuple[Documents, Moment]:
        """Return the documents and the moment that a delivery leads to."""
        key = (event["id"], node.moment.mark)
        for known in self.known.setdefault(key, []):
            if known.fits(node.documents):
                return _after(node.documents, known), known.moment
        known = self._deliver(node, event)
        self.known[key].append(known)
        return _after(node.documents, known), known.moment

    def _deliver(self, node: Node, event: Resource) -> Known:
        self._restore(node.documents)
        self.automaton.moment = node.moment
        lanes.cache_clear()
        self.wire.reset()
        self.deliveries += 1
        sent = signed(json.dumps(event))
        now = node.moment.now
        with suppress(Unavailable, Contention):  # answered with 500: Stripe sends it again
            receive_event(
                sent.raw, sent.signature, secrets=[SECRET], real_now=real_now(), now=now
            )
        rpcs = list(self.wire.rpcs)
        # A project's tiers are read by a query, and kept for a minute: nothing of a customer.
        assert {rpc.name for rpc in rpcs} <= {"BatchGetDocuments", "Commit", "RunQuery"}
        touched = {path for rpc in rpcs for path in rpc.paths}
        written = sorted({p for rpc in rpcs if rpc.name == "Commit" for p in rpc.paths})
        found = firestore.get_all(written)
        _check_revision(found)
        # What a developer is told of is counted by changes that were seen, and read by nobody.
        kept = [each for each in found if not each.path.startswith("events/")]
        left = {each.path: None if each.fields is None else keep(each.fields) for each in kept}
        self.there.update(dict.fromkeys(written))
        documents = node.documents
        read = {p: documents[p].mark if p in documents else "" for p in touched}
        return Known(read, left, self.automaton.moment)

    def _restore(self, documents: Documents) -> None:
        """Make the emulator's documents those of a node."""
        writes: list[Write] = []
        for path in {*self.there, *documents}:
            kept, there = documents.get(path), self.there.get(path)
            if kept is None:
                writes.append(Delete(path))
                del self.there[path]
            elif there is None or there.mark != kept.mark:
                writes.append(Put(path, kept.fields))
                self.there[path] = kept
        if writes:
            firestore.commit(writes)


COUNTED = 1_000
"""What counters of the mirror are put to, so that documents of several nodes go together."""


def keep(fields: Fields) -> Kept:
    """Return a document as nodes keep it."""
    return Kept(_recounted(fields))


def _recounted(value: Any) -> Any:
    """Return the fields with every count of the mirror's put to one figure, but for zero.

    What is compared is whether the wallet has been told the newest revision, and after every
    delivery it has: `_check_revision` looks.
    """
    if not isinstance(value, Mapping):
        return value
    return {
        name: inner and COUNTED if name in {"mirrored", "revision"} else _recounted(inner)
        for name, inner in value.items()
    }


def _check_revision(documents: Iterable[firestore.Snapshot]) -> None:
    """Demand that a wallet that was written knows the newest revision of its standing."""
    found = {each.path.split("/")[-2]: each.fields for each in documents}
    wallet, customer = found.get("wallets"), found.get("customers")
    if wallet and customer and "standing" in customer:
        newest = customer["standing"]["revision"]
        assert wallet["state"]["terms"]["revision"] == newest


def _after(documents: Documents, known: Known) -> Documents:
    merged = {**documents, **known.written}
    return {path: kept for path, kept in merged.items() if kept is not None}
