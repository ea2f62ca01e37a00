"""Putting customers on tiers that nothing has to be paid for: all of it, once."""

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from creditbase.accounts import store as accounts
from creditbase.accounts.domain import CustomerRef, Project, TierSubscription
from creditbase.accounts.use_cases import ensure_customer
from creditbase.catalog.domain.tiers import Tier
from creditbase.kernel.errors import (
    BillingError,
    Conflict,
    NotFound,
    PaymentRequired,
    Retryable,
)
from creditbase.kernel.ids import billing_profile_uuid
from creditbase.ledger import store as ledger_store
from creditbase.ledger.domain.commands import ChangeTerms, Freeze
from creditbase.ledger.domain.opening import open_wallet
from creditbase.ledger.paths import WalletRef
from creditbase.runtime.firestore import Update, commit, get_all
from creditbase.subscriptions.domain.tier_standing import no_tier
from creditbase.subscriptions.relay_tiers import move_to_tier, put_on_tier
from tests.catalog.tiers import NOON, a_paid_tier, a_paygo, a_tier
from tests.ledger.wallets import LiveWallet, in_parallel
from tests.wire import FAULTS, Fault, Wire

pytestmark = pytest.mark.firestore
CENT = 10_000_000
Changes = dict[tuple[str, ...], object]
RPCS = 3
"""The customer; its wallet; one commit."""


@pytest.fixture
def wallet(wire: Wire) -> LiveWallet:
    """Return the wallet of a new customer without subscription."""
    project_id = str(uuid4())
    customer = ensure_customer(project_id, f"ext-{uuid4().hex}", now=NOON)
    ref = WalletRef(project_id, customer.customer_id)
    opened = open_wallet(ref.wallet_id, owner_uid="", terms=no_tier(), now=NOON)
    commit(ledger_store.writes_to_open(ref, opened))
    wire.reset()
    return LiveWallet(ref, NOON)


def ref_of(wallet: LiveWallet) -> CustomerRef:
    """Return whose wallet it is."""
    return CustomerRef(wallet.ref.project_id, wallet.ref.customer_id)


def held(wallet: LiveWallet) -> TierSubscription | None:
    """Return the customer's subscription as it is stored."""
    customer = accounts.find_customer(ref_of(wallet))
    assert customer is not None
    return customer.subscription


def set_subscription(wallet: LiveWallet, **changes: Any) -> None:
    """Change the stored subscription, as payments would."""
    found = get_all([accounts.customer_path(wallet.ref.project_id, wallet.ref.customer_id)])[0]
    subscription = held(wallet)
    assert subscription is not None
    assert found.version is not None
    fields = accounts.subscription_fields(replace(subscription, **changes))
    changed: Changes = {(accounts.SUBSCRIPTION_FIELD,): fields}
    commit([Update(found.path, changed, unless_changed_since=found.version)])


def promo_entries(wallet: LiveWallet) -> list[tuple[str, int]]:
    """Return the entries of promotional credits."""
    entries = [it for it in wallet.entries() if it["entry_id"].startswith("promo:")]
    return [(entry["entry_id"], entry["amount_nanos"]) for entry in entries]


def test_a_free_tier_gives_its_limit_at_once(wallet: LiveWallet) -> None:
    """Before it, nothing; with it, to the nano what it allows."""
    with pytest.raises(PaymentRequired):
        wallet.charge("before")

    taken = put_on_tier(ref_of(wallet), a_tier(spend_limit_cents=3), now=NOON)

    assert held(wallet) == taken
    assert (taken.status, taken.billing_provider) == ("active", "stripe")
    wallet.charge("all", 3 * CENT)
    with pytest.raises(PaymentRequired):
        wallet.charge("more")
    wallet.audit()


def test_a_paygo_tier_gives_its_promotional_credits_once(wallet: LiveWallet) -> None:
    """Also when the customer leaves and comes back, or finds a more generous tier."""
    paygo = a_paygo(promo_credits_cents=250)
    put_on_tier(ref_of(wallet), paygo, now=NOON)
    set_subscription(wallet, status="canceled")

    again = put_on_tier(ref_of(wallet), replace(paygo, promo_credits_cents=900), now=NOON)

    entry_id = f"promo:{billing_profile_uuid(wallet.ref.customer_id)}"
    assert promo_entries(wallet) == [(entry_id, 250 * CENT)]
    assert (again.billing_provider, again.status) == ("external", "active")
    wallet.charge("spent", 250 * CENT)
    wallet.audit()


def test_who_spends_promotional_credits_alone_is_reminded_when_they_run_low(
    wallet: LiveWallet,
) -> None:
    """Nobody pays in before having to: the reminder must not wait for that."""
    shop = Project(project_id=wallet.ref.project_id, name="Shop", created_at=NOON)
    commit(accounts.writes_for_new_project(replace(shop, low_balance_threshold_cents=50)))
    put_on_tier(ref_of(wallet), a_paygo(promo_credits_cents=250), now=NOON)

    wallet.charge("to it", 200 * CENT)
    assert not get_all([f"crossings/{wallet.ref.customer_id}:low:1"])[0].exists
    wallet.charge("below it", 1)

    assert get_all([f"crossings/{wallet.ref.customer_id}:low:1"])[0].exists


def test_whoever_has_a_subscription_keeps_it(wallet: LiveWallet, wire: Wire) -> None:
    """A token for another tier must not move a customer, nor write anything."""
    first = put_on_tier(ref_of(wallet), a_tier(), now=NOON)
    wire.reset()

    assert put_on_tier(ref_of(wallet), a_paygo(), now=NOON + timedelta(days=1)) == first
    assert wire.commits == 0


def test_many_tokens_at_once_make_one_subscription_and_one_promotion(
    wallet: LiveWallet,
) -> None:
    """A back end that starts mints for the same customer from every worker."""
    paygo = a_paygo(promo_credits_cents=100)

    outcomes = in_parallel(8, lambda _: put_on_tier(ref_of(wallet), paygo, now=NOON))

    assert outcomes == [held(wallet)] * 8
    assert [nanos for _, nanos in promo_entries(wallet)] == [100 * CENT]
    wallet.audit()


@pytest.mark.parametrize("index", range(RPCS))
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_a_broken_rpc_and_the_same_again_put_on_once(
    wallet: LiveWallet, wire: Wire, index: int, fault: Fault
) -> None:
    """No customer without terms, no terms without customer, no promotion twice."""
    paygo = a_paygo(promo_credits_cents=100)
    wire.faults[index] = fault

    with suppress(Retryable):
        put_on_tier(ref_of(wallet), paygo, now=NOON)
    wire.wait_for_late()
    put_on_tier(ref_of(wallet), paygo, now=NOON)

    assert wallet.state()["terms"]["plan_code"] == paygo.tier_id
    assert [nanos for _, nanos in promo_entries(wallet)] == [100 * CENT]
    wallet.audit()


@pytest.mark.parametrize(
    ("tier", "refusal"),
    [(a_paid_tier(), Conflict), (a_tier(is_archived=True), NotFound)],
    ids=["sold", "put away"],
)
def test_a_tier_that_is_sold_or_put_away_is_refused(
    wallet: LiveWallet, tier: Tier, refusal: type[BillingError]
) -> None:
    """What costs money is paid at Stripe; what is not offered is not had."""
    for put in (put_on_tier, move_to_tier):
        with pytest.raises(refusal):
            put(ref_of(wallet), tier, now=NOON)

    assert held(wallet) is None


def test_a_tier_that_is_billed_elsewhere_is_taken_on_the_developers_word(
    wallet: LiveWallet,
) -> None:
    """The developer takes the money; here it has nothing but a limit."""
    tier = a_paid_tier(billing_provider="external", billing_price_ref="", spend_limit_cents=7)

    assert put_on_tier(ref_of(wallet), tier, now=NOON).billing_provider == "external"
    wallet.charge("all", 7 * CENT)


def test_a_customer_who_is_gone_is_not_put_on_anything(wallet: LiveWallet) -> None:
    """Nor one that never was, nor one without a wallet."""
    found = get_all([accounts.customer_path(wallet.ref.project_id, wallet.ref.customer_id)])[0]
    assert found.version is not None
    commit([Update(found.path, {("deleted_at",): NOON}, unless_changed_since=found.version)])
    bare = ensure_customer(wallet.ref.project_id, "bare", now=NOON)

    for ref in (ref_of(wallet), bare.ref, CustomerRef(wallet.ref.project_id, "none")):
        with pytest.raises(NotFound):
            put_on_tier(ref, a_tier(), now=NOON)


def test_a_wallet_that_is_parked_is_left_as_it_is(wallet: LiveWallet) -> None:
    """Its refusal is told, and the customer not shown on a tier that its wallet denies."""
    found = get_all([wallet.ref.wallet])[0]
    assert found.version is not None
    changes: Changes = {("state", "parked"): "looked at"}
    commit([Update(found.path, changes, unless_changed_since=found.version)])

    with pytest.raises(BillingError, match="parked"):
        put_on_tier(ref_of(wallet), a_tier(), now=NOON)

    assert held(wallet) is None


def test_moving_between_free_tiers_keeps_what_was_spent(wallet: LiveWallet) -> None:
    """Otherwise two free tiers would be a month's credits as often as one likes."""
    put_on_tier(ref_of(wallet), a_tier(spend_limit_cents=3), now=NOON)
    wallet.charge("some", 2 * CENT)
    later = wallet.later(days=1)

    moved = move_to_tier(
        ref_of(wallet), a_tier(tier_id=str(uuid4()), spend_limit_cents=5), now=later.now
    )

    assert (moved.created_at, moved.updated_at) == (NOON, later.now)
    assert move_to_tier(ref_of(wallet), a_tier(tier_id=moved.tier_id), now=NOON) == moved
    later.charge("rest", 3 * CENT)
    with pytest.raises(PaymentRequired):
        later.charge("more")


def test_what_stripe_bills_is_not_moved_here(wallet: LiveWallet) -> None:
    """Stripe would go on charging for it."""
    put_on_tier(ref_of(wallet), a_tier(), now=NOON)
    set_subscription(wallet, billing_subscription_id="sub_1")

    with pytest.raises(Conflict):
        move_to_tier(ref_of(wallet), a_tier(tier_id=str(uuid4())), now=NOON)


def test_a_slower_look_at_stripe_does_not_take_the_tier_away(wallet: LiveWallet) -> None:
    """It was begun before, saw no subscription, and tells the wallet so afterwards."""
    tier = a_tier()
    put_on_tier(ref_of(wallet), tier, now=NOON)

    wallet.run(ChangeTerms(no_tier()))
    wallet.run(Freeze(""))

    assert wallet.state()["terms"]["plan_code"] == tier.tier_id
