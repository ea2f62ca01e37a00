"""Balances, their history, top-ups: operations of `customers` and `customers_me`.

The same for a back end with its secret key, who names the customer, and for the customer
itself, whom the token names. The functions that serve these routes merge the tables below
into their own. Source: relay-api.md 4, 5, 6 and 9.
"""

from collections.abc import Callable, Mapping

from creditbase.accounts.domain import CustomerRef
from creditbase.kernel.errors import InvalidRequest, NotFound
from creditbase.ledger.domain.balance import Balance, balance_of
from creditbase.ledger.domain.wallet import DELETED
from creditbase.ledger.export_reply import export_reply
from creditbase.ledger.history import load_history
from creditbase.ledger.paths import WalletRef
from creditbase.ledger.store import find_wallet
from creditbase.ledger.use_cases import load_balance
from creditbase.metering.models import parse
from creditbase.payments.refill_settings import find_auto_topup, set_auto_topup
from creditbase.payments.refilling import RefillSettings
from creditbase.payments.wallet_topups import WalletTopup, start_wallet_topup
from creditbase.relay.answers import as_uuid
from creditbase.relay.history_answers import history_answer
from creditbase.relay.subscribing import pages_of
from creditbase.relay.wallet_answers import (
    auto_topup_answer,
    balance_answer,
    topup_answer,
    usage_answer,
)
from creditbase.relay.wallet_requests import AutoTopupRequest, TopupRequest, page_of
from creditbase.runtime.http import Call, Reply

Operation = Callable[[Call], Reply]


def show_usage(call: Call) -> Reply:
    """Show what was used in the window: published at most a minute ago, or worked out now."""
    balance, _ = load_balance(_wallet_of(call), now=call.now)
    _refuse_deleted(balance)
    return Reply(body={"usage": usage_answer(balance)})


def show_balance(call: Call) -> Reply:
    """Show what is in the wallet, exactly as it is now."""
    ref = _wallet_of(call)
    balance = _balance_now(call, ref)
    terms = balance.terms
    if terms.included != "none" or not terms.draws_wallet:
        raise InvalidRequest("This customer is not on a PAYGO tier, and has no balance")
    return Reply(body=balance_answer(ref.customer_id, balance))


def show_history(call: Call) -> Reply:
    """Show how the balance came about, newest first."""
    page = page_of(call.body)
    history = load_history(
        _wallet_of(call), limit=page.limit, offset=page.offset, below=page.below, now=call.now
    )
    if history.frozen == DELETED:
        raise NotFound("Customer not found")
    return Reply(body=history_answer(history.rows))


def export(call: Call) -> Reply:
    """Show the whole ledger, so that anyone can compute it again, with its proofs."""
    return export_reply(_wallet_of(call), call.body)


def top_up(call: Call) -> Reply:
    """Start a Checkout session that pays into the wallet."""
    return start_topup(call, _customer_of(call))


def start_topup(call: Call, ref: CustomerRef) -> Reply:
    """Start a Checkout session that pays what the request says into somebody's wallet."""
    asked = parse(TopupRequest, call.body)
    topup = WalletTopup(asked.cents, **pages_of(call, asked))
    started = start_wallet_topup(ref, topup, now=call.now)
    return Reply(body=topup_answer(started.session, asked.cents), status=201)


def show_auto_topup(call: Call) -> Reply:
    """Show how the wallet tops itself up."""
    return Reply(body=auto_topup_answer(find_auto_topup(_customer_of(call))))


def change_auto_topup(call: Call) -> Reply:
    """Let the wallet top itself up by the saved card, or let it stop."""
    asked = parse(AutoTopupRequest, call.body)
    wanted = RefillSettings(
        is_enabled=asked.enabled,
        threshold_cents=asked.threshold_cents or 0,
        amount_cents=asked.amount_cents or 0,
        monthly_cap_cents=asked.monthly_cap_cents or 0,
    )
    kept = set_auto_topup(_customer_of(call), wanted, now=call.now)
    return Reply(body=auto_topup_answer(kept))


CUSTOMERS: Mapping[str, Operation] = {
    "GET /api/v1/customers/{customer_id}/balance": show_balance,
    "GET /api/v1/customers/{customer_id}/balance/history": show_history,
    "GET /api/v1/customers/{customer_id}/ledger": export,
    "POST /api/v1/customers/{customer_id}/topup": top_up,
    "GET /api/v1/customers/{customer_id}/auto-topup": show_auto_topup,
    "PUT /api/v1/customers/{customer_id}/auto-topup": change_auto_topup,
}
CUSTOMERS_ME: Mapping[str, Operation] = {
    "GET /api/v1/customers/me/usage": show_usage,
    "GET /api/v1/customers/me/balance": show_balance,
    "GET /api/v1/customers/me/balance/history": show_history,
    "GET /api/v1/customers/me/ledger": export,
    "POST /api/v1/customers/me/topup": top_up,
    "GET /api/v1/customers/me/auto-topup": show_auto_topup,
    "PUT /api/v1/customers/me/auto-topup": change_auto_topup,
}


def _customer_of(call: Call) -> CustomerRef:
    """Return the customer of the token, or the one that a back end names."""
    named = call.path.get("customer_id")
    customer_id = call.caller.customer_id if named is None else as_uuid(named)
    if not customer_id:
        raise NotFound("Customer not found")
    return CustomerRef(call.caller.project_id, customer_id)


def _wallet_of(call: Call) -> WalletRef:
    ref = _customer_of(call)
    return WalletRef(ref.project_id, ref.customer_id)


def _balance_now(call: Call, ref: WalletRef) -> Balance:
    loaded = find_wallet(ref)
    if loaded is None:
        raise NotFound("Customer not found")
    balance = balance_of(loaded.wallet, now=call.now)
    _refuse_deleted(balance)
    return balance


def _refuse_deleted(balance: Balance) -> None:
    if balance.frozen == DELETED:
        raise NotFound("Customer not found")
