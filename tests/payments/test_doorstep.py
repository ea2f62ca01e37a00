"""With a socket in between or without: the local Stripe says the same."""

from collections.abc import Mapping
from typing import Any

import pytest
import stripe

from tests.payments.doorstep import Sent, ask
from tests.payments.shop import AUTHORIZED, Shop

OF_THE_WAY = frozenset({"content-length", "content-type", "date", "server"})
"""Headers that the server adds to any answer."""
OF_THE_REQUEST = frozenset({"request-id", "original-request"})


def by_socket(shop: Shop, method: str, path: str, headers: Mapping[str, str]) -> Sent:
    """Ask as the SDK does."""
    client: Any = stripe.RequestsClient()
    sent: Sent = client.request(method, shop.url + path, dict(headers), None)
    return sent


def directly(shop: Shop, method: str, path: str, headers: Mapping[str, str]) -> Sent:
    """Ask without a socket."""
    return ask(shop.world, method, shop.url + path, headers, "")


def told(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that are Stripe's, and are the same for the same question."""
    found = {name.lower(): value for name, value in headers.items()}
    return {n: v for n, v in found.items() if n not in OF_THE_WAY | OF_THE_REQUEST}


@pytest.mark.over_http
@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("get", "/v1/customers?limit=3", AUTHORIZED),
        ("delete", "/v1/products", AUTHORIZED),
        ("get", "/v1/customers", {}),
        ("post", "/v1/customers", {**AUTHORIZED, "Idempotency-Key": "one", "X-Else": "x"}),
    ],
    ids=["a list", "no such route", "nobody", "made once"],
)
def test_both_ways_lead_to_the_same_answer(
    shop: Shop, method: str, path: str, headers: dict[str, str]
) -> None:
    """Status, body and Stripe's own headers; what one way has made, the other replays."""
    first_body, *_ = by_socket(shop, method, path, headers)

    body, status, said = directly(shop, method, path, headers)
    again_body, again_status, again_said = by_socket(shop, method, path, headers)

    assert (status, told(said)) == (again_status, told(again_said))
    if status == 200:
        assert first_body == body == again_body
    assert said["REQUEST-ID"] != again_said["request-id"]


def test_what_is_to_go_wrong_goes_by_the_socket(shop: Shop) -> None:
    """A connection that is cut is one for the SDK, too; the next question needs none."""
    shop.break_posts("/v1/customers", "reset before", count=1)

    with pytest.raises(stripe.APIConnectionError):
        by_socket(shop, "post", "/v1/customers", AUTHORIZED)
    _, status, said = by_socket(shop, "post", "/v1/customers", AUTHORIZED)

    assert (status, "date" in said) == (200, False)
