"""Stripe's customer portal as a person uses it: a page, buttons, no script."""

from dataclasses import dataclass

import requests

from tests.scenarios.life import Customer, price_of


@dataclass(frozen=True)
class Portal:
    """The page, open."""

    customer: Customer
    url: str

    @classmethod
    def opened_by(cls, customer: Customer) -> "Portal":
        """Open the portal from the hub's own page."""
        return cls(customer, customer.ask("POST", "/billing/portal")["portal_url"])

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
