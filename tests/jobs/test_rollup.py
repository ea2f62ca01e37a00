"""`roll_up_usage`: platform days equal the ledger at one instant, whoever dies or overlaps."""

import random
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta

import pytest

from creditbase.admin import rollup
from creditbase.admin.analytics import (
    AsOf,
    Lost,
    find_losses,
    read_cells,
    read_customers,
    read_models,
    read_usage,
)
from creditbase.admin.rollup_progress import load_progress
from creditbase.jobs.rollup import roll_up_usage
from creditbase.kernel.days import days_between
from creditbase.kernel.errors import Unavailable
from creditbase.kernel.ids import operation_entry_id
from creditbase.ledger.domain.commands import (
    CaptureHold,
    Charge,
    Deduct,
    FixedAmount,
    GrantCredits,
    PlaceHold,
    TakeBack,
)
from creditbase.ledger.domain.wallet import Metered
from tests.jobs.ward import CREDIT, PROJECT, Ward
from tests.ledger.wallets import LiveWallet, in_parallel
from tests.relay.desk import NOON
from tests.wire import Wire, lost_reply, lost_request, time_out_late

pytestmark = pytest.mark.firestore

DAY = timedelta(days=1)
MODELS = (("large", "acme"), ("small", "acme"), ("large", "other"))
Sums = Counter[tuple[str, str, str, str]]
TAKES = {"charge", "capture", "expire", "late"}


def call(wallet: LiveWallet, number: int, *, amount: int = 1_000, cost: int = 700) -> None:
    """Pay for a call of one of the models, now."""
    model, provider = MODELS[number % len(MODELS)]
    usage = {"input_tokens": 10 + number, "output_tokens": 3}
    metered = Metered(model, provider, cost, usage)
    key = operation_entry_id(f"{wallet.now}:{number}")
    wallet.run(Charge(key, "d", FixedAmount(amount + number, metered)))


def buy(wallet: LiveWallet, credit_count: int, paid_nanos: int) -> None:
    """Buy a pack, for less than its face."""
    grant_id = f"topup:{wallet.now}"
    nanos = credit_count * CREDIT
    wallet.run(GrantCredits(grant_id, "topup", nanos, paid_nanos=paid_nanos))


def in_ledger(ward: Ward) -> Sums:
    """Return what the raw entries say, by day, model, provider and counter."""
    sums: Sums = Counter()
    for wallet in ward.wallets:
        for entry in wallet.entries():
            if entry["kind"] in TAKES:
                metered = {**entry.get("metered", {}), **entry.get("private", {})}
                names = metered.get("model", "unspecified"), metered.get("provider", "")
                place = (f"{entry['at']:%Y-%m-%d}", *names)
                sums[*place, "requests"] += 1
                sums[*place, "amount"] += entry["captured_nanos"]
                sums[*place, "cost"] += metered.get("cost_nanos", 0)
                sums[*place, "received"] += entry.get("received_nanos", 0)
                used = metered.get("quantities", {})
                sums[*place, "input"] += used.get("input_tokens", 0)
                sums[*place, "output"] += used.get("output_tokens", 0)
    return +sums


def rolled_up(*, days: int = 100) -> Sums:
    """Return what the platform's days say, in the same form."""
    sums: Sums = Counter()
    first = (NOON - DAY).date()
    for line in read_cells(PROJECT, days_between(first, first + days * DAY)):
        place = (line.date, line.cell.model, line.cell.provider)
        tally = line.tally
        sums[*place, "requests"] += tally.requests
        sums[*place, "amount"] += tally.amount_nanos
        sums[*place, "cost"] += tally.cost_nanos
        sums[*place, "received"] += tally.received_nanos
        sums[*place, "input"] += tally.input_tokens
        sums[*place, "output"] += tally.output_tokens
    return +sums


def crowd(ward: Ward, *, wallets: int, days: int, calls: int, seed: int = 7) -> datetime:
    """Make customers who call models over some days, some with packs; return the end."""
    chance = random.Random(seed)  # noqa: S311 - a story, not a secret
    made = [ward.wallet() for _ in range(wallets)]
    for wallet in made[::2]:
        buy(wallet, 20, 13 * CREDIT)
        call(wallet, 0, amount=10 * CREDIT)
    for day in range(days):
        for number in range(calls):
            wallet = chance.choice(made).later(days=day, minutes=number)
            call(wallet, number, amount=chance.randrange(CREDIT // 3))
    return NOON + days * DAY


class TestExactness:
    """The days say what the ledger says."""

    def test_days_equal_the_ledger_to_the_nano(self, ward: Ward) -> None:
        """Days, models, providers, tokens, cost, money received; run as often as one likes."""
        ends_at = crowd(ward, wallets=9, days=3, calls=40)

        for at in (ends_at, ends_at, ends_at + DAY):
            report = roll_up_usage(at)
            assert report.is_complete
            assert rolled_up() == in_ledger(ward)
        assert sum(rolled_up().values()) > 0

    def test_each_run_adds_what_is_new(self, ward: Ward) -> None:
        """During a day, over midnight, and for who joins later."""
        wallets = [ward.wallet() for _ in range(3)]
        for hour in range(0, 36, 6):
            at = NOON + timedelta(hours=hour)
            call(wallets[hour % 3].later(hours=hour), hour)
            if hour == 18:
                wallets.append(ward.wallet(now=at))
                call(wallets[-1], 1)

            roll_up_usage(at)

            assert rolled_up() == in_ledger(ward)

    def test_a_day_that_is_found_late_is_counted_on_its_own_day(self, ward: Ward) -> None:
        """A hold that timed out is entered by the next command, a week after its day."""
        wallet = ward.wallet()
        call(wallet, 0)
        used = FixedAmount(300, Metered("small", "acme", 200))
        entry_id, hold_id = operation_entry_id("h"), wallet.hold_id("h")
        held = FixedAmount(CREDIT, Metered("small", "acme"))
        wallet.run(PlaceHold(entry_id, hold_id, "d", held, 60, accrued=used))
        roll_up_usage(NOON + timedelta(minutes=2))
        call(wallet.later(days=7), 1)

        roll_up_usage(NOON + 7 * DAY)

        assert rolled_up() == in_ledger(ward)

    def test_a_late_capture_counts_what_the_expiry_had_not(self, ward: Ward) -> None:
        """The expiry took what was reported, on its day; the request counts once."""
        wallet = ward.wallet()
        used, held = (FixedAmount(n, Metered("small", "acme")) for n in (300, CREDIT))
        entry_id, hold_id = operation_entry_id("h"), wallet.hold_id("h")
        wallet.run(PlaceHold(entry_id, hold_id, "d", held, 60, accrued=used))
        roll_up_usage(NOON + timedelta(hours=1))
        wallet.later(days=1).run(CaptureHold(hold_id, "c", FixedAmount(1_000)))

        roll_up_usage(NOON + DAY)

        place = ("small", "acme")
        assert rolled_up() == {
            ("2026-03-10", *place, "requests"): 1,
            ("2026-03-10", *place, "amount"): 300,
            ("2026-03-11", *place, "amount"): 700,
        }

    def test_money_that_goes_back_changes_no_day(self, ward: Ward) -> None:
        """A refund and an adjustment are the ledger's; what was used was used."""
        wallet = ward.wallet()
        buy(wallet, 5, 4 * CREDIT)
        call(wallet, 0, amount=12 * CREDIT)
        roll_up_usage(NOON)
        before = rolled_up()
        grant_id = f"topup:{wallet.now}"
        later = wallet.later(days=1)
        later.run(TakeBack("refund:a:1", grant_id, 5 * CREDIT, owes_rest=True))
        later.run(Deduct("adjust:a", CREDIT, owes_rest=True))

        roll_up_usage(NOON + DAY)

        assert rolled_up() == before == in_ledger(ward)

    def test_two_months_without_a_run_are_made_up_for(self, ward: Ward) -> None:
        """More days than one step may take, of some customers; nothing is skipped."""
        steady, rare = ward.wallet(), ward.wallet()
        for day in range(0, 63, 3):
            call(steady.later(days=day), day)
        call(rare.later(days=40), 40)

        roll_up_usage(NOON + 63 * DAY)

        assert rolled_up() == in_ledger(ward)
        usage, _ = read_usage(PROJECT, days_between(NOON.date(), (NOON + 63 * DAY).date()))
        assert (usage.requests, usage.active_users) == (22, 2)

    def test_an_answer_is_of_one_instant(self, ward: Ward) -> None:
        """What is charged while a sweep is under way belongs to the next, all of it."""
        first, second = ward.wallet(shard=1), ward.wallet(shard=9)
        call(first, 0)
        call(second, 0)
        before = in_ledger(ward)

        begun = roll_up_usage(NOON, limit=1)
        nothing_yet = rolled_up()
        call(first, 1)
        call(second, 1)
        ended = roll_up_usage(NOON)
        of_one_instant = rolled_up()
        roll_up_usage(NOON + timedelta(minutes=15))

        assert (begun.is_complete, ended.is_complete) == (False, True)
        assert nothing_yet == Counter()
        assert of_one_instant == before
        assert rolled_up() == in_ledger(ward)


class TestDying:
    """Whatever happens to a run, the next one makes it right."""

    @pytest.mark.parametrize("fault", [lost_request, lost_reply, time_out_late])
    def test_a_run_that_breaks_at_any_call_is_continued(
        self, ward: Ward, wire: Wire, fault: object
    ) -> None:
        """Before the store has done it, after, and long after."""
        wallets = [ward.wallet(shard=3), ward.wallet(shard=4)]
        at, index = NOON, 0
        while True:
            at += timedelta(minutes=20)
            for number, wallet in enumerate(wallets):
                call(LiveWallet(wallet.ref, at), number)
            wire.reset()
            wire.faults[index] = fault  # type: ignore[assignment]
            try:
                roll_up_usage(at)
            except Unavailable:
                pass
            else:
                if wire.faults:
                    break  # it was never reached: every call has been broken once
            wire.wait_for_late()
            wire.reset()
            assert roll_up_usage(at).is_complete
            assert rolled_up() == in_ledger(ward), index
            index += 3 if index else 1
        assert index > 15

    def test_two_at_once_count_nothing_twice(self, ward: Ward) -> None:
        """One loses each step to the other, and goes on behind it."""
        ends_at = crowd(ward, wallets=8, days=2, calls=12)

        outcomes = in_parallel(3, lambda _: roll_up_usage(ends_at))

        assert not any(isinstance(outcome, Exception) for outcome in outcomes)
        assert roll_up_usage(ends_at + DAY).is_complete
        assert rolled_up() == in_ledger(ward)

    def test_a_sweep_whose_instant_is_gone_is_given_up_without_a_trace(
        self, ward: Ward, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The store keeps an hour; what was half counted never counts."""
        wallets = [ward.wallet(shard=shard) for shard in (2, 7, 11)]
        for wallet in wallets:
            call(wallet, 0)
        assert not roll_up_usage(NOON, limit=1).is_complete
        monkeypatch.setattr(rollup, "_is_stale", lambda it: _is_numbered(it.sweep, 1))

        assert roll_up_usage(NOON + timedelta(minutes=1)).is_complete

        assert load_progress().published.given_up == (1,)
        assert rolled_up() == in_ledger(ward)
        call(wallets[0].later(minutes=20), 1)
        roll_up_usage(NOON + timedelta(minutes=20))
        assert rolled_up() == in_ledger(ward)


def _is_numbered(sweep: object, number: int) -> bool:
    return getattr(sweep, "number", 0) == number


class TestCost:
    """What a run and an answer read and write."""

    def test_a_run_costs_the_same_however_many_requests_there_were(
        self, ward: Ward, wire: Wire
    ) -> None:
        """A wallet, its mark and its month; the entries are not looked at."""
        wallets = [ward.wallet() for _ in range(4)]
        costs = []
        for wallet in wallets:
            call(wallet, 0)
        roll_up_usage(NOON)
        for round_, calls in enumerate((1, 12), start=1):
            at = NOON + timedelta(hours=round_)
            for wallet in wallets:
                for number in range(calls):
                    call(LiveWallet(wallet.ref, at), number)
            wire.reset()
            roll_up_usage(at)
            costs.append((Counter(rpc.name for rpc in wire.rpcs), wire.counts[2]))

        assert costs[0] == costs[1]
        assert not any("entries" in path for rpc in wire.rpcs for path in rpc.paths)

    def test_what_did_not_change_is_neither_read_nor_written(
        self, ward: Ward, wire: Wire
    ) -> None:
        """Of a thousand customers only those who came are looked at."""
        idle, busy = ward.wallet(shard=5), ward.wallet(shard=6)
        call(idle, 0)
        roll_up_usage(NOON + DAY)
        call(busy.later(days=2), 0)
        wire.reset()

        report = roll_up_usage(NOON + 2 * DAY)

        assert report.done == 1
        read = {path for rpc in wire.rpcs for path in rpc.paths}
        assert not any(idle.ref.customer_id in path for path in read)
        assert any(busy.ref.customer_id in path for path in read)

    def test_a_year_is_one_call_and_a_read_for_each_day(self, ward: Ward, wire: Wire) -> None:
        """367 documents, below the 400 that an answer may read."""
        call(ward.wallet(), 0)
        roll_up_usage(NOON)
        dates = days_between((NOON - 365 * DAY).date(), NOON.date())
        for read in (read_usage, read_models):
            wire.reset()

            read(PROJECT, dates)

            assert (len(dates), wire.counts) == (366, (1, 367, 0))


class TestMoney:
    """What was sold below cost, and to whom."""

    def test_customers_come_by_what_they_lose_us(self, ward: Ward) -> None:
        """On the money that was received; a page at a time, of one month."""
        wallets = [ward.wallet() for _ in range(3)]
        for factor, wallet in enumerate(wallets, start=1):
            buy(wallet, 5, 4 * CREDIT)
            call(wallet, 0, amount=12 * CREDIT, cost=factor * CREDIT)
        roll_up_usage(NOON)

        page = read_customers(PROJECT, "2026-03", limit=2)
        rest = read_customers(PROJECT, "2026-03", after=page.after, limit=2)
        other = read_customers(PROJECT, "2026-04", limit=2)

        customers = [*page.customers, *rest.customers]
        found = [customer.customer_id for customer in customers]
        assert found == [wallet.ref.customer_id for wallet in reversed(wallets)]
        assert (page.as_of, rest.after, other.customers) == (AsOf(NOON, True), None, [])
        tallies = [customer.economics.tally for customer in customers]
        assert [it.cost_nanos for it in tallies] == [3 * CREDIT, 2 * CREDIT, CREDIT]
        assert {it.received_nanos for it in tallies} == {tallies[0].received_nanos}

    def test_losses_are_said_once_for_a_day(
        self, ward: Ward, caplog: pytest.LogCaptureFixture
    ) -> None:
        """The morning after; by model, and by customer."""
        wallet = ward.wallet()
        call(wallet, 0, amount=5, cost=CREDIT)
        call(wallet, 1, amount=CREDIT, cost=5)
        roll_up_usage(NOON)
        for hours in (12, 13, 14):
            roll_up_usage(NOON + timedelta(hours=hours))

        said = [_alert(record) for record in caplog.records if hasattr(record, "alert")]

        assert [(it["alert"], it.get("models")) for it in said] == [
            ("model_below_cost", ["acme/large"])
        ]
        (found,) = find_losses(load_progress(), "2026-03-10")
        assert found.models == (Lost("acme/large", CREDIT - 5),)


def _alert(record: object) -> Mapping[str, object]:
    return vars(record)
