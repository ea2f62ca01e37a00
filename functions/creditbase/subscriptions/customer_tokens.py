"""Customer tokens: who gets one, and onto which tier a customer's first one puts it.

Source: relay-api.md 2. The back end vouches for its customers, so the tier it names for a
customer without subscription is given at once.
"""

from datetime import datetime, timedelta

from creditbase.accounts import store as accounts
from creditbase.accounts.domain import Customer, CustomerRef, Project, TierSubscription
from creditbase.accounts.tokens import (
    TTL_DEFAULT,
    TTL_MAX,
    IssuedToken,
    Minting,
    SigningKeys,
)
from creditbase.catalog.domain.tiers import Tier
from creditbase.catalog.tier_use_cases import find_code_now, find_tier_now
from creditbase.kernel.errors import InvalidRequest, NotFound
from creditbase.kernel.records import dataclass
from creditbase.subscriptions.relay_tiers import ENDED, put_on_tier


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenOrder:
    """What a back end asks for: one of the two names, and what it leaves open."""

    project_id: str
    key_id: str
    token_id: str
    """A UUID of its own for every token."""
    customer_id: str | None = None
    external_id: str | None = None
    tier_code: str | None = None
    ttl_s: int | None = None
    budget_nanos: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MintedToken:
    """A new token, whose it is, and the tier that the customer is on, if on one."""

    issued: IssuedToken
    project: Project
    customer: Customer
    tier: Tier | None


def mint_customer_token(order: TokenOrder, *, now: datetime, real_now: datetime) -> MintedToken:
    """Mint a token; a customer without subscription is put on the tier that is named first.

    Business happens at `now`, credentials live in real time.

    Raises:
        NotFound: the project has no such customer; none is made here.
        InvalidRequest: no such tier, or none named for a customer who needs one.
        Unavailable: there are no signing keys, so nothing was done.
    """
    keys = SigningKeys.configured()
    project, customer = _load(order)
    held = customer.subscription
    if order.tier_code is not None and (held is None or held.status in ENDED):
        held = _provided(customer, order.tier_code, now=now)
    if held is None:
        raise InvalidRequest(
            "tier_code is required for a customer without subscription", field="tier_code"
        )
    tier = None if held.status in ENDED else find_tier_now(order.project_id, held.tier_id)
    minting = Minting(
        token_id=order.token_id,
        key_id=order.key_id,
        ttl=_ttl(order.ttl_s, tier),
        now=real_now,
        budget_nanos=order.budget_nanos,
    )
    issued = keys.mint(project, customer, minting)
    return MintedToken(issued=issued, project=project, customer=customer, tier=tier)


def _load(order: TokenOrder) -> tuple[Project, Customer]:
    customer_id = order.customer_id
    if customer_id is None:
        assert order.external_id is not None
        name = accounts.find_name(order.project_id, order.external_id)
        customer_id = name.customer_id if name is not None else ""
    if customer_id:
        ref = CustomerRef(order.project_id, customer_id)
        project, customer = accounts.find_project_and_customer(ref)
        if project is not None and customer is not None:
            return project, customer
    raise NotFound("Customer not found")


def _provided(customer: Customer, code: str, *, now: datetime) -> TierSubscription | None:
    """Return what the customer is on after it was offered the tier of that code.

    A subscription that was paid for and has ended is not given back for nothing.
    """
    tier = find_code_now(customer.project_id, code)
    if tier is None:
        raise InvalidRequest("There is no such tier", field="tier_code")
    if customer.subscription is not None and tier.is_paid:
        return customer.subscription
    return put_on_tier(customer.ref, tier, now=now, is_vouched_for=True)


def _ttl(asked_s: int | None, tier: Tier | None) -> timedelta:
    """Return how long the token holds: as asked, cut to what is the most."""
    longest_s = TTL_MAX // timedelta(seconds=1)
    if tier is not None and tier.customer_token_max_ttl_s is not None:
        longest_s = min(longest_s, tier.customer_token_max_ttl_s)
    wanted_s = TTL_DEFAULT // timedelta(seconds=1) if asked_s is None else asked_s
    return timedelta(seconds=min(wanted_s, longest_s))
