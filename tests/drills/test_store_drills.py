"""What goes wrong with Firestore, the scheduler and a release, and the pages for it."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from creditbase.kernel.errors import BillingError
from creditbase.ledger.use_cases import lanes
from creditbase.payments.use_cases import start_topup
from creditbase.runtime import clock, firestore
from creditbase.runtime.firestore import Delete, Put, Write, commit
from tests.drills.conftest import Deployment
from tests.drills.playbook import Open
from tests.drills.test_stripe_drills import PAID, drift_in
from tests.payments.deliveries import FREE_NANOS, SMALL_NANOS, deliver, topups
from tests.payments.shop import signed_event
from tests.wire import Fault, lost_request

pytestmark = pytest.mark.firestore
DAY_S = 86_400
WRITES_MAX = 50


class Away(dict[int, Fault]):
    """No request reaches the store."""

    def pop(self, *_: Any) -> Any:
        """Return what breaks the request of any number."""
        return lost_request


@dataclass
class Database:
    """All documents, as `gcloud firestore databases clone` takes and puts them."""

    kept: dict[str, firestore.Fields] = field(default_factory=dict)

    def take(self) -> None:
        """Remember every document, as of now."""
        self.kept = self.read()

    def put_back(self) -> None:
        """Let there be what was remembered, and nothing else."""
        writes: list[Write] = [Delete(path) for path in self.read()]
        writes += [Put(path, fields) for path, fields in self.kept.items()]
        for start in range(0, len(writes), WRITES_MAX):
            commit(writes[start : start + WRITES_MAX])

    def read(self) -> dict[str, firestore.Fields]:
        """Return every document of the database."""
        found: dict[str, firestore.Fields] = {}
        client = firestore.client()
        waiting = list(client.collections())
        while waiting:
            for reference in waiting.pop().list_documents():
                fields = reference.get().to_dict()
                if fields is not None:
                    found[reference.path] = fields
                waiting.extend(reference.collections())
        return found


def test_the_store_is_away_and_nothing_is_given_away(
    deployment: Deployment, playbook: Open
) -> None:
    """A call is under way, others are refused; afterwards the hold is closed by itself."""
    wallet = deployment.wallet
    wallet.hold("before", 100, ttl_s=900)
    deployment.patch.setattr(deployment.wire, "faults", Away())
    for key in ("during-1", "during-2"):
        with pytest.raises(BillingError) as refused:
            wallet.charge(key, 5)
        assert refused.value.retryable
    deployment.patch.setattr(deployment.wire, "faults", {})
    lanes.cache_clear()
    assert wallet.available() == FREE_NANOS - 100

    deployment.let_pass(1_000)
    book = playbook("store-outage")
    expired, *_ = book.play("Afterwards")
    (explained,) = book.play("Over", CUSTOMER=deployment.ref.customer_id)

    assert "1 done" in expired
    assert "all agree" in explained
    assert deployment.wallet.available() == FREE_NANOS


def test_the_scheduler_stood_still_for_a_month(deployment: Deployment, playbook: Open) -> None:
    """Whoever asks is answered right without any job; the jobs change nothing twice."""
    deployment.wallet.charge("last-month", FREE_NANOS)
    deployment.let_pass(32 * DAY_S)
    book = playbook("missed-reset")

    book.play("Catch up")
    lanes.cache_clear()
    assert deployment.wallet.charge("this-month", 1).entries
    deployment.wallet.charge("the-rest", FREE_NANOS - 1)
    reset, _ = book.play("Over", CUSTOMER=deployment.ref.customer_id)

    assert "0 failed" in reset
    cycles = [it for it in deployment.wallet.entries() if it["kind"] == "grant"]
    assert len(cycles) == 2


def test_a_restored_database_gets_its_payments_back(
    deployment: Deployment, playbook: Open
) -> None:
    """What was paid after the good minute is credited once: by Stripe, or where it says so."""
    book, database = playbook("restore"), Database()
    wallet = deployment.wallet
    wallet.charge("before", 11)
    opened = start_topup(deployment.ref, "small", now=clock.now()).session.session_id
    database.take()
    deployment.shop.pay(opened)
    unknown = deployment.buy()
    for paid in deployment.shop.events(PAID):
        assert deliver(deployment.client, signed_event(paid)) == 200
    wallet.charge("after", 7)
    gone: list[str] = []

    def clone(said: str) -> None:
        if "destination-database='(default)'" in said:
            database.put_back()
            lanes.cache_clear()
        else:
            assert "destination-database=" in said

    book.stand_ins = {
        "firebase functions:delete": gone.append,
        "gcloud firestore databases clone": clone,
        "gcloud firestore databases delete": gone.append,
        "firebase deploy": gone.append,
    }
    book.play("Stop")
    minutes = dict.fromkeys(("AFTERWARDS", "BEFORE", "NOW"), "2026-11-22T20:00:00Z")
    book.play("Restore", PROJECT="demo", **minutes)
    assert (len(gone), topups(deployment.wallet)) == (3, [])

    of_unknown = {"CUSTOMER": deployment.ref.customer_id, "CREDITS": 5_000, "SESSION": unknown}
    _, reconciled, *_ = book.play("Bring back what Stripe knows", **of_unknown)
    drift, explained = book.play("Over", CUSTOMER=deployment.ref.customer_id)

    assert unknown in reconciled
    assert drift_in(drift).keys() <= {"unknown"}
    assert "all agree" in explained
    assert topups(deployment.wallet) == [SMALL_NANOS]
    assert deployment.wallet.available() == FREE_NANOS + 2 * SMALL_NANOS - 11
    for paid in deployment.shop.events(PAID):
        assert deliver(deployment.client, signed_event(paid)) == 200
    assert topups(deployment.wallet) == [SMALL_NANOS]


def test_a_release_is_taken_back_whose_documents_say_more(
    deployment: Deployment, playbook: Open
) -> None:
    """What the newer one wrote is read and left alone by the one before."""
    deployment.buy()
    assert deliver(deployment.client, signed_event(deployment.shop.event(PAID))) == 200
    newer = {
        path: {**fields, "of_a_later_release": {"value": 1}}
        for path, fields in Database().read().items()
        if "/entries/" not in path
    }
    for path, fields in newer.items():
        commit([Put(path, fields)])
    lanes.cache_clear()
    done: list[str] = []
    book = playbook("bad-deploy", {"git checkout": done.append, "firebase deploy": done.append})

    book.play("Go back", LAST_GOOD="v1.0.0")
    deployment.wallet.charge("by-the-old-one", 3)
    book.play("Catch up")
    failed, explained = book.play("Over", CUSTOMER=deployment.ref.customer_id)

    assert (failed, len(done)) == ("", 2)
    assert "all agree" in explained
    kept = firestore.get_all([deployment.wallet.ref.wallet])[0].fields
    assert kept is not None
    assert kept["of_a_later_release"] == {"value": 1}
    assert deployment.wallet.available() == FREE_NANOS + SMALL_NANOS - 3
