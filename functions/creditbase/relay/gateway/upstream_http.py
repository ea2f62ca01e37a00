"""Asking a provider over HTTP, and giving up on it: time-outs, refusals, broken streams.

Base addresses come from the configuration alone, redirects are not followed, and what a
provider says about our own account is never passed on.
"""

import json
import re
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cache
from typing import Any

import httpx

from creditbase.kernel.errors import BillingError, InvalidRequest, Unavailable
from creditbase.relay.gateway.asks import Json
from creditbase.relay.gateway.sse import BadEvents, Event, events_of
from creditbase.runtime.log import alert
from creditbase.runtime.settings import settings

CONNECT_WITHIN_S = 3.0
WRITE_WITHIN_S = 20.0
REFUSAL_BYTES_MAX = 64 * 1024
MESSAGE_CHARACTERS_MAX = 500
ABOUT_THE_REQUEST = frozenset({400, 413, 422})
"""Statuses by which a provider refuses what the caller sent."""
ABOUT_US = frozenset({401, 402, 403, 404})
"""Statuses that a person has to look at: our key, our credit, our configuration."""
OUR_ACCOUNT = re.compile(r"Your credit balance is too low|API key (not valid|expired)")
"""How it begins where a provider says such a thing with 400: Anthropic of an empty account,
Google of a key. What callers write does not stand at the beginning."""
RETRY_AFTER_S_MAX = 60


class UpstreamFailed(Exception):
    """The provider did not answer, or not to the end. `refusal` is what the caller is told."""

    def __init__(self, refusal: BillingError, reason: str) -> None:
        super().__init__(reason)
        self.refusal = refusal
        self.reason = reason


class Cancel:
    """Ends a request from another thread, also while its reader waits for bytes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._set = threading.Event()
        self._socket: socket.socket | None = None

    @property
    def is_set(self) -> bool:
        """Return whether nobody wants the answer any more."""
        return self._set.is_set()

    def wait(self, timeout_s: float) -> bool:
        """Wait so long for it; return whether it is set."""
        return self._set.wait(timeout_s)

    def watch(self, response: httpx.Response) -> None:
        """Remember the connection that the answer comes through."""
        stream: Any = response.extensions.get("network_stream")
        with self._lock:
            self._socket = stream.get_extra_info("socket") if stream is not None else None
            if self.is_set:
                self._shut()

    def release(self) -> None:
        """Forget the connection: it goes back to the pool."""
        with self._lock:
            self._socket = None

    def set(self) -> None:
        """Let the reader see the end of the stream at once."""
        with self._lock:
            self._set.set()
            self._shut()

    def _shut(self) -> None:
        if self._socket is not None:
            with suppress(OSError, ValueError):
                self._socket.shutdown(socket.SHUT_RDWR)


@cache
def http_client() -> httpx.Client:
    """Return this process's connections to providers. Tests call `cache_clear`."""
    return httpx.Client(
        timeout=httpx.Timeout(
            connect=CONNECT_WITHIN_S,
            read=settings().upstream_silence_s,
            write=WRITE_WITHIN_S,
            pool=CONNECT_WITHIN_S,
        ),
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=settings().threads),
        follow_redirects=False,
    )


def ask_for_events(
    url: str, *, headers: Mapping[str, str], body: Json, cancel: Cancel
) -> Iterator[Event]:
    """Post a request and yield the events of its answer.

    Raises:
        UpstreamFailed: no answer, a refusal, a broken stream, or silence for too long.
    """
    content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    sent = {"Content-Type": "application/json", "Accept": "text/event-stream", **headers}
    try:
        with http_client().stream("POST", url, content=content, headers=sent) as response:
            cancel.watch(response)
            try:
                if response.status_code != 200:
                    raise _refused(response)
                yield from events_of(response.iter_bytes())
            finally:
                cancel.release()
    except httpx.TimeoutException as failure:
        raise UpstreamFailed(Unavailable(), "slow") from failure
    except (httpx.HTTPError, httpx.StreamError, BadEvents, OSError, ValueError) as failure:
        raise UpstreamFailed(Unavailable(), "broken") from failure


def parsed(event: Event) -> Json:
    """Return the JSON object of an event.

    Raises:
        UpstreamFailed: it is none.
    """
    try:
        found = json.loads(event.text)
    except (ValueError, RecursionError) as failure:
        raise UpstreamFailed(Unavailable(), "malformed") from failure
    if not isinstance(found, dict):
        raise UpstreamFailed(Unavailable(), "malformed")
    return found


def _refused(response: httpx.Response) -> UpstreamFailed:
    status = response.status_code
    said = _message_of(response)
    is_ours = OUR_ACCOUNT.match(said) is not None
    if status in ABOUT_THE_REQUEST and not is_ours:
        text = f"The provider refuses this request: {said or 'it does not say why'}"
        return UpstreamFailed(InvalidRequest(text), f"status {status}")
    if status in ABOUT_US or is_ours:
        # What is said about a key may have a part of it.
        shown = "" if status == 401 else said
        alert("upstream_refuses", "a provider refuses us", status=status, said=shown)
    return UpstreamFailed(
        Unavailable(retry_after_s=_retry_after_s(response)), f"status {status}"
    )


def _retry_after_s(response: httpx.Response) -> int:
    text = response.headers.get("Retry-After", "")
    return max(1, min(int(text), RETRY_AFTER_S_MAX)) if text.isdecimal() else 2


def _message_of(response: httpx.Response) -> str:
    """Return the provider's own words, if it has any and they are of a known shape."""
    content = b""
    for chunk in response.iter_bytes():
        content += chunk
        if len(content) > REFUSAL_BYTES_MAX:
            return ""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return ""
    error = found.get("error") if isinstance(found, dict) else None
    message = error.get("message") if isinstance(error, dict) else None
    return message[:MESSAGE_CHARACTERS_MAX] if isinstance(message, str) else ""
