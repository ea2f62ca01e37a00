"""Customers: whom a payment belongs to."""

import re

from stripe.params import (
    CustomerCreateParams,
    CustomerDeleteParams,
    CustomerListParams,
    CustomerListPaymentMethodsParams,
    CustomerRetrieveParams,
    CustomerUpdateParams,
)

from stripe_local.account import Account
from stripe_local.billing import standing
from stripe_local.events import BY_ITSELF
from stripe_local.ids import new_id, new_invoice_prefix
from stripe_local.resources.endpoint import Call, Endpoint
from stripe_local.resources.payment_methods import attach_to, referenced_method
from stripe_local.wire.errors import InvalidParameter
from stripe_local.wire.metadata import merged_metadata
from stripe_local.wire.paging import PAGING, is_created_within, page_of
from stripe_local.wire.parameters import Parameters
from stripe_local.wire.resource import Resource
from stripe_local.wire.words import words

_ADDRESS_FIELDS = words("city country line1 line2 postal_code state")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+|[^@\s]+@localhost")
_TEXTS = words("description email name phone")
_NAMES = words("business_name individual_name")
"""Fields that are not there at all, rather than null, where nothing was given."""
_IMITATED = frozenset(
    {
        *_TEXTS,
        *_NAMES,
        *words("address expand metadata preferred_locales shipping tax_exempt"),
        "invoice_settings.default_payment_method",
    }
)
_MADE_OF = _IMITATED | {"payment_method", "test_clock"}


def new_customer(given: Parameters, now_s: int) -> Resource:
    """Return a customer with every field that Stripe shows, from what was given."""
    return {
        "id": new_id("customer"),
        "object": "customer",
        "address": None,
        "balance": 0,
        "created": now_s,
        "currency": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "discount": None,
        "email": None,
        "invoice_prefix": new_invoice_prefix(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": {},
        "name": None,
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
        **_changes({}, given),
    }


def address_of(given: Parameters) -> Resource:
    """Return an address with all its fields, null where nothing was given."""
    return {field: given.get(field) for field in _ADDRESS_FIELDS}


def check_email(email: str, param: str) -> None:
    """Refuse what is not an e-mail address.

    Raises:
        InvalidParameter: with Stripe's own code for it.
    """
    if not _EMAIL.fullmatch(email):
        raise InvalidParameter(
            f"Invalid email address: {email}", code="email_invalid", param=param
        )


def create(call: Call) -> Resource:
    """Make a customer."""
    params, account = call.params, call.account
    customer = new_customer(params, account.now_s())
    if "test_clock" in params:
        named = account.store.referenced(
            "test_helpers.test_clock", params["test_clock"], "test_clock"
        )
        customer["test_clock"] = named["id"]
    given = params.get("payment_method")
    method = referenced_method(account, given, "payment_method") if given else None
    if method is not None:
        attach_to(account, method, customer, call.cause)
    _set_default_method(account, customer, customer, params)
    account.store.add(customer)
    account.record("customer.created", customer, call.cause)
    return customer


def retrieve(call: Call) -> Resource:
    """Return a customer, or the stub of a deleted one."""
    store = call.account.store
    return store.find("customer", call.object_id) or store.at_address(
        "customer", call.object_id
    )


def update(call: Call) -> Resource:
    """Change a customer."""
    customer = call.account.store.at_address("customer", call.object_id)
    changes = _changes(customer["metadata"], call.params)
    _set_default_method(call.account, customer, changes, call.params)
    unset = [name for name in _NAMES if call.params.get(name) == ""]
    return call.account.update(customer, changes, "customer.updated", call.cause, removed=unset)


def delete(call: Call) -> Resource:
    """Delete a customer for good; only a stub stays."""
    customer = call.account.store.at_address("customer", call.object_id)
    return standing.leave(call.account, customer, call.cause)


def list_methods(call: Call) -> Resource:
    """Return the payment methods of a customer, newest first."""
    customer = call.account.store.at_address("customer", call.object_id)
    found = [
        method
        for method in call.account.store.newest_first("payment_method")
        if method["customer"] == customer["id"]
        and call.params.get("type") in {None, method["type"]}
    ]
    return page_of(found, call.params, f"/v1/customers/{customer['id']}/payment_methods")


def list_customers(call: Call) -> Resource:
    """Return customers, newest first."""
    params = call.params
    found = [
        customer
        for customer in call.account.store.newest_first("customer")
        if params.get("email") in {None, customer["email"]}
        and is_created_within(customer, params.get("created"))
    ]
    return page_of(found, params, "/v1/customers")


def _changes(metadata: dict[str, str], given: Parameters) -> Resource:
    """Return the fields that a request sets. What was unset becomes null."""
    changes: Resource = {field: given[field] or None for field in _TEXTS if field in given}
    changes |= {name: given[name] for name in _NAMES if given.get(name)}
    if changes.get("email"):
        check_email(changes["email"], "email")
    if "preferred_locales" in given:
        changes["preferred_locales"] = given["preferred_locales"]
    if "tax_exempt" in given:
        changes["tax_exempt"] = given["tax_exempt"] or "none"
    if "address" in given:
        changes["address"] = address_of(given["address"]) if given["address"] else None
    if "shipping" in given:
        changes["shipping"] = _shipping(given["shipping"]) if given["shipping"] else None
    if "metadata" in given:
        changes["metadata"] = merged_metadata(metadata, given["metadata"])
    return changes


def _set_default_method(
    account: Account, customer: Resource, changes: Resource, given: Parameters
) -> None:
    """Write the card that pays invoices into the changes of a customer."""
    settings = given.get("invoice_settings") or {}
    if "default_payment_method" not in settings:
        return
    name = "invoice_settings[default_payment_method]"
    method_id: str | None = settings["default_payment_method"] or None
    if method_id is not None:
        method = referenced_method(account, method_id, name)
        if method_id.startswith("pm_card_"):
            attach_to(account, method, customer, BY_ITSELF)
        if method["customer"] != customer["id"]:
            raise InvalidParameter(
                f"The customer does not have a payment method with the ID {method_id}.",
                code="resource_missing",
                param=name,
            )
        method_id = method["id"]
    changes["invoice_settings"] = {
        **customer["invoice_settings"],
        "default_payment_method": method_id,
    }


def _shipping(given: Parameters) -> Resource:
    return {
        "address": address_of(given["address"]),
        "name": given["name"],
        "phone": given.get("phone"),
    }


ENDPOINTS = (
    Endpoint("POST", "/v1/customers", CustomerCreateParams, _MADE_OF, create),
    Endpoint(
        "GET", "/v1/customers/{id}", CustomerRetrieveParams, frozenset({"expand"}), retrieve
    ),
    Endpoint("POST", "/v1/customers/{id}", CustomerUpdateParams, _IMITATED, update),
    Endpoint("DELETE", "/v1/customers/{id}", CustomerDeleteParams, frozenset(), delete),
    Endpoint(
        "GET",
        "/v1/customers/{id}/payment_methods",
        CustomerListPaymentMethodsParams,
        PAGING | {"type"},
        list_methods,
    ),
    Endpoint(
        "GET",
        "/v1/customers",
        CustomerListParams,
        PAGING | {"created", "email"},
        list_customers,
    ),
)
