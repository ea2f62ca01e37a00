"""Metadata: what the caller writes onto an object, and how it changes. Pure."""

from collections.abc import Mapping
from typing import Literal

from stripe_local.wire.errors import InvalidParameter

_KEYS_MAX = 50
_KEY_LENGTH_MAX = 40
_VALUE_LENGTH_MAX = 500


def merged_metadata(
    existing: Mapping[str, str], given: Mapping[str, str] | Literal[""] | None
) -> dict[str, str]:
    """Return the metadata after a request. An empty value removes its key; "" removes all.

    Raises:
        InvalidParameter: too many keys, or one that is too long.
    """
    if given is None:
        return dict(existing)
    if given == "":
        return {}
    for key, value in given.items():
        if len(key) > _KEY_LENGTH_MAX:
            raise InvalidParameter(
                f"Metadata keys can have up to {_KEY_LENGTH_MAX} characters; '{key}' is "
                f"{len(key)} characters.",
                param="metadata",
            )
        if len(value) > _VALUE_LENGTH_MAX:
            raise InvalidParameter(
                f"Metadata values can have up to {_VALUE_LENGTH_MAX} characters; the value of "
                f"'{key}' is {len(value)} characters.",
                param="metadata",
            )
    merged = {key: value for key, value in {**existing, **given}.items() if value}
    if len(merged) > _KEYS_MAX:
        raise InvalidParameter(
            f"You can have up to {_KEYS_MAX} metadata keys, but {len(merged)} were given.",
            param="metadata",
        )
    return merged
