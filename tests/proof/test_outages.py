"""A store that freezes, dies and comes back, and a wire that is cut, in front of real servers.

Promises P30, P31 and P33: nothing is admitted that is not durable, every client gets a definite
answer in the end, under the same key, and five minutes later nothing is left open.
"""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
import requests

from creditbase.accounts.use_cases import create_secret_key, ensure_project
from creditbase.jobs import use_cases as jobs
from creditbase.kernel import ids
from creditbase.ledger.use_cases import lanes
from creditbase.runtime import firestore
from tests import figures
from tests.ledger.wallets import LiveWallet
from tests.proof.outpost import Cable, Store, own_store
from tests.servers import Answer, Meter, in_parallel, serving

pytestmark = pytest.mark.firestore
CLIENTS, START = 6, 1_000
FREEZES_S = (1, 1, 2, 3, 6)
LONG_FREEZES_S = tuple(range(1, 31)) + (1, 2, 5, 10, 30) * 4
HOUR_S = 3_600


@dataclass
class Outpost:
    """A meter, the store that it stands on, and the cable between them."""

    meter: Meter
    store: Store
    cable: Cable

    def wallet(self) -> tuple[LiveWallet, Meter]:
        """Return a new wallet with an open hold, and the meter as its customer's back end."""
        now = datetime.now(UTC)
        hub = ids.project_uuid("hub")
        customer_id = ids.customer_uuid(hub, uuid4().hex, 1)
        live = LiveWallet.opened(hub, customer_id, nanos=START, now=now)
        meter = Meter(self.meter.url, self.meter.secret_key, customer_id)
        assert meter.hold("held", 100).status == 201
        return live, meter


@pytest.fixture(scope="module")
def outpost(project: str) -> Iterator[Outpost]:
    """Return a meter on a store of its own."""
    name = f"{project}-outpost"
    with own_store(name) as (store, cable), pytest.MonkeyPatch.context() as patch:
        patch.setenv("GCLOUD_PROJECT", name)
        patch.setenv("FIRESTORE_EMULATOR_HOST", f"127.0.0.1:{store.port}")
        firestore.client.cache_clear()
        lanes.cache_clear()
        now = datetime.now(UTC)
        hub = ensure_project("hub", now=now).project_id
        key = create_secret_key(hub, name="t", random_bytes=uuid4().bytes * 2, now=now)
        address = f"127.0.0.1:{cable.port}"
        with serving("meter", project=name, FIRESTORE_EMULATOR_HOST=address) as (url, _):
            yield Outpost(Meter(url, key.secret), store, cable)
    firestore.client.cache_clear()
    lanes.cache_clear()


def spend_through(meter: Meter, trouble: Callable[[], None], rounds: int) -> list[Answer]:
    """Let clients charge again and again while there is trouble; return every answer."""
    began = threading.Event()

    def charge(client: int) -> Answer:
        answers = []
        for number in range(rounds):
            answers.append(meter.charge(f"{client}-{number}", 1))
            began.set()
        assert {answer.status for answer in answers} == {201}
        return answers[-1]

    def act() -> None:
        began.wait(30)
        trouble()

    troubled = threading.Thread(target=act)
    troubled.start()
    try:
        return in_parallel(CLIENTS, charge)
    finally:
        troubled.join(timeout=120)
        assert not troubled.is_alive()


def check(live: LiveWallet, meter: Meter, *, spent: int) -> None:
    """Everything was done once; the same keys say so; five minutes later nothing is open."""
    for client in range(CLIENTS):
        again = meter.charge(f"{client}-0", 1)
        assert again.status == 201
        assert again.headers["Idempotent-Replayed"] == "true"
    assert live.available() == START - 100 - spent
    live.audit()
    later = datetime.now(UTC) + timedelta(seconds=900 + 300)
    lanes.cache_clear()
    for job in (jobs.expire_holds, jobs.sync_balances):
        assert job(later).is_smooth
    assert live.state()["holds"] == {}
    live.audit()


def freeze(outpost: Outpost, seconds: int) -> None:
    """Stop the store for so long; nobody is told that anything was done meanwhile."""
    live, meter = outpost.wallet()
    told: list[int] = []

    def trouble() -> None:
        outpost.store.send(signal.SIGSTOP)
        try:
            answered = requests.post(
                f"{meter.url}/api/v1/charges",
                json={"customer_id": live.ref.customer_id, "amount_nanos": START},
                headers={
                    "X-ModelRelay-Api-Key": meter.secret_key,
                    "Idempotency-Key": "too much",
                },
                timeout=seconds,
            )
            told.append(answered.status_code)
        except requests.Timeout:
            told.append(0)
        else:
            time.sleep(seconds)
        finally:
            outpost.store.send(signal.SIGCONT)

    spend_through(meter, trouble, rounds=5)

    assert told
    assert told[0] in {0, 503}, "closed while the store does not answer"
    check(live, meter, spent=CLIENTS * 5)
    figures.count("T4 freezes", 1)


@pytest.mark.parametrize("seconds", FREEZES_S)
def test_a_store_that_freezes_delays_and_loses_nothing(outpost: Outpost, seconds: int) -> None:
    """SIGSTOP and SIGCONT: an outage for whoever asks."""
    freeze(outpost, seconds)


@pytest.mark.soak
@pytest.mark.timeout(HOUR_S)
@pytest.mark.parametrize("seconds", LONG_FREEZES_S)
def test_a_store_that_freezes_for_longer(outpost: Outpost, seconds: int) -> None:
    """Fifty of them."""
    freeze(outpost, seconds)


def restart(outpost: Outpost) -> None:
    """Kill the store, and bring it back from an export while clients go on asking."""
    live, meter = outpost.wallet()
    for client in range(CLIENTS):
        assert meter.charge(f"{client}-0", 1).status == 201
    outpost.store.export()
    # Nobody may see the store between its start and the import: it would look empty.
    outpost.cable.is_plugged_in = False
    outpost.cable.reset()
    outpost.store.kill()
    answers: list[Answer] = []
    asking = threading.Thread(target=lambda: answers.append(meter.charge("while", 1)))
    asking.start()
    outpost.store.bring_back()
    outpost.cable.is_plugged_in = True
    asking.join(timeout=120)

    assert [answer.status for answer in answers] == [201]
    check(live, meter, spent=CLIENTS + 1)
    figures.count("T4 restarts", 1)


@pytest.mark.parametrize("number", range(2))
def test_a_store_that_is_brought_back_goes_on(outpost: Outpost, number: int) -> None:
    """SIGKILL, and everything from an export: the same keys are known, new ones are served."""
    restart(outpost)


@pytest.mark.soak
@pytest.mark.timeout(HOUR_S)
@pytest.mark.parametrize("number", range(20))
def test_a_store_that_is_brought_back_again_and_again(outpost: Outpost, number: int) -> None:
    """Twenty times."""
    restart(outpost)


@pytest.mark.soak
def test_connections_that_are_reset_lose_nothing(outpost: Outpost) -> None:
    """Every connection between server and store is cut, five times, amid charges."""
    live, meter = outpost.wallet()
    before = outpost.cable.resets

    def trouble() -> None:
        for _ in range(5):
            outpost.cable.reset()
            time.sleep(0.3)

    spend_through(meter, trouble, rounds=12)

    assert outpost.cable.resets > before
    check(live, meter, spent=CLIENTS * 12)
    figures.count("T4 resets", outpost.cable.resets - before)
