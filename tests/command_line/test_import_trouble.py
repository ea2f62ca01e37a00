"""`import stripe-extension` where something is odd: prices, statuses, users, a kill, a race."""

import os
import signal
import sys
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient

from creditbase.accounts.use_cases import HUB_PROJECT_ID
from creditbase.catalog.models import read_catalog
from creditbase.catalog.use_cases import push_catalog, shared_cache
from creditbase.kernel.errors import Unavailable
from creditbase.payments import adopting
from creditbase.payments.domain import Outcome
from creditbase.payments.mirroring import mirror_customer
from creditbase.runtime.firestore import Create, commit
from creditbase.subscriptions.use_cases import first_touch
from dev import background
from dev.layout import ROOT
from tests.command_line.test_import import Capsys, Extension, extension, rows, wallet_of
from tests.payments.conftest import _session_wire, client, now, ref, wire
from tests.payments.deliveries import FREE_NANOS, deliver
from tests.payments.sale import file_with
from tests.payments.shop import Shop, signed_event
from tests.payments.test_subscriptions import GURU_NANOS, grants
from tests.payments.till import Till

__all__ = ["_session_wire", "client", "extension", "now", "ref", "wire"]

pytestmark = pytest.mark.firestore

ARRIVES_WITHIN_S = 60


def a_price(shop: Shop, every: str = "", **form: object) -> str:
    """Return a price of another's, paid `every` so often, or once."""
    rhythm = {"recurring[interval]": every} if every else {}
    named = {"currency": "usd", "unit_amount": 300, "product_data[name]": "News"}
    made: str = shop.post("/prices", **{**named, **rhythm, **form})["id"]
    return made


class TestPrices:
    """What an operator says of them, and what they are."""

    def test_a_file_says_the_same_as_options(
        self, extension: Extension, capsys: Capsys, tmp_path: Path
    ) -> None:
        """One to a line; spaces, empty lines and notes do not matter."""
        uid, _ = extension.user()
        file = tmp_path / "prices.txt"
        file.write_text(f"# sold since 2021\n\n {extension.price_id} = guru \r\n")

        shown = extension.run(capsys, "--map-file", str(file), is_mapped=False)

        assert shown.status == 0
        assert rows(shown)[uid]["plan_code"] == "guru"

    def test_a_file_that_is_none_is_refused_in_words(
        self, extension: Extension, capsys: Capsys, tmp_path: Path
    ) -> None:
        """Missing, a folder, or no text: nobody is shown a trace."""
        (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00")

        for name in ("missing", "", "bytes"):
            file = str(tmp_path / name)
            assert extension.run(capsys, "--map-file", file, is_mapped=False).status == 2

    @pytest.mark.parametrize(
        ("every", "why"), [("", "paid once"), ("year", "every year"), ("week", "every week")]
    )
    def test_a_price_in_another_rhythm_than_the_plan_is_refused(
        self, extension: Extension, capsys: Capsys, every: str, why: str
    ) -> None:
        """Else a year would bring a month's credits, and each week as many."""
        price_id = a_price(extension.shop, every)

        said = extension.run(capsys, "--map", f"{price_id}=guru", "--apply", is_mapped=False)

        assert said.status == 1
        assert why in said.answer["error"]["message"]
        assert extension.shop.get(f"/prices/{price_id}")["metadata"] == {}

    def test_a_product_is_no_price(self, extension: Extension, capsys: Capsys) -> None:
        """The two stand side by side in the Dashboard."""
        product_id = extension.shop.get(f"/prices/{extension.price_id}")["product"]

        said = extension.run(capsys, "--map", f"{product_id}=guru", is_mapped=False)

        assert said.status == 1
        assert "no price" in said.answer["error"]["message"]

    def test_a_year_is_a_plan_of_its_own_with_a_years_credits(
        self, extension: Extension, capsys: Capsys, now: datetime
    ) -> None:
        """A plan that is not sold here brings what the operator says, once a year."""
        extension.price_id = a_price(extension.shop, "year", currency="eur")
        uid, _ = extension.user()
        push_catalog(HUB_PROJECT_ID, file_with(guru={"is_sold": False, "credits": 120_000}))
        shared_cache().forget()
        try:
            done = extension.run(capsys, "--apply")
        finally:
            push_catalog(HUB_PROJECT_ID, read_catalog(ROOT / "catalog.json"))
            shared_cache().forget()

        assert done.status == 0
        wallet = wallet_of(uid, now)
        assert grants(wallet)["cycle"] == 12 * GURU_NANOS
        wallet.audit()


class TestStatuses:
    """What runs at Stripe need not be paid for."""

    def test_a_trial_brings_its_credits_and_what_has_ended_brings_none(
        self, extension: Extension, capsys: Capsys, now: datetime
    ) -> None:
        """Nothing is asked of whoever is in a trial, and nothing is given to who has left."""
        trying, trier = extension.user(subscribes=False)
        extension.subscribe(trier, extension.price_id, trial_period_days=7)
        gone, _ = extension.user()
        Till(extension.shop.world).cancel()

        shown = extension.run(capsys)
        done = extension.run(capsys, "--apply")

        assert rows(shown) == rows(done)
        assert done.status == 0
        assert rows(done)[gone]["plan_code"] == "free"
        assert wallet_of(gone, now).available() == FREE_NANOS
        assert wallet_of(trying, now).available() == GURU_NANOS

    def test_a_renewal_that_failed_brings_nothing_until_it_is_paid(
        self, extension: Extension, client: FlaskClient, capsys: Capsys, now: datetime
    ) -> None:
        """The plan is shown; the credits come with the payment, by its event."""
        uid, _ = extension.user()
        till = Till(extension.shop.world)
        till.take_card("pm_card_chargeCustomerFail")
        till.renew()
        assert till.newest("subscription")["status"] == "past_due"

        done = extension.run(capsys, "--apply")

        assert rows(done)[uid]["plan_code"] == "guru"
        assert done.result["totals"]["granted_nanos"] == 0
        wallet = wallet_of(uid, now)
        assert "cycle" not in grants(wallet)

        till.take_card("pm_card_visa")
        till.post(f"/invoices/{till.newest('invoice')['id']}/pay")
        (paid,) = extension.shop.events("invoice.paid")[-1:]
        assert deliver(client, signed_event(paid)) == 200
        assert grants(wallet)["cycle"] == GURU_NANOS
        wallet.audit()


class TestUsers:
    """Who is there already, and who writes a document of their own."""

    def test_who_is_here_already_is_linked_and_keeps_what_they_have(
        self, extension: Extension, capsys: Capsys, now: datetime
    ) -> None:
        """Nobody is made twice."""
        uid, _ = extension.user()
        before = first_touch(uid, now=now)

        done = extension.run(capsys, "--apply")

        assert rows(done)[uid]["is_new"] is False
        wallet = wallet_of(uid, now)
        assert wallet.ref.customer_id == before.customer_id
        assert grants(wallet) == {"free": FREE_NANOS, "cycle": GURU_NANOS}

    @pytest.mark.parametrize("written", ["a/b", "..", "__x__", "cus_1\x1b[2J", "x" * 3_000, 5])
    def test_what_a_user_wrote_stops_nobody_else(
        self, extension: Extension, capsys: Capsys, written: object
    ) -> None:
        """No path, no name that the store keeps for itself, nothing for a terminal."""
        uid = f"a{uuid4().hex}"
        commit([Create(f"{extension.collection}/{uid}", {"stripeId": written})])
        other, _ = extension.user(subscribes=False)

        found = extension.run(capsys, "--apply", is_mapped=False)

        left = {
            name: (row["left"], row["stripe_customer_id"]) for name, row in rows(found).items()
        }
        assert left[uid] == ("unknown_at_stripe", "")
        assert left[other][0] == ""

    def test_one_who_cannot_be_finished_stops_nobody_else_and_three_stop_it(
        self, extension: Extension, capsys: Capsys, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A wallet that takes nothing is one user's; a Stripe that does not answer is not."""
        uids = sorted(extension.user()[0] for _ in range(4))
        broken = {uids[0]}

        def take(uid: str, *given: Any, **named: Any) -> adopting.Adoption:
            if uid in broken:
                raise Unavailable
            return adopt(uid, *given, **named)

        adopt = adopting.adopt
        monkeypatch.setattr("command_line.import_commands.adopt", take)

        found = extension.run(capsys, "--apply")
        assert found.status == 3
        assert [rows(found)[uid]["left"] for uid in uids] == ["unfinished", "", "", ""]

        broken |= set(uids)
        assert extension.run(capsys, "--apply").status == 4


@pytest.mark.over_http
def test_a_process_that_is_killed_between_link_and_grant_is_finished_by_the_next(
    extension: Extension, capsys: Capsys, now: datetime, tmp_path: Path
) -> None:
    """By SIGKILL: one user is linked without credits then, and one was not looked at."""
    uids = sorted(extension.user()[0] for _ in range(2))
    looks = {"method": "GET", "path_prefix": "/v1/subscriptions", "outcome": "slow"}
    extension.shop.order("/faults", **looks, seconds=0.001)  # before the link
    extension.shop.order("/faults", **looks, seconds=600)  # after it
    words = ["import", "stripe-extension", "--map", f"{extension.price_id}=guru"]
    words += ["--customers", extension.collection, "--apply"]
    importing = background.start(
        "import",
        [sys.executable, "-m", "command_line", *words],
        log=tmp_path / "import.log",
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'functions'}:{ROOT}"},
        ends_with_us=signal.SIGKILL,
    )
    background.wait_until(
        lambda: not extension.shop.world.faults.armed(),
        program=importing,
        within_s=ARRIVES_WITHIN_S,
        what="the second look at Stripe",
    )
    importing.process.kill()
    assert importing.process.wait(timeout=20) == -signal.SIGKILL
    extension.shop.order_end_of_faults()
    assert grants(wallet_of(uids[0], now)) == {"free": FREE_NANOS}

    done = extension.run(capsys, "--apply")
    again = extension.run(capsys, "--apply")

    assert [rows(done)[uid]["is_linked"] for uid in uids] == [True, False]
    assert done.result["totals"]["granted_nanos"] == 2 * GURU_NANOS
    assert again.result["totals"]["granted_nanos"] == 0
    for uid in uids:
        wallet = wallet_of(uid, now)
        assert grants(wallet) == {"free": FREE_NANOS, "cycle": GURU_NANOS}
        assert len(wallet.entries()) == len({it["entry_id"] for it in wallet.entries()})
        wallet.audit()


@pytest.mark.parametrize("moment", ["before", "between", "after"])
def test_a_webhook_of_the_same_subscription_makes_one_grant_with_the_import(
    extension: Extension,
    client: FlaskClient,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
    moment: str,
) -> None:
    """Told before the link, between link and grant, or after all: the same ledger."""
    uid, customer = extension.user()
    adopting.mark_prices({extension.price_id: "guru"})
    told = [signed_event(it) for it in extension.shop.events("*")]
    mirror = mirror_customer

    def tell(at: str) -> None:
        if at == moment:
            assert {deliver(client, it) for it in told} == {200}

    def mirror_later(stripe_customer_id: str, *, now: datetime) -> Outcome:
        tell("between")
        return mirror(stripe_customer_id, now=now)

    monkeypatch.setattr(adopting, "mirror_customer", mirror_later)

    tell("before")
    assert adopting.adopt(uid, customer, now=now).left == ""
    tell("after")

    wallet = wallet_of(uid, now)
    kinds = [it["entry_id"].partition(":")[0] for it in wallet.entries()]
    assert kinds == ["free", "expire", "cycle"]
    assert wallet.available() == GURU_NANOS
    wallet.audit()
