"""Just enough of a browser: fetch a page, fill in its form, send it as the page says."""

from dataclasses import dataclass
from urllib.parse import urljoin

import requests
from bs4 import BeautifulSoup
from bs4.element import Tag

TIMEOUT_S = 30
BETWEEN = " · "
NOT_SENT = frozenset({"submit", "button", "image", "reset"})


class NoForm(Exception):
    """The page has no form that we could fill in."""


@dataclass
class Form:
    """A form on a page: where it goes, what it holds, what can be filled in."""

    action: str
    method: str
    values: dict[str, str]
    purposes: dict[str, str]
    """The name of each field by what it says it is for, in HTML's own words (`cc-number`)."""
    choices: dict[str, tuple[str, str]]
    """Name and value of each radio button by the words beside it."""


@dataclass
class Page:
    """A page: its address, its visible words, its forms."""

    url: str
    words: str
    forms: list[Form]

    def form_for(self, purpose: str) -> Form:
        """Return the form that has a field for something.

        Raises: NoForm.
        """
        for form in self.forms:
            if purpose in form.purposes:
                return form
        raise NoForm(f"{self.url} has no field for {purpose}; it says: {self.words[:300]}")

    def form_that(self, name: str, value: str) -> Form:
        """Return the form whose hidden field has a value: of several, the one with that button.

        Raises: NoForm.
        """
        for form in self.forms:
            if form.values.get(name) == value:
                return form
        raise NoForm(f"{self.url} has no form with {name}={value}: {self.words[:300]}")


def read(url: str, html: str) -> Page:
    """Return what a person would see of a page."""
    soup = BeautifulSoup(html, "html.parser")
    for unseen in soup(["script", "style", "title"]):
        unseen.decompose()
    words = BETWEEN.join(soup.stripped_strings)
    return Page(url, words, [_form(tag) for tag in soup("form")])


def _form(tag: Tag) -> Form:
    values: dict[str, str] = {}
    purposes: dict[str, str] = {}
    choices: dict[str, tuple[str, str]] = {}
    for control in tag("input"):
        name, kind = str(control.get("name", "")), str(control.get("type", "text"))
        is_choice = kind in {"checkbox", "radio"}
        label = control.find_parent("label")
        if kind == "radio" and label is not None:
            choices[label.get_text(" ", strip=True)] = (name, str(control.get("value", "")))
        if not name or kind in NOT_SENT or (is_choice and not control.has_attr("checked")):
            continue
        values[name] = str(control.get("value", ""))
        if purpose := str(control.get("autocomplete", "")):
            purposes[purpose] = name
    action, method = str(tag.get("action", "")), str(tag.get("method", "get"))
    return Form(action, method.upper(), values, purposes, choices)


def visit(session: requests.Session, url: str) -> Page:
    """Fetch a page, as typed into the address line."""
    answer = session.get(url, timeout=TIMEOUT_S)
    answer.raise_for_status()
    return read(answer.url, answer.text)


def submit(
    session: requests.Session,
    page: Page,
    form: Form,
    filled_in: dict[str, str],
    choice: str = "",
) -> requests.Response:
    """Send a form with what was filled in, by purpose; a redirect is not followed.

    `choice` begins the words beside the radio button that is chosen.

    Raises: NoForm.
    """
    typed = {form.purposes[it]: text for it, text in filled_in.items() if it in form.purposes}
    if choice:
        found = [pair for words, pair in form.choices.items() if words.startswith(choice)]
        if not found:
            raise NoForm(f"{page.url} does not let choose {choice}: {page.words[:300]}")
        typed |= dict(found[:1])
    return session.request(
        form.method,
        urljoin(page.url, form.action or page.url),
        data={**form.values, **typed},
        timeout=TIMEOUT_S,
        allow_redirects=False,
    )
