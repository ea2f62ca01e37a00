"""`/account/balance` and `/llm/usage`: the developer's own account.

It is the customer `account` of the project, which pays for calls without a customer. It is
topped up as a customer's wallet is. Source: relay-api.md 5.
"""

from collections.abc import Mapping

from creditbase.accounts.domain import ACCOUNT, CustomerRef
from creditbase.accounts.store import find_project
from creditbase.kernel.errors import NotFound
from creditbase.ledger.domain.balance import Balance
from creditbase.ledger.paths import WalletRef
from creditbase.ledger.use_cases import load_balance
from creditbase.relay import wallets
from creditbase.relay.door import RELAY
from creditbase.relay.wallet_answers import account_answer, summary_answer
from creditbase.relay.wallets import Operation
from creditbase.runtime.http import Call, Reply, endpoint
from creditbase.runtime.settings import STRIPE_SECRET_KEY
from creditbase.subscriptions.relay_customers import load_customer_by_name


@endpoint("account", door=RELAY, secrets=(STRIPE_SECRET_KEY,))
def account(call: Call) -> Reply:
    """Show what the developer's own account has, and has used; pay into it."""
    return OPERATIONS[call.route.name](call)


def _show_balance(call: Call) -> Reply:
    project = find_project(call.caller.project_id)
    if project is None:
        raise NotFound("Project not found")
    threshold_cents = project.low_balance_threshold_cents
    return Reply(body=account_answer(_balance(call), threshold_cents=threshold_cents))


def _show_usage(call: Call) -> Reply:
    return Reply(body={"summary": summary_answer(_balance(call))})


def _top_up(call: Call) -> Reply:
    return wallets.start_topup(call, _account(call))


def _account(call: Call) -> CustomerRef:
    return load_customer_by_name(call.caller.project_id, ACCOUNT).ref


def _balance(call: Call) -> Balance:
    ref = _account(call)
    balance, _ = load_balance(WalletRef(ref.project_id, ref.customer_id), now=call.now)
    return balance


OPERATIONS: Mapping[str, Operation] = {
    "GET /api/v1/account/balance": _show_balance,
    "POST /api/v1/account/topup": _top_up,
    "GET /api/v1/llm/usage": _show_usage,
}
