"""What a request says of itself: where it comes from, its path as sent, its id."""

import ipaddress
import re
import secrets
from urllib.parse import urlsplit

from flask import Request

from creditbase.runtime.settings import settings

GIVEN_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
"""A request id that a caller may choose: what a log and a header take as it is."""


HOME_NETWORK_BITS = 64
"""Whoever has one IPv6 address has this whole network of them."""


def client_address(request: Request) -> str:
    """Return the address that our own proxies saw, never one that the caller claims."""
    count = settings().trusted_proxies
    hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",")]
    if count == 0 or len(hops) < count or not hops[-count]:
        return request.remote_addr or ""
    return hops[-count]


def network_of(address: str) -> str:
    """Return whose tries an address counts as: IPv4 its own, IPv6 its network's."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if found.version == 4:
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found, HOME_NETWORK_BITS), strict=False))


def raw_path(request: Request) -> str:
    """Return the path as it was sent, where the server says it; a slash may be `%2F` there.

    What begins like a host of no form is no address, and nothing is said of it.
    """
    try:
        return urlsplit(str(request.environ.get("RAW_URI", ""))).path
    except ValueError:
        return ""


def request_id(request: Request, header: str) -> str:
    """Return the id that the caller gave in this header, if it can be one; else a new one."""
    given = request.headers.get(header, "") if header else ""
    return given if GIVEN_ID.fullmatch(given) else f"req_{secrets.token_hex(12)}"
