"""Answers that are written while they are read, as a file to keep."""

from collections.abc import Iterator


class Lines:
    """An answer that is written piece by piece; nothing has to be settled at its end."""

    def __init__(self, content_type: str, pieces: Iterator[bytes]) -> None:
        self.content_type = content_type
        self.code = ""
        self._pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return next(self._pieces)

    def close(self) -> None:
        """Read no further."""
        self._pieces = iter(())
