"""The RPCs of Firestore on the channel of its public client, without the layers above them.

The client makes the channel, with its credentials, its options and the emulator's address;
what is sent through it are messages of our own making (`protobuf`, ADR-0043).
"""

import os
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import quote

import grpc
from google.api_core import exceptions as rpc
from google.cloud import firestore
from google.cloud.firestore_v1 import base_client
from google.cloud.firestore_v1.types import firestore as messages
from google.cloud.firestore_v1.types import query as queries

from creditbase.kernel.records import dataclass
from creditbase.runtime.protobuf import Message, write_value

READ_TIMEOUT_S = 5.0
COMMIT_TIMEOUT_S = 5.0
SERVICE = "/google.firestore.v1.Firestore"
READS_IN_ONE_THREAD = (grpc.experimental.ChannelOptions.SingleThreadedUnaryStream, 1)
"""Every read is a stream of answers, for which gRPC else starts a thread (ADR-0057)."""

OPERATORS: Mapping[str, Any] = {
    "<": queries.StructuredQuery.FieldFilter.Operator.LESS_THAN,
    "<=": queries.StructuredQuery.FieldFilter.Operator.LESS_THAN_OR_EQUAL,
    ">": queries.StructuredQuery.FieldFilter.Operator.GREATER_THAN,
    ">=": queries.StructuredQuery.FieldFilter.Operator.GREATER_THAN_OR_EQUAL,
    "==": queries.StructuredQuery.FieldFilter.Operator.EQUAL,
    "in": queries.StructuredQuery.FieldFilter.Operator.IN,
    "array_contains": queries.StructuredQuery.FieldFilter.Operator.ARRAY_CONTAINS,
}
IS_NULL = queries.StructuredQuery.UnaryFilter.Operator.IS_NULL
ALL_OF = queries.StructuredQuery.CompositeFilter.Operator.AND
ASCENDING = queries.StructuredQuery.Direction.ASCENDING
DESCENDING = queries.StructuredQuery.Direction.DESCENDING

CommitRequest = messages.CommitRequest.pb()
CommitResponse = messages.CommitResponse.pb()
BatchGetRequest = messages.BatchGetDocumentsRequest.pb()
BatchGetResponse = messages.BatchGetDocumentsResponse.pb()
RunQueryRequest = messages.RunQueryRequest.pb()
RunQueryResponse = messages.RunQueryResponse.pb()


@dataclass(frozen=True, slots=True)
class Rpcs:
    """What a process says to its database. Each raises what `google.api_core` calls it."""

    database: str
    metadata: tuple[tuple[str, str], ...]
    _commit: Any
    _batch_get: Any
    _run_query: Any

    @property
    def documents(self) -> str:
        """Return what the whole name of every document begins with."""
        return f"{self.database}/documents/"

    def commit(self, request: Message) -> Message:
        """Commit, once."""
        try:
            return self._commit(request, timeout=COMMIT_TIMEOUT_S, metadata=self.metadata)
        except grpc.RpcError as failure:
            raise _named(failure) from failure

    def batch_get(self, request: Message) -> list[Message]:
        """Return every answer to a reading of documents by name."""
        return self._all_of(self._batch_get, request)

    def run_query(self, request: Message) -> list[Message]:
        """Return every answer to a query."""
        return self._all_of(self._run_query, request)

    def _all_of(self, ask: Any, request: Message) -> list[Message]:
        try:
            return list(ask(request, timeout=READ_TIMEOUT_S, metadata=self.metadata))
        except grpc.RpcError as failure:
            raise _named(failure) from failure


def open_client(project: str | None) -> firestore.Client:
    """Return a client of the library whose channel reads in the thread that asks.

    The library takes no options for its channel, so its own are added to.
    """
    for options in (
        base_client._DEFAULT_CHANNEL_OPTIONS,  # noqa: SLF001 - no public name
        base_client._GRPC_MSG_SIZE_OPTIONS,  # noqa: SLF001 - those of the emulator's channel
    ):
        if READS_IN_ONE_THREAD not in options:
            options.append(READS_IN_ONE_THREAD)
    return firestore.Client(project=project)


def _named(failure: grpc.RpcError) -> Exception:
    untyped: Any = rpc
    named: Exception = untyped.from_grpc_error(failure)
    return named


@lru_cache(maxsize=1)
def rpcs_of(client: firestore.Client) -> Rpcs:
    """Return the RPCs on a client's own channel."""
    database = f"projects/{client.project}/databases/(default)"
    channel = client._firestore_api.transport.grpc_channel  # noqa: SLF001 - no public name
    metadata = [
        ("google-cloud-resource-prefix", database),
        ("x-goog-request-params", f"database={quote(database)}"),
    ]
    if "FIRESTORE_EMULATOR_HOST" in os.environ:
        metadata.append(("authorization", "Bearer owner"))  # or the rules would be asked
    return Rpcs(
        database,
        tuple(metadata),
        channel.unary_unary(
            f"{SERVICE}/Commit", CommitRequest.SerializeToString, CommitResponse.FromString
        ),
        channel.unary_stream(
            f"{SERVICE}/BatchGetDocuments",
            BatchGetRequest.SerializeToString,
            BatchGetResponse.FromString,
        ),
        channel.unary_stream(
            f"{SERVICE}/RunQuery",
            RunQueryRequest.SerializeToString,
            RunQueryResponse.FromString,
        ),
    )


def about(query: Message, collection: str, *, is_group: bool = False) -> str:
    """Let a query ask a collection, or all of one name; return what its parent is called."""
    parent, _, collection_id = collection.rpartition("/")
    query.from_.add(collection_id=collection_id, all_descendants=is_group)
    return parent


def narrow(query: Message, where: Iterable[tuple[str, str, Any]]) -> None:
    """Let a query ask for those documents only for which everything said is so."""
    said = list(where)
    several = query.where.composite_filter if len(said) > 1 else None
    if several is not None:
        several.op = ALL_OF
    for field, operator, value in said:
        one = query.where if several is None else several.filters.add()
        if value is None and operator == "==":  # to which nothing else is equal, not even null
            one.unary_filter.field.field_path = field
            one.unary_filter.op = IS_NULL
        else:
            one.field_filter.field.field_path = field
            one.field_filter.op = OPERATORS[operator]
            write_value(one.field_filter.value, value)


def order(query: Message, field: str, *, is_newest_first: bool = False) -> None:
    """Let a query answer in the order of a field, after those that it has been told before."""
    direction = DESCENDING if is_newest_first else ASCENDING
    query.order_by.add(direction=direction).field.field_path = field


def show_only(query: Message, names: Iterable[str]) -> None:
    """Let a query answer with some fields of each document."""
    for name in names:
        query.select.fields.add(field_path=name)
