"""Another web app drops the elements in: they show its user, live, from another origin.

The page is at 127.0.0.1, the Creditbase site at localhost: to a browser these are two origins,
so the script, the settings and every answer pass CORS as they would on the Internet.
"""

import json
import re
import secrets
from collections.abc import Iterator

import pytest
from playwright.sync_api import ConsoleMessage, Page, Route, expect, sync_playwright

from dev import chromium
from dev.client import BackEnd, Customer

pytestmark = pytest.mark.stack

ARRIVES_WITHIN_MS = 30_000
MOVES_WITHIN_MS = 10_000
TAGS = ("credit-balance", "usage-chart", "pricing-table")

ANYWHERE = "--disable-features=LocalNetworkAccessChecks"
"""The page is none that a server sent, so Chromium takes it for one of the Internet."""

SHOP = """<!doctype html><html lang="de"><title>A shop</title>
<script type="module" src="SITE/embed/creditbase.js"></script>
<credit-balance></credit-balance><usage-chart days="7"></usage-chart>
<pricing-table></pricing-table>
<script type="module">
  const given = GIVEN;
  const listeners = new Set();
  const parts = {
    'auth-internal': {
      getUid: () => given.uid,
      getToken: async () => given.idToken && { accessToken: given.idToken },
      addAuthTokenListener: (tell) => {
        listeners.add(tell);
        queueMicrotask(() => tell(given.idToken));
      },
      removeAuthTokenListener: (tell) => listeners.delete(tell),
    },
    'app-check-internal': {
      getToken: async () => ({ token: given.appCheckToken }),
      addTokenListener: () => {}, removeTokenListener: () => {},
    },
  };
  const getProvider = (name) => ({ getImmediate: () => parts[name] ?? null });
  const app = { name: '[DEFAULT]', options: given.options, container: { getProvider } };
  for (const element of document.querySelectorAll('TAGS')) element.app = app;
  window.signOut = () => {
    given.uid = given.idToken = null;
    for (const tell of listeners) tell(null);
  };
</script>"""
"""A page with an app that is not of our copy of the SDK: all that we may rely on is in it."""

GUEST = """<!doctype html><html lang="en"><title>A guest</title>
<script type="module" src="SITE/embed/creditbase.js"></script>
<credit-balance config='CONFIG'></credit-balance>"""
"""A page that has a configuration, and no SDK."""


@pytest.fixture
def page() -> Iterator[Page]:
    """Return a page of a fresh browser, in which nothing went wrong at the end."""
    problems: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        if message.type == "error":
            problems.append(message.text)

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium.find(), args=[*chromium.options(), ANYWHERE]
        )
        opened = browser.new_page()
        opened.set_default_timeout(ARRIVES_WITHIN_MS)
        opened.on("pageerror", lambda error: problems.append(str(error)))
        opened.on("console", listen)
        yield opened
        browser.close()
    assert problems == []


def show(page: Page, hub_url: str, html: str) -> None:
    """Open a page of another web app."""
    site = hub_url.replace("127.0.0.1", "localhost")

    def answer(route: Route) -> None:
        route.fulfill(content_type="text/html", body=html.replace("SITE", site))

    page.route(f"{hub_url}/shop", answer)
    page.goto(f"{hub_url}/shop")


@pytest.mark.timeout(120)
def test_another_web_app_shows_its_users_credits(page: Page, stack_env: dict[str, str]) -> None:
    """With its own Firebase app, its own user, and no line of our app."""
    hub_url = stack_env["HUB_URL"]
    email = f"shop-{secrets.token_hex(4)}@example.com"
    customer = Customer.sign_up(stack_env, email, "secret-word")
    options = {
        "apiKey": "local",
        "projectId": stack_env["GCLOUD_PROJECT"],
        "appId": "1:1:web:1",
    }
    given = {
        "uid": customer.uid,
        "idToken": customer.headers["Authorization"].removeprefix("Bearer "),
        "appCheckToken": stack_env["APP_CHECK_TOKEN"],
        "options": options,
    }
    html = SHOP.replace("GIVEN", json.dumps(given)).replace("TAGS", ", ".join(TAGS))

    with page.expect_request(re.compile(r"firestore.*Listen")):
        show(page, hub_url, html)
    balance = page.locator("credit-balance")
    expect(balance).to_contain_text("500 of 500 this month", timeout=ARRIVES_WITHIN_MS)
    expect(page.locator("usage-chart")).to_contain_text("Nothing was used")
    back_end = BackEnd(stack_env["METER_URL"], stack_env["HUB_SECRET_KEY"])
    usage = {"input_tokens": 10_000, "output_tokens": 0}
    back_end.charge(customer.uid, "local-echo", usage, secrets.token_hex(8)).raise_for_status()
    expect(balance).to_contain_text("486 of 500 this month", timeout=MOVES_WITHIN_MS)

    page.evaluate("signOut()")
    expect(balance).to_contain_text("Sign in to see your credits")
    expect(page.locator("pricing-table")).to_contain_text("Sign in to see plans")

    page.reload()
    expect(page.locator("usage-chart canvas")).to_be_visible()
    page.get_by_role("button", name="Buy: Small top-up").click()
    page.wait_for_url(re.compile(r"/c/pay/"))


@pytest.mark.timeout(120)
def test_a_page_without_an_app_gives_a_configuration(
    page: Page, stack_env: dict[str, str]
) -> None:
    """The elements bring the SDK then; nobody is signed in to that origin yet."""
    config = {"apiKey": "local", "projectId": stack_env["GCLOUD_PROJECT"], "appId": "1:1:web:1"}

    show(page, stack_env["HUB_URL"], GUEST.replace("CONFIG", json.dumps(config)))

    expect(page.locator("credit-balance")).to_contain_text("Sign in to see your credits")
