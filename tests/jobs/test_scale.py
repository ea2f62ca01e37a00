"""More than a run can take: bounded runs, one of them killed, two at once, each thing once.

The same story with 2,500 due and 1,000 a run is told when soaking, in miniature otherwise.
"""

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from uuid import UUID, uuid4, uuid5

import pytest

from creditbase.jobs.inbox import drain_inbox
from creditbase.jobs.outbox import deliver_outbox
from creditbase.jobs.use_cases import Report, reset_cycles
from creditbase.kernel.ids import operation_entry_id
from creditbase.ledger import store as ledger_store
from creditbase.ledger import use_cases as ledger
from creditbase.ledger.domain.commands import Charge, FixedAmount
from creditbase.ledger.domain.decide import Decision, decide
from creditbase.ledger.domain.opening import open_wallet
from creditbase.ledger.domain.wallet import Terms
from creditbase.ledger.paths import SHARDS, WalletRef
from creditbase.payments import inbox_store, stripe_gateway
from creditbase.payments.domain import Event
from creditbase.runtime import firestore
from creditbase.runtime.firestore import Write
from creditbase.runtime.mail import create_mail
from tests.jobs.outboxes import let_send
from tests.jobs.ward import CREDIT, PROJECT, Ward
from tests.ledger.wallets import LiveWallet
from tests.relay.desk import NOON
from tests.runtime.post import a_mail
from tests.together import at_once
from tests.wire import Send, Wire

pytestmark = pytest.mark.firestore
MONTHS_LATER = NOON.replace(month=6) + timedelta(days=2)
"""The scheduler stood still: windows 1 and 2 were missed, and the third is running."""
WRITES_MAX = 100
SOAKED = pytest.param(2_500, 1_000, marks=[pytest.mark.soak, pytest.mark.timeout(1_800)])
SIZES = pytest.mark.parametrize(("due", "limit"), [(60, 20), SOAKED])

Run = Callable[[datetime], Report]


class Died(BaseException):
    """The process is gone."""


def committed(writes: Sequence[Write]) -> None:
    """Write very many documents."""
    for start in range(0, len(writes), WRITES_MAX):
        firestore.commit(writes[start : start + WRITES_MAX])


def a_used_wallet(number: int) -> list[Write]:
    """Return the writes of a free wallet that was used once, in March."""
    ref = WalletRef(PROJECT, str(uuid5(UUID(int=7), str(number))))
    opened = open_wallet(
        ref.wallet_id, owner_uid="", terms=Terms("free", allocation_nanos=10 * CREDIT), now=NOON
    )
    charge = Charge(operation_entry_id("spent"), "charge", FixedAmount(CREDIT))
    spent = decide(opened.wallet, {}, charge, now=NOON)
    return ledger_store.writes_to_open(
        ref, Decision(spent.wallet, entries=opened.entries + spent.entries)
    )


def finish(run: Run, at: datetime, wire: Wire, *, dies_at: int) -> list[Report]:
    """Run once, once until killed, and then as two instances at once until all is done."""
    reports = [run(at)]
    wire.reset()
    wire.faults[dies_at] = die
    with pytest.raises(Died):
        run(at)
    ledger.lanes.cache_clear()
    while not reports[-1].is_complete:
        assert len(reports) < 20
        reports += at_once(2, lambda _: run(at))
    return reports


def die(send: Send) -> None:
    """Die when it is done, before anybody is told."""
    send()
    raise Died


@pytest.fixture
def _instances(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every thread be an instance of its own, that knows nothing of the others."""
    own = threading.local()

    def lanes_of_this_instance() -> ledger.Lanes:
        if not hasattr(own, "lanes"):
            own.lanes = ledger.Lanes()
        found: ledger.Lanes = own.lanes
        return found

    lanes_of_this_instance.cache_clear = own.__dict__.clear  # type: ignore[attr-defined]
    monkeypatch.setattr(ledger, "lanes", lanes_of_this_instance)


@pytest.mark.usefixtures("_instances")
@SIZES
def test_windows_that_are_long_over_are_turned_once(
    ward: Ward, wire: Wire, due: int, limit: int
) -> None:
    """P22: two months late, the running window's credits and no others, to everybody."""
    committed([write for number in range(due) for write in a_used_wallet(number)])

    def run(at: datetime) -> Report:
        return reset_cycles(at, limit=limit)

    reports = finish(run, MONTHS_LATER, wire, dies_at=limit)

    assert reports[0].done <= limit + SHARDS
    assert not reports[0].is_complete
    assert all(report.failed == 0 for report in reports)
    wallets = firestore.query("wallets", limit=due + 1, is_group=True)
    states = [found.fields["state"] for found in wallets if found.fields is not None]
    assert len(states) == due
    assert {(state["seq"], state["free_number"]) for state in states} == {(4, 3)}
    assert {sum(g["remaining_nanos"] for g in s["grants"].values()) for s in states} == {
        10 * CREDIT
    }
    for found in wallets[:: due // 10]:
        customer_id = found.path.rpartition("/")[2]
        ward.wallets.append(LiveWallet(WalletRef(PROJECT, customer_id), MONTHS_LATER))
    assert run(MONTHS_LATER).done == 0


@pytest.mark.usefixtures("ward", "_instances")
@SIZES
def test_events_that_wait_are_handled_and_finished(
    wire: Wire, due: int, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each by one attempt; by a second one only where the first was killed in it.

    Two months late: what was stored is handled, however long ago that was.
    """
    monkeypatch.setenv("STRIPE_SECRET_KEY", "sk_test_local")
    events = [an_event() for _ in range(due)]
    committed(
        [write for event in events for write in inbox_store.writes_for_arrival(event, now=NOON)]
    )

    def run(at: datetime) -> Report:
        return drain_inbox(at, limit=limit)

    reports = finish(run, MONTHS_LATER, wire, dies_at=limit)

    assert reports[0].done <= limit + SHARDS
    assert all(report.failed == 0 for report in reports)
    run(MONTHS_LATER + timedelta(days=1))  # the one that the killed run had begun
    kept = firestore.query("stripe_events", limit=due + 1, only=["status", "attempts"])
    fields = [found.fields for found in kept if found.fields is not None]
    assert len(fields) == due
    assert {field["status"] for field in fields} == {"ignored"}
    assert Counter(field["attempts"] for field in fields)[1] >= due - 1
    assert run(MONTHS_LATER + timedelta(days=2)).done == 0


@pytest.mark.usefixtures("ward", "_instances")
@pytest.mark.parametrize(("due", "limit"), [(60, 20), SOAKED])
def test_mail_that_waits_is_sent(
    wire: Wire, due: int, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each by one attempt, and the one that the killed run had taken when its lease is over."""
    let_send(monkeypatch, "log")
    committed([create_mail(a_mail(f"notice:{number}"), now=NOON) for number in range(due)])

    def run(at: datetime) -> Report:
        return deliver_outbox(at, limit=limit)

    reports = finish(run, MONTHS_LATER, wire, dies_at=limit)

    assert reports[0].done <= limit + SHARDS
    assert all(report.failed == 0 for report in reports)
    run(MONTHS_LATER + timedelta(days=1))
    kept = firestore.query("mail", limit=due + 1, only=["delivery"])
    ends = [found.fields["delivery"] for found in kept if found.fields is not None]
    assert len(ends) == due
    assert {end["state"] for end in ends} == {"SUCCESS"}
    assert Counter(end["attempts"] for end in ends)[1] >= due - 1
    assert run(MONTHS_LATER + timedelta(days=2)).done == 0


def an_event() -> Event:
    """Return an event that means nothing to us: it is kept, and finished as ignored."""
    assert not stripe_gateway.is_live()
    return Event(
        event_id=f"evt_{uuid4().hex}",
        type="payment_intent.created",
        is_live=False,
        account="",
        api_version="",
        object_id="pi_1",
        object_type="payment_intent",
        payload="{}",
    )
