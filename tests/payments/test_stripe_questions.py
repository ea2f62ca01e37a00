"""How often Stripe is asked for one answer: each question is a quarter of a second or so.

SDKs wait five seconds, a cold start included (relay-api.md 1), and questions follow each other.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from creditbase.payments import stripe_wire
from creditbase.payments.tier_changing import leave_at_period_end
from creditbase.payments.tier_checkout import start_open_checkout, start_tier_checkout
from creditbase.payments.wallet_topups import WalletTopup, start_wallet_topup
from tests.payments.tenant import PAGES, Subscriber
from tests.payments.test_change_tier import ada

__all__ = ["ada"]

pytestmark = [pytest.mark.firestore, pytest.mark.over_http]

Asked = Callable[[Callable[[], object]], list[str]]
LOOK = ["GET subscriptions", "GET invoices"]
"""How the mirror looks. The prices of the lines are asked for, too, but once a process."""
CHANGE = "POST subscriptions"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """Return what tells which questions an act puts to Stripe, in order."""
    request = stripe_wire.Wire.request
    seen: list[str] = []

    def note(client: Any, method: str, url: str, *given: Any, **named: Any) -> Any:
        path = url.partition("/v1/")[2].partition("?")[0]
        kind = path.partition("/")[0]
        seen.extend([f"{method.upper()} {kind}"] if kind != "prices" else [])
        return request(client, method, url, *given, **named)

    monkeypatch.setattr(stripe_wire.Wire, "request", note)

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


def test_a_change_is_five_questions_and_six_to_begin(ada: Subscriber, asked: Asked) -> None:
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
    assert begun == [LOOK[0], "GET customers", "GET checkout", CHANGE, *LOOK]
