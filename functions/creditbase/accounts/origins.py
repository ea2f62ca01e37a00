"""Which origins the pages of any project have: asked before anybody is known.

A browser asks whether it may send a token before it sends it, so the project is not known
yet. The answer is remembered for a minute, found or not; there is nothing secret in it.
"""

import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from functools import cache
from urllib.parse import urlsplit

from creditbase.kernel.errors import Unavailable
from creditbase.runtime.firestore import query

HOST = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
LOCAL = frozenset({"localhost", "127.0.0.1"})
BELIEVED_S = 60
REMEMBERED_MAX = 1_000
CHARACTERS_MAX = 255


def origin_of(text: str) -> str:
    """Return an origin as browsers write it: scheme, host, and a port that is not usual.

    Raises:
        ValueError: it is none, or one of a page that anybody on the way could change.
    """
    parts = urlsplit(text.strip())
    host, port = (parts.hostname or "").lower(), parts.port
    is_local = parts.scheme == "http" and host in LOCAL
    is_bare = parts.path in {"", "/"} and not (parts.query or parts.fragment or "@" in text)
    if not (HOST.fullmatch(host) and is_bare and (parts.scheme == "https" or is_local)):
        raise ValueError("an origin is https and a host, as in https://app.example")
    usual = 443 if parts.scheme == "https" else 80
    return f"{parts.scheme}://{host}" + (f":{port}" if port not in {None, usual} else "")


def has_origin(origin: str) -> bool:
    """Return whether some project lists this origin."""
    found = query(
        "projects",
        where=[("allowed_origins", "array_contains", origin)],
        limit=1,
        only=["name"],
    )
    return bool(found)


class KnownOrigins:
    """What this process was told about origins, for a minute each."""

    def __init__(
        self,
        find: Callable[[str], bool] = has_origin,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._find = find
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._told: OrderedDict[str, tuple[float, bool]] = OrderedDict()

    def knows(self, origin: str) -> bool:
        """Return whether some project lists the origin; no, where the store cannot say."""
        if len(origin) > CHARACTERS_MAX or not origin.startswith(("https://", "http://")):
            return False
        asked_at_s = self._monotonic()
        with self._lock:
            told_at_s, is_known = self._told.get(origin, (None, False))
        if told_at_s is not None and asked_at_s - told_at_s < BELIEVED_S:
            return is_known
        try:
            is_known = self._find(origin)
        except Unavailable:
            return False
        with self._lock:
            self._told[origin] = (asked_at_s, is_known)
            self._told.move_to_end(origin)
            if len(self._told) > REMEMBERED_MAX:
                self._told.popitem(last=False)
        return is_known


@cache
def known_origins() -> KnownOrigins:
    """Return this process's memory of them. Tests call `cache_clear`."""
    return KnownOrigins()


def is_known_origin(origin: str) -> bool:
    """Return whether some project's pages have this origin."""
    return known_origins().knows(origin)
