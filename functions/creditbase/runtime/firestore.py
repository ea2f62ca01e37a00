"""Firestore, in the few words that the rooms need: snapshots, writes, one atomic commit.

No read-write transaction anywhere (ADR-0004): a decision is made on a snapshot and
committed on the condition that the snapshot still holds. Every RPC has a time-out and no
hidden retry, because a retried commit cannot tell a lost reply from a lost request.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any, cast

from google.api_core import exceptions as rpc
from google.cloud import firestore
from google.cloud.firestore_v1.base_query import FieldFilter
from google.cloud.firestore_v1.field_path import FieldPath

from creditbase.kernel.errors import Unavailable
from creditbase.kernel.instants import utc
from creditbase.runtime import rehearsal

READ_TIMEOUT_S = 5.0
COMMIT_TIMEOUT_S = 5.0

DELETE_FIELD = firestore.DELETE_FIELD
"""As a value in `Update.changes`: the field goes away."""

Version = datetime
"""The update time of a document; opaque, only compared for equality and handed back."""

Fields = dict[str, Any]


class Lost(Exception):
    """A precondition failed, or a `Create` found a document: another writer was first."""


class Ambiguous(Exception):
    """The commit may have been applied, may still be, or may never be. Only reading tells."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A document as one read saw it; `fields` is None where it does not exist.

    `read_at`, of `get_all`, is the store's own instant, which later reads may be made as of.
    """

    path: str
    fields: Fields | None
    version: Version | None
    read_at: datetime | None = None

    @property
    def exists(self) -> bool:
        """Return whether there was a document."""
        return self.fields is not None

    @property
    def document_id(self) -> str:
        """Return the last part of its path."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Create:
    """Write a document that must not exist yet."""

    path: str
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Update:
    """Change some fields of a document, on the condition that it has not changed since.

    Keys of `changes` are field paths as tuples, so that no name needs quoting.
    """

    path: str
    changes: Mapping[tuple[str, ...], Any]
    unless_changed_since: Version


@dataclass(frozen=True, slots=True)
class Put:
    """Write a whole document, whatever was there."""

    path: str
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove a document, on the condition (if given) that it has not changed since."""

    path: str
    unless_changed_since: Version | None = None


Write = Create | Update | Put | Delete


@cache
def client() -> firestore.Client:
    """Return this process's client, made on first use: an import opens no channel."""
    return firestore.Client(project=os.environ.get("GCLOUD_PROJECT"))


def get_all(
    paths: Sequence[str], *, only: Sequence[str] | None = None, read_at: datetime | None = None
) -> list[Snapshot]:
    """Return the documents in the order asked, all of one instant, by one RPC.

    `only` names the fields that are wanted: what is large need not travel. `read_at` is an
    earlier instant of the store's; it keeps an hour, or seven days where it recovers to them.

    Raises:
        Unavailable: the store gave no answer in time.
    """
    store = client()
    references = [store.document(path) for path in paths]
    found: dict[str, Snapshot] = {}
    try:
        for document in store.get_all(
            references,
            only,
            retry=cast("Any", None),
            timeout=READ_TIMEOUT_S,
            read_time=read_at,
        ):
            found[document.reference.path] = replace(
                _snapshot(document), read_at=utc(document.read_time)
            )
    except TRANSIENT as failure:
        raise Unavailable from failure
    return [found[path] for path in paths]


def query(
    collection: str,
    *,
    where: Iterable[tuple[str, str, Any]] = (),
    order_by: str | None = None,
    is_newest_first: bool = False,
    limit: int,
    is_group: bool = False,
    only: Sequence[str] | None = None,
    after: tuple[Any, str] | None = None,
    read_at: datetime | None = None,
) -> list[Snapshot]:
    """Return at most `limit` documents of a collection, or of every one of that name.

    `only` names the fields that are wanted, as in `get_all`, and `read_at` is as there;
    `is_newest_first` turns the order round. `after` is where the page before this one ended:
    the value of `order_by` there, and the document's path.

    Raises:
        Unavailable: the store gave no answer in time.
    """
    store = client()
    asked: Any = (
        store.collection_group(collection) if is_group else store.collection(collection)
    )
    for field, operator, value in where:
        asked = asked.where(filter=FieldFilter(field, operator, value))
    if order_by is not None:
        direction = "DESCENDING" if is_newest_first else "ASCENDING"
        asked = asked.order_by(order_by, direction=direction)
        if after is not None:
            value, path = after
            asked = asked.order_by("__name__", direction=direction)
            asked = asked.start_after({order_by: value, "__name__": store.document(path)})
    if only is not None:
        asked = asked.select(list(only))
    try:
        documents = list(
            asked.limit(limit).stream(retry=None, timeout=READ_TIMEOUT_S, read_time=read_at)
        )
    except TRANSIENT as failure:
        raise Unavailable from failure
    return [_snapshot(document) for document in documents]


def page_of(
    collection: str,
    *,
    after: str,
    limit: int,
    read_at: datetime | None = None,
    only: Sequence[str] | None = None,
) -> list[Snapshot]:
    """Return the next documents of a collection by id, beyond one; it needs no index.

    `read_at` and `only` are as in `get_all`.

    Raises:
        Unavailable: the store gave no answer in time.
    """
    asked: Any = client().collection(collection).order_by("__name__")
    if after:
        asked = asked.start_after({"__name__": client().document(f"{collection}/{after}")})
    if only is not None:
        asked = asked.select(list(only))
    try:
        documents = list(
            asked.limit(limit).stream(retry=None, timeout=READ_TIMEOUT_S, read_time=read_at)
        )
    except TRANSIENT as failure:
        raise Unavailable from failure
    return [_snapshot(document) for document in documents]


def count_documents(
    collection: str,
    *,
    where: Iterable[tuple[str, str, Any]] = (),
    read_at: datetime | None = None,
) -> int:
    """Return how many documents of a collection there are; billed a read for a thousand.

    `read_at` is as in `get_all`.

    Raises:
        Unavailable: the store gave no answer in time.
    """
    asked: Any = client().collection(collection)
    for field, operator, value in where:
        asked = asked.where(filter=FieldFilter(field, operator, value))
    try:
        found = asked.count().get(retry=None, timeout=READ_TIMEOUT_S, read_time=read_at)
    except TRANSIENT as failure:
        raise Unavailable from failure
    return int(found[0][0].value)


def commit(writes: Sequence[Write]) -> Version:
    """Apply all writes or none, by one RPC, and return the version that they made.

    Raises:
        Lost: another writer was first, so nothing of this commit was applied.
        Ambiguous: no answer that tells; read before deciding anything.
        WouldChange: this is a rehearsal.
    """
    assert writes
    rehearsal.change_begins()
    store = client()
    batch = store.batch()
    for write in writes:
        reference = store.document(write.path)
        match write:
            case Create():
                batch.create(reference, dict(write.fields))
            case Put():
                batch.set(reference, dict(write.fields))
            case Update():
                changes = {
                    FieldPath(*names).to_api_repr(): value
                    for names, value in write.changes.items()
                }
                option = store.write_option(last_update_time=write.unless_changed_since)
                batch.update(reference, changes, option=option)
            case Delete(unless_changed_since=None):
                batch.delete(reference)
            case Delete():
                option = store.write_option(last_update_time=write.unless_changed_since)
                batch.delete(reference, option=option)
    try:
        results = batch.commit(retry=cast("Any", None), timeout=COMMIT_TIMEOUT_S)
    except LOST as failure:
        raise Lost from failure
    except TRANSIENT as failure:
        raise Ambiguous from failure
    return cast("Version", results[0].update_time)


LOST = (rpc.AlreadyExists, rpc.FailedPrecondition, rpc.NotFound)
TRANSIENT = (
    rpc.Aborted,
    rpc.Cancelled,
    rpc.DeadlineExceeded,
    rpc.InternalServerError,
    rpc.ResourceExhausted,
    rpc.RetryError,
    rpc.ServiceUnavailable,
    rpc.Unknown,
)


def _snapshot(document: Any) -> Snapshot:
    fields = document.to_dict()
    return Snapshot(
        document.reference.path,
        None if fields is None else _plain(fields),
        document.update_time,
    )


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return utc(value)
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value
