"""Shadow mode over HTTP: nobody is refused, it costs the same, and the switch is at once."""

from typing import Any

import pytest

from creditbase.admin.shadowing import load_shadow
from creditbase.ledger import use_cases
from creditbase.ledger.domain.commands import Freeze
from creditbase.ledger.domain.shadow import SwitchShadow
from tests import costs
from tests.relay.desk import CREDIT, CREDITS, Desk, at_once, code_of, json_of, wrong_field
from tests.wire import Wire

pytestmark = pytest.mark.firestore


def switch(desk: Desk, *, is_on: bool) -> None:
    """Switch the mode in another process than the one that serves the desk."""
    other, command = use_cases.Lanes(), SwitchShadow(is_on=is_on)
    other.run(desk.wallet.ref, command, now=desk.clock.now(), deadline_s=1e12)


def compared(desk: Desk) -> dict[str, Any]:
    """Return what the running day has compared of work that names no model."""
    found: dict[str, Any] = desk.wallet.state()["today"]["compared"]["unspecified"]
    return found


def test_work_that_nothing_pays_is_let_through_and_noted(desk: Desk) -> None:
    """The answer says what was taken, in the fields that it always has."""
    switch(desk, is_on=True)

    charged = desk.charge("k", (CREDITS + 7) * CREDIT)
    held = desk.hold("h", 5 * CREDIT)
    hold_id = json_of(held)["hold"]["id"]
    taken = desk.end(hold_id, "capture", {"amount_nanos": 3, "counter": {"charged_nanos": 2}})

    assert (charged.status_code, held.status_code, taken.status_code) == (201, 201, 200)
    charge = json_of(charged)["charge"]
    assert (charge["captured_nanos"], charge["shortfall_nanos"]) == (
        CREDITS * CREDIT,
        7 * CREDIT,
    )
    assert json_of(taken)["hold"]["shortfall_nanos"] == 3
    assert compared(desk) == {
        "decided": 2,
        "refused": 2,
        "different": 3,
        "beyond_nanos": 7 * CREDIT + 3,
        "told": 1,
        "charge_differs": 1,
        "charge_difference_nanos": 1,
    }


def test_a_frozen_customer_is_let_through_and_what_is_malformed_is_not(desk: Desk) -> None:
    """Only what would be decided of credits is left undone."""
    switch(desk, is_on=True)
    desk.wallet.run(Freeze("operator"))

    assert desk.charge("k", 1).status_code == 201
    assert desk.charge("k", 2).status_code == 422
    assert desk.charge("other", -1).status_code == 400
    absurd = desk.charge("more", 1, counter={"balance_nanos": 2**53 + 1})
    assert wrong_field(absurd) == "counter.balance_nanos"


def test_it_costs_what_it_always_costs(desk: Desk, wire: Wire) -> None:
    """Warm: one RPC, no read, two writes; refused or not, told or not."""
    switch(desk, is_on=True)
    desk.charge("first", 1)

    def counts(key: str, nanos: int) -> tuple[int, int, int]:
        wire.reset()
        desk.charge(key, nanos, counter={"charged_nanos": nanos, "balance_nanos": 0})
        return wire.counts

    assert counts("second", 1) == costs.CHARGE_WARM
    assert counts("third", (CREDITS + 1) * CREDIT) == costs.CHARGE_WARM


def test_a_warm_process_sees_the_switch_with_its_next_call(desk: Desk) -> None:
    """What it remembers of the wallet is older: its commit fails, and it decides again."""
    desk.charge("warm", 1)
    switch(desk, is_on=True)
    let_through = desk.charge("over", (CREDITS + 1) * CREDIT)
    switch(desk, is_on=False)
    refused = desk.charge("again", 1)

    assert let_through.status_code == 201
    assert code_of(refused) == (402, "PAYMENT_REQUIRED")
    assert desk.charge("over", (CREDITS + 1) * CREDIT).get_data() == let_through.get_data()


def test_a_switch_under_load_loses_nothing_and_doubles_nothing(desk: Desk) -> None:
    """Each call is one entry, or a refusal that left nothing, whichever mode it met."""
    part = CREDITS * CREDIT // 6

    def ask(n: int) -> Any:
        if n % 4 == 3:
            return switch(desk, is_on=n % 8 == 3)
        return desk.charge(f"k{n}", part, counter={"charged_nanos": part})

    answers = {n: found for n, found in enumerate(at_once(24, ask)) if n % 4 != 3}

    taken = {n: json_of(it)["charge"] for n, it in answers.items() if it.status_code == 201}
    assert {it.status_code for it in answers.values()} <= {201, 402}
    entries = [it for it in desk.wallet.entries() if it["kind"] == "charge"]
    assert len(entries) == len(taken)
    captured = sum(it["captured_nanos"] for it in taken.values())
    beyond = sum(it["shortfall_nanos"] for it in taken.values())
    assert captured == CREDITS * CREDIT - desk.wallet.available()
    assert captured + beyond == part * len(taken)
    noted = [it["cause"]["shadow"] for it in entries if "shadow" in it.get("cause", {})]
    assert sum(it.get("beyond_nanos", 0) for it in noted) == beyond
    for n, answer in answers.items():
        if answer.status_code == 201:
            again = desk.charge(f"k{n}", part, counter={"charged_nanos": part})
            assert again.get_data() == answer.get_data()
    assert len(entries) == len([it for it in desk.wallet.entries() if it["kind"] == "charge"])


def test_what_was_compared_is_closed_with_the_day(desk: Desk) -> None:
    """A day of nothing but holds that came back is kept for what it says."""
    switch(desk, is_on=True)
    hold_id = desk.held((CREDITS + 1) * CREDIT)
    desk.end(hold_id, "void", {})
    desk.clock.pass_on(days=1)
    desk.charge("k", 1)

    report = load_shadow(desk.wallet.ref, days=2, now=desk.clock.now())
    assert [(line.date, line.compared.refused) for line in report.lines] == [
        ("2026-03-10", 1),
        ("2026-03-11", 0),
    ]
    assert (report.agreed_days, report.is_ready) == (1, False)
