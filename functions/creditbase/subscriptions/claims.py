"""A user's plan and its features as claims, always from what is true now.

No event says what is set: whatever comes twice, late or in another order ends in the same.
"""

from collections.abc import Iterator

from creditbase.accounts.domain import CustomerRef
from creditbase.catalog.domain import Catalog
from creditbase.catalog.use_cases import load_catalog
from creditbase.kernel.errors import NotFound
from creditbase.ledger.domain.wallet import Terms
from creditbase.ledger.paths import WalletRef
from creditbase.ledger.store import find_wallet, load_wallets
from creditbase.runtime.claims import put_claims
from creditbase.runtime.settings import settings

STRIPE_ROLE = "stripeRole"
"""What the extension "Run Payments with Stripe" calls the role of a subscription's product."""


def claims_of(terms: Terms, catalog: Catalog, *, has_role: bool) -> dict[str, object]:
    """Return the claims of who is on these terms; None takes one out.

    Whose plan costs nothing has no `stripeRole`, as who has no subscription there.
    """
    plan = catalog.plans.get(terms.plan_code)
    features = list(plan.features) if plan is not None else []
    claims: dict[str, object] = {"plan": terms.plan_code, "features": features}
    if has_role:
        is_paid = plan is not None and plan.price_cents > 0
        claims[STRIPE_ROLE] = terms.plan_code if is_paid else None
    return claims


def give_claims(ref: CustomerRef) -> bool:
    """Let the owner of a wallet have the claims of its plan; return whether they were set.

    Raises:
        ClaimsFull: Firebase would not take so much.
        NotFound: there is no such wallet.
        Unavailable: the store or Firebase gave no answer in time.
    """
    loaded = find_wallet(WalletRef(ref.project_id, ref.customer_id))
    if loaded is None:
        raise NotFound("There is no such wallet")
    wallet = loaded.wallet
    if not wallet.owner_uid or settings().plan_claims == "off":
        return False
    claims = claims_of(
        wallet.terms,
        load_catalog(ref.project_id),
        has_role=settings().plan_claims == "plan and stripeRole",
    )
    return put_claims(wallet.owner_uid, claims)


def give_everybody(project_id: str, *, after: str = "") -> Iterator[tuple[str, bool]]:
    """Let the owners of all wallets beyond a customer's have their claims; yield each.

    Raises:
        Unavailable: somebody gave no answer in time; go on after the last that was yielded.
    """
    for wallet in load_wallets(project_id, after=after):
        customer_id = wallet.wallet_id.rpartition("/")[2]
        if wallet.owner_uid:
            yield customer_id, give_claims(CustomerRef(project_id, customer_id))
