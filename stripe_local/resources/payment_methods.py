"""Payment methods: the card behind a payment, as far as it may be shown."""

from stripe_local.cards import Card, TestCard
from stripe_local.ids import new_id
from stripe_local.wire.resource import Resource
from stripe_local.wire.words import words

_NO_ADDRESS = dict.fromkeys(words("city country line1 line2 postal_code state"))
COUNTRY = "US"
"""The country of every test card, and of whoever pays with one."""


def billing_details(email: str | None) -> Resource:
    """Return what is known of a payer who typed only an e-mail address."""
    return {
        "address": {**_NO_ADDRESS, "country": COUNTRY},
        "email": email,
        "name": None,
        "phone": None,
        "tax_id": None,
    }


def fingerprint_of(known: TestCard) -> str:
    """Return what is the same whenever the same card pays."""
    return f"local{known.number[-4:]}{known.brand}"[:16].ljust(16, "0")


def new_payment_method(
    card: Card, known: TestCard, *, email: str | None, now_s: int
) -> Resource:
    """Return the payment method that a typed card becomes."""
    return {
        "id": new_id("payment_method"),
        "object": "payment_method",
        "allow_redisplay": "limited",
        "billing_details": billing_details(email),
        "card": {
            "brand": known.brand,
            "checks": {
                "address_line1_check": None,
                "address_postal_code_check": None,
                "cvc_check": "pass",
            },
            "country": COUNTRY,
            "display_brand": known.brand,
            "exp_month": card.exp_month,
            "exp_year": card.exp_year,
            "fingerprint": fingerprint_of(known),
            "funding": "credit",
            "generated_from": None,
            "last4": card.last4,
            "networks": {"available": [known.brand], "preferred": None},
            "regulated_status": "unregulated",
            "three_d_secure_usage": {"supported": True},
            "wallet": None,
        },
        "created": now_s,
        "customer": None,
        "customer_account": None,
        "livemode": False,
        "metadata": {},
        "type": "card",
    }
