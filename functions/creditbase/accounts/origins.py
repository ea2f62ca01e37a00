"""Which origins the pages of any project have: asked before anybody is known.

A browser asks whether it may send a token before it sends it, so the project is not known
yet. The answer is remembered for a minute, found or not; there is nothing secret in it.
"""

import re
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from functools import cache
from urllib.parse import urlsplit

from creditbase.kernel.errors import Unavailable
from creditbase.runtime.firestore import query

HOST = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
LOCAL = frozenset({"localhost", "127.0.0.1"})
BELIEVED_S = 60
REMEMBERED_MAX = 1_000
STRANGE_PER_MINUTE_MAX = 120
"""How many origins that no project is known to list may cost a process a query each minute."""
PROJECTS_MAX = 2_000
"""How many projects are read once a minute where more than those are asked about."""
AGAIN_S = 1.0
CHARACTERS_MAX = 255
NEVER = float("-inf")


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


def all_origins() -> frozenset[str]:
    """Return the origins of all projects that list any, of the first so many."""
    found = query(
        "projects",
        where=[("allowed_origins", ">", [])],
        limit=PROJECTS_MAX,
        only=["allowed_origins"],
    )
    return frozenset(origin for it in found for origin in (it.fields or {})["allowed_origins"])


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
    """What this process was told about origins, for a minute each.

    Anybody may ask, of any origin, without a credential. So those that no project lists cannot
    push out those that one does, and of origins never heard of only so many are asked about in
    a minute. Beyond them the lists of all projects are read, once for all that is asked in that
    minute: whoever makes up origins cannot keep a page from being heard of, and costs no more.
    """

    def __init__(
        self,
        find: Callable[[str], bool] = has_origin,
        find_all: Callable[[], frozenset[str]] = all_origins,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._find = find
        self._find_all = find_all
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._listed: OrderedDict[str, float] = OrderedDict()
        self._unlisted: OrderedDict[str, float] = OrderedDict()
        self._strange: deque[float] = deque(maxlen=STRANGE_PER_MINUTE_MAX)
        """When origins never heard of were asked about, the newest so many."""
        self._reading_all = threading.Lock()
        self._all: frozenset[str] = frozenset()
        self._all_read_s = NEVER

    def knows(self, origin: str) -> bool:
        """Return whether some project lists the origin; no, where the store cannot say."""
        if len(origin) > CHARACTERS_MAX or not origin.startswith(("https://", "http://")):
            return False
        asked_at_s = self._monotonic()
        with self._lock:
            for told, is_known in ((self._listed, True), (self._unlisted, False)):
                if asked_at_s - told.get(origin, NEVER) < BELIEVED_S:
                    return is_known
            is_cheap = origin in self._listed or self._may_ask(asked_at_s)
        try:
            if not is_cheap:
                return origin in self._every(asked_at_s)
            is_known = self._find(origin)
        except Unavailable:
            return False
        with self._lock:
            self._listed.pop(origin, None)
            self._unlisted.pop(origin, None)
            told = self._listed if is_known else self._unlisted
            told[origin] = asked_at_s
            if len(told) > REMEMBERED_MAX:
                told.popitem(last=False)
        return is_known

    def _every(self, now_s: float) -> frozenset[str]:
        """Return all that is listed, read at most once a minute: who comes meanwhile waits.

        Raises:
            Unavailable: the store cannot say, and will not be asked again for a second.
        """
        with self._reading_all:
            if now_s - self._all_read_s >= BELIEVED_S:
                self._all_read_s = now_s - BELIEVED_S + AGAIN_S
                self._all = self._find_all()
                self._all_read_s = now_s
            return self._all

    def _may_ask(self, now_s: float) -> bool:
        """Return whether one more that was never heard of may cost a query, and count it."""
        is_full = len(self._strange) == STRANGE_PER_MINUTE_MAX
        if is_full and now_s - self._strange[0] < BELIEVED_S:
            return False
        self._strange.append(now_s)
        return True


@cache
def known_origins() -> KnownOrigins:
    """Return this process's memory of them. Tests call `cache_clear`."""
    return KnownOrigins()


def is_known_origin(origin: str) -> bool:
    """Return whether some project's pages have this origin."""
    return known_origins().knows(origin)
