"""Tiers on trial, and tiers that cost something else by now: one has what one bought."""

from datetime import timedelta

import pytest

from creditbase.catalog.tier_use_cases import shared_tiers
from creditbase.kernel.errors import InvalidRequest
from creditbase.ledger.store import find_wallet
from creditbase.payments.tier_selling import update_tier
from tests.payments.tenant import Subscriber, held, wallet_of
from tests.payments.test_change_tier import ada

__all__ = ["ada"]

pytestmark = pytest.mark.firestore


class TestTrial:
    """Nothing is billed within a trial, so nothing dearer is had."""

    def test_every_direction(self, ada: Subscriber) -> None:
        """Up, to the year, down, leaving, staying: one trial, with the limit it began with."""
        ada.buy("trial")
        ends_at = held(ada.ref).current_period_end

        told = [
            (str(ada.change(code).action), held(ada.ref).status, ada.left_cents())
            for code in ("endless", "yearly", "starter", "trial", "free", "trial")
        ]

        assert told == [
            ("upgraded", "trialing", 1_000),
            ("downgraded", "trialing", 1_000),
            ("upgraded", "trialing", 1_000),
            ("downgraded", "trialing", 1_000),
            ("scheduled_cancellation", "trialing", 1_000),
            ("changed", "trialing", 1_000),
        ]
        assert held(ada.ref).current_period_end == ends_at
        assert ada.shop.get("/charges")["data"] == []

    def test_a_smaller_tier_has_the_smaller_limit(self, ada: Subscriber) -> None:
        """Of what was tried, and of what is there, the smaller."""
        ada.buy("trial")

        ada.change("promo")

        assert (ada.on(), ada.left_cents()) == ("promo", 100)


class TestChangedTiers:
    """An owner may change what a tier costs; who bought it has what it bought."""

    def test_who_bought_a_year_of_what_is_sold_by_the_month_now(self, ada: Subscriber) -> None:
        """Months of a year, the price of a year, and a way up that counts it as such."""
        ada.buy("yearly")
        tier = ada.tenant.tier("yearly")
        now_monthly = {"price_interval": "month", "spend_limit_cents": 3_900}
        ada.tenant.made["yearly"] = update_tier(
            tier.project_id, tier.tier_id, now_monthly, now=ada.now
        )
        shared_tiers().forget()

        ada.look()

        shown = held(ada.ref)
        assert (shown.price_cents, shown.price_interval) == (30_000, "year")
        assert ada.left_cents() == 3_900, "the limit is the tier's"
        loaded = find_wallet(wallet_of(ada.ref, ada.now).ref)
        assert loaded is not None
        assert loaded.wallet.window.span.end_at < ada.now + timedelta(days=32)
        with pytest.raises(InvalidRequest, match="already on this tier"):
            ada.change("yearly")
        assert str(ada.change("starter").action) == "upgraded", "360 dollars a year, not 300"
