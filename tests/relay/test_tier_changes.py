"""A tier that is changed: whoever is on it spends by what it says now."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from creditbase.ledger.domain.wallet import Terms
from creditbase.ledger.paths import WalletRef
from creditbase.ledger.store import find_wallet
from creditbase.metering.domain import terms_by
from tests.catalog.tiers import a_paid_tier, a_paygo, a_tier
from tests.relay.backend import Backend
from tests.relay.office import Office
from tests.relay.test_tiers import key_server, office, signer

__all__ = ["key_server", "office", "signer"]

CENT = 10_000_000
TOKENS_PER_CENT = 5_000
"""Of what `local-echo` writes, where nothing is added to its cost."""

Spend = Callable[[int], int]


@pytest.fixture(params=["by usage", "by amount"])
def spend(request: pytest.FixtureRequest, office: Office, meter_client: FlaskClient) -> Spend:
    """Return how a customer of the tier `basic` spends cents; it answers the status."""
    office.made(spend_limit_cents=2, markup_percentage=0)
    customer = office.backend.knows()
    office.backend.minted(customer_id=customer.customer_id, tier_code="basic")
    clients = {**office.backend.clients, "meter": meter_client}
    meter = Backend(clients, office.backend.tenant, office.backend.clock)
    keys = iter(range(1_000))

    def spending(cents: int) -> int:
        asked: dict[str, object] = {"amount_nanos": cents * CENT}
        if request.param == "by usage":
            usage = {"output_tokens": cents * TOKENS_PER_CENT}
            asked = {"model": "local-echo", "usage": usage}
        body = {"customer_id": customer.customer_id, **asked}
        key = f"k{next(keys)}"
        answer = meter.ask("meter", "POST", "/charges", body, idempotency_key=key)
        loaded = find_wallet(WalletRef(office.project_id, customer.customer_id))
        assert loaded is not None
        assert loaded.wallet.live_nanos(office.backend.clock.at) == 0
        return answer.status_code

    return spending


def change(office: Office, **fields: object) -> None:
    """Change the tier that is there."""
    (tier,) = office.read("/tiers").get_json()["tiers"]
    office.changed(tier, **fields)


@pytest.mark.firestore
class TestTheLimit:
    """It follows the tier, without anybody going through its customers."""

    def test_a_higher_one_is_there_for_the_next_call(
        self, office: Office, spend: Spend
    ) -> None:
        """Also for who had used up the old one, and to the cent."""
        used_up = [spend(2), spend(1)]

        change(office, spend_limit_cents=3)

        assert used_up == [201, 402]
        assert [spend(1), spend(1)] == [201, 402]

    def test_a_lower_one_stops_the_call_after_the_next(
        self, office: Office, spend: Spend
    ) -> None:
        """What was decided by the old one stands; nothing is taken back."""
        change(office, spend_limit_cents=9)
        assert spend(3) == 201

        change(office, spend_limit_cents=3)

        assert [spend(1), spend(1)] == [201, 402]

    def test_none_is_none_at_once(self, office: Office, spend: Spend) -> None:
        """And one that comes back counts what was used without it."""
        assert spend(3) == 402
        change(office, spend_limit_cents=0)
        assert spend(300) == 201

        change(office, spend_limit_cents=2)

        assert [spend(1), spend(1)] == [201, 402]


def test_a_window_that_is_not_paid_keeps_no_limit() -> None:
    """A change of its tier is no payment, also where the tier has no limit."""
    unpaid = Terms("t", window="period", included="limited", limit_nanos=0)

    assert terms_by(a_paid_tier(spend_limit_cents=900), unpaid) == unpaid
    assert terms_by(a_paid_tier(spend_limit_cents=0), unpaid) == unpaid


def test_terms_follow_their_tier_and_keep_what_stripe_says() -> None:
    """Limit, unlimited, overage; not the period, its status or its revision."""
    paid = Terms(
        "t", window="period", included="limited", limit_nanos=5 * CENT, draws_wallet=False
    )
    paid = replace(paid, subscription_status="active", revision=4)

    assert terms_by(a_tier(spend_limit_cents=7), paid) == replace(paid, limit_nanos=7 * CENT)
    open_ended = terms_by(a_tier(spend_limit_cents=0, overage_enabled=True), paid)
    assert (open_ended.included, open_ended.draws_wallet) == ("unlimited", True)
    assert (open_ended.window, open_ended.revision) == ("period", 4)
    wallet_only = Terms("t")
    assert terms_by(a_paygo(spend_limit_cents=7), wallet_only) == wallet_only
