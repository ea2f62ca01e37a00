"""A capture after the time-out has captured what was used so far: in all, what it cost."""

import pytest

from creditbase.catalog.domain import Usage, price_usage
from creditbase.catalog.use_cases import load_catalog
from tests.relay.desk import CREDIT, CREDITS, Desk, json_of

pytestmark = pytest.mark.firestore
TOKENS = {"input_tokens": 1000, "output_tokens": 500}


def price(desk: Desk, output_tokens: int) -> int:
    """Return what that many tokens cost."""
    catalog = load_catalog(desk.tenant.project_id)
    usage = Usage(output_tokens=output_tokens)
    asked = price_usage(catalog.prices, "gpt-5", usage, catalog.markup, at=desk.clock.at)
    return asked.amount_nanos


def timed_out(desk: Desk, so_far: int) -> str:
    """Return the id of a hold that timed out after that many tokens."""
    hold_id = str(json_of(desk.hold_for("k", "gpt-5", **TOKENS))["hold"]["id"])
    body = {"expires_at": "2026-03-10T12:30:00Z", "usage": {"output_tokens": so_far}}
    assert desk.end(hold_id, "extend", body).status_code == 200
    desk.clock.pass_on(hours=1)
    return hold_id


@pytest.mark.parametrize(("tokens", "paid"), [(400, 400), (300, 300), (200, 300)])
def test_it_takes_the_rest_and_shows_the_whole(desk: Desk, tokens: int, paid: int) -> None:
    """What the time-out took is not taken again, and not given back."""
    hold_id = timed_out(desk, 300)

    answer = desk.end(hold_id, "capture", {"usage": {"output_tokens": tokens}})

    hold = json_of(answer)["hold"]
    assert hold["captured_nanos"] == price(desk, paid)
    assert desk.wallet.available() == CREDITS * CREDIT - price(desk, paid)
    assert desk.show(hold_id) == hold


def test_it_is_one_request_of_its_model(desk: Desk) -> None:
    """Counted when it timed out, and not once more."""
    hold_id = timed_out(desk, 300)

    desk.end(hold_id, "capture", {"usage": {"output_tokens": 400}})

    counted = desk.wallet.state()["window"]["models"]["gpt-5"]
    assert (counted["requests"], counted["output_tokens"]) == (1, 400)
    assert counted["amount_nanos"] == price(desk, 400)
