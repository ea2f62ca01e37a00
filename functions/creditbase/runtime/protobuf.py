"""Documents as Firestore's own messages, and back.

The public client turns every value into a message of proto-plus and that into one of
protobuf, which for a wallet costs eight times the CPU of the RPC itself
(docs/benchmarks). Here a value becomes the message that is sent, in one step.
Numbers keep their kind: an integer is never a double. Instants are kept to the microsecond,
as the store keeps them; only versions, which it must recognise, to the nanosecond.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from google.api_core.datetime_helpers import DatetimeWithNanoseconds
from google.cloud.firestore_v1.field_path import FieldPath

from creditbase.kernel.instants import EPOCH, utc

Message = Any
"""A message of protobuf: its classes are made when it is loaded, so no type is known."""

Names = tuple[str, ...]
"""A path within a document: the names of the maps, and of the field."""


def write_fields(into: Message, fields: Mapping[str, Any]) -> None:
    """Write values into a map of a message, by name.

    Raises:
        TypeError: a value is none that a document of ours may hold.
    """
    for name, value in fields.items():
        _WRITERS.get(type(value), _write_other)(into[name], value)


def write_value(into: Message, value: object) -> None:
    """Write one value into its message.

    Raises:
        TypeError: it is none that a document of ours may hold.
    """
    _WRITERS.get(type(value), _write_other)(into, value)


def _write_text(into: Message, value: str) -> None:
    into.string_value = value


def _write_flag(into: Message, value: bool) -> None:
    into.boolean_value = value


def _write_whole(into: Message, value: int) -> None:
    into.integer_value = value


def _write_map(into: Message, value: Mapping[str, Any]) -> None:
    into.map_value.SetInParent()  # or an empty one would be nothing
    write_fields(into.map_value.fields, value)


def _write_at(into: Message, value: datetime) -> None:
    write_instant(into.timestamp_value, value)


def _write_none(into: Message, value: None) -> None:
    into.null_value = value or 0


def _write_list(into: Message, value: Iterable[Any]) -> None:
    into.array_value.SetInParent()
    for inner in value:
        write_value(into.array_value.values.add(), inner)


def _write_other(into: Message, value: object) -> None:
    """Write a value that is of none of the usual types: of a kind of them, or rarely used."""
    match value:
        case str():
            _write_text(into, value)
        case int():
            _write_whole(into, value)
        case Mapping():
            _write_map(into, value)
        case datetime():
            _write_at(into, value)
        case list() | tuple():
            _write_list(into, value)
        case bytes():
            into.bytes_value = value
        case float():
            into.double_value = value
        case _:
            raise TypeError(f"a document cannot hold a {type(value).__name__}")


_WRITERS: Mapping[type, Callable[[Message, Any], None]] = {
    str: _write_text,
    int: _write_whole,
    bool: _write_flag,
    dict: _write_map,
    list: _write_list,
    datetime: _write_at,
    type(None): _write_none,
}
"""By the very type: a match on classes took a third of writing an entry."""


def write_instant(into: Message, at: datetime) -> None:
    """Write an instant into a timestamp: seconds, and nanoseconds beyond them."""
    since = (at if at.tzinfo is UTC else utc(at)) - EPOCH
    into.seconds = since.days * 86_400 + since.seconds
    into.nanos = since.microseconds * 1_000
    into.SetInParent()  # or 1970 would be nothing


def write_changes(into: Message, changes: Iterable[tuple[Names, Any]]) -> None:
    """Write values into the fields of a document, each at its path."""
    maps: dict[Names, Message] = {(): into}
    for names, value in changes:
        write_value(_map_at(maps, names[:-1])[names[-1]], value)


def _map_at(maps: dict[Names, Message], names: Names) -> Message:
    """Return the map at a path, by way of those that were walked before."""
    found = maps.get(names)
    if found is None:
        found = maps[names] = _map_at(maps, names[:-1])[names[-1]].map_value.fields
    return found


@lru_cache(maxsize=4_096)
def path_of(names: Names) -> str:
    """Return a path within a document as a mask has it: names are quoted where they must be."""
    return FieldPath(*names).to_api_repr()


def read_fields(fields: Message) -> dict[str, Any]:
    """Return the values of a map of a message, by name."""
    return {name: read_value(value) for name, value in fields.items()}


def read_value(value: Message) -> Any:
    """Return one value. A reference is the whole name of its document; a place is a pair.

    Raises:
        TypeError: it is of a kind that Firestore had not when this was written.
    """
    match value.WhichOneof("value_type"):
        case "integer_value":
            return value.integer_value
        case "string_value":
            return value.string_value
        case "map_value":
            return read_fields(value.map_value.fields)
        case "boolean_value":
            return value.boolean_value
        case "timestamp_value":
            return read_instant(value.timestamp_value)
        case "null_value":
            return None
        case "array_value":
            return [read_value(inner) for inner in value.array_value.values]
        case "bytes_value":
            return value.bytes_value
        case "double_value":
            return value.double_value
        case "reference_value":
            return value.reference_value
        case "geo_point_value":
            return value.geo_point_value.latitude, value.geo_point_value.longitude
        case kind:
            raise TypeError(f"a document holds a value of an unknown kind: {kind}")


def read_instant(timestamp: Message) -> datetime:
    """Return an instant in UTC; what is less than a microsecond is left out."""
    return EPOCH + timedelta(seconds=timestamp.seconds, microseconds=timestamp.nanos // 1_000)


def read_version(timestamp: Message) -> datetime:
    """Return the update time of a document, to be handed back as it came."""
    exact: Any = DatetimeWithNanoseconds
    version: datetime = exact.from_timestamp_pb(timestamp)
    return version


def write_version(into: Message, version: datetime) -> None:
    """Write the update time of a document as it came."""
    if isinstance(version, DatetimeWithNanoseconds):
        exact: Any = version
        into.CopyFrom(exact.timestamp_pb())
    else:
        write_instant(into, version)
