"""500 means "send it again", and again is enough."""

from dataclasses import dataclass

import pytest
from flask.testing import FlaskClient

from creditbase.accounts.domain import CustomerRef
from creditbase.accounts.store import customer_path
from creditbase.ledger.domain.commands import Freeze
from creditbase.ledger.use_cases import lanes
from creditbase.runtime.firestore import Delete, Update, commit, get_all
from tests.breaking import broken_rpcs
from tests.ledger.wallets import LiveWallet
from tests.payments.deliveries import SMALL_NANOS, deliver, inbox, topups
from tests.payments.shop import Resource, Shop, signed_event
from tests.wire import FAULTS, Wire

pytestmark = [pytest.mark.firestore, pytest.mark.over_http]


@dataclass(frozen=True)
class Paid:
    """Money that has arrived at Stripe, and whose it is."""

    event: Resource
    wallet: LiveWallet


@pytest.fixture
def paid(completed: Resource, wallet: LiveWallet) -> Paid:
    """Return a payment that nobody has told us of yet."""
    return Paid(completed, wallet)


def set_parked(wallet: LiveWallet, *, is_parked: bool) -> None:
    """Park the wallet past the ledger, as a broken invariant does, or undo it."""
    snapshot = get_all([wallet.ref.wallet])[0]
    assert snapshot.version is not None
    reason = "a broken invariant" if is_parked else ""
    commit([Update(snapshot.path, {("state", "parked"): reason}, snapshot.version)])
    lanes.cache_clear()


class TestFailures:
    """500 means "send it again", and again is enough."""

    @pytest.mark.parametrize("outcome", ["error", "reset"])
    def test_stripe_does_not_answer(
        self, client: FlaskClient, paid: Paid, shop: Shop, outcome: str
    ) -> None:
        """The event is stored; the next delivery asks again."""
        shop.order("/faults", outcome=outcome, count=3, method="GET")

        assert deliver(client, signed_event(paid.event)) == 500
        assert inbox(paid.event["id"])["status"] == "stored"
        assert deliver(client, signed_event(paid.event)) == 200

        assert topups(paid.wallet) == [SMALL_NANOS]

    def test_without_a_key_for_stripe_nothing_is_finished(
        self,
        client: FlaskClient,
        completed: Resource,
        wallet: LiveWallet,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """A missing secret fails closed, and is repaired without losing an event."""
        with monkeypatch.context() as patch:
            patch.setenv("STRIPE_SECRET_KEY", "")
            assert deliver(client, signed_event(completed)) == 500
        assert topups(wallet) == []

        assert deliver(client, signed_event(completed)) == 200

        assert topups(wallet) == [SMALL_NANOS]

    def test_the_customer_is_gone(
        self, client: FlaskClient, completed: Resource, ref: CustomerRef, wallet: LiveWallet
    ) -> None:
        """A late event does not bring anybody back; a person decides about the money."""
        commit([Delete(customer_path(ref.project_id, ref.customer_id))])

        assert deliver(client, signed_event(completed)) == 200

        kept = inbox(completed["id"])
        assert (kept["status"], kept["reason"]) == ("quarantined", "no_such_object")
        assert topups(wallet) == []

    def test_a_parked_wallet_is_waited_for(
        self, client: FlaskClient, completed: Resource, wallet: LiveWallet
    ) -> None:
        """Once it has been checked, the next delivery gives what is owed; nothing is lost."""
        set_parked(wallet, is_parked=True)
        assert deliver(client, signed_event(completed)) == 500
        assert inbox(completed["id"])["status"] == "stored"
        set_parked(wallet, is_parked=False)

        assert deliver(client, signed_event(completed)) == 200

        assert topups(wallet) == [SMALL_NANOS]

    def test_a_frozen_wallet_takes_what_was_paid(
        self, client: FlaskClient, completed: Resource, wallet: LiveWallet
    ) -> None:
        """Freezing stops spending, not being paid."""
        wallet.run(Freeze("under review"))

        assert deliver(client, signed_event(completed)) == 200

        assert topups(wallet) == [SMALL_NANOS]


RPCS = (
    "BatchGetDocuments",  # whether its person was erased
    "Commit",  # the inbox
    "BatchGetDocuments",  # our record of the session
    "BatchGetDocuments",  # the customer's version
    "BatchGetDocuments",  # the record and the payment
    "Commit",  # the mirror
    "BatchGetDocuments",  # the wallet and the grant
    "Commit",  # the grant
    "Commit",  # the event is done
)


class TestTheStoreBreaks:
    """Every RPC of the webhook, broken in every way, then delivered again until 200."""

    def test_the_matrix_covers_every_rpc(
        self, client: FlaskClient, completed: Resource, wire: Wire, wallet: LiveWallet
    ) -> None:
        """A matrix that misses an RPC proves nothing about it."""
        wire.reset()
        deliver(client, signed_event(completed))

        assert tuple(rpc.name for rpc in wire.rpcs) == RPCS
        assert topups(wallet) == [SMALL_NANOS]

    @pytest.mark.parametrize(("index", "name"), broken_rpcs(RPCS))
    def test_and_delivered_again_there_is_one_grant(
        self, client: FlaskClient, paid: Paid, wire: Wire, index: int, name: str
    ) -> None:
        """Whatever the store does, the customer gets what was paid for, once."""
        lanes.cache_clear()
        wire.reset()
        wire.faults[index] = FAULTS[name]

        statuses = [deliver(client, signed_event(paid.event))]
        while statuses[-1] != 200:
            assert statuses[-1] == 500
            assert len(statuses) < 5
            statuses.append(deliver(client, signed_event(paid.event)))

        assert not wire.faults, "the fault must really have happened"
        wire.wait_for_late()
        assert topups(paid.wallet) == [SMALL_NANOS]
        assert inbox(paid.event["id"])["status"] == "applied"
