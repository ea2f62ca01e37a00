"""How wide text can come out that is printed anew before a model reads it. Pure.

A provider's template may parse what we send and print it in a way of its own: indented, with
characters escaped (for ASCII, for HTML), numbers in full. Known ways: the chat templates of
open models (Python's and Rust's `tojson`, four spaces), JavaScript's and Go's numbers.
"""

import json
import unicodedata

from creditbase.relay.gateway.asks import Ask, Json, text_of

STRETCH_CHARACTERS = 256
"""How much text is normalised at once."""
INDENT_SPACES = 4
ESCAPED_FOR_HTML = "<>&'"
HTML_ESCAPE_BYTES = 5
r"""What `\u003c` has more than what it stands for."""
NUMBER_BYTES = 32
"""The longest that a number of 64 bits is printed, in full digits or with an exponent."""
TOO_DEEP_BYTES = 2**53
"""Of what is nested too deeply to be measured: indented, it may fill any context window."""


def bytes_of(text: str) -> int:
    """Return the bytes of text as the longer of its two forms.

    Stretch by stretch: normalising takes the square of the time for a run of combining marks,
    and megabytes of them would hold up the whole process.
    """
    if text.isascii():
        return len(text)
    begins = range(0, len(text), STRETCH_CHARACTERS)
    return sum(_longer_form(text[begin : begin + STRETCH_CHARACTERS]) for begin in begins)


def _longer_form(stretch: str) -> int:
    normal = unicodedata.normalize("NFKC", stretch)
    return max(_size_bytes(stretch), _size_bytes(normal))


def _size_bytes(text: str) -> int:
    # Half a character may be written in JSON as an escape.
    return len(text.encode(errors="surrogatepass"))


def widening_bytes(ask: Ask) -> int:
    """Return by how much what has a structure can be longer when read than as it is sent."""
    form = ask.options.get("response_format")
    total = sum(_widening(value) for value in (*ask.tools, form) if value is not None)
    for message in ask.messages:
        total += sum(
            _widening_of_text(call["function"]["arguments"])
            for call in message.get("tool_calls", [])
        )
        if message["role"] == "tool":
            total += _widening_of_text(text_of(message))
    return total


def _widening_of_text(text: str) -> int:
    """Return it for text that may be parsed as JSON, or printed as a text of JSON."""
    as_text = max(0, wide_bytes(text) - _size_bytes(text))
    try:
        found = json.loads(text, parse_int=_number)
        wide, compact = wide_bytes(found), _size_bytes(_compact(found))
    except ValueError:
        return as_text
    except RecursionError:
        return TOO_DEEP_BYTES
    # As it is sent it has at least the shorter of the two.
    return max(as_text, wide - min(compact, _size_bytes(text)))


def _number(digits: str) -> int | float:
    """Return a whole number; as others read it where Python would not, for its length."""
    return int(digits) if len(digits) <= NUMBER_BYTES else float(digits)


def _widening(value: Json) -> int:
    return wide_bytes(value) - _size_bytes(_compact(value))


def wide_bytes(value: object) -> int:
    """Return the most bytes that a value of JSON has, however it is printed."""
    ascii_only = json.dumps(value)
    escapes = sum(ascii_only.count(character) for character in ESCAPED_FOR_HTML)
    escaped_bytes = len(ascii_only) + HTML_ESCAPE_BYTES * escapes
    plain_bytes = bytes_of(json.dumps(value, ensure_ascii=False))
    return max(escaped_bytes, plain_bytes) + _layout_bytes(value)


def _layout_bytes(value: object) -> int:
    """Return what lines, indents and numbers in full add; level by level, however deep."""
    total, depth, level = 0, 0, [value]
    while level:
        depth += 1
        inner: list[object] = []
        for found in level:
            if isinstance(found, dict):
                inner.extend(found.values())
            elif isinstance(found, list):
                inner.extend(found)
            elif isinstance(found, int | float):
                total += NUMBER_BYTES
            if isinstance(found, dict | list):
                total += 1 + INDENT_SPACES * depth
        total += len(inner) * (1 + INDENT_SPACES * depth)
        level = inner
    return total


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
