"""Refusals on the real emulator: never from a stale snapshot; parking; what is published."""

from collections.abc import Mapping
from datetime import datetime

import pytest

from creditbase.kernel.errors import (
    BillingError,
    Conflict,
    InvalidRequest,
    NotFound,
    PaymentRequired,
)
from creditbase.ledger import store, use_cases
from creditbase.ledger.domain.commands import (
    NOTHING_PINNED,
    CaptureHold,
    Charge,
    FixedAmount,
    MeteredUsage,
    Priced,
    Tidy,
)
from creditbase.ledger.domain.wallet import Metered
from creditbase.runtime import firestore
from tests.ledger.wallets import LiveWallet, in_parallel
from tests.wire import Wire, abort, lost_reply, time_out_late


class PriceThatGoesAway:
    """A rate that prices once and refuses afterwards: nothing else in a decision can turn."""

    def __init__(self) -> None:
        self.asked = 0

    def price(
        self,
        plan_code: str,
        model: str,
        quantities: Mapping[str, int],
        *,
        at: datetime,
        pinned: Mapping[str, object] = NOTHING_PINNED,
    ) -> Priced:
        """Return a price the first time."""
        del plan_code, at, pinned
        self.asked += 1
        if self.asked > 1:
            raise InvalidRequest("This model has no price for output_tokens")
        return Priced(4, Metered(model, quantities=quantities))


class TestRefusals:
    """Never from a stale snapshot, and never after an ambiguous commit without proof."""

    def test_a_refusal_sees_what_another_process_granted(self, wallet: LiveWallet) -> None:
        """The customer has just paid elsewhere: 402 from an old snapshot would be a lie."""
        wallet.charge("all", 50)
        warm = use_cases.lanes()
        use_cases.lanes.cache_clear()
        wallet.topup("pi_elsewhere", 10)
        use_cases.lanes.cache_clear()

        command = Charge("op:" + "1" * 64, "d", FixedAmount(10))
        decision = warm.run(wallet.ref, command, now=wallet.now, deadline_s=1e12)

        assert not decision.is_replay

    def test_a_refusal_harms_no_other_in_the_batch(
        self, wallet: LiveWallet, wire: Wire
    ) -> None:
        """One asks too much; the others get theirs, in the same commit."""
        wallet.charge("warm")
        wire.delay_s["Commit"] = 0.2

        outcomes = in_parallel(8, lambda n: wallet.charge(f"k{n}", 1000 if n == 3 else 1))

        assert isinstance(outcomes[3], PaymentRequired)
        assert sum(not isinstance(o, BillingError) for o in outcomes) == 7

    def test_a_charge_given_up_that_arrives_late_is_not_refused_meanwhile(
        self, wallet: LiveWallet, wire: Wire
    ) -> None:
        """The commit is in flight when its credits seem gone: it is touched out first."""
        wallet.charge("warm")
        wire.reset()
        wire.faults[0] = time_out_late

        decision = wallet.charge("slow", 49)

        assert decision.entry is not None
        assert wallet.available() == 0

    def test_a_refusal_after_an_ambiguous_commit_touches_the_wallet_first(
        self, wallet: LiveWallet, wire: Wire
    ) -> None:
        """Accepted and given up; read again, its price is gone: the late commit must die.

        Without the touch the caller would hear a refusal, and be charged afterwards.
        """
        wallet.hold("h", 10)
        cost = MeteredUsage({"output_tokens": 1}, PriceThatGoesAway())
        wallet.hold_for_model("m", 10)
        wire.reset()
        wire.faults[0] = time_out_late

        with pytest.raises(InvalidRequest):
            wallet.run(CaptureHold(wallet.hold_id("m"), "capture", cost))

        assert [rpc.name for rpc in wire.rpcs[:4]] == [
            "Commit",
            "BatchGetDocuments",
            "Commit",
            "BatchGetDocuments",
        ]
        wire.wait_for_late()
        assert set(wallet.state()["holds"]) == {wallet.hold_id("h"), wallet.hold_id("m")}

    def test_an_unknown_wallet_is_not_found(self, wallet: LiveWallet) -> None:
        """Nothing is created by asking."""
        other = LiveWallet(
            type(wallet.ref)(wallet.ref.project_id, "00000000-0000-5000-8000-000000000000"),
            wallet.now,
        )

        with pytest.raises(NotFound):
            other.charge("k")

    def test_an_ended_hold_conflicts_however_it_is_asked(self, wallet: LiveWallet) -> None:
        """A hold ends once."""
        wallet.hold("h", 10)
        wallet.capture("h", 4)

        with pytest.raises(Conflict):
            wallet.capture("h", 5)
        with pytest.raises(Conflict):
            wallet.void("h")
        assert wallet.capture("h", 4).is_replay


class TestParking:
    """A broken rule is never written."""

    def test_a_broken_invariant_parks_the_wallet_and_writes_nothing_else(
        self, wallet: LiveWallet, wire: Wire
    ) -> None:
        """Somebody edited the balance in the console: nothing moves until it is looked at."""
        wallet.hold("h", 10)
        version = firestore.get_all([wallet.ref.wallet])[0].version
        assert version is not None
        held = ("state", "grants", "free:0", "held_nanos")
        firestore.commit([firestore.Update(wallet.ref.wallet, {held: 99}, version)])
        use_cases.lanes.cache_clear()
        entries = len(wallet.entries())

        with pytest.raises(BillingError, match="parked"):
            wallet.charge("k")

        assert "disagree" in wallet.state()["parked"]
        assert len(wallet.entries()) == entries
        with pytest.raises(BillingError, match="parked"):
            wallet.charge("another")
        assert wire.commits >= 1


class TestPublication:
    """The published balance follows, and never leads."""

    def test_charges_within_five_seconds_publish_once(
        self, wallet: LiveWallet, wire: Wire
    ) -> None:
        """The first shows at once; the next few wait, to spare a write each."""
        wallet.charge("a", 1)
        balance = store.find_balance(wallet.ref)
        assert balance is not None
        assert balance.monthly_remaining_nanos == 49

        wire.reset()
        wallet.later(seconds=4).charge("b", 1)
        assert wire.counts[2] == 2
        wallet.later(seconds=6).charge("c", 1)

        balance = store.find_balance(wallet.ref)
        assert balance is not None
        assert balance.monthly_remaining_nanos == 47

    def test_a_settled_balance_is_published_again_with_the_next_change(
        self, wallet: LiveWallet
    ) -> None:
        """Settled means that nothing has changed since; so a change must say so."""
        wallet.charge("a", 1)
        wallet.run(Tidy(settles=True))
        settled = store.find_balance(wallet.ref)
        assert settled is not None
        assert settled.is_settled

        wallet.charge("b", 1)

        after = store.find_balance(wallet.ref)
        assert after is not None
        assert not after.is_settled
        assert after.monthly_remaining_nanos == 48

    def test_lost_replies_and_aborts_end_in_one_effect(
        self, wallet: LiveWallet, wire: Wire
    ) -> None:
        """Two faults in a row on one charge."""
        wallet.charge("warm")
        wire.reset()
        wire.faults[0] = abort
        wire.faults[2] = lost_reply

        decision = wallet.charge("k", 9)

        assert decision.entry is not None
        assert wallet.available() == 40
