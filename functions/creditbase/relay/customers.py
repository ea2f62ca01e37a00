"""The function `customers`: a back end makes, finds, subscribes and deletes its customers.

Source: relay-api.md 5.
"""

from collections.abc import Callable

from creditbase.relay import customer_operations as operations
from creditbase.relay import subscribing, wallets
from creditbase.relay.door import RELAY
from creditbase.runtime.http import Call, Reply, endpoint
from creditbase.runtime.settings import STRIPE_SECRET_KEY


@endpoint("customers", door=RELAY, secrets=(STRIPE_SECRET_KEY,))
def customers(call: Call) -> Reply:
    """List, make, change, show, claim, subscribe and delete customers."""
    return OPERATIONS[call.route.name](call)


def _list(call: Call) -> Reply:
    return operations.list_customers(call.caller.project_id)


def _create(call: Call) -> Reply:
    return operations.create_customer(call.caller.project_id, call.body, now=call.now)


def _upsert(call: Call) -> Reply:
    return operations.upsert_customer(call.caller.project_id, call.body, now=call.now)


def _claim(call: Call) -> Reply:
    return operations.claim_customer(call.caller.project_id, call.body, now=call.now)


def _show(call: Call) -> Reply:
    return operations.show_customer(call.caller.project_id, call.path["customer_id"])


def _show_by_name(call: Call) -> Reply:
    return operations.show_customer_by_name(call.caller.project_id, call.path["external_id"])


def _delete(call: Call) -> Reply:
    customer_id = call.path["customer_id"]
    return operations.delete_customer(call.caller.project_id, customer_id, now=call.now)


def _export(call: Call) -> Reply:
    customer_id = call.path["customer_id"]
    return operations.export_customer(call.caller.project_id, customer_id, now=call.now)


OPERATIONS: dict[str, Callable[[Call], Reply]] = {
    "GET /api/v1/customers": _list,
    "POST /api/v1/customers": _create,
    "PUT /api/v1/customers": _upsert,
    "POST /api/v1/customers/claim": _claim,
    "GET /api/v1/customers/by-external-id/{external_id}": _show_by_name,
    "GET /api/v1/customers/{customer_id}": _show,
    "DELETE /api/v1/customers/{customer_id}": _delete,
    "GET /api/v1/customers/{customer_id}/export": _export,
    **wallets.CUSTOMERS,
    **subscribing.CUSTOMERS,
}
