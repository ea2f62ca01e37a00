"""Laws of the ledger, held against random lives of wallets and an independent model."""

import itertools
import random
from collections import Counter
from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from creditbase.kernel.errors import BillingError
from creditbase.ledger.domain.decide import decide
from creditbase.ledger.domain.grants import Grant, GrantKind
from creditbase.ledger.domain.wallet import Wallet
from tests.kernel.profiles import PURE, STORIES
from tests.ledger.builders import (
    NOON,
    a_capture,
    a_charge,
    a_story,
)
from tests.ledger.programs import KINDS, PROGRAMS, RETURNS, Step, Twin, compare


@STORIES
@given(PROGRAMS)
def test_the_ledger_does_what_the_model_does(program: list[Step]) -> None:
    """Lazy or not, in whatever order things come: the same credits, debts and refusals."""
    twin = Twin()
    for step in program:
        twin.take(step)
        compare(twin)

    # each hold ended once or is open, and what it held has gone where it should
    for hold_id in twin.holds:
        entries = [e for e in twin.story.entries.values() if e.hold_id == hold_id]
        ends = [e for e in entries if e.kind in ("capture", "void", "expire")]
        held = sum(entry.postings.get("held", 0) for entry in entries)
        is_open = hold_id in twin.story.wallet.holds
        assert len(ends) == (0 if is_open else 1)
        assert held == (entries[0].amount_nanos if is_open else 0)


@STORIES
@given(RETURNS)
def test_what_goes_back_of_held_credits_is_what_the_model_says(program: list[Step]) -> None:
    """Refunds, cuts and failed refunds between holds and their ends, nano by nano."""
    twin = Twin()
    for pick in (0, 0, 2):  # two parts of a plan, and a pack
        twin.take(Step(0, "grant", 30, pick))
    for step in program:
        twin.take(step)
        compare(twin)


@STORIES
@given(PROGRAMS, st.lists(st.integers(-100_000, 100_000), min_size=40, max_size=40))
def test_nothing_breaks_when_clocks_disagree(program: list[Step], skews_s: list[int]) -> None:
    """Servers' clocks go back and forth; a wallet's time, its count and its chain do not."""
    twin = Twin()
    for step, skew_s in zip(program, skews_s, strict=False):
        before = twin.story.wallet
        twin.number += 1
        twin.story.now += timedelta(seconds=skew_s)
        asked = None if step.action == "again" else getattr(twin, step.action)(step)
        if asked is None:
            continue
        try:
            twin.story.do(asked[0])
        except BillingError:
            assert twin.story.wallet is before
        assert twin.story.wallet.at >= before.at
        assert twin.story.wallet.seq >= before.seq

    instants = [entry.at for entry in twin.story.entries.values()]
    assert instants == sorted(instants)


# ---- order ---------------------------------------------------------------------------------

GRANTS = st.lists(
    st.builds(
        Grant,
        grant_id=st.text("abc", min_size=1, max_size=3),
        kind=st.sampled_from(KINDS),
        priority=st.integers(1, 3),
        created_at=st.sampled_from([NOON, NOON + timedelta(seconds=1)]),
        expires_at=st.sampled_from(
            [None, NOON, NOON + timedelta(days=1), NOON + timedelta(days=2)]
        ),
        granted_nanos=st.just(9),
        remaining_nanos=st.integers(1, 9),
    ),
    max_size=8,
    unique_by=lambda grant: grant.grant_id,
)


@PURE
@given(GRANTS, st.integers(0, 40), st.randoms(use_true_random=False))
def test_the_order_in_which_grants_are_stored_does_not_matter(
    grants: list[Grant], amount_nanos: int, chance: random.Random
) -> None:
    """A map has no order; the same wallet must decide the same on every server."""
    story = a_story()
    decisions: list[object] = []
    for _ in range(3):
        chance.shuffle(grants)
        wallet: Wallet = replace(story.wallet, grants={g.grant_id: g for g in grants})
        try:
            decided = decide(wallet, {}, a_charge(amount_nanos, "k"), now=NOON)
        except BillingError as refusal:
            decisions.append(refusal.__dict__)
        else:
            decisions.append((decided.entries, decided.wallet))

    assert decisions[0] == decisions[1] == decisions[2]


@PURE
@given(GRANTS, st.integers(0, 40))
def test_a_charge_burns_the_first_in_order_to_the_last_nano(
    grants: list[Grant], amount_nanos: int
) -> None:
    """Everything before the last draw is empty, everything after it is untouched."""
    wallet = replace(a_story().wallet, grants={g.grant_id: g for g in grants})
    live = [g for g in grants if g.expires_at is None or g.expires_at > NOON]
    if sum(g.remaining_nanos for g in live) < amount_nanos:
        return

    after = decide(wallet, {}, a_charge(amount_nanos, "k"), now=NOON).wallet

    def place(grant: Grant) -> tuple[object, ...]:
        """Spell the five keys of DESIGN section 5 once more."""
        paid: tuple[GrantKind, ...] = ("plan", "topup")
        return (
            grant.priority,
            grant.expires_at is None,
            grant.expires_at or NOON,
            grant.kind in paid,
            grant.created_at,
            grant.grant_id,
        )

    for first, then in itertools.pairwise(sorted(live, key=place)):
        left = after.grants.get(first.grant_id)
        assert left is None or after.grants[then.grant_id] == then
    assert (
        sum(g.remaining_nanos for g in after.grants.values())
        == sum(g.remaining_nanos for g in live) - amount_nanos
    )


@PURE
@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 100)), min_size=1, max_size=5),
    st.randoms(use_true_random=False),
)
def test_ends_of_different_holds_come_in_any_order(
    holds: list[tuple[int, int]], chance: random.Random
) -> None:
    """Captures within their holds and voids touch nothing of each other."""
    ends = []
    for _ in range(2):
        story = a_story(a=13, b=13, c=30)
        placed = [(story.hold(held), held, share) for held, share in holds]
        chance.shuffle(placed)
        for hold_id, held, share in placed:
            if share == 0:
                story.void(hold_id)
            else:
                story.entry(a_capture(hold_id, held * share // 100))
        ends.append((story.wallet.grants, story.wallet.window.tallies))

    assert ends[0] == ends[1]


@PURE
@given(
    st.lists(st.sampled_from(KINDS), min_size=1, max_size=6),
    st.integers(0, 50),
    st.randoms(use_true_random=False),
)
def test_grants_of_the_same_instant_come_in_any_order(
    kinds: list[GrantKind], debt_nanos: int, chance: random.Random
) -> None:
    """Webhooks overtake each other; what is left and what is owed does not depend on it."""
    ends = set()
    given_out = list(enumerate(kinds))
    for _ in range(3):
        chance.shuffle(given_out)
        story = a_story(debt=debt_nanos)
        story.charge(debt_nanos)
        story.take_back("debt", debt_nanos)
        for number, kind in given_out:
            story.grant(f"g{number}", 10 + number, kind)
        by_kind: Counter[str] = Counter()
        for grant in story.wallet.grants.values():
            by_kind["repaying" if grant.kind in ("topup", "adjustment") else grant.kind] += (
                grant.remaining_nanos
            )
        ends.add((story.wallet.receivable_nanos, tuple(sorted(by_kind.items()))))

    assert len(ends) == 1
