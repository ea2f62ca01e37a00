"""A tier's price at Stripe: made first, replaced, never twice, and gone with the tier."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from creditbase.accounts.use_cases import HUB_PROJECT_ID, ensure_project
from creditbase.catalog import tier_use_cases
from creditbase.catalog.domain.tiers import Tier, TierModel
from creditbase.catalog.tier_use_cases import find_tier_now
from creditbase.catalog.use_cases import shared_cache
from creditbase.kernel.errors import Conflict, Contention, NotFound, Unavailable
from creditbase.payments import stripe_gateway, tier_prices, tier_selling
from creditbase.payments.tier_selling import archive_tier, create_tier, update_tier
from creditbase.runtime import firestore
from tests.catalog.tiers import NOON
from tests.ledger.wallets import in_parallel
from tests.payments.shop import Resource, Shop
from tests.sold import sell
from tests.wire import Wire

pytestmark = pytest.mark.firestore
LATER = NOON.replace(hour=13)


class Killed(BaseException):
    """The process is gone."""


@dataclass(frozen=True)
class Stall:
    """A project that sells tiers, and what Stripe has of them."""

    project_id: str
    shop: Shop

    def make(self, code: str = "pro", **given: Any) -> Tier:
        """Make a tier of ten dollars a month, with what is said instead."""
        asked = {
            "code": code,
            "display_name": "Pro",
            "spend_limit_cents": 1_500,
            "models": (TierModel("local-echo"),),
            "price_amount_cents": 1_000,
            **given,
        }
        return create_tier(self.project_id, asked, now=NOON)

    def change(self, tier: Tier, **given: Any) -> Tier:
        """Change a tier."""
        return update_tier(self.project_id, tier.tier_id, given, now=LATER)

    def product(self, tier: Tier) -> Resource:
        """Return a tier's product."""
        return self.shop.get(f"/products/creditbase-{self.project_id}-{tier.tier_id}")

    def prices(self, tier: Tier) -> list[Resource]:
        """Return all prices of a tier, newest first."""
        name = f"creditbase-{self.project_id}-{tier.tier_id}"
        found: list[Resource] = self.shop.get("/prices", product=name)["data"]
        return found

    def sold(self, tier: Tier) -> list[tuple[str, int, str, str | None]]:
        """Return the prices by which somebody can subscribe."""
        return [
            (it["id"], it["unit_amount"], it["recurring"]["interval"], it["lookup_key"])
            for it in self.prices(tier)
            if it["active"]
        ]


@pytest.fixture
def stall(wire: Wire, shop: Shop) -> Stall:
    """Return a new project at an empty Stripe."""
    assert wire
    ensure_project("hub", now=NOON)
    sell(HUB_PROJECT_ID)
    shared_cache().forget()
    project = ensure_project(f"p{uuid.uuid4().hex[:12]}", now=NOON)
    return Stall(project.project_id, shop)


def test_a_tier_with_a_price_is_sold_by_stripe(stall: Stall) -> None:
    """The price names project and tier, so its subscriptions find the way back."""
    tier = stall.make()

    (price,) = stall.prices(tier)
    assert find_tier_now(stall.project_id, tier.tier_id) == tier
    assert tier.can_be_bought
    assert (price["id"], price["unit_amount"]) == (tier.billing_price_ref, 1_000)
    assert price["recurring"]["interval"] == tier.price_interval == "month"
    assert price["lookup_key"] == f"{stall.project_id}:{tier.tier_id}"
    assert price["metadata"] == {"project": stall.project_id, "tier": tier.tier_id}
    assert stall.product(tier)["name"] == "Pro"


@pytest.mark.parametrize(
    "given",
    [
        {"price_amount_cents": 0},
        {"billing_provider": "external"},
        {"billing_mode": "paygo", "price_amount_cents": 0},
    ],
    ids=["free", "billed elsewhere", "paygo"],
)
def test_what_stripe_does_not_sell_needs_no_stripe(
    stall: Stall, monkeypatch: pytest.MonkeyPatch, given: dict[str, Any]
) -> None:
    """A project can begin before its account at Stripe is there."""
    monkeypatch.delenv("STRIPE_SECRET_KEY")
    stripe_gateway.client.cache_clear()

    tier = stall.make(**given)
    changed = stall.change(tier, display_name="Other")

    assert (changed.display_name, changed.billing_price_ref) == ("Other", "")
    assert not changed.can_be_bought
    with pytest.raises(Unavailable):
        stall.make("paid")


def test_another_amount_is_another_price_and_the_old_one_goes(stall: Stall) -> None:
    """Prices never change: who pays the old one goes on paying it."""
    tier = stall.make()
    old = tier.billing_price_ref

    dearer = stall.change(tier, price_amount_cents=1_200)

    key = f"{stall.project_id}:{tier.tier_id}"
    assert stall.sold(tier) == [(dearer.billing_price_ref, 1_200, "month", key)]
    assert [it["id"] for it in stall.prices(tier)] == [dearer.billing_price_ref, old]
    assert (dearer.tier_id, dearer.updated_at) == (tier.tier_id, LATER)


def test_another_interval_is_another_price_too(stall: Stall) -> None:
    """And the amount that was not named is kept."""
    tier = stall.make()

    yearly = stall.change(tier, price_interval="year")

    (sold,) = stall.sold(tier)
    assert sold[:3] == (yearly.billing_price_ref, 1_000, "year")
    assert yearly.price_amount_cents == 1_000


def test_a_change_that_is_none_of_the_price_keeps_it(stall: Stall) -> None:
    """A new name shows on Stripe's pages; the price is the same object."""
    tier = stall.make()

    renamed = stall.change(tier, code="gold", display_name="Gold", spend_limit_cents=9_000)

    assert renamed.billing_price_ref == tier.billing_price_ref
    assert len(stall.prices(tier)) == 1
    assert stall.product(tier)["name"] == "Gold"
    assert stall.product(tier)["active"]


def test_back_and_forth_within_a_day_never_sells_an_archived_price(stall: Stall) -> None:
    """Stripe remembers requests for a day, and would answer with what it made then."""
    tier = stall.make()

    for amount_cents in (1_200, 1_000, 1_200):
        tier = stall.change(tier, price_amount_cents=amount_cents)
        (sold,) = stall.sold(tier)
        assert sold[:2] == (tier.billing_price_ref, amount_cents)


def test_a_tier_that_becomes_free_is_no_longer_sold(stall: Stall) -> None:
    """And can be sold again later, by the same product."""
    tier = stall.make()

    free = stall.change(tier, price_amount_cents=0)
    nothing_sold = stall.sold(tier)
    again = stall.change(free, price_amount_cents=1_000)

    assert (free.price_amount_cents, free.price_interval) == (None, None)
    assert (free.billing_price_ref, nothing_sold) == ("", [])
    assert [it[0] for it in stall.sold(tier)] == [again.billing_price_ref]
    assert stall.product(tier)["active"]


def test_a_tier_that_is_put_away_cannot_be_bought(stall: Stall) -> None:
    """Neither here nor by a link to Stripe; its code can be taken by another."""
    tier = stall.make()

    archive_tier(stall.project_id, tier.tier_id, now=LATER)

    assert stall.sold(tier) == []
    assert not stall.product(tier)["active"]
    with pytest.raises(NotFound):
        stall.change(tier, display_name="Back")
    assert stall.make().tier_id != tier.tier_id


def steps_of(monkeypatch: pytest.MonkeyPatch, fatal: int) -> Callable[[], int]:
    """Let the process die instead of taking a step at Stripe or committing; count both."""
    steps = [0]

    def around(act: Callable[..., Any]) -> Callable[..., Any]:
        def acting(*given: Any, **named: Any) -> Any:
            if steps[0] == fatal:
                raise Killed
            steps[0] += 1
            return act(*given, **named)

        return acting

    for name in ("_make_product", "_set_product", "_make_price", "_set_price"):
        monkeypatch.setattr(tier_prices, name, around(getattr(tier_prices, name)))
    monkeypatch.setattr(tier_use_cases, "commit", around(firestore.commit))
    return lambda: steps[0]


NEVER = -1


@pytest.mark.parametrize("fatal", range(3))
def test_made_again_after_a_kill_it_is_one_tier_with_one_price(
    stall: Stall, monkeypatch: pytest.MonkeyPatch, fatal: int
) -> None:
    """Product, price, commit: whichever of them was the last that happened."""
    with monkeypatch.context() as patch:
        steps_of(patch, fatal)
        with pytest.raises(Killed):
            stall.make()

    tier = stall.make()

    assert [it[0] for it in stall.sold(tier)] == [tier.billing_price_ref]
    assert len(stall.prices(tier)) == 1
    assert stall.shop.count("product") == 1


@pytest.mark.parametrize("fatal", range(4))
def test_changed_again_after_a_kill_it_has_the_new_price_alone(
    stall: Stall, monkeypatch: pytest.MonkeyPatch, fatal: int
) -> None:
    """Price, commit, name, archive: at no point is the tier's own price one that is gone."""
    tier = stall.make()
    with monkeypatch.context() as patch:
        steps_of(patch, fatal)
        with pytest.raises(Killed):
            stall.change(tier, price_amount_cents=1_200, display_name="Gold")
    between = find_tier_now(stall.project_id, tier.tier_id)
    assert between is not None
    assert between.billing_price_ref in [it[0] for it in stall.sold(tier)]

    changed = stall.change(tier, price_amount_cents=1_200, display_name="Gold")

    assert [it[:2] for it in stall.sold(tier)] == [(changed.billing_price_ref, 1_200)]
    assert len(stall.prices(tier)) == 2
    assert stall.product(tier)["name"] == "Gold"


def test_an_undisturbed_change_is_as_many_steps_as_are_killed_above(
    stall: Stall, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A matrix that misses a step proves nothing about it."""
    with monkeypatch.context() as patch:
        made = steps_of(patch, NEVER)
        tier = stall.make()
        assert made() == 3
    with monkeypatch.context() as patch:
        changed = steps_of(patch, NEVER)
        stall.change(tier, price_amount_cents=1_200, display_name="Gold")
        assert changed() == 4


@pytest.mark.parametrize("path", ["/v1/products", "/v1/prices"])
@pytest.mark.parametrize("fault", ["error before", "error after", "reset after"])
def test_a_stripe_that_fails_is_asked_again(stall: Stall, path: str, fault: str) -> None:
    """Also where it remembers its failure for a day: the next try is another request."""
    stall.shop.break_posts(path, fault, count=3)
    with pytest.raises(Unavailable):
        stall.make()
    stall.shop.order_end_of_faults()

    tier = stall.make()

    assert [it[0] for it in stall.sold(tier)] == [tier.billing_price_ref]


def test_of_many_changes_at_once_the_price_of_the_last_is_sold(stall: Stall) -> None:
    """Whoever tidies last must not archive what the other has just sold."""
    tier = stall.make()

    in_parallel(4, lambda number: stall.change(tier, price_amount_cents=1_000 + 100 * number))
    # One more, as every client does that was told 503.
    now_is = find_tier_now(stall.project_id, tier.tier_id)
    assert now_is is not None
    stall.change(tier, price_amount_cents=now_is.price_amount_cents)

    (sold,) = stall.sold(tier)
    assert sold[:2] == (now_is.billing_price_ref, now_is.price_amount_cents)


def test_of_two_who_make_the_same_code_one_has_it(stall: Stall) -> None:
    """And the other is told, whatever it asked for."""
    outcomes = in_parallel(4, lambda number: stall.make(price_amount_cents=500 + number))

    made = [it for it in outcomes if isinstance(it, Tier)]
    assert len(made) == 1
    assert all(isinstance(it, Tier | Conflict | Contention) for it in outcomes)
    assert find_tier_now(stall.project_id, made[0].tier_id) == made[0]


def test_stripe_that_never_does_what_it_is_told_is_given_up(
    stall: Stall, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bounded number of looks, then an honest refusal; nothing was written."""
    monkeypatch.setattr(tier_prices, "_make_price", lambda *_: None)
    monkeypatch.setattr(tier_prices, "TRIES_MAX", 2)

    with pytest.raises(Unavailable):
        stall.make()
    assert tier_use_cases.load_tiers(stall.project_id).sold == ()


def test_tidying_that_never_ends_is_told(stall: Stall, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tier has its new price; what is left over is for the next change."""
    tier = stall.make()
    monkeypatch.setattr(tier_prices, "_set_price", lambda *_, **__: None)
    monkeypatch.setattr(tier_prices, "TRIES_MAX", 2)

    with pytest.raises(Unavailable):
        tier_selling.update_tier(
            stall.project_id, tier.tier_id, {"price_amount_cents": 1_200}, now=LATER
        )

    changed = find_tier_now(stall.project_id, tier.tier_id)
    assert changed is not None
    assert changed.price_amount_cents == 1_200
