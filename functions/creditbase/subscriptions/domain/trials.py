"""Trials: a customer, a card and an e-mail address each have one, and no more. Pure.

Source: ADR-0012. The first trial of a customer is kept for ever, and claims the card and the
address that it was begun with. A trial that finds one of them claimed by another customer,
or that is not the customer's first, gives nothing: it is ended at once, before it can cost.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from creditbase.kernel.ids import trial_claim_id
from creditbase.kernel.records import dataclass
from creditbase.subscriptions.domain.mirror import Subscription

CARD, EMAIL = "card", "email"
MAIL_WITHOUT_DOTS = frozenset({"gmail.com", "googlemail.com"})
"""Where dots in the name mean nothing, and both domains are the same."""


@dataclass(frozen=True, slots=True)
class Trial:
    """The first trial that a customer had."""

    subscription_id: str
    begun_at: datetime
    refused_for: str = ""
    """`card` or `email` where somebody else had a trial with it; empty for a good one."""


Claims = Mapping[str, str]
"""By claim, what it is for: `card` or `email`."""


@dataclass(frozen=True, slots=True)
class TrialDecision:
    """What is kept of trials now, and what is to be ended."""

    trial: Trial | None
    claims: tuple[str, ...] = ()
    """Claims to be created with it."""
    refused: tuple[str, ...] = ()
    """Running trials that give nothing."""


def normal_address(email: str) -> str:
    """Return what is the same for all spellings that reach one mailbox.

    What follows a plus sign is a label almost everywhere; dots are none only where it is known.
    """
    name, _, domain = email.strip().casefold().rpartition("@")
    name = name.partition("+")[0]
    if domain in MAIL_WITHOUT_DOTS:
        name, domain = name.replace(".", ""), "gmail.com"
    return f"{name}@{domain}"


def email_claim(project_id: str, email: str) -> Claims:
    """Return the claim of a verified address; none where there is no address."""
    if not email:
        return {}
    return {trial_claim_id(project_id, EMAIL, normal_address(email)): EMAIL}


def first_trial(seen: Iterable[Subscription]) -> Subscription | None:
    """Return the subscription that had a trial first; equal instants by id."""
    trials = [one for one in seen if one.trial_end_at is not None and one.plan_code]
    return min(trials, key=lambda one: (one.created_at, one.subscription_id), default=None)


def wanted_claims(
    project_id: str, kept: Trial | None, seen: Iterable[Subscription], email: str
) -> Claims:
    """Return what the customer's first trial would claim; nothing where it is known already."""
    first = first_trial(seen)
    if kept is not None or first is None:
        return {}
    claims = dict(email_claim(project_id, email))
    if first.card_fingerprint:
        claims[trial_claim_id(project_id, CARD, first.card_fingerprint)] = CARD
    return claims


def decide_trial(
    customer_id: str,
    kept: Trial | None,
    seen: Sequence[Subscription],
    claims: Claims,
    owners: Mapping[str, str],
) -> TrialDecision:
    """Return the customer's first trial, and which running ones give nothing.

    `claims` are what the first trial wants, `owners` the customers of those that exist.
    """
    first = first_trial(seen)
    created: tuple[str, ...] = ()
    trial = kept
    if trial is None and first is not None:
        taken = [name for name, owner in owners.items() if owner != customer_id]
        refused_for = min((claims[name] for name in taken), default="")
        trial = Trial(first.subscription_id, first.created_at, refused_for)
        created = tuple(sorted(name for name in claims if name not in owners))
    running = [one.subscription_id for one in seen if one.status == "trialing"]
    good = trial.subscription_id if trial is not None and not trial.refused_for else ""
    ours = {one.subscription_id for one in seen if one.plan_code}
    return TrialDecision(
        trial, created, tuple(name for name in running if name in ours and name != good)
    )


def offered_days(
    days: int, *, kept: Trial | None, seen: Iterable[Subscription], is_claimed: bool
) -> int:
    """Return the days of trial to offer: none to who had one, or whose address had one."""
    had_one = kept is not None or first_trial(seen) is not None
    return 0 if had_one or is_claimed else days
