"""Quotes: what a call would cost, and how much of it the customer can afford.

Served by the function `meter`. A back end names the customer; a customer asks for itself.
Source: metering-api.md, `POST /quotes`.
"""

from creditbase.kernel.errors import NotFound
from creditbase.ledger.paths import WalletRef
from creditbase.metering.answers import quote_answer
from creditbase.metering.calls import budget_of
from creditbase.metering.models import QuoteRequest, parse
from creditbase.metering.quotes import ask_price, payer_of
from creditbase.runtime.http import Call, Reply
from creditbase.runtime.identity import CallerKind


def make_quote(call: Call) -> Reply:
    """Answer what a hold would come to, and write nothing."""
    asked = parse(QuoteRequest, call.body)
    ref = _payer(call, asked)
    found = ask_price(ref, asked, budget_of(call.caller), now=call.now)
    return Reply(body=quote_answer(ref.customer_id, found))


def _payer(call: Call, asked: QuoteRequest) -> WalletRef:
    caller = call.caller
    if caller.kind is not CallerKind.CUSTOMER_TOKEN:
        return payer_of(caller.project_id, asked, now=call.now)
    own = WalletRef(caller.project_id, caller.customer_id)
    is_named = asked.customer_id is not None or asked.customer_external_id is not None
    if is_named and payer_of(caller.project_id, asked, now=call.now) != own:
        raise NotFound("Customer not found")
    return own
