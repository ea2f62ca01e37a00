"""Ids and secrets with Stripe's prefixes: random, and telling what they name."""

import secrets
import string

_ALPHABET = string.ascii_letters + string.digits
_PREFIXES = {
    "billing_portal.configuration": "bpc_1",
    "billing_portal.session": "bps_1",
    "charge": "ch_3",
    "checkout.session": "cs_test_a1",
    "coupon": "",
    "customer": "cus_",
    "discount": "di_1",
    "dispute": "du_1",
    "event": "evt_1",
    "invoice": "in_1",
    "invoiceitem": "ii_1",
    "invoice_payment": "inpay_1",
    "item": "li_1",
    "line_item": "il_1",
    "payment_intent": "pi_3",
    "payment_method": "pm_1",
    "price": "price_1",
    "product": "prod_",
    "promotion_code": "promo_1",
    "refund": "re_3",
    "setup_intent": "seti_1",
    "subscription": "sub_1",
    "subscription_item": "si_",
    "subscription_schedule": "sub_sched_1",
    "test_helpers.test_clock": "clock_1",
    "webhook_endpoint": "we_1",
}
_LENGTHS = {
    "checkout.session": 56,
    "coupon": 8,
    "customer": 14,
    "product": 14,
    "subscription_item": 14,
}


def new_id(object_name: str) -> str:
    """Return a fresh id for an object of that name, for example `cus_…` for a customer."""
    return _PREFIXES[object_name] + _letters(_LENGTHS.get(object_name, 23))


def new_request_id() -> str:
    """Return a fresh id for one API request."""
    return "req_" + _letters(14)


def new_webhook_secret() -> str:
    """Return a fresh signing secret of a webhook endpoint."""
    return "whsec_" + _letters(32)


def new_client_secret(payment_intent_id: str) -> str:
    """Return the secret with which a browser may look at one payment intent."""
    return f"{payment_intent_id}_secret_{_letters(25)}"


def new_invoice_prefix() -> str:
    """Return the eight characters that a customer's invoice numbers would start with."""
    return secrets.token_hex(4).upper()


def _letters(count: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(count))
