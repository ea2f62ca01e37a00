"""Upstreams: which API answers for a provider of the price book, by the configuration."""

import json
from collections.abc import Iterator
from typing import Protocol

from creditbase.kernel.errors import InvalidRequest, Unavailable
from creditbase.relay.gateway.anthropic_upstream import AnthropicUpstream
from creditbase.relay.gateway.asks import Ask, Json
from creditbase.relay.gateway.local_upstream import LocalUpstream
from creditbase.relay.gateway.openai_upstream import OpenAiUpstream
from creditbase.relay.gateway.pieces import Piece
from creditbase.relay.gateway.upstream_http import Cancel
from creditbase.runtime.emulator import is_emulated
from creditbase.runtime.log import alert
from creditbase.runtime.settings import UPSTREAM_KEYS, settings

LOCAL = "local"
"""The provider of the models that the emulator answers itself."""


class Upstream(Protocol):
    """Something that answers asks."""

    def body_of(self, ask: Ask, *, model: str, output_tokens: int) -> Json:
        """Return the request as it is sent.

        Raises:
            InvalidRequest: the ask has no form in this API.
        """

    def pieces(
        self, ask: Ask, *, model: str, output_tokens: int, cancel: Cancel
    ) -> Iterator[Piece]:
        """Ask, and yield the answer as it comes."""


def upstream_of(provider: str) -> Upstream:
    """Return what answers for a provider.

    Raises:
        InvalidRequest: this installation has none for it.
        Unavailable: it has one, and no key.
    """
    if provider == LOCAL and is_emulated():
        return LocalUpstream()
    found = settings().upstreams.get(provider)
    if found is None:
        raise InvalidRequest("This model is not offered here", field="model")
    key = _key_of(provider)
    if found.kind == "anthropic":
        return AnthropicUpstream(found.base_url, key)
    return OpenAiUpstream(found.base_url, key, found.limit_name)


def _key_of(provider: str) -> str:
    """Return our key at a provider: all of them are one secret, an object of JSON."""
    try:
        keys = json.loads(UPSTREAM_KEYS.value())
    except ValueError:
        keys = None
    key = keys.get(provider) if isinstance(keys, dict) else None
    if not isinstance(key, str) or not key:
        alert("secret_missing", "a provider has no key", secret_name="UPSTREAM_KEYS")  # noqa: S106 - a name
        raise Unavailable
    return key
