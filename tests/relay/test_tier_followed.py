"""A tier that is changed is followed by every process, whatever each has seen of it."""

from dataclasses import replace

import pytest

from creditbase.catalog import tier_store
from creditbase.catalog.domain.tiers import Tier
from creditbase.catalog.tier_use_cases import shared_tiers
from creditbase.kernel.windows import Window
from creditbase.ledger import use_cases as ledger
from creditbase.ledger.domain.commands import ChangeTerms
from creditbase.ledger.domain.wallet import Terms
from creditbase.runtime import firestore
from tests.catalog.tiers import a_tier
from tests.relay.desk import NOON, Desk

pytestmark = pytest.mark.firestore
CENT = 10_000_000


def on_tier(desk: Desk, *, limit_cents: int) -> Tier:
    """Make a tier that sells beyond its limit, and put the customer on it."""
    tier = a_tier(
        tier_id=desk.customer_id[:-1] + ("0" if desk.customer_id[-1] != "0" else "1"),
        project_id=desk.tenant.project_id,
        code=f"t{desk.customer_id[:8]}",
        spend_limit_cents=limit_cents,
        overage_enabled=True,
    )
    kept = tier_store.find_code(tier.project_id, tier.code)
    firestore.commit(tier_store.writes_for_new_tier(tier, kept))
    terms = Terms(
        tier.tier_id,
        window="period",
        included="limited",
        limit_nanos=limit_cents * CENT,
        draws_wallet=True,
    )
    desk.wallet.run(ChangeTerms(terms, Window(NOON, NOON.replace(month=4))))
    shared_tiers().forget()
    return tier


def sells_beyond_its_limit(tier: Tier, *, is_so: bool) -> None:
    """Change whether a tier's customers may spend their wallet; every process reads it anew."""
    kept = tier_store.find_tier(tier.project_id, tier.tier_id)
    assert kept is not None
    after = replace(kept.tier, overage_enabled=is_so)
    firestore.commit(tier_store.writes_for_change(kept, after, leaves=None, takes=None))
    shared_tiers().forget()


def test_a_tier_changed_elsewhere_and_back_refuses_nobody(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was bought between is spent, though this process saw nothing of either change."""
    tier = on_tier(desk, limit_cents=4)
    here, elsewhere = ledger.Lanes(), ledger.Lanes()

    # given a process that saw the limit used up, and nothing in the wallet
    monkeypatch.setattr(ledger, "lanes", lambda: here)
    assert desk.charge("all", 4 * CENT).status_code == 201

    # when another one follows the tier to where it sells no more, and it is as before again
    monkeypatch.setattr(ledger, "lanes", lambda: elsewhere)
    sells_beyond_its_limit(tier, is_so=False)
    assert desk.charge("more", CENT).status_code == 402
    assert desk.wallet.state()["terms"]["draws_wallet"] is False
    desk.wallet.topup("pi_between", CENT)
    sells_beyond_its_limit(tier, is_so=True)

    # then the first one spends what was bought
    monkeypatch.setattr(ledger, "lanes", lambda: here)
    assert desk.charge("k", CENT).status_code == 201
