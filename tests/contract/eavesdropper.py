"""What goes out of the house: every document that is written, every request to Stripe."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from google.cloud.firestore_v1 import _helpers

from creditbase.payments.stripe_wire import Wire as StripeWire
from tests.wire import Wire


@dataclass
class Eavesdropper:
    """All that was written and sent since it began to listen."""

    writes: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    """The path of each document, and the fields that were written."""
    to_stripe: list[str] = field(default_factory=list)

    def forget(self) -> None:
        """Begin anew."""
        self.writes.clear()
        self.to_stripe.clear()

    def leaves(self) -> Iterator[tuple[str, str, object]]:
        """Yield each value that was written, with its document and its own name."""
        for path, fields in self.writes:
            for name, value in _leaves("", fields):
                yield path, name, value


def _leaves(name: str, value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, Mapping):
        for inner_name, inner in value.items():
            yield from _leaves(str(inner_name), inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(name, inner)
    else:
        yield name, value


@contextmanager
def listening() -> Iterator[Eavesdropper]:
    """Listen at the wire to Firestore and at the connection to Stripe."""
    heard = Eavesdropper()
    to_store: Any = Wire._pass
    to_stripe: Any = StripeWire.request

    def store(wire: Wire, details: Any, request: Any, send: Any) -> Any:
        if details.method.endswith("/Commit"):
            for write in request.writes:
                name = write.update.name or write.delete
                fields: Any = _helpers.decode_dict(write.update.fields, None)
                heard.writes.append((name.partition("/documents/")[2], fields))
        return to_store(wire, details, request, send)

    def stripe(
        client: Any, method: str, url: str, headers: Any, *rest: Any, **more: Any
    ) -> Any:
        shown = {name: value for name, value in headers.items() if name != "Authorization"}
        heard.to_stripe.append(f"{method} {url} {shown} {rest} {more}")
        return to_stripe(client, method, url, headers, *rest, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Wire, "_pass", store)
        patch.setattr(StripeWire, "request", stripe)
        yield heard
