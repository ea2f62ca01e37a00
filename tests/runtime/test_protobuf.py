"""What we write is, to the byte, what the public client would have written."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from google.api_core.datetime_helpers import DatetimeWithNanoseconds
from google.cloud import firestore
from google.cloud.firestore_v1 import _helpers
from google.cloud.firestore_v1.field_path import FieldPath
from google.cloud.firestore_v1.types import document, write
from hypothesis import given
from hypothesis import strategies as st

from creditbase.runtime import protobuf, store_rpcs
from creditbase.runtime.firestore import DELETE_FIELD, Create, Delete, Put, Update, Write
from creditbase.runtime.firestore import _write as write_into
from tests.kernel.profiles import PURE

THE_LIBRARY: Any = _helpers
NAME = "projects/p/databases/(default)/documents/wallets/w"
EXACT: Any = DatetimeWithNanoseconds
VERSION = EXACT(2026, 3, 10, 12, 0, 0, nanosecond=123_456_789, tzinfo=UTC)

INSTANTS = st.datetimes(
    datetime(1900, 1, 1),  # noqa: DTZ001 - the zone comes beside it
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=-9, minutes=-30))]),
)
LEAVES = st.one_of(
    *(st.none(), st.booleans(), st.text(), st.binary(max_size=9), INSTANTS),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
)
NAMES = st.text(min_size=1, max_size=5)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=12,
)
FIELDS = st.dictionaries(NAMES, VALUES, max_size=5)


def written(one: Write) -> Any:
    """Return the message of a write."""
    message = write.Write.pb()()
    write_into(message, NAME, one)
    return message


def theirs(*messages: Any) -> Any:
    """Return the only message that the library has made."""
    (message,) = messages
    return write.Write.pb(message)


@PURE
@given(FIELDS)
def test_a_document_is_written_as_the_library_writes_it(fields: dict[str, Any]) -> None:
    """Every kind of value, empty maps and lists, and instants of any zone."""
    created, put = written(Create(NAME, fields)), written(Put(NAME, fields))

    assert created == theirs(*THE_LIBRARY.pbs_for_create(NAME, fields))
    assert put == theirs(*THE_LIBRARY.pbs_for_set_no_merge(NAME, fields))


@PURE
@given(FIELDS)
def test_what_was_written_is_read_again(fields: dict[str, Any]) -> None:
    """A whole number stays one; an instant is the same one, in UTC."""
    message = document.Document.pb()()
    protobuf.write_fields(message.fields, fields)

    found = protobuf.read_fields(message.fields)

    assert found == fields
    assert _kinds(found) == _kinds(fields)


def _kinds(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _kinds(inner) for name, inner in value.items()}
    return [_kinds(inner) for inner in value] if isinstance(value, list) else type(value)


# The library quotes the quotes again where a field goes away; so here are none within a name.
PARTS = st.sampled_from(["a", "b", "a b", "ü", "-", "0", "."])


@PURE
@given(
    st.dictionaries(
        st.tuples(PARTS) | st.tuples(PARTS, PARTS) | st.tuples(PARTS, PARTS, PARTS),
        VALUES | st.just(DELETE_FIELD),
        min_size=1,
        max_size=5,
    ).filter(lambda changes: not any(_is_above(a, b) for a in changes for b in changes))
)
def test_a_change_is_written_as_the_library_writes_it(changes: dict[Any, Any]) -> None:
    """Fields deep inside, names that must be quoted, fields that go away; one version."""
    message = written(Update(NAME, changes, VERSION))

    quoted = {FieldPath(*names).to_api_repr(): v for names, v in changes.items()}
    option = THE_LIBRARY.LastUpdateOption(VERSION.timestamp_pb())
    expected = theirs(*THE_LIBRARY.pbs_for_update(NAME, quoted, option))
    for one in (message, expected):  # whose order nobody minds
        one.update_mask.field_paths.sort()
    assert message == expected
    assert message.current_document.update_time.nanos == 123_456_789


def _is_above(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    return one != other and other[: len(one)] == one


@pytest.mark.parametrize("version", [None, VERSION, EXACT(1970, 1, 1, tzinfo=UTC)])
def test_a_document_is_deleted_as_the_library_deletes_it(version: Any) -> None:
    """With its version or without; at the beginning of time, too."""
    message = written(Delete(NAME, version))

    option = version and THE_LIBRARY.LastUpdateOption(version.timestamp_pb())
    assert message == theirs(THE_LIBRARY.pb_for_delete(NAME, option))
    assert message.HasField("current_document") is (version is not None)


def test_names_are_quoted_once() -> None:
    """A model may be named as it likes."""
    assert protobuf.path_of(("models", "o1", "a`b\\c")) == r"models.o1.`a\`b\\c`"


def test_a_version_is_handed_back_to_the_nanosecond() -> None:
    """A store that told of less would refuse every commit."""
    given_back = document.Document.pb()().update_time
    protobuf.write_version(given_back, VERSION)

    assert protobuf.read_version(given_back) == VERSION
    assert given_back.nanos == 123_456_789


@pytest.mark.parametrize("value", [object(), {1, 2}, 1j])
def test_a_document_holds_nothing_else(value: object) -> None:
    """What it cannot hold is a mistake of ours, said before anything is sent."""
    with pytest.raises(TypeError, match=type(value).__name__):
        protobuf.write_value(document.Value.pb()(), value)


def test_what_others_wrote_can_be_read() -> None:
    """References are names, places are pairs, and what is new is said to be."""
    wanted = document.Value.pb()
    reference, place, unknown = wanted(reference_value=NAME), wanted(), wanted()
    place.geo_point_value.latitude = 47.5

    assert protobuf.read_value(reference) == NAME
    assert protobuf.read_value(place) == (47.5, 0)
    with pytest.raises(TypeError, match="unknown"):
        protobuf.read_value(unknown)


def test_one_client_is_asked_through_its_own_channel() -> None:
    """Its credentials, options and address are those of the library."""
    client = firestore.Client(project="demo-channel")

    rpcs = store_rpcs.rpcs_of(client)

    assert rpcs.documents == "projects/demo-channel/databases/(default)/documents/"
    assert ("google-cloud-resource-prefix", rpcs.database) in rpcs.metadata
    assert client._database_string == rpcs.database
    assert set(client._rpc_metadata) <= set(rpcs.metadata)
