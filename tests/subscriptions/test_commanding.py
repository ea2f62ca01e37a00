"""What a standing has the wallet do, in its order."""

from dataclasses import replace

import pytest

from creditbase.ledger.domain.commands import (
    ChangeTerms,
    CutMonthly,
    GrantCredits,
    UndoCut,
)
from creditbase.ledger.domain.wallet import Terms
from creditbase.subscriptions.domain.commanding import commands_of
from creditbase.subscriptions.domain.owed import OwedGrant
from creditbase.subscriptions.domain.standing import OwedCut, OwedUndo, standing_on

BARE = standing_on(Terms("pro", revision=7), None)


def test_the_terms_come_first_and_then_what_they_bring() -> None:
    """All under the revision of the terms, so that a newer standing outdoes them together."""
    plan = OwedGrant("cycle:1", 5, None, "pro", "in_1", paid_nanos=3)
    promo = OwedGrant("promo:1", 2, None, "pro", kind="promo")

    terms, first, second = commands_of(replace(BARE, grants=(plan, promo)), low_nanos=9)

    assert terms == ChangeTerms(BARE.terms, None)
    assert first == GrantCredits(
        "cycle:1", "plan", 5, cause={"plan": "pro", "invoice": "in_1"}, revision=7, paid_nanos=3
    )
    assert isinstance(second, GrantCredits)
    assert (second.kind, second.low_nanos, second.revision) == ("promo", 9, 7)


@pytest.mark.parametrize(
    ("owed", "command"),
    [
        (OwedCut("cut:1", 4), CutMonthly("cut:1", 4, {"plan": "pro"}, 7)),
        (OwedUndo("undo:1", 4, 2), UndoCut("undo:1", 4, 2, {"plan": "pro"}, 7)),
    ],
)
def test_a_plan_that_became_smaller_or_larger_is_told_last(
    owed: OwedCut | OwedUndo, command: CutMonthly | UndoCut
) -> None:
    """What is cut is cut of what was granted just now, too."""
    assert commands_of(replace(BARE, cut=owed))[-1] == command
