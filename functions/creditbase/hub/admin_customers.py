"""`/admin/customers`: what an operator finds, reads and does about a customer.

Every request proves anew that its caller is an admin (`runtime/identity.py`). The customer is
one of the hub's unless `project_id` names another project.
"""

import uuid
from collections.abc import Callable

from creditbase.accounts.domain import CustomerRef
from creditbase.admin.customers import list_customers, search_customers, show_customer
from creditbase.admin.explaining import explain_entry
from creditbase.admin.exporting import ExportStream, load_person
from creditbase.hub.admin_actions import ACTIONS
from creditbase.hub.admin_answers import customer_page, explained, ledger_page, shown_customer
from creditbase.hub.admin_door import admin_of
from creditbase.hub.admin_shadow import change_default, list_shadows, show_shadow
from creditbase.hub.door import HUB
from creditbase.hub.queries import asked_entry_id, asked_number, asked_project_id, asked_text
from creditbase.kernel.errors import NotFound
from creditbase.ledger.pages import Span, find_span, load_page
from creditbase.ledger.paths import WalletRef
from creditbase.runtime.http import Call, Reply, endpoint
from creditbase.runtime.settings import STRIPE_SECRET_KEY

LIMIT = 50
LIMIT_MAX = 200


@endpoint("admin_customers", door=HUB, secrets=(STRIPE_SECRET_KEY,))
def admin_customers(call: Call) -> Reply:
    """Find customers, show one, read its ledger, compute an entry again; act on one.

    Answers 403 `ADMIN_REQUIRED` to everybody who is no admin at this very request.
    """
    admin_of(call)
    action = ACTIONS.get(call.route.name)
    if action is not None:
        return action(call, _wallet(call))
    return OPERATIONS[call.route.name](call)


def _search(call: Call) -> Reply:
    project_id, text = asked_project_id(call), asked_text(call, "query")
    if text:
        return Reply(body=customer_page(search_customers(project_id, text)))
    after = asked_text(call, "cursor")
    return Reply(body=customer_page(list_customers(project_id, after=after and _uuid(after))))


def _show(call: Call) -> Reply:
    return Reply(body=shown_customer(show_customer(_wallet(call), now=call.now)))


def _ledger(call: Call) -> Reply:
    ref = _wallet(call)
    limit = asked_number(asked_text(call, "limit") or str(LIMIT), "limit", most=LIMIT_MAX)
    cursor = asked_text(call, "cursor")
    span = find_span(ref)
    if cursor:
        below = asked_number(cursor, "cursor")
        span = Span(span.lowest, min(span.highest, below - 1))
    return Reply(body=ledger_page(load_page(ref, span, limit=limit)))


def _explain(call: Call) -> Reply:
    entry_id = asked_entry_id(call.path["entry_id"])
    return Reply(body=explained(explain_entry(_wallet(call), entry_id)))


def _export(call: Call) -> Reply:
    person = load_person(_customer(call))
    return Reply(body=None, stream=ExportStream(person, now=call.now))


OPERATIONS: dict[str, Callable[[Call], Reply]] = {
    "GET /admin/customers": _search,
    "GET /admin/customers/{customer_id}": _show,
    "GET /admin/customers/{customer_id}/export": _export,
    "GET /admin/customers/{customer_id}/shadow": lambda call: show_shadow(call, _wallet(call)),
    "GET /admin/customers/shadow": list_shadows,
    "POST /admin/customers/shadow": change_default,
    "GET /admin/customers/{customer_id}/ledger": _ledger,
    "GET /admin/customers/{customer_id}/ledger/{entry_id}/explain": _explain,
}


def _customer(call: Call) -> CustomerRef:
    return CustomerRef(asked_project_id(call), _uuid(call.path["customer_id"]))


def _wallet(call: Call) -> WalletRef:
    return WalletRef(asked_project_id(call), _uuid(call.path["customer_id"]))


def _uuid(text: str) -> str:
    """Return a customer's id as it is written; no customer has another."""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise NotFound("Customer not found") from None
