"""The story's chapter of a subscription: bought on Stripe's page, changed in its portal."""

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urljoin

import requests

from dev import browser
from dev.client import Customer
from dev.expecting import body_of, expect
from dev.paying import TEST_CARD, Payer

CHANGED_WITHIN_S = 30
GURU_CREDITS = 10_000
PRO_CREDITS = 55_000

Say = Callable[[str], None]
Usage = dict[str, Any]


class Subscriber:
    """A customer in front of Stripe's pages, with a browser that keeps nothing."""

    def __init__(self, customer: Customer, email: str, hub_url: str, say: Say) -> None:
        self.customer = customer
        self.say = say
        self.payer = Payer(email, hub_url, say)

    def subscribe(self) -> None:
        """Subscribe to guru on the hosted page, and see its credits."""
        session = body_of(self.customer.post("/billing/checkout", {"plan": "guru"}), 200)
        self.say("POST /billing/checkout: guru, subscribe at the page below")
        self.say(session["checkout_url"])
        target = self.payer.pay(session["checkout_url"], f"{GURU_CREDITS:,} credits")
        self.say(f"paid with {TEST_CARD}, sent back to {target}")
        usage = self.wait_for("guru, paid", lambda seen: seen["plan"] == "guru")
        left = usage["monthly_credits_remaining"]
        expect(left == GURU_CREDITS, f"{GURU_CREDITS} credits of guru", usage)
        self.show(usage)

    def take_pro(self) -> None:
        """Change to pro in the portal: at once, with the difference paid at once."""
        url = self.open_portal()
        said = self.press(url, "change", choice="Pro")
        self.say(f"chose Pro there: {said}")
        usage = self.wait_for("pro, paid", _has_credits_of_pro)
        left = usage["monthly_credits_remaining"]
        expect(left <= PRO_CREDITS, f"no more than {PRO_CREDITS} credits", usage)
        self.show(usage)

    def cancel(self) -> None:
        """Cancel in the portal: the plan stays until the end of the paid period."""
        said = self.press(self.open_portal(), "cancel")
        self.say(f"cancelled there: {said}")
        usage = self.wait_for("the end announced", lambda seen: seen["cancel_at_period_end"])
        expect(usage["plan"] == "pro", "pro until the end", usage)
        self.say(f"GET /usage/me: plan {usage['plan']}, ends {usage['billing_cycle_end']}")

    def open_portal(self) -> str:
        """Ask for the portal's address."""
        url: str = body_of(self.customer.post("/billing/portal", {}), 200)["portal_url"]
        self.say(f"POST /billing/portal: {url}")
        return url

    def press(self, url: str, action: str, choice: str = "") -> str:
        """Press a button of the portal; return what the page says then.

        Raises: Disappointed.
        """
        with requests.Session() as person:
            page = browser.visit(person, url)
            answer = browser.submit(person, page, page.form_that("action", action), {}, choice)
            target = answer.headers.get("Location", "")
            expect(answer.status_code == 303, "a redirect", browser.read("", answer.text).words)
            after = browser.visit(person, urljoin(url, target))
        words = after.words.split(browser.BETWEEN)
        said = [text for text in words if text.startswith("Your ")]
        expect(bool(said), "the page to say what was done", after.words[:300])
        return said[0]

    def wait_for(self, what: str, has_come: Callable[[Usage], bool]) -> Usage:
        """Look at the balance until Stripe's signed events have changed it.

        Raises: Disappointed.
        """
        started_at = time.monotonic()
        while not has_come(usage := body_of(self.customer.get("/usage/me"), 200)):
            waited_s = time.monotonic() - started_at
            expect(waited_s < CHANGED_WITHIN_S, f"{what}, by the webhook", usage)
            time.sleep(0.2)
        return usage

    def show(self, usage: Usage) -> None:
        """Say which plan it is, and what is left of it."""
        self.say(
            f"GET /usage/me: plan {usage['plan']}, {usage['monthly_credits_remaining']:,} of "
            f"{usage['monthly_credits_total']:,} credits, top-ups {usage['topup_balance']:,}, "
            f"renews {usage['billing_cycle_end']}"
        )


def _has_credits_of_pro(usage: Usage) -> bool:
    left: int = usage["monthly_credits_remaining"]
    return usage["plan"] == "pro" and left > GURU_CREDITS
