"""Documents: everything that is written is read back, and only what changed is sent."""

from dataclasses import replace
from typing import Any

import pytest

from creditbase.ledger.changes import changes_between
from creditbase.ledger.domain.balance import balance_of
from creditbase.ledger.domain.cells import Cell
from creditbase.ledger.domain.commands import FixedAmount, Freeze, MeteredUsage
from creditbase.ledger.domain.entries import Figures
from creditbase.ledger.domain.wallet import DayCount, Metered, Published, Terms
from creditbase.ledger.encoding import (
    read_balance,
    read_entry,
    read_wallet,
    write_balance,
    write_closed_day,
    write_closed_window,
    write_entry,
    write_wallet,
)
from creditbase.runtime.firestore import DELETE_FIELD
from tests.ledger.builders import (
    DAY,
    FREE,
    HOUR,
    MINUTE,
    NOON,
    WALLET_ID,
    FlatRate,
    Story,
    a_story,
    applied,
    tier,
)


def a_full_story() -> Story:
    """Return a wallet with something in every field."""
    story = a_story(FREE, a=1000)
    story.grant("promo", 5, "promo", expires_at=NOON + 9 * DAY)
    story.take_back("a", 40)
    story.charge(600, Metered("model.with/dots", "acme", 5, {"input_tokens": 2}))
    story.now = story.wallet.window.span.end_at - MINUTE
    hold_id = story.hold(100, model="large", ttl_s=3600)
    story.extend(hold_id, story.now + HOUR, MeteredUsage({"input_tokens": 3}, FlatRate()))
    story.wait(2 * MINUTE).charge(1)
    story.take_back("a", 5000, n=2)
    story.do(Freeze("dispute"))
    assert story.wallet.closing
    return story


def test_a_full_wallet_is_read_as_it_was_written() -> None:
    """Nothing of a customer's state is lost on the way to the store and back."""
    wallet = replace(a_full_story().wallet, parked="x", published=Published(NOON, True))

    assert read_wallet(WALLET_ID, write_wallet(wallet)) == wallet
    assert all(
        value is not None
        for grant in write_wallet(wallet)["grants"].values()
        for value in grant.values()
    )


def test_an_entry_and_a_balance_are_read_as_they_were_written() -> None:
    """Answers are given from documents."""
    story = a_full_story()
    for entry in story.entries.values():
        told = replace(entry, metadata={"user": {"id": "1", "n": [1, None]}})
        assert read_entry(write_entry(told)) == told
        unlimited = replace(entry, figures=Figures(1, 2, 3, None))
        assert read_entry(write_entry(unlimited)) == unlimited
    for wallet in (story.wallet, a_story(tier(included="unlimited")).wallet):
        for is_settled in (False, True):
            balance = balance_of(wallet, now=story.now, is_settled=is_settled)
            assert read_balance(write_balance(balance, shard=3)) == balance
            assert write_balance(balance, shard=3)["shard"] == 3


def test_closed_counts_are_whole_documents() -> None:
    """They leave the hot document for good, so they must say everything."""
    story = a_full_story()
    (window,) = story.wallet.closing

    written = write_closed_window(window)
    assert (written["number"], written["start_at"]) == (0, NOON)
    assert written["models"]["model.with/dots"] == {
        "requests": 1,
        "amount_nanos": 600,
        "cost_nanos": 5,
        "input_tokens": 2,
    }
    day = DayCount("2026-03-10", {Cell(name): it for name, it in window.tallies.items()})
    assert write_closed_day(day) == {"date": "2026-03-10", "models": written["models"]}


# ---- what a commit sends -------------------------------------------------------------------


def sent(story: Story, command_of: Any) -> dict[str, Any]:
    """Return the field paths that a step sends, joined by dots, without the state before."""
    old = story.wallet
    command_of(story)
    assert applied(old, story.wallet) == write_wallet(story.wallet)
    return {".".join(path[1:]): v for path, v in changes_between(old, story.wallet).items()}


def test_a_charge_sends_only_what_it_touched() -> None:
    """A wallet of five hundred holds must not be sent whole for one of them."""
    story = a_story(a=100, b=100)
    story.hold(10)
    story.charge(1, Metered("m"))

    changes = sent(story, lambda s: s.charge(5, Metered("m")))

    counters = {"window.models.m", "window.days.2026-03-10", 'today.models.["m","","none"]'}
    assert set(changes) == {"seq", "head", "rows", "rowed_nanos", "grants.a", *counters}
    assert changes["window.models.m"] == {"requests": 2, "amount_nanos": 6}


def test_the_end_of_a_hold_deletes_it_and_what_it_emptied() -> None:
    """What is gone must go from the document too, or it grows for ever."""
    story = a_story(a=100)
    hold_id = story.hold(100)

    changes = sent(story, lambda s: s.capture(hold_id, 100))

    assert changes[f"holds.{hold_id}"] is DELETE_FIELD
    assert changes["grants.a"] is DELETE_FIELD


@pytest.mark.parametrize(
    ("step", "paths"),
    [
        (lambda s: s.tidy(), set()),
        (lambda s: s.do(Freeze("x")), {"frozen"}),
        (lambda s: s.terms(Terms("free", payment_issue=True)), {"terms"}),
        (lambda s: s.wait(DAY).tidy(), {"at", "today"}),
        (
            lambda s: s.terms(tier(), replace(s.wallet.window.span, start_at=NOON)),
            {"terms", "window.number"},
        ),
    ],
    ids=["tidy", "freeze", "terms", "day", "same window"],
)
def test_a_step_sends_the_fields_it_changed(step: Any, paths: set[str]) -> None:
    """No more, and no less."""
    story = a_story()

    changes = sent(story, step)

    assert set(changes) == paths


def test_a_turned_window_is_sent_whole() -> None:
    """Old counters must not stay behind under the new window's name."""
    story = a_story(FREE, a=10)
    story.charge(3, Metered("m"))
    story.now = story.wallet.window.span.end_at - MINUTE
    story.hold(1)
    story.wait(2 * MINUTE)

    changes = sent(story, lambda s: s.charge(1, Metered("n")))

    assert set(changes["window"]["models"]) == {"n"}
    assert [window["number"] for window in changes["closing"]] == [0]


def test_an_amount_held_on_a_limit_is_a_field_of_its_own() -> None:
    """The counters of two hundred models are not sent for it."""
    story = a_story(tier(100))

    changes = sent(story, lambda s: s.hold(10))
    assert changes["window.included_held_nanos"] == 10
    hold_id = next(iter(story.wallet.holds))
    changes = sent(story, lambda s: s.capture(hold_id, FixedAmount(7)))
    assert changes["window.included_held_nanos"] == 0
    assert changes["window.included_spent_nanos"] == 7
