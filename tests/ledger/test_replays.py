"""Replays: the same command twice is one effect, one answer; another under its key is none."""

from datetime import timedelta

import pytest

from creditbase.kernel.errors import (
    Conflict,
    Contention,
    Forbidden,
    IdempotencyConflict,
    NotFound,
    PaymentRequired,
)
from creditbase.ledger.domain.commands import (
    Adopt,
    ChangeTerms,
    Command,
    ExtendHold,
    FixedAmount,
    Freeze,
    GiveBack,
    GrantCredits,
    TakeBack,
    Tidy,
    VoidHold,
)
from creditbase.ledger.domain.decide import decide
from creditbase.ledger.domain.wallet import Wallet
from tests.ledger.builders import (
    BARE,
    DAY,
    HOUR,
    Story,
    a_capture,
    a_charge,
    a_hold,
    a_story,
    hold_id_of,
)

QUARTER = timedelta(seconds=900)


def replayed(story: Story, command: Command) -> None:
    """Give the command again, later: the same entry, and no change at all."""
    first = story.entry(command)
    for wait in (timedelta(0), HOUR, 40 * DAY):
        before = story.wait(wait).wallet
        again = story.do(command)
        assert again.is_replay
        assert again.entry == first
        assert (again.closed_days, again.closed_windows, again.must_publish) == ((), (), False)
        assert story.wallet is before


REPEATABLE: list[Command] = [
    a_charge(10, "k"),
    a_charge(0, "k"),
    a_hold(10, "k"),
    GrantCredits("topup:pi", "topup", 10),
    TakeBack("refund:a:1", "a", 10, owes_rest=True),
    GiveBack("refund:a:2", "a", "topup", 10),
]


@pytest.mark.parametrize("command", REPEATABLE, ids=lambda c: type(c).__name__)
def test_a_command_given_again_changes_nothing(command: Command) -> None:
    """A lost answer, a double click, a webhook delivered nine times (P07, P12)."""
    replayed(a_story(a=100), command)


@pytest.mark.parametrize(
    "make", [lambda h: a_capture(h, 30), lambda h: a_capture(h, 70), lambda h: VoidHold(h, "v")]
)
def test_the_end_of_a_hold_given_again_changes_nothing(make: object) -> None:
    """The gateway's retry must not take the money twice."""
    assert callable(make)
    story = a_story(a=100)
    replayed(story, make(story.hold(50)))


def test_a_late_capture_given_again_changes_nothing() -> None:
    """Late, and then lost on the way, and sent again."""
    story = a_story(a=100)
    hold_id = story.hold(50)
    story.wait(QUARTER)

    replayed(story, a_capture(hold_id, 60))
    assert story.left() == {"a": 40}


@pytest.mark.parametrize("first", [a_charge(10, "k"), a_hold(10, "k")])
@pytest.mark.parametrize(
    "other",
    [
        a_charge(11, "k"),
        a_charge(10, "k", body="other"),
        a_hold(11, "k"),
        a_hold(10, "k", body="other"),
    ],
)
def test_the_same_key_for_another_request_is_refused(first: Command, other: Command) -> None:
    """Another body or another route under one key is a bug of the client (P08)."""
    story = a_story(a=100)
    story.do(first)
    before = story.wallet

    with pytest.raises(IdempotencyConflict):
        story.do(other)
    assert story.wallet is before
    assert story.do(first).is_replay


def test_a_refusal_is_not_remembered() -> None:
    """After buying credits, the same key gets through."""
    story = a_story(a=5)
    charge = a_charge(10, "k")
    with pytest.raises(PaymentRequired):
        story.do(charge)

    story.grant("b", 5, "topup")

    assert not story.do(charge).is_replay


# ---- ends ----------------------------------------------------------------------------------


def test_a_hold_ends_once_and_every_other_end_is_a_conflict() -> None:
    """Captured is captured: another amount, or a void, comes too late."""
    for is_void in (False, True):
        story = a_story(a=100)
        hold_id = story.hold(50)
        ended = story.void(hold_id) if is_void else story.capture(hold_id, 10)
        before = story.wallet

        with pytest.raises(Conflict):
            story.capture(hold_id, 11)
        if ended.kind == "capture":
            with pytest.raises(Conflict):
                story.void(hold_id)
        else:
            assert story.entry(VoidHold(hold_id, "another body")) is ended
        assert story.wallet is before


def test_another_capture_under_the_same_key_is_told_as_such() -> None:
    """With a key the client says that it is the same request; it is not."""
    story = a_story(a=100)
    hold_id = story.hold(50)
    story.capture(hold_id, 10, key="k")

    assert story.do(a_capture(hold_id, 10, key="k")).is_replay
    assert story.do(a_capture(hold_id, 10, key="other")).is_replay
    assert story.do(a_capture(hold_id, 10)).is_replay
    with pytest.raises(IdempotencyConflict):
        story.capture(hold_id, 11, key="k")
    with pytest.raises(Conflict):
        story.capture(hold_id, 11, key="other")


def test_late_captures_conflict_like_others() -> None:
    """After expiry there is exactly one more capture."""
    story = a_story(a=100)
    hold_id = story.hold(50)
    story.wait(QUARTER)
    story.capture(hold_id, 10, key="k")

    assert story.do(a_capture(hold_id, 10)).is_replay
    with pytest.raises(IdempotencyConflict):
        story.capture(hold_id, 11, key="k")
    with pytest.raises(Conflict):
        story.capture(hold_id, 11)
    with pytest.raises(Conflict, match="ended"):
        story.void(hold_id)


def test_a_void_after_the_time_out_gets_the_time_out() -> None:
    """Nothing is left to void, and nothing is wrong."""
    story = a_story(a=100)
    hold_id = story.hold(50)
    story.wait(QUARTER).tidy()

    decided = story.do(VoidHold(hold_id, "v"))

    assert decided.is_replay
    assert decided.entry == story.written("expire")[0]
    assert story.capture(hold_id, 10).kind == "late"


def test_a_void_that_finds_the_hold_timed_out_writes_it_down() -> None:
    """What was answered must be durable: a server whose clock is behind may not extend it."""
    story = a_story(a=100)
    hold_id = story.hold(50)
    story.wait(QUARTER)

    decided = story.do(VoidHold(hold_id, "v"))

    assert not decided.is_replay
    assert decided.entries == (decided.entry,)
    assert decided.entry is not None
    assert decided.entry.status == "expired"
    story.wait(-HOUR)
    with pytest.raises(Conflict):
        story.extend(hold_id, story.now + 2 * HOUR)


# ---- parked --------------------------------------------------------------------------------


def parked(story: Story) -> Story:
    """Return the story with its wallet parked after a broken rule."""
    fields = {name: getattr(story.wallet, name) for name in Wallet.__dataclass_fields__}
    story.wallet = Wallet(**{**fields, "parked": "the grants disagree"})
    return story


@pytest.mark.parametrize(
    "command",
    [
        a_charge(1, "new"),
        a_hold(1, "new"),
        a_capture(hold_id_of("open"), 1),
        VoidHold(hold_id_of("open"), "v"),
        ExtendHold(hold_id_of("open"), a_story().now + HOUR),
        GrantCredits("topup:pi", "topup", 10),
        TakeBack("refund:a:1", "a", 10, owes_rest=True),
        GiveBack("refund:a:2", "a", "topup", 10),
        ChangeTerms(BARE),
        Adopt("uid", BARE),
        Freeze("x"),
        Tidy(),
    ],
    ids=lambda c: type(c).__name__,
)
def test_a_parked_wallet_does_nothing(command: Command) -> None:
    """After a broken rule nothing moves until somebody has looked."""
    story = a_story(a=100)
    story.do(a_hold(10, "open"))

    with pytest.raises(Forbidden, match="parked"):
        parked(story).do(command)


def test_a_parked_wallet_still_tells_what_was_done() -> None:
    """A client that asks again must not hear 'refused' for money that moved (P10)."""
    story = a_story(a=100)
    held = hold_id_of("h")
    done: list[Command] = [a_charge(1, "c"), a_hold(1, "h"), a_capture(held, 1)]
    first = [story.entry(command) for command in done]

    parked(story)

    assert [story.entry(command) for command in done] == first


def test_a_process_that_knows_no_entries_refuses_what_it_cannot_see() -> None:
    """With a snapshot alone the answer is a refusal, which the write path reads again for."""
    story = a_story(a=100)
    hold_id = story.hold(50)
    story.capture(hold_id, 10)

    with pytest.raises(NotFound):
        decide(story.wallet, {}, a_capture(hold_id, 10), now=story.now)
    story.do(a_hold(10, "open"))
    with pytest.raises(Contention):
        decide(story.wallet, {}, a_hold(10, "open"), now=story.now)


def test_every_command_names_the_entries_that_guard_it() -> None:
    """They are read with the wallet in one RPC; a forgotten one is a double effect."""
    hold_id = hold_id_of("k")
    guards = (f"end:{hold_id}", f"late:{hold_id}", a_charge(1, "k").entry_id)
    for command in (
        a_capture(hold_id, FixedAmount(1)),
        VoidHold(hold_id, "v"),
        ExtendHold(hold_id, a_story().now),
    ):
        assert command.guards() == guards
    for once in REPEATABLE:
        others: tuple[str, ...] = ()
        if isinstance(once, TakeBack):
            others = ("expire:a", "expire:a:held")
        elif isinstance(once, GiveBack):
            others = ("a", "expire:a")
        assert once.guards()[1:] == others
    assert ChangeTerms(BARE).guards() == Freeze("").guards() == Tidy().guards() == ()
    assert Adopt("uid", BARE).guards() == ()
    with pytest.raises(AssertionError):
        VoidHold("no hold id", "v").guards()
