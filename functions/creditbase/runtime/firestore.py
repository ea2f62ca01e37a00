"""Firestore, in the few words that the rooms need: snapshots, writes, one atomic commit.

No read-write transaction anywhere (ADR-0004): a decision is made on a snapshot and
committed on the condition that the snapshot still holds. Every RPC has a time-out and no
hidden retry, because a retried commit cannot tell a lost reply from a lost request.
Everything goes through the channel of the public client, with messages of our own making
(ADR-0043); only counts, which are seldom, go through the client itself.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from google.api_core import exceptions as rpc
from google.cloud import firestore
from google.cloud.firestore_v1.base_query import FieldFilter

from creditbase.kernel.errors import Unavailable
from creditbase.kernel.records import dataclass
from creditbase.runtime import protobuf, rehearsal, store_rpcs
from creditbase.runtime.store_rpcs import (
    READ_TIMEOUT_S,
    BatchGetRequest,
    CommitRequest,
    RunQueryRequest,
)

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
    return store_rpcs.open_client(os.environ.get("GCLOUD_PROJECT"))


def get_all(
    paths: Sequence[str], *, only: Sequence[str] | None = None, read_at: datetime | None = None
) -> list[Snapshot]:
    """Return the documents in the order asked, all of one instant, by one RPC.

    `only` names the fields that are wanted: what is large need not travel. `read_at` is an
    earlier instant of the store's; it keeps an hour, or seven days where it recovers to them.

    Raises:
        Unavailable: the store gave no answer in time.
    """
    store = store_rpcs.rpcs_of(client())
    names = [store.documents + path for path in paths]
    request = BatchGetRequest(database=store.database, documents=names)
    if only is not None:
        request.mask.field_paths.extend(only)
    if read_at is not None:
        protobuf.write_instant(request.read_time, read_at)
    found: dict[str, Snapshot] = {}
    try:
        answers = store.batch_get(request)
    except TRANSIENT as failure:
        raise Unavailable from failure
    for answer in answers:
        found_at = protobuf.read_instant(answer.read_time)
        if answer.WhichOneof("result") == "found":
            found[answer.found.name] = _snapshot(answer.found, store.documents, found_at)
        else:
            path = answer.missing.removeprefix(store.documents)
            found[answer.missing] = Snapshot(path, None, None, found_at)
    return [found[name] for name in names]


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
    store = store_rpcs.rpcs_of(client())
    request = RunQueryRequest()
    asked = request.structured_query
    parent = store_rpcs.about(asked, collection, is_group=is_group)
    store_rpcs.narrow(asked, where)
    if order_by is not None:
        store_rpcs.order(asked, order_by, is_newest_first=is_newest_first)
        if after is not None:
            value, path = after
            store_rpcs.order(asked, "__name__", is_newest_first=is_newest_first)
            protobuf.write_value(asked.start_at.values.add(), value)
            asked.start_at.values.add(reference_value=store.documents + path)
    return _documents_of(store, request, parent, limit=limit, read_at=read_at, only=only)


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
    store = store_rpcs.rpcs_of(client())
    request = RunQueryRequest()
    asked = request.structured_query
    parent = store_rpcs.about(asked, collection)
    store_rpcs.order(asked, "__name__")
    if after:
        name = f"{store.documents}{collection}/{after}"
        asked.start_at.values.add(reference_value=name)
    return _documents_of(store, request, parent, limit=limit, read_at=read_at, only=only)


def _documents_of(
    store: store_rpcs.Rpcs,
    request: protobuf.Message,
    parent: str,
    *,
    limit: int,
    read_at: datetime | None,
    only: Sequence[str] | None,
) -> list[Snapshot]:
    request.parent = (store.documents + parent).rstrip("/")
    request.structured_query.limit.value = limit
    if only is not None:
        store_rpcs.show_only(request.structured_query, only)
    if read_at is not None:
        protobuf.write_instant(request.read_time, read_at)
    try:
        answers = store.run_query(request)
    except TRANSIENT as failure:
        raise Unavailable from failure
    return [
        _snapshot(answer.document, store.documents)
        for answer in answers
        if answer.HasField("document")
    ]


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
    store = store_rpcs.rpcs_of(client())
    request = CommitRequest(database=store.database)
    for write in writes:
        _write(request.writes.add(), store.documents + write.path, write)
    try:
        done = store.commit(request)
    except LOST as failure:
        raise Lost from failure
    except TRANSIENT as failure:
        raise Ambiguous from failure
    return protobuf.read_version(done.write_results[0].update_time)


def _write(into: protobuf.Message, name: str, write: Write) -> None:
    match write:
        case Create():
            into.update.name = name
            protobuf.write_fields(into.update.fields, write.fields)
            into.current_document.exists = False
        case Put():
            into.update.name = name
            protobuf.write_fields(into.update.fields, write.fields)
        case Update():
            into.update.name = name
            kept = [each for each in write.changes.items() if each[1] is not DELETE_FIELD]
            protobuf.write_changes(into.update.fields, kept)
            into.update_mask.field_paths.extend(map(protobuf.path_of, write.changes))
            protobuf.write_version(
                into.current_document.update_time, write.unless_changed_since
            )
        case Delete():
            into.delete = name
            if write.unless_changed_since is not None:
                protobuf.write_version(
                    into.current_document.update_time, write.unless_changed_since
                )


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


def _snapshot(
    document: protobuf.Message, prefix: str, read_at: datetime | None = None
) -> Snapshot:
    return Snapshot(
        document.name.removeprefix(prefix),
        protobuf.read_fields(document.fields),
        protobuf.read_version(document.update_time),
        read_at,
    )
