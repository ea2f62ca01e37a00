"""Stripe's subscriptions, mirrored: where a customer stands, and what the wallet makes of it.

Every event about a subscription or an invoice leads to the same: look at all of the
customer's subscriptions as they are now, keep what was seen, then tell the wallet.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from creditbase.accounts.domain import CustomerRef
from creditbase.accounts.store import find_project
from creditbase.accounts.use_cases import HUB_PROJECT_ID
from creditbase.catalog.domain.tiers import Tiers
from creditbase.catalog.tier_use_cases import load_tiers
from creditbase.catalog.use_cases import load_catalog
from creditbase.kernel.errors import Forbidden, InvalidRequest, NotFound, Unavailable
from creditbase.kernel.records import dataclass
from creditbase.ledger.paths import WalletRef
from creditbase.ledger.use_cases import run
from creditbase.payments import store, stripe_billing
from creditbase.payments.domain import APPLIED, Event, Outcome
from creditbase.payments.noticing import mails_for
from creditbase.payments.standing_store import Mirrored, writes_for_standing
from creditbase.payments.store import Account
from creditbase.payments.surplus import end_surplus
from creditbase.payments.tier_moves import Change, capped
from creditbase.runtime.commit import Attempt, commit_or_retry
from creditbase.runtime.firestore import Write
from creditbase.runtime.log import alert
from creditbase.subscriptions.domain.commanding import commands_of
from creditbase.subscriptions.domain.mirror import Invoice, Record, Subscription
from creditbase.subscriptions.domain.notices import Scene, owed_notices
from creditbase.subscriptions.domain.standing import (
    Standing,
    decide_standing,
)
from creditbase.subscriptions.domain.tier_standing import decide_tier_standing
from creditbase.subscriptions.domain.trials import TrialDecision, decide_trial, wanted_claims
from creditbase.subscriptions.store import (
    load_claims,
    load_records,
    writes_for_claims,
    writes_for_records,
)
from creditbase.subscriptions.telling import tell_subscription_changed

log = logging.getLogger(__name__)

STRANGER = "stripe:"
"""How the external id begins of who was made by a payment; its Stripe customer follows."""


@dataclass(frozen=True, slots=True)
class Picture:
    """What a customer's standing was decided to be, and from what at Stripe."""

    standing: Standing | None
    """None for a customer who was deleted here: only `refused` is left to do."""
    invoices: tuple[Invoice, ...] = ()
    seen: tuple[Subscription, ...] = ()
    refused: tuple[str, ...] = ()
    """Running trials that give nothing, and what a deleted customer has: ended at once."""


@dataclass(frozen=True, slots=True)
class Look:
    """A customer as it is kept, and everything that Stripe shows of it now."""

    account: Account
    seen: list[Subscription]
    invoices: list[Invoice]
    known: Mapping[str, Record]
    now: datetime


@dataclass(frozen=True, slots=True)
class Decided:
    """What was decided from a look, and what must happen together with keeping it."""

    standing: Standing
    trials: TrialDecision
    others: list[Write]


def mirror_subscription(event: Event, now: datetime) -> Outcome:
    """Act on anything that happened to a subscription."""
    return _mirror_by(stripe_billing.customer_of_subscription, event, now)


def mirror_schedule(event: Event, now: datetime) -> Outcome:
    """Act on anything that happened to what is planned for a subscription.

    The portal makes a schedule and then writes into it, so the event of the subscription may
    tell of one that plans nothing yet.
    """
    return _mirror_by(stripe_billing.customer_of_schedule, event, now)


def _mirror_by(find_customer: Callable[[str], str], event: Event, now: datetime) -> Outcome:
    try:
        stripe_customer_id = find_customer(event.object_id)
    except NotFound:
        return Outcome("ignored", "no_such_object")
    return mirror_customer(stripe_customer_id, now=now)


def mirror_invoice(event: Event, now: datetime) -> Outcome:
    """Act on anything that happened to an invoice; settle a renewal that would wait."""
    try:
        draft = stripe_billing.load_draft(event.object_id)
    except NotFound:
        return Outcome("ignored", "no_such_object")
    if not draft.subscription_id:
        return Outcome("ignored", "no_subscription")
    if draft.is_waiting_renewal and store.find_owner(draft.stripe_customer_id) is not None:
        stripe_billing.settle_renewal(event.object_id, is_draft=draft.status == "draft")
    return mirror_customer(draft.stripe_customer_id, now=now)


def mirror_customer(stripe_customer_id: str, *, now: datetime) -> Outcome:
    """Bring a customer's mirror and wallet to where Stripe stands now; once or often.

    Raises:
        Unavailable, Contention: not finished; to be repeated.
    """
    ref = store.find_owner(stripe_customer_id)
    if ref is None:
        return Outcome("ignored", "not_ours")
    wallet = WalletRef(ref.project_id, ref.customer_id)
    picture = _mirror(ref, stripe_customer_id, now=now)
    standing = picture.standing
    if standing is not None:
        tell_wallet(wallet, standing, now=now)
    for subscription_id in picture.refused:
        log.info("a subscription was ended at once", extra={"subscription": subscription_id})
        stripe_billing.cancel_subscription(subscription_id)
    if standing is None:
        return Outcome("ignored", "customer_deleted")
    _end_surplus(wallet, picture, standing)
    if standing.unknown:
        return Outcome("quarantined", "unknown_price")
    return APPLIED


def _end_surplus(wallet: WalletRef, picture: Picture, standing: Standing) -> None:
    """End what is live beside the subscription that counts."""
    seen = {one.subscription_id: one for one in picture.seen}
    named = {line.plan_code for bill in picture.invoices for line in bill.lines}
    for subscription_id in standing.surplus:
        is_hub = wallet.project_id == HUB_PROJECT_ID
        end_surplus(
            wallet,
            seen[subscription_id],
            picture.invoices,
            by=seen[standing.terms.origin],
            tiers=None if is_hub else tiers_with(wallet.project_id, named),
        )


def _mirror(ref: CustomerRef, stripe_customer_id: str, *, now: datetime) -> Picture:
    def attempt() -> Attempt[Picture]:
        # The version first, then Stripe: whatever changes in between makes the commit fail.
        account = store.load_account(ref)
        look = look_at(account, stripe_customer_id, now=now)
        if account.customer.deleted_at is not None:
            left = tuple(one.subscription_id for one in look.seen if one.is_live)
            return Attempt(Picture(None, refused=left), ())
        return picture(look)

    return commit_or_retry(attempt)


def picture(look: Look, *, change: Change | None = None) -> Attempt[Picture]:
    """Return where a customer stands by a look at Stripe, and the writes that keep it.

    A new change of tier is kept in the same commit, and may cap what is spent meanwhile.
    """
    account = look.account
    if change is not None:
        look = replace(look, account=replace(account, change=change))
    is_hub = account.customer.project_id == HUB_PROJECT_ID
    decided = _decide_plan(look) if is_hub else _decide_tier(look)
    standing, trials = decided.standing, decided.trials
    mirrored = Mirrored(
        records=writes_for_records(account.customer.project_id, look.known, standing.records),
        issue=_issue_of(standing, look.invoices),
        digest=standing.digest,
        trial=trials.trial,
        held=standing.held,
        change=change,
        others=decided.others,
    )
    terms = replace(standing.terms, revision=account.revision + mirrored.has_moved(account))
    standing = replace(standing, terms=terms)
    told = Picture(standing, tuple(look.invoices), tuple(look.seen), trials.refused)
    return Attempt(told, writes_for_standing(account, mirrored))


def look_at(
    account: Account,
    stripe_customer_id: str,
    *,
    now: datetime,
    seen: list[Subscription] | None = None,
) -> Look:
    """Return what Stripe shows of a customer; `seen` are its subscriptions, if just asked."""
    project_id = account.customer.project_id
    payers = dict.fromkeys(
        filter(None, (account.customer.stripe_customer_id, stripe_customer_id))
    )
    if seen is None:
        seen = [
            one
            for payer in payers
            for one in stripe_billing.list_subscriptions(project_id, payer)
        ]
    back_to = min((one.period.start_at for one in seen if one.is_live), default=None)
    invoices = [
        one
        for payer in payers
        for one in stripe_billing.list_invoices(project_id, payer, back_to=back_to)
    ]
    known = load_records(project_id, [one.subscription_id for one in seen])
    return Look(account, seen, invoices, known, now)


def _decide_plan(look: Look) -> Decided:
    """Decide for a customer of the hub: a plan with its credits, and mails."""
    account, seen, invoices = look.account, look.seen, look.invoices
    customer = account.customer
    catalog = load_catalog(customer.project_id)
    trials = _look_at_trials(account, seen)
    standing = decide_standing(
        customer.customer_id,
        seen,
        invoices,
        look.known,
        catalog.plans,
        refused=trials.refused,
        now=look.now,
    )
    scene = Scene(
        known=look.known,
        seen=seen,
        invoices=invoices,
        plans=catalog.plans,
        currency=catalog.currency,
        is_free=standing.terms.window == "free",
        set_aside=standing.surplus,
        refused=trials.refused,
        issue_before=account.payment_issue,
        issue=_issue_of(standing, invoices),
    )
    others = [*_claims_of(customer.ref, trials), *_mails_of(account, scene, now=look.now)]
    return Decided(standing, trials, others)


def _decide_tier(look: Look) -> Decided:
    """Decide for a customer of the relay: a tier with its limit."""
    account, seen = look.account, look.seen
    customer = account.customer
    trials = _look_at_trials(account, seen)
    named = {name for one in seen for name in (one.plan_code, one.next_tier_id)}
    named |= {customer.subscription.tier_id} if customer.subscription else set()
    tiers = tiers_with(customer.project_id, named)
    standing = decide_tier_standing(
        customer, seen, look.invoices, look.known, tiers, trials=trials, now=look.now
    )
    terms = capped(standing.terms, account.change, seen, look.now)
    standing = replace(standing, terms=terms)
    others = _claims_of(customer.ref, trials)
    held = standing.held
    if held is not None and held != customer.subscription:
        tier = tiers.by_id(held.tier_id)
        code = tier.code if tier is not None else ""
        others.append(
            tell_subscription_changed(
                customer, held, code, revision=account.revision + 1, now=look.now
            )
        )
    return Decided(standing, trials, others)


def tiers_with(project_id: str, named: Iterable[str]) -> Tiers:
    """Return a project's tiers, those that are named among them."""
    tiers = load_tiers(project_id)
    for tier_id in sorted(filter(None, named)):
        tiers = load_tiers(project_id, needed_id=tier_id)
    return tiers


def _look_at_trials(account: Account, seen: list[Subscription]) -> TrialDecision:
    """Return the customer's first trial, and which running ones give nothing.

    Who a relay project's customers are, and which cards they share, the project knows: they
    have one trial each. Whoever came by Stripe's page is known to nobody but by the card.
    """
    customer = account.customer
    is_relay = customer.project_id != HUB_PROJECT_ID
    if is_relay and not customer.external_id.startswith(STRANGER):
        return decide_trial(customer.customer_id, account.trial, seen, {}, {})
    email = "" if is_relay else customer.email
    claims = wanted_claims(customer.project_id, account.trial, seen, email)
    owners = load_claims(customer.project_id, claims)
    return decide_trial(customer.customer_id, account.trial, seen, claims, owners)


def _claims_of(ref: CustomerRef, trials: TrialDecision) -> list[Write]:
    if trials.trial is None:
        return []
    return writes_for_claims(ref.project_id, ref.customer_id, trials.trial, trials.claims)


def _mails_of(account: Account, scene: Scene, *, now: datetime) -> list[Write]:
    newest = max(scene.seen, key=lambda one: one.created_at, default=None)
    payer_email = newest.payer_email if newest is not None else ""
    notices = owed_notices(scene, now=now)
    return mails_for(account, notices, payer_email=payer_email, now=now)


def _issue_of(standing: Standing, invoices: list[Invoice]) -> dict[str, Any] | None:
    """Return the payment that failed, as the customer's document keeps it."""
    unpaid = [bill for bill in invoices if bill.status == "open"]
    if not standing.terms.payment_issue or not unpaid:
        return None
    bill = max(unpaid, key=lambda bill: bill.age)
    return {
        "invoice_id": bill.invoice_id,
        "since_at": bill.created_at,
        "attempts": bill.attempts,
        "next_attempt_at": bill.next_attempt_at,
    }


def tell_wallet(wallet: WalletRef, standing: Standing, *, now: datetime) -> None:
    """Put the wallet on its terms and give what is owed: commands that may be repeated.

    All are let go where another process has told the wallet a newer standing meanwhile.

    Raises:
        Unavailable: the wallet does not take them now.
    """
    is_promoted = any(grant.kind == "promo" for grant in standing.grants)
    low_nanos = _low_nanos(wallet) if is_promoted else None
    try:
        for command in commands_of(standing, low_nanos=low_nanos):
            run(wallet, command, now=now)
    except (NotFound, Forbidden, InvalidRequest) as refusal:
        # The last: there is no room in it until some is spent.
        alert("wallet_refuses", "a standing waits for its wallet", wallet=wallet.wallet_id)
        raise Unavailable from refusal


def _low_nanos(wallet: WalletRef) -> int | None:
    """Return the balance below which a project reminds the owners of its wallets."""
    project = find_project(wallet.project_id)
    return None if project is None else project.low_balance_nanos
