"""Requests to addresses that others chose: only to the public internet, and within bounds.

A name is resolved once, and the connection is made to the very address that was looked at;
so a name that means something else the next moment leads nowhere else. Nothing follows a
redirect, no proxy of the environment is asked, the answer is read to a bound, and all of it
has a deadline.
"""

import contextlib
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import httpcore
from certifi import where as certificates

from creditbase.kernel.records import dataclass
from creditbase.runtime.settings import settings

URL_CHARACTERS_MAX = 2_048
BODY_BYTES_MAX = 4_096
"""How much of an answer is read, and kept."""
CONNECT_S_MAX = 3.0
LOOK_UPS_MAX = 64
"""How many names may be looked up at once, with those that nobody waits for any more."""
NAT64 = ipaddress.ip_network("64:ff9b::/96")
GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
"""All that IANA has given out of IPv6; beyond it are forms of old, and forms that translate."""

_looking_up = threading.BoundedSemaphore(LOOK_UPS_MAX)

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Unreachable(Exception):
    """No answer was had. The message may be shown: it tells nothing of our own network."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What came back."""

    status: int
    body: str
    latency_ms: int

    @property
    def is_good(self) -> bool:
        """Return whether the receiver took it."""
        return 200 <= self.status < 300


def wrong_target(url: str) -> str:
    """Return what is wrong with an address that somebody gives, or nothing.

    What its name resolves to is looked at when it is used, and not believed before.
    """
    if len(url) > URL_CHARACTERS_MAX or not url.isascii() or not url.isprintable():
        return "the address is too long, or has characters that need encoding"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "this is no address"
    host = parts.hostname or ""
    is_local = settings().webhook_targets == "loopback" and _is_loopback(host)
    if parts.scheme != "https" and not (is_local and parts.scheme == "http"):
        return "the address must begin with https://"
    if not host or " " in url or parts.username is not None or parts.password is not None:
        return "the address must name a host, and no user"
    if parts.fragment or port == 0:
        return "the address must have no fragment, and a port that exists"
    literal = _literal(host)
    if literal is not None and not _is_allowed(literal):
        return "the address is not public"
    return ""


def post(
    url: str, body: bytes, headers: Mapping[str, str], *, deadline_s: float = 10.0
) -> Answered:
    """Post to an address that somebody chose, and return what it answered.

    Raises:
        Unreachable: it is not public, does not answer in time, or not in HTTP.
    """
    wrong = wrong_target(url)
    if wrong:
        raise Unreachable(wrong)
    started_ns = time.monotonic_ns()
    ends_at_s = time.monotonic() + deadline_s
    backend = _PublicBackend(ends_at_s)
    try:
        with httpcore.ConnectionPool(
            ssl_context=_tls(), network_backend=backend, max_keepalive_connections=0
        ) as pool:
            status, text = _exchange(pool, url, body, headers)
    except (httpcore.TimeoutException, TimeoutError) as failure:
        raise Unreachable("there was no answer in time") from failure
    except (httpcore.NetworkError, httpcore.ProtocolError, OSError, ValueError) as failure:
        raise Unreachable("the connection failed") from failure
    return Answered(status, text, (time.monotonic_ns() - started_ns) // 1_000_000)


def _exchange(
    pool: httpcore.ConnectionPool, url: str, body: bytes, headers: Mapping[str, str]
) -> tuple[int, str]:
    own = {"Host": urlsplit(url).netloc, "Content-Length": str(len(body))}
    sent = [(name, value) for name, value in (*own.items(), *headers.items())]
    read = b""
    response = pool.handle_request(httpcore.Request("POST", url, headers=sent, content=body))
    with contextlib.closing(response):
        for part in response.iter_stream():
            read += part
            if len(read) >= BODY_BYTES_MAX:
                break
    return response.status, read[:BODY_BYTES_MAX].decode(errors="replace")


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=certificates())


# ---- addresses -----------------------------------------------------------------------------


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _is_loopback(host: str) -> bool:
    literal = _literal(host)
    return host == "localhost" or (literal is not None and literal.is_loopback)


def _is_allowed(address: Address) -> bool:
    """Return whether an address may be connected to: global, or our own where that is set."""
    embedded: Address | None = None
    if isinstance(address, ipaddress.IPv6Address):
        embedded = address.ipv4_mapped or address.sixtofour
        if address.teredo is not None:
            return False
        if address in NAT64:
            embedded = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    if embedded is not None:
        return _is_allowed(embedded)
    if settings().webhook_targets == "loopback" and address.is_loopback:
        return True
    if isinstance(address, ipaddress.IPv6Address) and address not in GLOBAL_UNICAST:
        return False
    return address.is_global and not address.is_multicast


def _resolve(host: str, port: int, within_s: float) -> str:
    """Return the address to connect to; none of those of the name may be ours.

    Raises:
        httpcore.ConnectError: there is none, or one of them is not public.
        httpcore.ConnectTimeout: who is asked for the name does not answer in time.
    """
    try:
        found = _look_up(host, port, within_s)
    except (OSError, UnicodeError) as failure:
        raise httpcore.ConnectError("the name has no address") from failure
    addresses = [str(address[4][0]).partition("%")[0] for address in found]
    if not addresses or not all(_is_allowed(ipaddress.ip_address(a)) for a in addresses):
        raise httpcore.ConnectError("the name leads to no public address")
    return addresses[0]


def _look_up(host: str, port: int, within_s: float) -> list[tuple[Any, ...]]:
    """Return what a name means. The system's own look-up has no deadline, so it has a thread.

    One that nobody waits for any more goes on until the system gives it up; there are only so
    many of them.
    """
    ends_at_s = time.monotonic() + within_s
    if not _looking_up.acquire(timeout=within_s):
        raise httpcore.ConnectTimeout("too many names are being looked up")
    found: Future[list[tuple[Any, ...]]] = Future()

    def look_up() -> None:
        try:
            found.set_result(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as failure:
            found.set_exception(failure)
        finally:
            _looking_up.release()

    try:
        threading.Thread(target=look_up, name="look-up", daemon=True).start()
    except RuntimeError as failure:  # no thread is to be had, and none gives the place back
        _looking_up.release()
        raise httpcore.ConnectTimeout("no name can be looked up now") from failure
    try:
        return found.result(timeout=max(0.0, ends_at_s - time.monotonic()))
    except TimeoutError as failure:
        raise httpcore.ConnectTimeout("the name was not looked up in time") from failure


class _PublicBackend(httpcore.NetworkBackend):
    """Connects to public addresses alone, and ends everything at its deadline."""

    def __init__(self, ends_at_s: float) -> None:
        self._ends_at_s = ends_at_s
        self._backend = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Resolve the name, look at what it means, and connect to exactly that."""
        del timeout
        in_time_s = min(CONNECT_S_MAX, _left_s(self._ends_at_s))
        address = _resolve(host, port, in_time_s)
        left_s = min(CONNECT_S_MAX, _left_s(self._ends_at_s))
        stream = self._backend.connect_tcp(address, port, left_s, local_address, socket_options)
        return _TimedStream(stream, self._ends_at_s)


class _TimedStream(httpcore.NetworkStream):
    """A stream that never waits beyond its deadline, however slowly the other side drips."""

    def __init__(self, stream: httpcore.NetworkStream, ends_at_s: float) -> None:
        self._stream = stream
        self._ends_at_s = ends_at_s

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read what there is, in the time that is left."""
        del timeout
        return self._stream.read(max_bytes, _left_s(self._ends_at_s))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write in the time that is left."""
        del timeout
        self._stream.write(buffer, _left_s(self._ends_at_s))

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        """Go on encrypted, with a certificate for the name and not for the address."""
        del timeout
        left_s = _left_s(self._ends_at_s)
        stream = self._stream.start_tls(ssl_context, server_hostname, left_s)
        return _TimedStream(stream, self._ends_at_s)

    def get_extra_info(self, info: str) -> Any:
        """Return what the connection knows of itself."""
        return self._stream.get_extra_info(info)


def _left_s(ends_at_s: float) -> float:
    left_s = ends_at_s - time.monotonic()
    if left_s <= 0:
        raise httpcore.ReadTimeout("the deadline is over")
    return left_s
