"""Stripe's customer portal as a person uses it: a page, buttons, no script."""

from dataclasses import dataclass
from typing import Any

import requests

from tests.scenarios.life import Customer, price_of


@dataclass(frozen=True)
class Portal:
    """The page, open."""

    customer: Customer
    url: str

    @classmethod
    def opened_by(cls, customer: Customer) -> "Portal":
        """Open the portal: upgrades at once, downgrades and cancellations at the end."""
        made = customer.shop.post("/billing_portal/configurations", **configuration(customer))
        session: dict[str, Any] = customer.shop.post(
            "/billing_portal/sessions",
            customer=customer.stripe_id,
            configuration=made["id"],
        )
        return cls(customer, session["url"])

    def press(self, action: str, **fields: str) -> str:
        """Press a button, and return the page that follows."""
        form = {"subscription": self.customer.subscription()["id"], **fields}
        page = requests.post(self.url, data={"action": action, **form}, timeout=30)
        self.customer.town.settle()
        return page.text

    def change_plan(self, plan: str) -> str:
        """Choose another plan."""
        return self.press("change", price=price_of(plan))

    def give_card(self, number: str) -> str:
        """Type another card for everything."""
        return self.press("card", number=number, expiry="12/40", cvc="123")


def configuration(customer: Customer) -> dict[str, object]:
    """Return what the portal allows."""
    update = "features[subscription_update]"
    form: dict[str, object] = {
        "default_return_url": "http://127.0.0.1:5000/billing",
        "features[invoice_history][enabled]": "true",
        "features[payment_method_update][enabled]": "true",
        "features[subscription_cancel][enabled]": "true",
        "features[subscription_cancel][mode]": "at_period_end",
        f"{update}[enabled]": "true",
        f"{update}[default_allowed_updates][0]": "price",
        f"{update}[proration_behavior]": "always_invoice",
        f"{update}[schedule_at_period_end][conditions][0][type]": "decreasing_item_amount",
    }
    for number, plan in enumerate(("guru", "pro")):
        price = customer.shop.get(f"/prices/{price_of(plan)}")
        form[f"{update}[products][{number}][product]"] = price["product"]
        form[f"{update}[products][{number}][prices][0]"] = price["id"]
    return form
