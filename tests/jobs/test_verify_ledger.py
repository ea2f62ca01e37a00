"""`verify_ledger`: what changed is proved soon, all in turn, and what breaks stands still."""

from datetime import timedelta
from typing import Any

import pytest

from creditbase.admin import verify_rounds
from creditbase.admin.domain.audit import COMMAND_LINE, Deed
from creditbase.admin.parking import unpark
from creditbase.admin.verify_progress import load_verify_progress
from creditbase.jobs.verifying import verify_ledger
from creditbase.kernel.errors import Conflict, Forbidden, Unavailable
from creditbase.ledger import use_cases as ledger
from creditbase.ledger.attention import find_parked_anywhere
from creditbase.ledger.domain.commands import ChangeTerms
from creditbase.ledger.domain.entries import digest_of
from creditbase.ledger.domain.proof.entries import NOT_COVERED
from creditbase.ledger.domain.proof.reading import Broken
from creditbase.ledger.proof_store import load_kept
from creditbase.ledger.proving import prove_wallet
from creditbase.runtime import firestore
from tests.jobs.test_rollup_trouble import alerts
from tests.jobs.ward import PROJECT, Ward, published
from tests.ledger.builders import PERIOD, tier
from tests.ledger.wallets import LiveWallet, in_parallel
from tests.relay.desk import NOON
from tests.wire import Wire, lost_request

pytestmark = pytest.mark.firestore

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture(autouse=True)
def _project(ward: Ward) -> None:
    """Let there be the project that the wallets are of."""
    firestore.commit([firestore.Create(f"projects/{PROJECT}", {"name": "hub"})])


def edit(
    ward: Ward, wallet: LiveWallet, path: str, changes: dict[tuple[str, ...], Any]
) -> None:
    """Write into a document of a wallet, as somebody at the console might."""
    version = firestore.get_all([path])[0].version
    assert version is not None
    firestore.commit([firestore.Update(path, changes, version)])
    ward.broken.add(wallet.ref)
    ledger.lanes.cache_clear()


def forge(ward: Ward, wallet: LiveWallet, twin: LiveWallet) -> None:
    """Write another wallet's life into a wallet, hashes and all, as of this wallet."""
    prev, writes = "", list[firestore.Write]()
    for old in wallet.entries():
        writes.append(firestore.Delete(wallet.ref.entry(old["entry_id"])))
    for entry in twin.entries():
        fields = {**entry, "wallet_id": wallet.ref.wallet_id, "prev": prev}
        covered = {k: v for k, v in fields.items() if k not in NOT_COVERED}
        prev = fields["hash"] = digest_of(covered)
        writes.append(firestore.Put(wallet.ref.entry(entry["entry_id"]), fields))
    hot, balance = firestore.get_all([twin.ref.wallet, twin.ref.balance])
    assert hot.fields is not None
    assert balance.fields is not None
    state = {**hot.fields["state"], "head": prev}
    shard = wallet.ref.shard
    writes.append(
        firestore.Put(wallet.ref.wallet, {**hot.fields, "shard": shard, "state": state})
    )
    writes.append(firestore.Put(wallet.ref.balance, {**balance.fields, "shard": shard}))
    firestore.commit([it for it in writes if isinstance(it, firestore.Delete)])
    firestore.commit([it for it in writes if not isinstance(it, firestore.Delete)])
    ward.broken.add(wallet.ref)
    ledger.lanes.cache_clear()


def deed(wallet: LiveWallet, key: str) -> Deed:
    """Return that an operator wants a wallet to go."""
    return Deed(
        action="unpark",
        actor=COMMAND_LINE,
        key=key,
        reason="put right",
        project_id=wallet.ref.project_id,
        customer_id=wallet.ref.customer_id,
    )


def spend(wallet: LiveWallet) -> None:
    """Let a wallet have some of everything."""
    wallet.charge("a", 5)
    wallet.hold("b", 7)
    wallet.capture("b", 3)
    wallet.hold("c", 9)


def audits() -> list[dict[str, Any]]:
    """Return the records of the audit."""
    return [it.fields or {} for it in firestore.query("audit", limit=100)]


class TestWhatHolds:
    """What is in order costs little to look at."""

    def test_wallets_that_hold_are_kept_as_far_as_they_were_proved(self, ward: Ward) -> None:
        """The next proof reads what came since, however long the ledger has become."""
        # given three wallets, one of them never used
        wallets = [ward.wallet() for _ in range(3)]
        spend(wallets[0])
        spend(wallets[1])

        # when the job runs
        report = verify_ledger(NOON)

        # then all hold, and all are kept
        assert report.is_smooth
        assert report.is_complete
        assert {load_kept(wallet.ref).tale.seq for wallet in wallets} == {1, 5}  # type: ignore[union-attr]
        progress = load_verify_progress()
        assert (progress.rounded_wallets, progress.looked_at) == (3, NOON)

        # and when one is used again, it alone is looked at, from there on
        wallets[0].later(hours=1).charge("d", 1)
        report = verify_ledger(NOON + HOUR)

        # (its hold has expired meanwhile)
        assert report.facts()["entries"] == 2
        assert report.facts()["broken"] == 0

    def test_a_balance_from_before_the_first_entry_is_in_order(self, ward: Ward) -> None:
        """A tier brings a limit and no grant: the first entry is the first charge."""
        # given a wallet without an entry, that is put on a tier and charged at once
        wallet = ward.wallet(nanos=0)
        wallet.run(ChangeTerms(tier(100), PERIOD))
        for key in "abc":
            wallet.charge(key, 1)
        assert published(wallet).seq == 0
        assert not published(wallet).is_settled

        # when the job runs, then nothing is parked
        assert verify_ledger(NOON).facts()["broken"] == 0

    def test_a_run_that_is_cut_goes_on_in_the_next(self, ward: Ward) -> None:
        """A run is bounded; a project is not."""
        # given more wallets than a run may take
        for _ in range(5):
            spend(ward.wallet())

        # when runs of four come one after the other
        reports = [verify_ledger(NOON, limit=4) for _ in range(5)]

        # then they come to the end of the look, and of the round
        assert not reports[0].is_complete
        assert load_verify_progress().rounded_wallets == 5
        assert load_verify_progress().looked_at == NOON

    def test_a_long_ledger_is_proved_in_parts(
        self, ward: Ward, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """One wallet may have more entries than a step takes."""
        monkeypatch.setattr(verify_rounds, "ENTRIES_PER_WALLET_MAX", 3)
        monkeypatch.setattr("creditbase.ledger.proving.ENTRIES_PER_PAGE", 2)
        wallet = ward.wallet()
        for number in range(8):
            wallet.charge(f"{number}", 2)

        for _ in range(6):
            verify_ledger(NOON)

        assert load_kept(wallet.ref).walked_at == NOON
        assert load_verify_progress().rounded_wallets == 1


def test_the_round_begins_again_after_five_days_and_takes_its_time(ward: Ward) -> None:
    """Every wallet is proved from its first entry within a week, and not much more often."""
    wallets = [ward.wallet() for _ in range(3)]
    verify_ledger(NOON)

    verify_ledger(NOON + 4 * DAY)

    assert {load_kept(wallet.ref).walked_at for wallet in wallets} == {NOON}

    verify_ledger(NOON + 6 * DAY)

    assert {load_kept(wallet.ref).walked_at for wallet in wallets} == {NOON + 6 * DAY}
    assert load_verify_progress().round_begun_at == NOON + 6 * DAY


class TestWhatBreaks:
    """Fail closed, and call for a person."""

    def test_a_broken_wallet_is_parked_and_nothing_moves(
        self, ward: Ward, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Whoever gave himself credits at the console spends none of them."""
        # given a wallet that was proved, and is used again
        wallet, other = ward.wallet(), ward.wallet()
        spend(wallet)
        verify_ledger(NOON)
        wallet.charge("d", 1)

        # when somebody gives it credits by hand
        remaining = ("state", "grants", "free:0", "remaining_nanos")
        edit(ward, wallet, wallet.ref.wallet, {remaining: 10**9})
        report = verify_ledger(NOON + timedelta(minutes=20))

        # then it is parked, with a record and an alert that name the line
        assert report.facts()["broken"] == 1
        assert not report.is_smooth
        assert "grants.free:0.remaining_nanos" in wallet.state()["parked"]
        with pytest.raises(Forbidden):
            wallet.charge("e", 1)
        with pytest.raises(Forbidden):
            wallet.hold("f", 1)
        (record,) = audits()
        assert (record["action"], record["actor"]) == ("park", "verify_ledger")
        assert record["customer_id"] == wallet.ref.customer_id
        (said,) = alerts(caplog, "wallet_parked")
        assert said["field"] == "state.grants.free:0.remaining_nanos"
        assert [it.ref for it in find_parked_anywhere(limit=9)] == [wallet.ref]

        # and it is told once, and nobody else is stopped
        verify_ledger(NOON + timedelta(minutes=40))
        assert len(alerts(caplog, "wallet_parked")) == 1
        assert len(audits()) == 1
        other.charge("a", 1)

    def test_a_history_that_was_written_anew_does_not_go_on(self, ward: Ward) -> None:
        """However well it fits together: it is not the one that was proved before."""
        # given a wallet that was proved
        wallet = ward.wallet()
        spend(wallet)
        verify_ledger(NOON)

        # when all of it is replaced by another that holds by itself
        twin = ward.wallet()
        for key in ("a", "b", "c", "d"):
            twin.charge(key, 2)
        forge(ward, wallet, twin)
        assert prove_wallet(wallet.ref, most=100).broken is None
        verify_ledger(NOON + 6 * DAY)

        # then it is parked
        assert "head" in wallet.state()["parked"]

    def test_a_wallet_that_is_gone_or_garbled_is_told(
        self, ward: Ward, caplog: pytest.LogCaptureFixture
    ) -> None:
        """What cannot be read cannot be spent from, and must not stop the others."""
        gone, garbled, good = ward.wallet(), ward.wallet(), ward.wallet()
        firestore.commit([firestore.Delete(gone.ref.wallet)])
        ward.broken.add(gone.ref)
        edit(ward, garbled, garbled.ref.wallet, {("state",): "nothing that we write"})

        report = verify_ledger(NOON)

        assert report.facts()["broken"] == 2
        assert len(alerts(caplog, "wallet_parked")) == 2
        assert load_kept(good.ref).tale is not None

    def test_a_store_that_does_not_answer_is_no_broken_ledger(
        self, ward: Ward, wire: Wire
    ) -> None:
        """An outage parks nobody, wherever it comes; the next run makes it right."""
        wallet = ward.wallet()
        spend(wallet)
        at = NOON
        for index in (0, 1, 5, *range(17, 30, 2)):
            at += timedelta(minutes=16)
            LiveWallet(wallet.ref, at).charge(f"at {index}", 1)
            wire.reset()
            wire.faults[index] = lost_request
            try:
                report = verify_ledger(at)
            except Unavailable:
                continue
            assert report.facts()["broken"] == 0
        wire.reset()

        assert verify_ledger(at).is_smooth

        kept = load_kept(wallet.ref).tale
        assert kept is not None
        assert kept.seq == wallet.state()["seq"]
        assert audits() == []

    def test_of_two_instances_one_goes_on(self, ward: Ward) -> None:
        """A late run beside an early one proves twice at worst, and parks once."""
        wallets = [ward.wallet() for _ in range(3)]
        for wallet in wallets:
            spend(wallet)
        amount = ("state", "receivable_nanos")
        edit(ward, wallets[0], wallets[0].ref.wallet, {amount: 1})

        in_parallel(2, lambda _: verify_ledger(NOON))
        verify_ledger(NOON)

        assert len(audits()) == 1
        assert load_verify_progress().rounded_wallets == 3


class TestUnparking:
    """The way back."""

    def test_a_wallet_goes_once_it_holds_again(self, ward: Ward) -> None:
        """Nobody lets a wallet go that does not hold, and whoever does says why."""
        # given a parked wallet
        wallet = ward.wallet()
        spend(wallet)
        place = ("state", "receivable_nanos")
        edit(ward, wallet, wallet.ref.wallet, {place: 1})
        verify_ledger(NOON)

        # when it is to go before it was put right
        with pytest.raises(Broken):
            unpark(deed(wallet, "1"), now=NOON)

        # then it stays; and afterwards it goes, with a record, once
        assert wallet.state()["parked"]
        edit(ward, wallet, wallet.ref.wallet, {place: 0})
        audit = unpark(deed(wallet, "1"), now=NOON)
        assert unpark(deed(wallet, "1"), now=NOON) == audit
        assert audit.after == {"parked": ""}
        assert find_parked_anywhere(limit=9) == []
        wallet.charge("d", 1)
        assert verify_ledger(NOON + HOUR).is_smooth
        ward.broken.discard(wallet.ref)
        with pytest.raises(Conflict):
            unpark(deed(wallet, "2"), now=NOON)
