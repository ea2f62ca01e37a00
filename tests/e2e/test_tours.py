"""Two tours of the web app in a real browser: a newcomer's, and an administrator's.

Each opens every page that is for it and looks at it (`touring.py`). One browser for both.
"""

import re
import secrets
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from dev import chromium
from dev.administering import operate
from dev.client import Customer
from tests.e2e.touring import (
    ARRIVES_WITHIN_MS,
    SCREENSHOTS,
    Visitor,
    charge,
    keep_dead_event,
    spend_all,
)

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("tours")]

MOVES_WITHIN_MS = 5_000
ANSWERS_WITHIN_MS = 60_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Return one browser for both tours."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=chromium.find(), args=chromium.options()
        )
        yield started
        started.close()


@pytest.fixture
def visitor(
    browser: Browser, stack_env: dict[str, str], request: pytest.FixtureRequest
) -> Iterator[Visitor]:
    """Return somebody without a past; at the end nothing went wrong in the browser."""
    context = browser.new_context(reduced_motion="reduce")
    folder = SCREENSHOTS / request.node.name.removeprefix("test_")
    visitor = Visitor(context.new_page(), stack_env, folder)
    yield visitor
    context.close()
    assert visitor.problems == []


def opens_the_other_pages(visitor: Visitor) -> None:
    """Open what a customer has beside playground, plans and overview."""
    visitor.goes_to("Ledger")
    visitor.look("ledger")
    visitor.page.get_by_role("main").get_by_role("table").get_by_role("link").first.click()
    visitor.is_at("Receipt")
    visitor.look("receipt")
    visitor.goes_to("API keys")
    visitor.look("keys")
    visitor.holds_focus("Create a key")
    visitor.goes_to("Vouchers")
    visitor.look("vouchers")
    visitor.opens("/app/embed")
    visitor.is_at("Elements for your pages")
    for tag in ("credit-balance", "usage-chart", "pricing-table"):
        expect(visitor.page.locator(tag).first).to_be_visible()
    visitor.look("elements")
    visitor.opens("/app/nowhere")
    expect(visitor.page.get_by_role("heading").first).to_be_visible()
    visitor.look("nowhere")


def tries_again(visitor: Visitor, event_id: str) -> None:
    """Have an event that was given up handled once more; then it is given up no longer."""
    visitor.goes_to("Webhooks")
    visitor.press(re.compile("^Failed"))
    expect(visitor.page.get_by_text(event_id)).to_be_visible()
    visitor.look("webhooks")
    retry = f"Try again: invoice.paid {event_id}"
    visitor.holds_focus(retry)
    visitor.press(retry)
    visitor.page.get_by_label("Reason").fill("Its cause is mended")
    visitor.page.locator("dialog[open]").get_by_role("button", name="Try again").click()

    # It is no longer given up.
    expect(visitor.page.get_by_text(event_id)).to_have_count(0)


def adjusts(visitor: Visitor, uid: str) -> None:
    """Look for a customer, and give it a little."""
    visitor.goes_to("Customers")
    visitor.look("customers")
    visitor.page.get_by_label("Find").fill(uid)
    visitor.press("Find")
    found = visitor.page.get_by_role("table").get_by_role("link")
    expect(found).to_have_count(1)
    found.click()
    visitor.settles()
    visitor.look("customer")
    visitor.holds_focus("Give credits")
    visitor.press("Adjust")
    visitor.page.get_by_role("textbox", name="Credits").fill("12.5")
    visitor.page.get_by_label("Reason").fill("A call went wrong")
    visitor.look("adjust")
    visitor.page.locator("dialog[open]").get_by_role("button", name="Adjust").click()


@pytest.mark.timeout(300)
def test_a_newcomers_tour(visitor: Visitor, stack_env: dict[str, str]) -> None:
    """Sign up, spend until refused, pay, see the balance move, and open every page."""
    page, main = visitor.page, visitor.page.get_by_role("main")

    # given somebody who reads the first page and makes an account
    visitor.opens("/")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    visitor.look("welcome")
    email = f"eve-{secrets.token_hex(4)}@example.com"
    visitor.signs_in(email, secrets.token_urlsafe(9), is_new=True)
    visitor.is_at("Overview")
    left = page.locator(".overview-number")
    expect(left).to_have_text("500")
    visitor.look("overview-new")

    # when they call the dear model, which answers while its hold and its price are shown
    visitor.goes_to("Playground")
    page.get_by_label("Model").select_option("local-large")
    visitor.press("Send")
    expect(main.get_by_role("link", name="Open the receipt")).to_be_visible(
        timeout=ANSWERS_WITHIN_MS
    )
    visitor.look("playground")

    # and spend the rest elsewhere, as far as it goes
    uid = visitor.uid_of(email)
    spend_all(stack_env, uid)
    visitor.press("Send")

    # then the refusal says why, and what to do
    refusal = main.get_by_role("alert")
    expect(refusal).to_contain_text("credits", timeout=ANSWERS_WITHIN_MS)
    visitor.look("refused")

    # when they pay on Stripe's page
    visitor.goes_to("Plans and top-ups")
    visitor.look("plans")
    visitor.press("Buy: Small top-up")
    visitor.pays()
    told = main.get_by_role("status").filter(has_text="5,000 credits arrived")
    expect(told).to_be_visible(timeout=ARRIVES_WITHIN_MS)
    visitor.look("paid")

    # then the balance moves by itself within five seconds of a call elsewhere
    visitor.goes_to("Overview")
    before = left.inner_text()
    charge(stack_env, uid, "gpt-5.1", input_tokens=40_000, output_tokens=3_000)
    expect(left).not_to_have_text(before, timeout=MOVES_WITHIN_MS)
    visitor.look("overview")

    # and every other page opens
    opens_the_other_pages(visitor)


@pytest.mark.timeout(300)
def test_an_administrators_tour(visitor: Visitor, stack_env: dict[str, str]) -> None:
    """Usage, margins, customers, problems, inbox, health and audit; a deed, and its record."""
    # given a customer who has called models, a count of it, and an event that was given up
    email, password = f"ada-{secrets.token_hex(4)}@example.com", secrets.token_urlsafe(9)
    customer = Customer.sign_up(stack_env, email, password)
    assert customer.get("/usage/me").ok
    charge(stack_env, customer.uid, "gpt-5.1", input_tokens=40_000, output_tokens=3_000)
    charge(stack_env, customer.uid, "gpt-5-mini", input_tokens=60_000, output_tokens=4_000)
    event_id = keep_dead_event(stack_env)
    operate(stack_env, "jobs", "run", "roll-up-usage")
    operate(stack_env, "jobs", "run", "reconcile-stripe")

    # when somebody signs in who is no administrator, then those pages stay closed
    visitor.opens("/app/admin")
    visitor.signs_in(email, password)
    expect(visitor.page.get_by_text("For administrators")).to_be_visible()
    visitor.look("closed")

    # when the administrator signs in
    visitor.press("Account")
    visitor.press("Sign out")
    visitor.opens("/app")
    visitor.signs_in(stack_env["ADMIN_EMAIL"], stack_env["ADMIN_PASSWORD"])

    # then every page of the administration is there, with what was counted
    visitor.goes_to("Platform usage")
    expect(visitor.page.get_by_text("exactly the ledger")).to_be_visible()
    visitor.look("usage")
    visitor.goes_to("Models and margins")
    expect(
        visitor.page.get_by_role("rowheader", name=re.compile("gpt-5.1")).last
    ).to_be_visible()
    visitor.look("models")
    visitor.goes_to("Payment problems")
    visitor.look("payments")
    visitor.goes_to("Invariants and jobs")
    visitor.look("health")

    # when an event that was given up is tried again
    tries_again(visitor, event_id)

    # when the customer is looked for, and given a little
    adjusts(visitor, customer.uid)

    # then the ledger, the record and the explanation of a call say so
    main = visitor.page.get_by_role("main")
    expect(main.get_by_text("A call went wrong")).to_be_visible()
    expect(main.get_by_text("12.5 credits").first).to_be_visible()
    visitor.press(re.compile("^Explain .*gpt-5.1"))
    expect(visitor.page.get_by_text("Agrees to the nano")).to_be_visible()
    visitor.look("explained")
    visitor.page.keyboard.press("Escape")
    visitor.goes_to("Audit")
    expect(main.get_by_text("Its cause is mended").first).to_be_visible()
    visitor.look("audit")
