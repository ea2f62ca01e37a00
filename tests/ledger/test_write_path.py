"""The write path on the real emulator: what it costs, and what it survives."""

import threading
from collections import Counter
from collections.abc import Callable, Mapping

import pytest

from creditbase.kernel.errors import (
    BillingError,
    Conflict,
    IdempotencyConflict,
    InvalidRequest,
    NotFound,
    PaymentRequired,
)
from creditbase.ledger import store, use_cases
from creditbase.ledger.domain.commands import (
    CaptureHold,
    Charge,
    MeteredUsage,
    Priced,
    Tidy,
)
from creditbase.ledger.domain.decide import Decision
from creditbase.ledger.domain.wallet import Metered
from creditbase.runtime import firestore
from tests.ledger.wallets import LiveWallet
from tests.wire import Wire, abort, lost_reply, time_out_late


def in_parallel(count: int, work: Callable[[int], object]) -> list[object]:
    """Run work in that many threads at once; return answers or refusals in order."""
    outcomes: list[object] = [None] * count
    gate = threading.Barrier(count)

    def one(number: int) -> None:
        gate.wait()
        try:
            outcomes[number] = work(number)
        except BillingError as refusal:
            outcomes[number] = refusal

    threads = [threading.Thread(target=one, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


class TestCost:
    """DESIGN section 4, the table: RPCs, reads and writes at the gRPC boundary."""

    def test_a_warm_charge_is_one_rpc_that_writes_the_wallet_and_the_entry(
        self, wallet: LiveWallet, wire: Wire
    ) -> None:
        """This is what a customer of ours pays Google for, a million times a day."""
        wallet.charge("first")
        wire.reset()

        wallet.charge("second")

        assert wire.counts == (1, 0, 2)

    def test_a_cold_charge_reads_the_wallet_and_its_own_entry_first(
        self, wallet: LiveWallet, wire: Wire
    ) -> None:
        """A new process knows nothing, and asks once; the balance is settled no more."""
        wallet.charge("first")

        assert wire.counts == (2, 2, 3)

    def test_a_stale_charge_takes_three_rpcs(self, wallet: LiveWallet, wire: Wire) -> None:
        """Another process wrote in between: lost once, read once, won."""
        wallet.charge("first")
        warm = use_cases.lanes()
        use_cases.lanes.cache_clear()
        wallet.charge("elsewhere")
        use_cases.lanes.cache_clear()
        wire.reset()

        deadline_s = 1e12
        command = Charge("op:" + "0" * 64, "d", 1)
        warm.run(wallet.ref, command, now=wallet.now, deadline_s=deadline_s)

        assert [rpc.name for rpc in wire.rpcs] == ["Commit", "BatchGetDocuments", "Commit"]
        assert wire.counts[1] == 2
        assert wire.rpcs[-1].writes == 2

    def test_a_warm_hold_and_each_of_its_ends_are_one_rpc(
        self, wallet: LiveWallet, wire: Wire
    ) -> None:
        """A model call costs two commits, whatever it turns out to cost."""
        wallet.charge("warm")
        wallet.hold("still open", 1)
        for key, end in (("a", "capture"), ("b", "void")):
            wire.reset()
            wallet.hold(key, 2)
            assert wire.counts == (1, 0, 2)

            wire.reset()
            wallet.capture(key, 1) if end == "capture" else wallet.void(key)

            assert wire.counts == (1, 0, 2)

    def test_commands_that_wait_together_share_one_commit(
        self, wallet: LiveWallet, wire: Wire
    ) -> None:
        """N commands of one wallet cost one RPC and n + 1 writes."""
        wallet.charge("warm")
        wire.reset()
        wire.delay_s["Commit"] = 0.25

        in_parallel(16, lambda number: wallet.charge(f"k{number}"))

        batches = sorted(rpc.writes - 1 for rpc in wire.rpcs)
        assert sum(batches) == 16
        assert batches[-1] >= 12
        assert all(rpc.reads == 0 for rpc in wire.rpcs)

    def test_sixty_four_threads_make_at_most_sixteen_commits(
        self, wallet: LiveWallet, wire: Wire
    ) -> None:
        """The hot customer is where everybody else's design falls over."""
        wallet.topup("pi", 100)
        wire.reset()

        outcomes = in_parallel(64, lambda number: wallet.charge(f"k{number}"))

        refused = [o for o in outcomes if isinstance(o, BillingError)]
        assert {type(o).__name__ for o in refused} <= {"Contention"}
        assert 1 <= wire.commits <= 16

    def test_a_grant_publishes_the_balance_in_its_own_commit(
        self, wallet: LiveWallet, wire: Wire
    ) -> None:
        """Whoever has just paid sees it at once: one write more, no RPC more."""
        wallet.charge("warm")
        wire.reset()

        wallet.topup("pi_1", 100)

        assert wire.counts == (1, 0, 3)
        balance = store.find_balance(wallet.ref)
        assert balance is not None
        assert balance.topup_nanos == 100

    def test_the_first_charge_of_a_day_closes_the_day_before(
        self, wallet: LiveWallet, wire: Wire
    ) -> None:
        """The day's usage is written once, in the commit that finds it over."""
        wallet.charge("today", 3)
        wire.reset()

        wallet.later(days=1).charge("tomorrow")

        assert wire.counts == (1, 0, 4), "wallet, entry, closed day, and the balance is old"
        day = firestore.get_all([wallet.ref.day("2026-03-10")])[0].fields
        assert day is not None
        assert day["models"]["unspecified"]["amount_nanos"] == 3

    def test_fourteen_idle_months_cost_a_fixed_few_writes(
        self, wallet: LiveWallet, wire: Wire
    ) -> None:
        """Whoever comes back after a year gets one window's credits, not fourteen."""
        wallet.charge("long ago", 3)
        wire.reset()

        wallet.later(days=430).charge("back")

        assert wire.counts == (1, 0, 7), "wallet, lapse, grant, charge, day, window, balance"
        assert wallet.available() == 49

    def test_a_balance_hit_is_one_read_and_a_miss_two(
        self, wallet: LiveWallet, wire: Wire
    ) -> None:
        """The dashboard is looked at far more often than anything is spent."""
        balance, is_hit = use_cases.load_balance(wallet.ref, now=wallet.now)
        assert is_hit
        assert balance.monthly_remaining_nanos == 50
        assert wire.counts == (1, 1, 0)

        wallet.charge("spent", 7)
        wire.reset()
        later = wallet.later(seconds=61)
        balance, is_hit = use_cases.load_balance(wallet.ref, now=later.now)

        assert not is_hit
        assert balance.monthly_remaining_nanos == 43
        assert wire.counts == (2, 2, 0)


class TestExactlyOnce:
    """The entry is its own guard."""

    def test_a_repeated_key_gives_the_first_answer_again(self, wallet: LiveWallet) -> None:
        """A retry after a lost answer must not pay twice."""
        first = wallet.charge("k", 5)
        again = wallet.charge("k", 5)

        assert again.is_replay
        assert again.entry == first.entry
        assert wallet.available() == 45

    def test_a_repeated_key_for_another_amount_is_refused(self, wallet: LiveWallet) -> None:
        """A key that means two things is a bug of the caller's, and moves nothing."""
        wallet.charge("k", 5)

        with pytest.raises(IdempotencyConflict):
            wallet.charge("k", 6)

        assert wallet.available() == 45

    def test_fifty_twins_that_race_have_one_effect(self, wallet: LiveWallet) -> None:
        """The same key in many threads: one charge, and everybody hears of it."""
        outcomes = in_parallel(40, lambda _: wallet.charge("twin", 7))

        answers = {o.entry.hash for o in outcomes if isinstance(o, Decision) and o.entry}
        assert len(answers) == 1
        assert all(isinstance(outcome, Decision) for outcome in outcomes)
        assert wallet.available() == 43

    def test_the_replay_of_a_charge_is_not_refused_on_an_empty_wallet(
        self, wallet: LiveWallet
    ) -> None:
        """Retrying what was paid must not be told that there is no money left."""
        wallet.charge("all", 50)

        assert wallet.charge("all", 50).is_replay
        with pytest.raises(PaymentRequired):
            wallet.charge("more", 1)

    def test_a_parallel_rush_admits_exactly_what_is_there(self, wallet: LiveWallet) -> None:
        """P29: two hundred want one of fifty."""
        outcomes = in_parallel(40, lambda n: wallet.charge(f"rush {n}", 2))

        kinds = Counter(type(outcome).__name__ for outcome in outcomes)
        assert kinds["Decision"] == 25
        assert kinds["PaymentRequired"] == 15
        assert wallet.available() == 0


class PriceThatGoesAway:
    """A rate that prices once and refuses afterwards: nothing else in a decision can turn."""

    def __init__(self) -> None:
        self.asked = 0

    def price(self, model: str, quantities: Mapping[str, int]) -> Priced:
        """Return a price the first time."""
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

        command = Charge("op:" + "1" * 64, "d", 10)
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
