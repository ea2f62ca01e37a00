"""What a payer typed into the form, and what is wrong with it. Pure."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from stripe_local.cards import Card
from stripe_local.resources.customers import check_email
from stripe_local.wire.errors import CardRefused, InvalidParameter
from stripe_local.wire.forms import Tree

_EXPIRY = re.compile(r"\s*(\d{1,2})\s*[/-]?\s*(\d{4}|\d{2})\s*")

_FIELDS = {"number": "number", "exp_month": "expiry", "exp_year": "expiry", "cvc": "cvc"}

Problems = dict[str, str]
"""What to say beside each field, by the field's name."""


@dataclass(frozen=True)
class Typed:
    """The fields of the form as they stand."""

    email: str
    number: str
    expiry: str
    cvc: str
    code: str = ""
    """A promotion code."""

    @classmethod
    def of(cls, form: Tree) -> "Typed":
        """Return what a submitted form says; a field that is not there is empty."""
        return cls(
            **{
                field: str(form.get(field, "")).strip()
                for field in ("email", "number", "expiry", "cvc", "code")
            }
        )

    @classmethod
    def prefilled(cls, now_s: int) -> "Typed":
        """Return the form of a new visitor: only what any test card would do with."""
        year = datetime.fromtimestamp(now_s, UTC).year
        return cls(email="", number="", expiry=f"12 / {(year + 3) % 100:02}", cvc="123")

    def problems(self, *, asks_for_email: bool, needs_card: bool = True) -> Problems:
        """Return what is missing or cannot be read, before any card is tried."""
        found: Problems = {}
        if asks_for_email and not _is_email(self.email):
            found["email"] = "Enter an e-mail address, like name@example.com."
        if not needs_card:
            return found
        if not self.number:
            found["number"] = "Enter a card number."
        if _EXPIRY.fullmatch(self.expiry) is None:
            found["expiry"] = "Enter the month and year, like 12 / 34."
        if not self.cvc:
            found["cvc"] = "Enter the CVC, for example 123."
        return found

    def card(self) -> Card:
        """Return the card, of a form without problems."""
        match = _EXPIRY.fullmatch(self.expiry)
        assert match is not None
        month, year = int(match[1]), int(match[2])
        return Card(
            number=self.number,
            exp_month=month,
            exp_year=year if year > 99 else 2000 + year,
            cvc=self.cvc,
        )


def field_of(refusal: CardRefused) -> str:
    """Return the field beside which to say why a card did not pay."""
    return _FIELDS.get(refusal.param or "", "number")


def _is_email(email: str) -> bool:
    try:
        check_email(email, "email")
    except InvalidParameter:
        return False
    return True
