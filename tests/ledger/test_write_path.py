"""The write path on the real emulator: what it costs at the wire, and exactly once."""

from collections import Counter

import pytest

from creditbase.kernel.errors import BillingError, IdempotencyConflict, PaymentRequired
from creditbase.ledger import store, use_cases
from creditbase.ledger.domain.commands import Charge, FixedAmount
from creditbase.ledger.domain.decide import Decision
from creditbase.runtime import firestore
from tests.ledger.wallets import LiveWallet, in_parallel
from tests.wire import Wire


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
        command = Charge("op:" + "0" * 64, "d", FixedAmount(1))
        warm.run(wallet.ref, command, now=wallet.now, deadline_s=deadline_s)

        assert [rpc.name for rpc in wire.rpcs] == ["Commit", "BatchGetDocuments", "Commit"]
        assert wire.counts[1] == 2
        assert wire.rpcs[-1].writes == 2

    @pytest.mark.parametrize(("asked_nanos", "tries"), [(49, ["Commit"]), (50, [])])
    def test_what_a_refusal_has_read_is_what_the_next_command_starts_from(
        self, wallet: LiveWallet, wire: Wire, asked_nanos: int, tries: list[str]
    ) -> None:
        """A wallet that was found to be another than remembered is not forgotten again."""
        wallet.charge("first")
        warm = use_cases.lanes()
        use_cases.lanes.cache_clear()
        wallet.charge("elsewhere")
        use_cases.lanes.cache_clear()
        wire.reset()

        refused = Charge("op:" + "0" * 64, "d", FixedAmount(asked_nanos))
        with pytest.raises(PaymentRequired):
            warm.run(wallet.ref, refused, now=wallet.now, deadline_s=1e12)
        taken = Charge("op:" + "1" * 64, "d", FixedAmount(48))
        warm.run(wallet.ref, taken, now=wallet.now, deadline_s=1e12)

        assert [rpc.name for rpc in wire.rpcs] == [*tries, "BatchGetDocuments", "Commit"]

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
        assert day["models"] == {
            '["unspecified","","free"]': {"requests": 1, "amount_nanos": 3}
        }

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
