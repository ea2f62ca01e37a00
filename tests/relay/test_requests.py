"""What may be said of a customer: the bounds of metadata and addresses, as properties."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbase.kernel.errors import InvalidRequest
from creditbase.metering.models import METADATA_BYTES_MAX, parse
from creditbase.relay.requests import CustomerRequest

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=45), inner, max_size=3)
    ),
    max_leaves=12,
)
GO = re.compile(r"[^@\s]+@([A-Za-z0-9\u00a0-\uffff-]+\.)+[A-Za-z\u00a0-\uffff]{2,}")


def is_taken(**changed: Any) -> bool:
    """Return whether a request for a customer is understood."""
    body = {"external_id": "x", "email": "a@example.com", **changed}
    try:
        parse(CustomerRequest, body)
    except InvalidRequest:
        return False
    return True


def depth(value: Any) -> int:
    """Return how deep lists and objects are in each other."""
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0


def keys(value: Any) -> list[str]:
    """Return every key, however deep."""
    if isinstance(value, dict):
        return [*value, *(key for inner in value.values() for key in keys(inner))]
    return [key for inner in value for key in keys(inner)] if isinstance(value, list) else []


@given(metadata=st.dictionaries(st.text(max_size=45), JSON, max_size=4))
def test_metadata_is_taken_within_its_bounds_and_not_beyond(metadata: dict[str, Any]) -> None:
    """Five deep, keys of one to forty characters, ten kilobytes."""
    size = len(json.dumps(metadata, ensure_ascii=False, separators=(",", ":")).encode())
    is_good = (
        depth(metadata) <= 5
        and all(1 <= len(key) <= 40 for key in keys(metadata))
        and size <= METADATA_BYTES_MAX
    )

    assert is_taken(metadata=metadata) == is_good


@pytest.mark.parametrize("more", [0, 1])
def test_the_last_byte_of_metadata_counts(more: int) -> None:
    """Ten kilobytes of UTF-8, not of characters."""
    filler = "ü" * ((METADATA_BYTES_MAX - len('{"k":"xx"}')) // 2) + "xx"
    metadata = {"k": filler + "x" * more}

    assert is_taken(metadata=metadata) == (more == 0)


@given(email=st.emails())
def test_addresses_that_are_taken_are_those_that_go_decodes(email: str) -> None:
    """An answer with another address would not be read at all."""
    assert not is_taken(email=email) or GO.fullmatch(email)
