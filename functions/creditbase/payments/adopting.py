"""Customers of the extension "Run Payments with Stripe" become ours, with their subscriptions.

The extension keeps `customers/{uid}` with the user's `stripeId`
(https://github.com/stripe/stripe-firebase-extensions). Nothing else of what it keeps is
believed: subscriptions and invoices are asked of Stripe, and what follows from them is decided
and given as for any event. A price that it sold gets the mark that ours have, so whoever looks
at it later, a webhook or this, finds the same plan.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from creditbase.accounts.domain import CustomerRef, new_customer
from creditbase.accounts.store import find_user
from creditbase.accounts.use_cases import HUB_PROJECT_ID
from creditbase.catalog.use_cases import load_catalog
from creditbase.kernel.errors import InvalidRequest, NotFound, Unauthenticated
from creditbase.kernel.records import dataclass
from creditbase.ledger.paths import WalletRef
from creditbase.ledger.store import find_entry
from creditbase.payments import store, stripe_gateway, stripe_marks
from creditbase.payments.mirroring import Look, look_at, mirror_customer, picture
from creditbase.payments.store import Account
from creditbase.runtime import firestore
from creditbase.runtime.commit import Attempt, commit_or_retry
from creditbase.subscriptions.domain.terms import FREE_PLAN
from creditbase.subscriptions.use_cases import first_touch

PAGE = 100
UID = "firebaseUID"
"""What the extension writes at Stripe into the metadata of each customer that it makes."""
STRIPE_CUSTOMER = re.compile(r"cus_\w{1,100}", re.ASCII)
"""Users may have written their document themselves: all else names nothing, or another path."""


@dataclass(frozen=True, slots=True)
class Adoption:
    """What is to be made of one user of the extension, or was made."""

    uid: str
    stripe_customer_id: str = ""
    is_new: bool = False
    """Whether the user has no customer here yet."""
    is_linked: bool = False
    """Whether the Stripe customer was the user's already."""
    plan_code: str = ""
    """The plan that the user stands on then."""
    subscription_ids: tuple[str, ...] = ()
    """What runs at Stripe."""
    granted_nanos: int = 0
    """What the ledger does not have yet, and has then."""
    left: str = ""
    """Why nothing is done about the user; empty where it is."""
    unmapped: tuple[str, ...] = ()
    """Prices of running subscriptions that no plan is known for."""

    @property
    def is_smooth(self) -> bool:
        """Return whether nothing is left for a person to look at."""
        return self.left in {"", "no_stripe_customer"}


def check_mapping(mapping: Mapping[str, str]) -> None:
    """Refuse a mapping of prices to plans that cannot be meant.

    Raises:
        InvalidRequest: a plan is not sold, or a price is marked as another's, or is none, or
            is paid in another rhythm than the plan: its credits come once a period.
    """
    plans = load_catalog(HUB_PROJECT_ID).plans
    for price_id, code in mapping.items():
        if code not in plans or code == FREE_PLAN:
            raise InvalidRequest(f"{code} is no plan of the catalog that is paid for")
        try:
            price = stripe_marks.load_foreign_price(price_id)
        except NotFound:
            raise InvalidRequest(f"Stripe has no price {price_id}") from None
        if price.made_for not in {("", ""), (HUB_PROJECT_ID, code)}:
            raise InvalidRequest(
                f"{price_id} is sold as {price.made_for[1] or 'something else'}"
            )
        if not price.every:
            raise InvalidRequest(f"{price_id} is paid once: no subscription has it")
        if plans[code].is_sold and price.every != "month":
            raise InvalidRequest(
                f"{price_id} is paid every {price.every}, and {code} brings a month's credits: "
                "map it to a plan that is not sold (is_sold), with the credits of that time"
            )


def mark_prices(mapping: Mapping[str, str]) -> None:
    """Write at Stripe which plan each price is for; once or often.

    Raises:
        InvalidRequest: as `check_mapping`.
        Unavailable: Stripe did not answer; what is marked stays.
    """
    check_mapping(mapping)
    for price_id, code in mapping.items():
        stripe_marks.mark_price(price_id, project_id=HUB_PROJECT_ID, plan_code=code)


def list_extension_users(collection: str) -> Iterator[tuple[str, str]]:
    """Yield the users of the extension with their Stripe customers, by uid."""
    after = ""
    while page := firestore.page_of(collection, after=after, limit=PAGE, only=("stripeId",)):
        after = page[-1].document_id
        for snapshot in page:
            yield snapshot.document_id, str((snapshot.fields or {}).get("stripeId") or "")


def preview(
    uid: str, stripe_customer_id: str, mapping: Mapping[str, str], *, now: datetime
) -> Adoption:
    """Return what adopting a user would do, by the decision that does it; nothing is written.

    Raises:
        Unavailable: Stripe or the store did not answer.
    """
    found = Adoption(uid, stripe_customer_id)
    if not stripe_customer_id:
        return replace(found, left="no_stripe_customer")
    if not STRIPE_CUSTOMER.fullmatch(stripe_customer_id):
        return Adoption(uid, left="unknown_at_stripe")
    user = find_user(uid)
    account = _account_of(uid, None if user is None else user.customer, now=now)
    linked = account.customer.stripe_customer_id
    found = replace(found, is_new=user is None, is_linked=linked == stripe_customer_id)
    left = _reason_to_leave(uid, account, stripe_customer_id)
    if left:
        return replace(found, left=left)
    look = _mapped(look_at(account, stripe_customer_id, now=now), mapping)
    live = [one for one in look.seen if one.is_live]
    found = replace(found, subscription_ids=tuple(one.subscription_id for one in live))
    unmapped = {one.price_id for one in live if not one.plan_code}
    if unmapped:
        return replace(found, left="unmapped_price", unmapped=tuple(sorted(unmapped)))
    told = picture(look).answer
    assert told.standing is not None
    if told.standing.surplus:
        return replace(found, left="several_subscriptions")
    if told.refused:
        return replace(found, left="second_trial")
    wallet = WalletRef(account.customer.project_id, account.customer.customer_id)
    owed = [it for it in told.standing.grants if find_entry(wallet, it.grant_id) is None]
    return replace(
        found,
        plan_code=told.standing.terms.plan_code,
        granted_nanos=sum(it.amount_nanos for it in owed),
    )


def adopt(uid: str, stripe_customer_id: str, *, now: datetime) -> Adoption:
    """Make a user of the extension ours, with what runs at Stripe; once or often.

    The prices are marked before. What is done is kept, so it may be repeated at any point.

    Raises:
        Unavailable, Contention: not finished; to be repeated.
    """
    found = preview(uid, stripe_customer_id, {}, now=now)
    if found.left:
        return found
    try:
        ref = first_touch(uid, now=now)
    except Unauthenticated:
        return replace(found, left="erased")
    if not _link(ref, stripe_customer_id, now=now):
        return replace(found, left="other_stripe_customer")
    outcome = mirror_customer(stripe_customer_id, now=now)
    return found if outcome.status == "applied" else replace(found, left=outcome.reason)


def _account_of(uid: str, ref: CustomerRef | None, *, now: datetime) -> Account:
    """Return the user's account, or what it would be."""
    if ref is not None:
        return store.load_account(ref)
    made, _ = new_customer(project_id=HUB_PROJECT_ID, external_id=uid, now=now, uid=uid)
    return store.find_account(made.ref) or Account(made, {}, 0, now)


def _reason_to_leave(uid: str, account: Account, stripe_customer_id: str) -> str:
    """Return why a Stripe customer cannot be this user's; empty where it is.

    The rules of many projects let users write their own document of the extension: whose the
    Stripe customer is, only Stripe says.
    """
    if account.customer.deleted_at is not None:
        return "erased"
    if account.customer.stripe_customer_id not in {"", stripe_customer_id}:
        return "other_stripe_customer"
    owner = store.find_owner(stripe_customer_id)
    if owner not in {None, account.customer.ref}:
        return "stripe_customer_of_another"
    try:
        told = stripe_gateway.load_customer(stripe_customer_id)
    except NotFound:
        return "unknown_at_stripe"
    if told.is_deleted:
        return "deleted_at_stripe"
    return "" if told.metadata.get(UID) == uid else "stripe_customer_of_another"


def _mapped(look: Look, mapping: Mapping[str, str]) -> Look:
    """Return a look as it will be once the prices are marked."""

    def with_plan(one: Any) -> Any:
        return replace(one, plan_code=mapping.get(one.price_id, one.plan_code))

    return replace(
        look,
        seen=[with_plan(one) for one in look.seen],
        invoices=[
            replace(bill, lines=tuple(with_plan(line) for line in bill.lines))
            for bill in look.invoices
        ],
    )


def _link(ref: CustomerRef, stripe_customer_id: str, *, now: datetime) -> bool:
    """Tie a customer to its Stripe customer; return whether they are one another's then."""

    def attempt() -> Attempt[bool]:
        account = store.load_account(ref)
        owner = store.find_owner(stripe_customer_id)
        linked = account.customer.stripe_customer_id
        if linked:
            return Attempt(linked == stripe_customer_id and owner == ref, ())
        if owner not in {None, ref}:
            return Attempt(False, ())
        return Attempt(
            True,
            store.writes_for_adopted(
                account, stripe_customer_id, is_known=owner == ref, now=now
            ),
        )

    return commit_or_retry(attempt)
