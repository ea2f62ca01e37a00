"""A person in front of Stripe's hosted page, with a browser that keeps nothing."""

from collections.abc import Callable
from dataclasses import dataclass

import requests

from dev import browser
from dev.expecting import expect

TEST_CARD = "4242424242424242"


@dataclass(frozen=True)
class Payer:
    """Who pays: an address to type in, and where the page must lead back to."""

    email: str
    home_url: str
    say: Callable[[str], None]

    def pay(self, url: str, offer: str) -> str:
        """Pay on the hosted page, which must show the offer; return where it leads.

        Raises: Disappointed.
        """
        with requests.Session() as person:
            page = browser.visit(person, url)
            shown = [words for words in page.words.split(browser.BETWEEN) if offer in words]
            expect(bool(shown), f"the page to offer {offer}", page.words[:300])
            self.say(f"the page offers: {shown[0]}")
            typed = {"cc-number": TEST_CARD, "email": self.email}
            answer = browser.submit(person, page, page.form_for("cc-number"), typed)
        target = answer.headers.get("Location", "")
        expect(
            answer.status_code in {302, 303} and target.startswith(self.home_url),
            f"a redirect back to {self.home_url}",
            f"{answer.status_code} {target} {browser.read('', answer.text).words[:300]}",
        )
        return target
