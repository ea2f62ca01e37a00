"""`roll_up_usage` in trouble: days that somebody wrote into, months to catch up."""

from datetime import timedelta

import pytest

from creditbase.admin import rollup, rollup_store
from creditbase.admin.analytics import read_usage
from creditbase.admin.domain import rolling
from creditbase.admin.rollup_progress import LOST_NAMED_MAX, Sweep, load_progress
from creditbase.jobs.rollup import roll_up_usage
from creditbase.kernel.days import days_between
from creditbase.kernel.ids import operation_entry_id
from creditbase.ledger.domain.commands import Charge, FixedAmount
from creditbase.ledger.domain.wallet import Metered
from creditbase.runtime import firestore
from creditbase.runtime.settings import settings
from tests.jobs.test_rollup import call, in_ledger, rolled_up
from tests.jobs.ward import CREDIT, PROJECT, Ward
from tests.relay.desk import NOON

pytestmark = pytest.mark.firestore
DAY = timedelta(days=1)


def write_into(path: str, name: tuple[str, ...], value: object) -> object:
    """Change a document by hand; return what was there."""
    found = firestore.get_all([path])[0]
    assert found.fields is not None
    assert found.version is not None
    was: object = found.fields
    for part in name:
        assert isinstance(was, dict)
        was = was[part]
    firestore.commit([firestore.Update(path, {name: value}, found.version)])
    return was


def alerts(caplog: pytest.LogCaptureFixture, name: str) -> list[dict[str, object]]:
    """Return the alerts of a name."""
    return [vars(it) for it in caplog.records if getattr(it, "alert", "") == name]


class TestWrittenInto:
    """A wallet that cannot be counted stops nobody else's roll-up."""

    @pytest.mark.parametrize(
        ("where", "value"),
        [
            ("today", "no map"),
            ("today", {"date": "2026-03-10"}),
            ("today", {"date": "soon", "models": {}}),
            ("today", {"date": "2026-03-10", "models": {"m": {"requests": -1}}}),
            ("today", {"date": "2026-03-10", "models": {"m": {"smell": 1}}}),
            ("today", {"date": "2026-03-10", "models": {}}),
            ("closed", {"m": {"requests": 0.5}}),
        ],
        ids=str,
    )
    def test_it_is_left_out_named_and_counted_once_it_is_mended(
        self, ward: Ward, caplog: pytest.LogCaptureFixture, where: str, value: object
    ) -> None:
        """Whether it is garbled, or has less than was counted of it before."""
        broken, whole = ward.wallet(shard=3), ward.wallet(shard=3)
        for wallet in (broken, whole):
            call(wallet, 0)
        roll_up_usage(NOON)
        at = NOON + 3 * DAY
        for wallet in (broken, whole):
            call(wallet.later(hours=1), 1)
        path = broken.ref.wallet
        name: tuple[str, ...] = ("state", "today")
        if where == "closed":
            call(broken.later(days=2), 2)
            path, name = broken.ref.day("2026-03-10"), ("models",)
        was = write_into(path, name, value)

        reports = [roll_up_usage(at), roll_up_usage(at + DAY)]
        told = rolled_up()
        is_exact = load_progress().is_exact
        write_into(path, name, was)
        roll_up_usage(at + 2 * DAY)

        assert [(it.failed, it.is_complete) for it in reports] == [(1, True)] * 2
        (said,) = alerts(caplog, "usage_not_counted")
        assert said["wallets"] == (broken.ref.wallet,)
        assert (is_exact, load_progress().is_exact) == (False, True)
        assert sum(n for (*_, what), n in told.items() if what == "requests") == 3
        assert rolled_up() == in_ledger(ward)

    def test_more_than_can_be_named_are_looked_for_again(self, ward: Ward) -> None:
        """The next sweep looks as far back as the one that left them out."""
        names = [f"projects/p/wallets/{n:04}" for n in range(LOST_NAMED_MAX + 5)]
        sweep = Sweep(number=1, as_of=NOON, read_at=NOON, since=NOON - DAY)

        full = sweep.without(names[:3]).without(names)

        assert (len(full.lost), full.lost_count) == (LOST_NAMED_MAX, LOST_NAMED_MAX + 5)
        assert full.lost[:3] == tuple(names[:3])
        call(ward.wallet(), 0)
        roll_up_usage(NOON)
        assert load_progress().since is None


class TestCatchingUp:
    """Months without a run, more than one sweep can read at one instant."""

    def test_a_sweep_that_is_too_old_twice_goes_on_at_a_later_instant(
        self, ward: Ward, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Given up again and again it would never end; the next one is exact again."""
        wallets = [ward.wallet(shard=shard) for shard in (1, 5, 9)]
        for wallet in wallets:
            call(wallet, 0)
        assert not roll_up_usage(NOON, limit=1).is_complete
        answers: list[bool] = []
        monkeypatch.setattr(rollup, "_is_stale", lambda _: bool(answers and answers.pop()))
        answers.append(True)
        assert not roll_up_usage(NOON, limit=1).is_complete  # the first is given up
        call(wallets[0], 1)
        answers.append(True)
        assert roll_up_usage(NOON).is_complete  # the second goes on
        renewed = load_progress()
        roll_up_usage(NOON + timedelta(minutes=20))

        assert renewed.published.given_up == (1,)
        assert (renewed.published.number, renewed.is_exact) == (2, False)
        assert load_progress().is_exact
        assert rolled_up() == in_ledger(ward)

    def test_steps_are_as_small_as_the_store_takes(
        self, ward: Ward, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Fewer wallets, then fewer days of one; nothing is lost between the steps."""
        wallets = [ward.wallet(shard=2) for _ in range(3)]
        for day in range(12):
            for wallet in wallets:
                call(wallet.later(days=day), day)
        monkeypatch.setattr(rollup, "BYTES_PER_STEP_MAX", 2_500)
        monkeypatch.setattr(rollup, "DAYS_PER_WALLET_MAX", 5)

        roll_up_usage(NOON + 12 * DAY)

        assert rolled_up() == in_ledger(ward)

    def test_ten_thousand_models_are_no_more_than_fit(
        self, ward: Ward, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A gateway that makes up names fills no document; the sums stay whole."""
        monkeypatch.setattr(
            rolling.added_up, "__kwdefaults__", {"most": 20, "bytes_max": 5_000}
        )
        for number in range(3):
            wallet = ward.wallet()
            for name in range(12):
                model = f"{'x' * 90}-{number}-{name}"
                cost = FixedAmount(7, Metered(model, "acme", 3))
                wallet.run(Charge(operation_entry_id(model), "d", cost))

        roll_up_usage(NOON)

        used, _ = read_usage(PROJECT, days_between(NOON.date(), NOON.date()))
        day = rollup_store.load_days(PROJECT, ["2026-03-10"])[1]["2026-03-10"].now
        assert (used.requests, used.active_users) == (36, 3)
        assert len(day.cells) <= 21
        assert rolling.total_of(day.cells).amount_nanos == 36 * 7


class TestLosses:
    """Whoever is to hear of it does, once."""

    def test_operators_have_one_mail_a_day_for_each_project(
        self,
        ward: Ward,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """Where an address is set; with the models and customers, the largest loss first."""
        monkeypatch.setenv("CREDITBASE_OPERATOR_MAIL", "ops@app.example")
        settings.cache_clear()
        wallets = [ward.wallet() for _ in range(3)]
        for number, wallet in enumerate(wallets, start=1):
            call(wallet, 0, amount=5, cost=number * CREDIT * 10)
        for hours in (0, 13, 14, 15):
            roll_up_usage(NOON + timedelta(hours=hours))
        settings.cache_clear()

        path = f"mail/losses:{PROJECT}:2026-03-10"
        mail = firestore.get_all([path])[0].fields
        assert mail is not None
        text = mail["message"]["text"]
        assert mail["to"] == ["ops@app.example"]
        assert "acme/large: 0.06 USD" in text
        ids = [wallet.ref.customer_id for wallet in reversed(wallets)]
        assert text.index(ids[0]) < text.index(ids[1]) < text.index(ids[2])
        assert len(firestore.query("mail", limit=9)) == 1
        (said,) = alerts(caplog, "customer_below_cost")
        assert said["customers"] == ids
        assert len(alerts(caplog, "model_below_cost")) == 1

    def test_who_is_given_credits_hides_nobody_who_pays_too_little(self, ward: Ward) -> None:
        """Free customers cost the most money, and no mistake; the twenty named are losses."""
        free = [ward.wallet() for _ in range(2)]
        for wallet in free:
            call(wallet, 0, amount=9 * CREDIT, cost=8 * CREDIT)
        loser = ward.wallet()
        call(loser, 1, amount=5, cost=9)

        roll_up_usage(NOON)

        found = rollup_store.find_losing_months(PROJECT, "2026-03", limit=1)
        assert [it.fields and it.fields["customer_id"] for it in found] == [
            loser.ref.customer_id
        ]
