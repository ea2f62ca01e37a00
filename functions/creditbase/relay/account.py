"""`/account/balance` and `/llm/usage`: the developer's own account.

It is the customer `account` of the project, which pays for calls without a customer; it is
topped up as any other customer is. Source: relay-api.md 5.
"""

from collections.abc import Mapping

from creditbase.accounts.domain import ACCOUNT
from creditbase.accounts.store import find_project
from creditbase.kernel.errors import NotFound
from creditbase.ledger.domain.balance import Balance
from creditbase.ledger.paths import WalletRef
from creditbase.ledger.use_cases import load_balance
from creditbase.relay.door import RELAY
from creditbase.relay.wallet_answers import account_answer, summary_answer
from creditbase.relay.wallets import Operation
from creditbase.runtime.http import Call, Reply, endpoint
from creditbase.subscriptions.relay_customers import load_customer_by_name


@endpoint("account", door=RELAY)
def account(call: Call) -> Reply:
    """Show what the developer's own account has, and has used."""
    return OPERATIONS[call.route.name](call)


def _show_balance(call: Call) -> Reply:
    project = find_project(call.caller.project_id)
    if project is None:
        raise NotFound("Project not found")
    threshold_cents = project.low_balance_threshold_cents
    return Reply(body=account_answer(_balance(call), threshold_cents=threshold_cents))


def _show_usage(call: Call) -> Reply:
    return Reply(body={"summary": summary_answer(_balance(call))})


def _balance(call: Call) -> Balance:
    project_id = call.caller.project_id
    customer = load_customer_by_name(project_id, ACCOUNT)
    balance, _ = load_balance(WalletRef(project_id, customer.customer_id), now=call.now)
    return balance


OPERATIONS: Mapping[str, Operation] = {
    "GET /api/v1/account/balance": _show_balance,
    "GET /api/v1/llm/usage": _show_usage,
}
