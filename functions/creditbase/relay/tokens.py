"""`/auth/customer-token`: a back end gets a token for one of its customers.

Source: relay-api.md 2.
"""

import uuid
from datetime import timedelta

from creditbase.kernel.money import NANOS_PER_CENT
from creditbase.metering.models import parse
from creditbase.relay.answers import at, present
from creditbase.relay.door import RELAY
from creditbase.relay.requests import CustomerTokenRequest
from creditbase.runtime.clock import real_now
from creditbase.runtime.http import Call, Reply, endpoint
from creditbase.runtime.settings import CUSTOMER_TOKEN_KEYS
from creditbase.subscriptions.customer_tokens import (
    MintedToken,
    TokenOrder,
    mint_customer_token,
)

TOKEN_TYPE = "Bearer"  # noqa: S105 - how it travels


@endpoint("auth_customer_token", door=RELAY, secrets=(CUSTOMER_TOKEN_KEYS,))
def auth_customer_token(call: Call) -> Reply:
    """Mint a token; put a customer without subscription on the tier that is named."""
    asked = parse(CustomerTokenRequest, call.body)
    budget = asked.budget_cents
    order = TokenOrder(
        project_id=call.caller.project_id,
        key_id=call.caller.key_id,
        token_id=str(uuid.uuid4()),
        customer_id=asked.customer_id.lower() if asked.customer_id else None,
        external_id=asked.customer_external_id,
        tier_code=asked.tier_code,
        ttl_s=asked.ttl_seconds,
        budget_nanos=None if budget is None else budget * NANOS_PER_CENT,
    )
    return Reply(body=_answer(mint_customer_token(order, now=call.now, real_now=real_now())))


def _answer(minted: MintedToken) -> dict[str, object]:
    return present(
        token=minted.issued.text,
        expires_at=at(minted.issued.expires_at),
        expires_in=minted.issued.ttl // timedelta(seconds=1),
        token_type=TOKEN_TYPE,
        project_id=minted.project.project_id,
        customer_id=minted.customer.customer_id,
        billing_profile_id=minted.customer.billing_profile_id,
        customer_external_id=minted.customer.external_id,
        tier_code=minted.tier.code if minted.tier is not None else None,
    )
