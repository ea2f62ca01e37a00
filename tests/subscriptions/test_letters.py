"""Every notice has words, in both forms, and says what matters."""

import ast
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from creditbase.subscriptions.domain import notices
from creditbase.subscriptions.domain.notices import Notice
from creditbase.subscriptions.letters import TEMPLATES, write_letter

FACTS = {
    "trial_ends_soon": {"plan": "Guru", "price": "10.00 USD", "ends_on": "15 April 2026"},
    "trial_refused": {"plan": "Guru"},
    "payment_failed": {"amount": "10.00 USD", "again_on": "4 April 2026"},
    "payment_recovered": {"amount": "10.00 USD"},
    "subscription_ended": {"plan": "Guru"},
    "money_refunded": {"amount": "10.00 USD", "credits": "5,000", "stops_refills": ""},
    "dispute_opened": {"amount": "10.00 USD", "credits": "5,000", "stops_refills": ""},
    "credits_returned": {"credits": "5,000"},
    "low_balance": {"balance": "4.99 USD", "threshold": "5.00 USD"},
    "refill_failed": {"amount": "20.00 USD"},
}
CHOICES = {
    "trial_ends_soon": [{"has_method": "yes"}, {"has_method": ""}],
    "payment_failed": [{}, {"again_on": ""}],
    "subscription_ended": [{"why": why} for why in ("", "unpaid", "trial")],
    "money_refunded": [{}, {"credits": "0"}, {"credits": "0", "stops_refills": "yes"}],
    "dispute_opened": [{}, {"credits": "0"}, {"credits": "0", "stops_refills": "yes"}],
    "credits_returned": [{}, {"credits": "0"}],
    "refill_failed": [
        {"why": why} for why in ("declined", "authentication_required", "no_payment_method")
    ],
}
CASES = [
    (kind, {**facts, **choice})
    for kind, facts in FACTS.items()
    for choice in CHOICES.get(kind, [{}])
]


@pytest.mark.parametrize(("kind", "facts"), CASES)
def test_a_letter_says_every_fact_in_both_forms(kind: str, facts: dict[str, str]) -> None:
    """Whoever reads text alone misses nothing; and no template language is left in it."""
    letter = write_letter(
        Notice("x", kind, facts), app_name="Acme", billing_url="https://acme.example/billing"
    )

    page = BeautifulSoup(letter.html, "html.parser")
    shown = " ".join(page.get_text(" ").split())
    for name in set(facts) - {"why", "has_method", "stops_refills"}:
        is_left_out = facts[name] in {"", "0"}
        assert is_left_out or facts[name] in f"{letter.subject} {letter.text}"
        assert is_left_out or facts[name] in shown
    assert page.a is not None
    assert page.a["href"] == "https://acme.example/billing"
    assert "https://acme.example/billing" in letter.text
    assert letter.text.endswith("Acme\n")
    assert "\n" not in letter.subject
    assert len(letter.subject) < 78
    for word in ("{{", "{%", "None", "  "):
        assert word not in letter.subject + letter.text


def test_every_kind_of_notice_has_words_and_every_letter_a_notice() -> None:
    """A kind without words would be found by a customer's failed payment."""
    source = ast.parse(Path(notices.__file__).read_text())
    words = {node.value for node in ast.walk(source) if isinstance(node, ast.Constant)}
    written = {path.stem for path in TEMPLATES.glob("*.txt")}

    assert written == set(FACTS)
    assert written <= words


def test_without_an_address_of_the_site_there_is_no_link() -> None:
    """A mail without a link is better than one that leads nowhere."""
    notice = Notice("x", "payment_recovered", {"amount": "1.00 USD"})

    letter = write_letter(notice, app_name="Acme", billing_url="")

    assert "href" not in letter.html
    assert "http" not in letter.text


def test_names_cannot_become_markup() -> None:
    """A plan's name is typed by somebody."""
    notice = Notice("x", "trial_refused", {"plan": "<b>Guru</b>"})

    letter = write_letter(notice, app_name="<i>Acme</i>", billing_url="")

    assert "<b>" not in letter.html
    assert "<i>" not in letter.html
    assert "<b>Guru</b>" in letter.subject
