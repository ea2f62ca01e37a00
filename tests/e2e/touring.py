"""Somebody who goes through the whole web app with a real browser, and looks at every page.

A look is: two widths and two themes, each kept as a picture in `screenshots/`; nothing wider
than the screen; nothing serious that axe finds; everything reached by the Tab key, in the
order of the page, and seen to have the focus.
"""

import re
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import requests
from playwright.sync_api import ConsoleMessage, Page, Request, expect

from dev.layout import ROOT

Theme = Literal["light", "dark"]

THEMES: tuple[Theme, ...] = ("light", "dark")
WIDTHS = (390, 1440)
HEIGHT = 900
ARRIVES_WITHIN_MS = 30_000
SCREENSHOTS = ROOT / "screenshots"
expect.set_options(timeout=ARRIVES_WITHIN_MS)
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
EXPECTED = re.compile(r"the server responded with a status of (402|403|500)")
"""What tours provoke, and 500: on a busy machine the functions emulator loses a request."""
TABS_MAX = 120
NANOS_PER_CREDIT = 1_000_000
AVAILABLE_NANOS_FIRST = 500 * NANOS_PER_CREDIT

FIND_FAULTS = """async () => {
  const found = await axe.run(document, {
    resultTypes: ['violations'],
    runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
  });
  return found.violations
    .filter((it) => ['serious', 'critical'].includes(it.impact))
    .map((it) => `${it.id}: ${it.nodes.map((node) => node.html.slice(0, 160)).join(' | ')}`);
}"""

TWO_FRAMES = """() => new Promise(
  (done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 50))),
)"""

REACHABLE = """() => {
  const asked = 'a[href], button, input, select, textarea, summary, [tabindex]';
  const isSeen = (it) => it.checkVisibility({ visibilityProperty: true })
    && !it.disabled && it.tabIndex >= 0 && it.type !== 'radio';
  const scope = document.querySelector('dialog[open]') ?? document;
  window.reachable = [...scope.querySelectorAll(asked)].filter(isSeen);
  document.activeElement?.blur();
  window.reachable[0]?.focus({ focusVisible: true });
  return window.reachable.length;
}"""

FOCUSED = """() => {
  const it = document.activeElement;
  const style = getComputedStyle(it);
  return {
    index: window.reachable.indexOf(it),
    name: `${it.tagName} ${it.getAttribute('aria-label') ?? it.textContent}`.slice(0, 60),
    isMarked: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0,
  };
}"""


@dataclass
class Visitor:
    """Somebody in front of the web app, and what went wrong in the browser meanwhile."""

    page: Page
    env: dict[str, str]
    folder: Path
    problems: list[str] = field(default_factory=list)
    _looks: int = 0

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        for old in self.folder.glob("*.png"):
            old.unlink()
        self.page.set_default_timeout(ARRIVES_WITHIN_MS)
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("console", self._listen)
        self.page.on("request", self._see)
        self.widen()

    def _see(self, request: Request) -> None:
        if urlsplit(request.url).hostname not in {"127.0.0.1", None}:
            self.problems.append(f"asked a third party: {request.url}")

    def _listen(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not EXPECTED.search(message.text):
            self.problems.append(f"{message.text} ({message.location.get('url')})")

    # ---- going about ------------------------------------------------------------------------

    def widen(self) -> None:
        """Sit down at the desk."""
        self.page.set_viewport_size({"width": WIDTHS[-1], "height": HEIGHT})

    def opens(self, path: str) -> None:
        """Type an address below the app's."""
        self.page.goto(f"{self.env['HUB_URL']}{path}")

    def goes_to(self, title: str) -> None:
        """Choose a page from the menu, and wait until it is there with all that it loads."""
        menu = self.page.get_by_role("navigation", name="Pages")
        menu.get_by_role("link", name=title, exact=True).click()
        self.is_at(title)

    def is_at(self, title: str) -> None:
        """Wait for a page, and for what it loads."""
        heading = self.page.get_by_role("heading", level=1)
        expect(heading.first).to_be_visible()
        expect(self.page).to_have_title(re.compile(re.escape(title)))
        self.settles()

    def settles(self) -> None:
        """Wait until nothing is loading any more, and no chart is still to be drawn."""
        expect(self.page.locator(".skeleton")).to_have_count(0, timeout=ARRIVES_WITHIN_MS)

    def signs_in(self, email: str, password: str, *, is_new: bool = False) -> None:
        """Sign in, or make an account."""
        if not is_new:
            self.press("I have an account")
        self.page.get_by_label("E-mail").fill(email)
        self.page.get_by_label("Password").fill(password)
        self.press("Create account" if is_new else "Sign in")
        expect(self.page.get_by_role("button", name="Account", exact=True)).to_be_visible()

    def uid_of(self, email: str) -> str:
        """Return the id of who signed in with an address, as the Auth emulator knows it."""
        host, project = self.env["FIREBASE_AUTH_EMULATOR_HOST"], self.env["GCLOUD_PROJECT"]
        answer = requests.post(
            f"http://{host}/identitytoolkit.googleapis.com/v1/projects/{project}/accounts:lookup",
            headers={"Authorization": "Bearer owner"},
            json={"email": [email]},
            timeout=30,
        )
        found: str = answer.json()["users"][0]["localId"]
        return found

    def press(self, name: str | re.Pattern[str]) -> None:
        """Press a button."""
        self.page.get_by_role("button", name=name, exact=isinstance(name, str)).first.click()

    def pays(self) -> None:
        """Fill in Stripe's page with the card that pays, and go where it leads."""
        self.page.wait_for_url(re.compile(r"/c/pay/"))
        asked = self.page.get_by_label("E-mail")
        if asked.count():
            asked.fill("eve@example.com")
        self.page.get_by_label("Card number").fill("4242424242424242")
        self.page.locator("button[type=submit]").click()

    # ---- looking ----------------------------------------------------------------------------

    def look(self, name: str) -> None:
        """Look at what is there: every width and theme, by eye, by axe and by keyboard."""
        self._looks += 1
        for theme in THEMES:
            self.page.emulate_media(color_scheme=theme, reduced_motion="reduce")
            for width in WIDTHS:
                self.page.set_viewport_size({"width": width, "height": HEIGHT})
                self.page.evaluate(TWO_FRAMES)  # charts follow the width of their card
                overhang = self.page.evaluate(
                    "document.documentElement.scrollWidth"
                    " - document.documentElement.clientWidth"
                )
                if overhang > 0:
                    self.problems.append(f"{name} is {overhang} pixels too wide at {width}")
                path = self.folder / f"{self._looks:02}-{name}-{width}-{theme}.png"
                is_covered = self.page.locator("dialog[open]").count() > 0
                self.page.screenshot(path=path, full_page=not is_covered)
            self._ask_axe(f"{name}, {theme}")
        self.page.emulate_media(color_scheme="light", reduced_motion="reduce")
        self.widen()
        self.tab_through(name)

    def _ask_axe(self, where: str) -> None:
        if not self.page.evaluate("'axe' in window"):
            # Evaluated, not added as a script: the page's own policy forbids that.
            self.page.evaluate(AXE.read_text(encoding="utf-8"))
        faults = self.page.evaluate(FIND_FAULTS)
        self.problems += [f"{where}: {fault}" for fault in faults]

    def tab_through(self, name: str) -> None:
        """Reach everything by the Tab key, in order, and see where the focus is."""
        count = int(self.page.evaluate(REACHABLE))
        seen: list[int] = []
        for number in range(min(count, TABS_MAX)):
            if number:
                self.page.keyboard.press("Tab")
            found: dict[str, Any] = self.page.evaluate(FOCUSED)
            if found["index"] < 0:
                continue  # the parts of a date field, the browser's own
            if not found["isMarked"]:
                self.problems.append(f"{name}: no focus is seen on {found['name']}")
            seen.append(found["index"])
        # A field of several parts takes the focus several times.
        if seen != sorted(seen) or (seen and seen[0] != 0):
            self.problems.append(f"{name}: the Tab key goes {seen}")

    def holds_focus(self, opener: str) -> None:
        """Open a dialog by keyboard, go round in it, and leave it: the focus comes back."""
        button = self.page.get_by_role("button", name=opener, exact=True).first
        button.focus()
        self.page.keyboard.press("Enter")
        dialog = self.page.locator("dialog[open]")
        expect(dialog).to_be_visible()
        for _ in range(12):
            self.page.keyboard.press("Tab")
            is_inside = self.page.evaluate(
                "document.activeElement === document.body"
                " || Boolean(document.activeElement.closest('dialog[open]'))"
            )
            assert is_inside, f"the focus leaves the dialog of {opener}"
        self.page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
        expect(button).to_be_focused()


# ---- what is there before -------------------------------------------------------------------


def charge(env: dict[str, str], uid: str, model: str, **usage: int) -> None:
    """Meter a call as a back end does."""
    answer = requests.post(
        f"{env['METER_URL']}/api/v1/charges",
        headers={
            "Authorization": f"Bearer {env['HUB_SECRET_KEY']}",
            "Idempotency-Key": f"tour-{secrets.token_hex(8)}",
        },
        json={"customer_external_id": uid, "model": model, "usage": usage},
        timeout=30,
    )
    assert answer.ok, answer.text


def spend_all(env: dict[str, str], uid: str) -> None:
    """Charge what is left of the free credits, as a back end does, to the last credit or so."""
    nanos = AVAILABLE_NANOS_FIRST
    while nanos >= NANOS_PER_CREDIT:
        answer = requests.post(
            f"{env['METER_URL']}/api/v1/charges",
            headers={
                "Authorization": f"Bearer {env['HUB_SECRET_KEY']}",
                "Idempotency-Key": f"tour-{secrets.token_hex(8)}",
            },
            json={"customer_external_id": uid, "amount_nanos": nanos},
            timeout=30,
        )
        if answer.ok:
            return
        nanos = int(answer.json()["available_nanos"])


def keep_dead_event(env: dict[str, str]) -> str:
    """Leave an event of Stripe's in the inbox that was given up, and return its id."""
    event_id = f"evt_tour{secrets.token_hex(6)}"
    now = datetime.now(UTC)

    def at(value: datetime) -> dict[str, str]:
        return {"timestampValue": value.isoformat()}

    fields: dict[str, dict[str, Any]] = {
        **{
            name: {"stringValue": text}
            for name, text in {
                "type": "invoice.paid",
                "account": "",
                "api_version": "2026-10-28.endive",
                "object_id": "in_tour",
                "object_type": "invoice",
                "payload": "",
                "status": "dead",
                "reason": "",
            }.items()
        },
        "livemode": {"booleanValue": False},
        "attempts": {"integerValue": "8"},
        "shard": {"integerValue": "0"},
        "next_try_at": {"nullValue": None},
        "finished_at": {"nullValue": None},
        "received_at": at(now - timedelta(days=3)),
        "expires_at": at(now + timedelta(days=87)),
    }
    root = f"projects/{env['GCLOUD_PROJECT']}/databases/(default)/documents"
    answer = requests.patch(
        f"http://{env['FIRESTORE_EMULATOR_HOST']}/v1/{root}/stripe_events/{event_id}",
        headers={"Authorization": "Bearer owner"},
        json={"fields": fields},
        timeout=30,
    )
    assert answer.ok, answer.text
    return event_id
