"""What is asked about wallets: top-ups, pages of the history, automatic top-ups."""

import uuid
from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, model_validator

from creditbase.kernel.errors import InvalidRequest
from creditbase.kernel.ids import row_of_uuid
from creditbase.kernel.money import AMOUNT_NANOS_MAX
from creditbase.kernel.records import dataclass
from creditbase.relay.requests import CENTS_MAX, RelayRequest
from creditbase.relay.subscribing import PagesRequest

PAGE_MAX = 200
PAGE_DEFAULT = 50

Cents = Annotated[int, Field(ge=0, le=AMOUNT_NANOS_MAX)]


class TopupRequest(PagesRequest):
    """Pay an amount into a wallet; it has two names, of which one is enough."""

    amount_cents: Cents | None = None
    credit_amount_cents: Cents | None = None

    @model_validator(mode="after")
    def _says_one_amount(self) -> "TopupRequest":
        if len({self.amount_cents, self.credit_amount_cents} - {None}) != 1:
            raise ValueError("give amount_cents or credit_amount_cents, not two amounts")
        return self

    @property
    def cents(self) -> int:
        """Return the amount, by whichever name it came."""
        amount = self.credit_amount_cents if self.amount_cents is None else self.amount_cents
        assert amount is not None
        return amount


class AutoTopupRequest(RelayRequest):
    """Let a wallet top itself up, or let it stop; the figures are needed to let it."""

    enabled: bool
    threshold_cents: Annotated[int, Field(ge=0, le=CENTS_MAX)] | None = None
    """Top up when the balance is below this; no wallet holds more than the most of it."""
    amount_cents: Cents | None = None
    monthly_cap_cents: Cents | None = None
    """The most that is paid by itself in a calendar month, in UTC."""

    @model_validator(mode="after")
    def _says_what_it_takes(self) -> "AutoTopupRequest":
        figures = (self.threshold_cents, self.amount_cents, self.monthly_cap_cents)
        if self.enabled and None in figures:
            raise ValueError("give threshold_cents, amount_cents and monthly_cap_cents")
        return self


@dataclass(frozen=True, slots=True)
class Page:
    """Which rows are asked for: so many, after an offset, or under one that was seen."""

    limit: int
    offset: int
    below: int | None


def page_of(query: Mapping[str, object]) -> Page:
    """Return the page that a query asks for.

    `cursor` is the id of the last row that was seen; any other text is no cursor of ours,
    and means the first page.

    Raises:
        InvalidRequest: a figure is none, or out of range.
    """
    limit = _whole(query, "limit", PAGE_DEFAULT, least=1, most=PAGE_MAX)
    offset = _whole(query, "offset", 0, least=0, most=AMOUNT_NANOS_MAX)
    return Page(limit, offset, _row_of(str(query.get("cursor", ""))))


def _whole(
    query: Mapping[str, object], name: str, default: int, *, least: int, most: int
) -> int:
    given = str(query.get(name, default))
    if not (given.isascii() and given.isdecimal() and len(given) <= len(str(most))):
        raise InvalidRequest(f"{name} must be a whole number", field=name)
    if not least <= int(given) <= most:
        raise InvalidRequest(f"{name} must be from {least} to {most}", field=name)
    return int(given)


def _row_of(cursor: str) -> int | None:
    try:
        return row_of_uuid(uuid.UUID(cursor))
    except ValueError:
        return None
