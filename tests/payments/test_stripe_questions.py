"""How often Stripe is asked for one answer: each question is a quarter of a second or so.

SDKs wait five seconds, a cold start included (relay-api.md 1), and questions follow each other.
"""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import stripe

from creditbase.payments import stripe_gateway
from creditbase.payments.tier_changing import leave_at_period_end
from creditbase.payments.tier_checkout import start_open_checkout, start_tier_checkout
from creditbase.payments.wallet_topups import WalletTopup, start_wallet_topup
from creditbase.relay import subscribing
from tests.payments.tenant import PAGES, Subscriber
from tests.payments.test_change_tier import ada

__all__ = ["ada"]

pytestmark = pytest.mark.firestore

Asked = Callable[[Callable[[], object]], list[str]]
LOOK = ["GET subscriptions", "GET invoices"]
"""How the mirror looks. The prices of the lines are asked for, too, but once a process."""
CHANGE = "POST subscriptions"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """Return what tells which questions an act puts to Stripe, in order."""
    request = stripe_gateway._Wire.request
    seen: list[str] = []

    def note(client: Any, method: str, url: str, *given: Any, **named: Any) -> Any:
        path = url.partition("/v1/")[2].partition("?")[0]
        kind = path.partition("/")[0]
        seen.extend([f"{method.upper()} {kind}"] if kind != "prices" else [])
        return request(client, method, url, *given, **named)

    monkeypatch.setattr(stripe_gateway._Wire, "request", note)

    def by(act: Callable[[], object]) -> list[str]:
        seen.clear()
        act()
        return list(seen)

    return by


def test_a_page_is_three_questions_at_most(ada: Subscriber, asked: Asked) -> None:
    """Who pays, whether a subscription runs, the page; asked for again, one less."""
    tier = ada.tenant.tier("starter")

    def page() -> object:
        return start_tier_checkout(ada.ref, tier, **PAGES, now=ada.now)

    assert asked(page) == ["POST customers", "GET subscriptions", "POST checkout"]
    assert asked(page) == ["GET subscriptions", "GET checkout"]
    anybody = asked(lambda: start_open_checkout(tier, **PAGES, visit="v", now=ada.now))
    assert anybody == ["POST checkout"]


def test_a_top_up_is_one_question(ada: Subscriber, asked: Asked) -> None:
    """And one more for who never paid before."""
    topup = WalletTopup(500, PAGES["success_url"], PAGES["cancel_url"])

    def page() -> object:
        return start_wallet_topup(ada.ref, topup, now=ada.now)

    assert asked(page) == ["POST customers", "POST checkout"]
    assert asked(page) == ["GET checkout"]


def test_a_change_is_five_questions_and_seven_to_begin(ada: Subscriber, asked: Asked) -> None:
    """What there is, what is wanted, and what came of it; a cap asks nothing more."""
    for code in ("starter", "pro", "yearly", "free", "hobby"):
        ada.tenant.tier(code)
    ada.buy("starter")

    for code in ("pro", "starter", "yearly", "starter"):
        assert asked(partial(ada.change, code)) == [*LOOK, CHANGE, *LOOK]
    for code in ("free", "starter"):
        assert asked(partial(ada.change, code)) == [LOOK[0], CHANGE, *LOOK]
    left = asked(lambda: leave_at_period_end(ada.ref, now=ada.now))
    assert left == [LOOK[0], CHANGE, *LOOK]

    ada.shop.order_cancel(ada.billed()["id"])
    ada.look().put_on("free")
    assert asked(lambda: ada.change("hobby")) == [LOOK[0]]
    begun = asked(lambda: ada.change("starter"))
    on_file, page = ["GET customers", "GET customers"], ["GET checkout"]
    assert begun == [LOOK[0], *on_file, *page, CHANGE, *LOOK]


def test_what_is_asked_ends_before_an_sdk_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """All questions of a request together; each has what is left, and none begins too late."""
    wire = stripe_gateway._Wire()
    monkeypatch.setattr(time, "monotonic", lambda: 100.0)

    assert subscribing.STRIPE_WITHIN_S <= 3.5
    assert wire._timeout == stripe_gateway.TIMEOUT_S
    with subscribing.in_time():
        monkeypatch.setattr(time, "monotonic", lambda: 102.0)
        assert wire._timeout == subscribing.STRIPE_WITHIN_S - 2
        monkeypatch.setattr(time, "monotonic", lambda: 104.0)
        with pytest.raises(stripe.APIConnectionError):
            wire.request("get", "http://127.0.0.1:9/v1/nothing", {}, None)
