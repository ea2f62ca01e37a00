"""Bodies: read no further than allowed, and parsed as strictly as JSON is written.

Source: RFC 8259, with what it leaves open refused: repeated names, numbers that are none,
text that is no Unicode, nesting without end.
"""

import io
import json
import math
from collections.abc import Sequence
from contextlib import suppress
from typing import NoReturn

from flask import Request
from werkzeug.exceptions import ClientDisconnected

from creditbase.kernel.errors import BodyTooLarge, InvalidRequest

Json = dict[str, object]

DEPTH_MAX = 16
CHUNK_BYTES = 64 * 1024
DISCARD_BYTES_MAX = 4 * 1024 * 1024


def read_body(request: Request, *, limit_bytes: int) -> bytes:
    """Return the body, or refuse it without keeping it in memory.

    Raises:
        BodyTooLarge: it is, or says that it is, larger than the limit.
    """
    found = bytearray()
    is_too_large = (request.content_length or 0) > limit_bytes
    while not is_too_large:
        try:
            chunk = request.stream.read(limit_bytes + 1 - len(found))
        except ClientDisconnected as failure:
            request.stream = io.BytesIO()  # functions-framework would read on, and fail
            raise InvalidRequest("The request body is incomplete") from failure
        if not chunk:
            return bytes(found)
        found += chunk
        is_too_large = len(found) > limit_bytes
    _discard(request)
    raise BodyTooLarge(limit_bytes=limit_bytes)


def _discard(request: Request) -> None:
    """Read on for a while and keep nothing, so that the caller can read our answer.

    What is beyond is left unread; the server closes the connection on it.
    """
    left = DISCARD_BYTES_MAX
    with suppress(ClientDisconnected):
        while left > 0:
            chunk = request.stream.read(min(CHUNK_BYTES, left))
            if not chunk:
                break
            left -= len(chunk)
    # functions-framework reads the rest after every answer; there shall be none.
    request.stream = io.BytesIO()


def parse_object(body: bytes) -> Json:
    """Return the JSON object that the body is. An empty body is an empty object.

    Raises:
        InvalidRequest: it is no JSON, no object, or uses what JSON leaves open.
    """
    if not body.strip():
        return {}
    try:
        found = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_constant=_refuse_constant,
            parse_float=_finite,
        )
    except (ValueError, RecursionError) as failure:
        raise InvalidRequest("The request body is not valid JSON") from failure
    if not isinstance(found, dict):
        raise InvalidRequest("The request body must be a JSON object")
    _refuse_deep_or_broken(found)
    return found


def _unique(pairs: list[tuple[str, object]]) -> Json:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name occurs twice")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number is out of range")
    return number


def _refuse_deep_or_broken(root: Json) -> None:
    level: list[object] = [root]
    for _ in range(DEPTH_MAX):
        inner: list[object] = []
        for value in level:
            inner.extend(_parts(value))
        if not inner:
            return
        level = inner
    raise InvalidRequest("The request body is nested too deeply")


def _parts(value: object) -> Sequence[object]:
    if isinstance(value, dict):
        return [*value.keys(), *value.values()]
    if isinstance(value, list):
        return value
    if isinstance(value, str) and not _is_unicode(value):
        raise InvalidRequest("The request body has text that is not Unicode")
    return ()


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)
