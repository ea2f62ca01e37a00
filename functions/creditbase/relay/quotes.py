"""Quotes: what a call would cost, and how much of it the customer can afford.

Served by the function `meter`. A back end names the customer; a customer asks for itself.
Source: metering-api.md, `POST /quotes`.
"""

from creditbase.kernel.errors import NotFound
from creditbase.ledger.paths import WalletRef
from creditbase.metering.answers import quote_answer
from creditbase.metering.calls import budget_of
from creditbase.metering.models import QuoteRequest, parse
from creditbase.metering.quotes import ask_price, with_payer
from creditbase.runtime.http import Call, Reply
from creditbase.runtime.identity import CallerKind


def make_quote(call: Call) -> Reply:
    """Answer what a hold would come to, and write nothing."""
    caller, asked = call.caller, parse(QuoteRequest, call.body)
    own = caller.customer_id if caller.kind is CallerKind.CUSTOMER_TOKEN else ""

    def ask(ref: WalletRef) -> Reply:
        if own not in {"", ref.customer_id}:
            raise NotFound("Customer not found")
        found = ask_price(ref, asked, budget_of(caller), now=call.now)
        return Reply(body=quote_answer(ref.customer_id, found))

    if own and asked.customer_id is None and asked.customer_external_id is None:
        return ask(WalletRef(caller.project_id, own))
    return with_payer(caller.project_id, asked, ask, now=call.now)
