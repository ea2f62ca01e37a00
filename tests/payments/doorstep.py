"""The local Stripe without a socket in between: the same bytes go in, and the same come out.

Most tests are about what we make of Stripe's answers, and three quarters of what a question
costs is the socket. Those about the way itself keep it (`pytest.mark.over_http`), and so does
every question while a fault is ordered: only a socket can be cut, or be late with an answer.
"""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import pytest
import stripe
from requests.structures import CaseInsensitiveDict

from stripe_local.api import ApiRequest, answer
from stripe_local.world import World

Sent = tuple[bytes, int, Mapping[str, str]]


def ask(world: World, method: str, url: str, headers: Mapping[str, str], body: str) -> Sent:
    """Ask what is behind the address, and return its answer as a client does."""
    parts = urlsplit(url)
    named = {name.lower(): value for name, value in headers.items()}
    asked = ApiRequest(method.upper(), parts.path, parts.query, body.encode(), named)
    given = answer(world, asked)
    assert given.lost is None, "only a socket can lose an answer"
    return given.body, given.status, CaseInsensitiveDict(given.headers)


def ask_directly(world: World) -> Callable[..., Sent]:
    """Return what takes the place of the Stripe client's connection."""

    def request(
        _: object, method: str, url: str, headers: Mapping[str, str], post_data: Any = None
    ) -> Sent:
        return ask(world, method, url, headers, post_data or "")

    return request


def is_undisturbed(world: World, url: str, base: str) -> bool:
    """Return whether a question is one of the API's, and nothing is ordered to go wrong."""
    return url.startswith(f"{base}/v1/") and not world.faults.armed()


def leave_out_the_socket(patch: pytest.MonkeyPatch, world: World, base: str) -> None:
    """Let our gateway ask that world directly, wherever nothing is to go wrong."""
    by_socket, directly = stripe.RequestsClient.request, ask_directly(world)

    def request(self: Any, method: str, url: str, *given: Any, **named: Any) -> Any:
        way = directly if is_undisturbed(world, url, base) else by_socket
        return way(self, method, url, *given, **named)

    patch.setattr(stripe.RequestsClient, "request", request)
