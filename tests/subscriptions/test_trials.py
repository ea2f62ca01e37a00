"""Trials: a customer, a card and an address have one each, however they are begun."""

from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest

from creditbase.kernel.ids import trial_claim_id
from creditbase.subscriptions.domain.mirror import Subscription
from creditbase.subscriptions.domain.trials import (
    Trial,
    TrialDecision,
    decide_trial,
    email_claim,
    normal_address,
    offered_days,
    wanted_claims,
)
from tests.subscriptions.pictures import DAY, GURU, PRO, START, a_subscription, stand, with_id

CARD = trial_claim_id("p1", "card", "fp_1")
EMAIL = trial_claim_id("p1", "email", "ada@example.com")
GOOD = Trial("sub_1", START)


def a_trial(status: str = "trialing", **given: Any) -> Subscription:
    """Return a subscription that began with a trial."""
    return a_subscription(
        status=status, trial_end_at=START + 7 * DAY, card_fingerprint="fp_1", **given
    )


def look(
    *seen: Subscription, kept: Trial | None = None, owners: dict[str, str] | None = None
) -> TrialDecision:
    """Decide for the customer `c1`, whose address is verified."""
    claims = wanted_claims("p1", kept, seen, "ada@example.com")
    return decide_trial("c1", kept, list(seen), claims, owners or {})


class TestTheFirst:
    """What it is, and what it claims."""

    def test_the_first_trial_is_kept_and_claims_card_and_address(self) -> None:
        """In the commit that gives its credits."""
        decided = look(a_trial())

        assert decided == TrialDecision(GOOD, tuple(sorted((CARD, EMAIL))), ())

    def test_what_is_kept_is_not_asked_for_again(self) -> None:
        """Once it is known there is no question to the store, and nothing to write."""
        assert wanted_claims("p1", GOOD, [a_trial()], "ada@example.com") == {}
        assert look(a_trial(), kept=GOOD) == TrialDecision(GOOD)

    def test_a_plan_that_was_paid_from_the_start_is_no_trial(self) -> None:
        """Nor is another application's."""
        foreign = replace(with_id(a_trial(), "sub_0"), plan_code="")

        assert look(a_subscription(), foreign) == TrialDecision(None)

    def test_a_trial_that_was_over_before_anybody_looked_was_one(self) -> None:
        """Cancelled within the minute: there is no second."""
        assert look(a_trial("canceled")).trial == GOOD

    def test_without_a_card_or_a_verified_address_the_customer_alone_counts(self) -> None:
        """Nobody is refused for what is not known."""
        bare = replace(a_trial(), card_fingerprint="")

        assert wanted_claims("p1", None, [bare], "") == {}
        assert decide_trial("c1", None, [bare], {}, {}) == TrialDecision(GOOD)

    def test_its_own_claims_are_no_reason_to_refuse(self) -> None:
        """Where a customer's document was restored, say, and the claims were not."""
        decided = look(a_trial(), owners={CARD: "c1", EMAIL: "c1"})

        assert decided == TrialDecision(GOOD)


class TestASecond:
    """It gives nothing, and is ended."""

    @pytest.mark.parametrize(("name", "why"), [(CARD, "card"), (EMAIL, "email")])
    def test_a_card_or_address_of_somebody_elses_trial_is_refused(
        self, name: str, why: str
    ) -> None:
        """One card on seventy accounts was one card on seventy trials elsewhere."""
        decided = look(a_trial(), owners={name: "c2"})

        assert decided.refused == ("sub_1",)
        assert decided.trial == Trial("sub_1", START, refused_for=why)
        assert set(decided.claims) == {CARD, EMAIL} - {name}

    def test_refused_once_is_refused_for_good(self) -> None:
        """Whatever becomes of the claims; and a refused trial was the customer's one."""
        kept = Trial("sub_1", START, refused_for="card")

        assert look(a_trial(), kept=kept).refused == ("sub_1",)
        assert look(with_id(a_trial(), "sub_2"), kept=kept).refused == ("sub_2",)

    def test_of_two_begun_at_once_the_first_is_good_in_any_order(self) -> None:
        """Two pages open at the same time, both paid."""
        first, second = a_trial(), with_id(a_trial(created_at=START + DAY), "sub_2")
        twin = with_id(a_trial(), "sub_3")

        for seen in permutations((first, second, twin)):
            decided = look(*seen)
            assert decided.trial == GOOD
            assert set(decided.refused) == {"sub_2", "sub_3"}

    def test_what_was_paid_after_its_trial_is_not_refused(self) -> None:
        """A second one that costs is a plan like any other."""
        paid = with_id(a_trial("active"), "sub_2")

        assert look(a_trial("canceled"), paid, kept=GOOD).refused == ()


class TestWhereItStands:
    """What refused trials mean to the customer."""

    def test_a_refused_trial_leaves_the_customer_as_before(self) -> None:
        """The free plan with its free credits, and no grant of the trial."""
        standing = stand(a_trial(), refused=["sub_1"])

        assert (standing.terms.plan_code, standing.window) == ("free", None)
        assert (standing.grants, standing.surplus) == ((), ())
        assert standing.records[0].status == "trialing"

    def test_beside_a_plan_that_counts_it_changes_nothing(self) -> None:
        """Not even where it is the dearer one."""
        dear = with_id(a_trial(plan=PRO), "sub_2")

        standing = stand(a_subscription(), dear, refused=["sub_2"])

        assert (standing.terms.plan_code, standing.surplus) == (GURU.code, ())


@pytest.mark.parametrize(
    ("kept", "seen", "is_claimed", "days"),
    [
        (None, [], False, 14),
        (None, [a_subscription(status="canceled")], False, 14),
        (GOOD, [], False, 0),
        (None, [a_trial("canceled")], False, 0),
        (None, [], True, 0),
    ],
    ids=["a newcomer", "had a paid plan", "had a trial", "had one, unseen", "address had one"],
)
def test_a_trial_is_offered_to_who_never_had_one(
    kept: Trial | None, seen: list[Subscription], is_claimed: bool, days: int
) -> None:
    """Nothing is promised on the page that would be refused after it."""
    assert offered_days(14, kept=kept, seen=seen, is_claimed=is_claimed) == days


@pytest.mark.parametrize(
    ("spelling", "normal"),
    [
        ("Ada@Example.COM", "ada@example.com"),
        (" ada+news@example.com", "ada@example.com"),
        ("a.d.a+x@googlemail.com", "ada@gmail.com"),
        ("a.d.a@example.com", "a.d.a@example.com"),
    ],
)
def test_spellings_of_one_mailbox_are_one_address(spelling: str, normal: str) -> None:
    """Labels and dots cost nobody anything to invent."""
    assert normal_address(spelling) == normal
    assert email_claim("p1", spelling) == email_claim("p1", normal)
    assert email_claim("p2", spelling) != email_claim("p1", normal)


def test_a_claim_tells_nothing_of_the_card_or_address() -> None:
    """It is kept for ever, so it names nobody."""
    claims = wanted_claims("p1", None, [a_trial()], "ada@example.com")

    assert all(len(name) == 64 and "ada" not in name for name in claims)
    assert sorted(claims.values()) == ["card", "email"]
