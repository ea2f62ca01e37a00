"""Server-sent events as providers send them, read as the standard says.

Source: WHATWG HTML 9.2.6. Only `event` and `data` are kept; lines end in LF, CR or CRLF and
in nothing else, so that a separator of Unicode inside a text does not break it.
"""

from collections.abc import Iterable, Iterator

from creditbase.kernel.records import dataclass

EVENT_BYTES_MAX = 4 * 1024 * 1024


class BadEvents(ValueError):
    """What arrives is no stream of events."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event; `name` is `message` where the stream does not say."""

    name: str
    text: str


def events_of(chunks: Iterable[bytes]) -> Iterator[Event]:
    """Yield the events of a byte stream. One that is not ended by an empty line is none.

    Raises:
        BadEvents: the bytes are no UTF-8, or one event has no end.
    """
    name, lines = "", list[str]()
    for raw in _lines(chunks):
        try:
            line = raw.decode("utf-8")
        except UnicodeDecodeError as failure:
            raise BadEvents("the stream is not UTF-8") from failure
        if not line:
            if lines:
                yield Event(name or "message", "\n".join(lines))
            name, lines = "", []
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            name = value
        elif field == "data":
            lines.append(value)


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield complete lines without their ends."""
    kept = b""
    for chunk in chunks:
        kept += chunk
        if len(kept) > EVENT_BYTES_MAX:
            raise BadEvents("an event is too long")
        # A CR at the very end may be half of a CRLF: it waits for what follows.
        ready = kept[:-1] if kept.endswith(b"\r") else kept
        rest = kept[len(ready) :]
        lines = ready.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        kept = lines.pop() + rest
        yield from lines
