"""The jobs: only what is due, bounded, complete over several runs, and harmless to repeat."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

import pytest

from creditbase.jobs import use_cases as jobs
from creditbase.jobs.by_name import run_job
from creditbase.jobs.use_cases import (
    JOBS,
    Report,
    expire_holds,
    reset_cycles,
    sync_balances,
)
from creditbase.ledger import use_cases as ledger
from creditbase.ledger.domain.commands import (
    ExtendHold,
    FixedAmount,
    GrantCredits,
)
from creditbase.ledger.paths import SHARDS
from creditbase.runtime import firestore
from tests.jobs.ward import CREDIT, Ward, entry_ids, published
from tests.ledger.wallets import LiveWallet
from tests.relay.desk import NOON
from tests.together import at_once
from tests.wire import Send, Wire

pytestmark = pytest.mark.firestore
APRIL = NOON.replace(month=4)
MAY = NOON.replace(month=5)

Job = Callable[..., Report]


def commits_of(wire: Wire, act: Callable[[], object]) -> int:
    """Return how many commits an act made."""
    wire.reset()
    act()
    return wire.commits


class TestSyncBalances:
    """Balances that may be stale are published again, settled."""

    def test_it_takes_what_is_a_minute_old_and_leaves_it_settled(
        self, ward: Ward, wire: Wire
    ) -> None:
        """Due to the microsecond; done once, it is never due again."""
        wallet = ward.wallet(spent=CREDIT)
        wallet.later(seconds=1).charge("unseen", CREDIT)
        due_at = NOON + timedelta(seconds=60)

        early = sync_balances(due_at - timedelta(microseconds=1))
        late = sync_balances(due_at)

        assert (early.done, late.done) == (0, 1)
        balance = published(wallet)
        assert (balance.is_settled, balance.recheck_at) == (True, None)
        assert balance.monthly_remaining_nanos == 8 * CREDIT
        for later in (due_at, NOON + timedelta(days=3), MAY):
            assert commits_of(wire, partial(sync_balances, later)) == 0

    def test_a_balance_that_nothing_happened_to_is_not_written(
        self, ward: Ward, wire: Wire
    ) -> None:
        """New and idle: settled from the start."""
        ward.wallet()

        assert commits_of(wire, lambda: sync_balances(MAY)) == 0

    def test_a_grant_that_ends_is_published_when_it_does(self, ward: Ward) -> None:
        """A settled balance is due once more at the instant that changes it."""
        wallet = ward.wallet(spent=CREDIT)
        ends_at = NOON + timedelta(days=2)
        promo = GrantCredits("voucher:x", "promo", 5 * CREDIT, expires_at=ends_at)
        wallet.run(promo)
        sync_balances(NOON + timedelta(minutes=1))
        before = published(wallet)

        early = sync_balances(ends_at - timedelta(microseconds=1))
        late = sync_balances(ends_at)

        assert before.topup_nanos == 5 * CREDIT
        assert (early.done, late.done) == (0, 1)
        assert published(wallet).topup_nanos == 0
        assert published(wallet).recheck_at is None


class TestExpireHolds:
    """Holds whose time is over are ended in wallets that nobody has touched since."""

    def test_it_ends_what_is_over_and_only_that(self, ward: Ward, wire: Wire) -> None:
        """At the instant of expiry; the other hold of the wallet stays."""
        wallet = ward.wallet()
        wallet.hold("short", CREDIT, ttl_s=60)
        wallet.hold("long", CREDIT, ttl_s=600)
        due_at = NOON + timedelta(seconds=60)

        early = expire_holds(due_at - timedelta(microseconds=1))
        late = expire_holds(due_at)

        assert (early.done, late.done) == (0, 1)
        assert list(wallet.state()["holds"]) == [wallet.hold_id("long")]
        assert entry_ids(wallet)[-1] == f"end:{wallet.hold_id('short')}"
        assert commits_of(wire, lambda: expire_holds(due_at)) == 0

    def test_what_was_used_so_far_is_taken(self, ward: Ward) -> None:
        """The gateway died; its customer does not ride free."""
        wallet = ward.wallet()
        wallet.hold("h", 5 * CREDIT, ttl_s=60)
        soon = NOON + timedelta(seconds=60)
        wallet.run(ExtendHold(wallet.hold_id("h"), soon, FixedAmount(2 * CREDIT)))

        expire_holds(soon)

        assert wallet.available() == 8 * CREDIT

    def test_a_hold_that_was_captured_in_time_is_not_due(self, ward: Ward, wire: Wire) -> None:
        """Its due time went with it."""
        wallet = ward.wallet()
        wallet.hold("h", CREDIT, ttl_s=60)
        wallet.capture("h", CREDIT)

        assert commits_of(wire, lambda: expire_holds(MAY)) == 0


class TestResetCycles:
    """Free windows that are over and were used are turned; idle wallets are not written."""

    def test_a_used_window_is_closed_and_the_new_credits_are_given(self, ward: Ward) -> None:
        """P22, P25: written off, granted once, the window's counters kept."""
        wallet = ward.wallet(spent=3 * CREDIT)

        early = reset_cycles(APRIL - timedelta(microseconds=1))
        late = reset_cycles(APRIL)

        assert (early.done, late.done) == (0, 1)
        assert entry_ids(wallet)[-2:] == ["expire:free:0", "free:1"]
        assert wallet.available() == 10 * CREDIT
        assert published(wallet).window.start_at == APRIL
        period = firestore.get_all(
            [f"{wallet.ref.wallet}/periods/2026-03-10T12:00:00.000000Z"]
        )[0]
        assert period.fields is not None
        assert period.fields["models"]["unspecified"]["amount_nanos"] == 3 * CREDIT

    def test_an_idle_wallet_is_not_written_two_windows_later(
        self, ward: Ward, wire: Wire
    ) -> None:
        """Neither one never used, nor one that was used, turned, and left alone."""
        idle, quiet = ward.wallet(), ward.wallet(spent=CREDIT)
        reset_cycles(APRIL)
        sync_balances(APRIL + timedelta(minutes=1))
        paths = [w.ref.wallet for w in (idle, quiet)] + [w.ref.balance for w in (idle, quiet)]
        versions = [snapshot.version for snapshot in firestore.get_all(paths)]

        written = commits_of(wire, lambda: [job(MAY) for job in JOBS.values()])
        later = commits_of(wire, lambda: [job(MAY.replace(year=2028)) for job in JOBS.values()])

        assert (written, later) == (0, 0)
        assert [snapshot.version for snapshot in firestore.get_all(paths)] == versions

    def test_missed_windows_give_the_running_ones_credits_only(self, ward: Ward) -> None:
        """The scheduler stood still for three months."""
        wallet = ward.wallet(spent=CREDIT)

        reset_cycles(NOON.replace(month=6) + timedelta(days=2))

        assert entry_ids(wallet) == [*entry_ids(wallet)[:2], "expire:free:0", "free:3"]
        assert wallet.available() == 10 * CREDIT

    def test_without_the_job_the_answer_is_the_same(self, ward: Ward) -> None:
        """Jobs only tidy: whoever comes first turns the window."""
        wallet = ward.wallet(spent=3 * CREDIT)

        wallet.later(days=31).charge("first in April", CREDIT)

        assert entry_ids(wallet)[2:4] == ["expire:free:0", "free:1"]
        assert reset_cycles(APRIL).done == 0


def make_due(ward: Ward, job: Job, count: int, *, shard: int | None = None) -> list[LiveWallet]:
    """Return wallets for which a job has something to do in April."""
    wallets = [ward.wallet(spent=CREDIT, shard=shard) for _ in range(count)]
    if job is expire_holds:
        for wallet in wallets:
            wallet.hold("h", CREDIT)
    return wallets


def has_been_done(job: Job, wallet: LiveWallet) -> bool:
    """Return whether the job did what it had to, once."""
    ids = entry_ids(wallet)
    if job is sync_balances:
        return published(wallet).is_settled
    if job is expire_holds:
        return ids.count(f"end:{wallet.hold_id('h')}") == 1
    return ids.count("free:1") == 1


EVERY_JOB = pytest.mark.parametrize("job", JOBS.values(), ids=JOBS.keys())


@EVERY_JOB
class TestEveryJob:
    """What holds for all of them."""

    def test_a_run_is_bounded_and_some_runs_do_all(self, ward: Ward, job: Job) -> None:
        """At most the limit, spread over the shards; the report says whether to expect more."""
        wallets = make_due(ward, job, 3, shard=4) + make_due(ward, job, 2, shard=9)

        reports = [job(APRIL, limit=SHARDS) for _ in range(4)]

        assert [report.done for report in reports] == [2, 2, 1, 0]
        assert [report.is_complete for report in reports] == [False, False, False, True]
        assert all(has_been_done(job, wallet) for wallet in wallets)

    def test_one_run_does_all_that_is_within_its_limit(
        self, ward: Ward, wire: Wire, job: Job
    ) -> None:
        """A second one finds nothing and writes nothing."""
        wallets = make_due(ward, job, 12)

        first = job(APRIL)

        assert first == Report(first.job, done=12, failed=0, is_complete=True)
        assert all(has_been_done(job, wallet) for wallet in wallets)
        assert commits_of(wire, lambda: job(APRIL)) == 0

    def test_parked_and_garbled_wallets_stop_nobody_behind_them(
        self, ward: Ward, job: Job
    ) -> None:
        """The oldest of their shard, due for ever, and more of them than a run may do."""
        parked = make_due(ward, job, 3, shard=4)
        garbled = make_due(ward, job, 2, shard=4)
        healthy = make_due(ward, job, 3, shard=4)
        for wallet in parked:
            ward.park(wallet)
        for wallet in garbled:
            ward.garble(wallet)

        reports = [job(APRIL + timedelta(hours=n), limit=2 * SHARDS) for n in range(2)]

        assert [report.done for report in reports] == [2, 1]
        assert reports[1].failed == 5
        assert all(has_been_done(job, wallet) for wallet in healthy)
        assert all(wallet.state()["parked"] for wallet in parked)

    def test_two_instances_at_once_do_it_once(
        self, ward: Ward, job: Job, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A run that takes longer than the interval meets the next one."""
        wallets = make_due(ward, job, 6)
        own = threading.local()

        def lanes_of_this_instance() -> ledger.Lanes:
            if not hasattr(own, "lanes"):
                own.lanes = ledger.Lanes()
            found: ledger.Lanes = own.lanes
            return found

        monkeypatch.setattr(ledger, "lanes", lanes_of_this_instance)

        reports = at_once(2, lambda _: job(APRIL))

        assert all(report.failed == 0 for report in reports)
        assert all(has_been_done(job, wallet) for wallet in wallets)

    @pytest.mark.parametrize("after_it_was_done", [False, True])
    def test_killed_at_any_rpc_the_next_run_ends_it(
        self,
        ward: Ward,
        wire: Wire,
        job: Job,
        after_it_was_done: bool,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """P30: what was done is not done again, what was not is done."""
        monkeypatch.setattr(jobs, "SHARDS", 2)  # the others would only take time
        wallets = [*make_due(ward, job, 2, shard=0), *make_due(ward, job, 1, shard=1)]
        ledger.lanes.cache_clear()
        died = 0

        def die(send: Send) -> None:
            if after_it_was_done:
                send()
            raise Died

        for index in range(100):
            wire.reset()
            wire.faults[index] = die
            try:
                job(APRIL)
            except Died:
                died += 1
                ledger.lanes.cache_clear()
            wire.reset()
            if all(has_been_done(job, wallet) for wallet in wallets):
                break

        assert died >= 2
        wire.reset()
        assert job(APRIL) == Report(job.__name__, done=0, failed=0, is_complete=True)
        assert all(has_been_done(job, wallet) for wallet in wallets)


class Died(BaseException):
    """The process is gone."""


def test_jobs_are_run_by_name(ward: Ward) -> None:
    """As the command line does."""
    ward.wallet(spent=CREDIT)

    assert run_job("reset-cycles", now=APRIL) == Report("reset_cycles", 1, 0, is_complete=True)


def test_no_more_failures_are_looked_past_than_fit_in_memory(
    ward: Ward, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then something is badly wrong, and the run says that it is not complete."""
    monkeypatch.setattr(jobs, "FAILED_PER_SHARD_MAX", 2)
    for wallet in make_due(ward, reset_cycles, 3, shard=4):
        ward.park(wallet)

    report = reset_cycles(APRIL, limit=SHARDS)

    assert (report.failed, report.is_complete) == (2, False)


def test_now_is_one_instant_for_the_whole_run(ward: Ward) -> None:
    """Every wallet of a run is brought to the same instant."""
    wallets = [ward.wallet(spent=CREDIT) for _ in range(3)]
    at: datetime = APRIL + timedelta(minutes=3)

    sync_balances(at)

    assert {published(wallet).published_at for wallet in wallets} == {at}
