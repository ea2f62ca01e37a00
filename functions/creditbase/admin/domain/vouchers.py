"""Vouchers, decided: what a code is worth, to whom, when, and which of its uses is tried.

A voucher with N uses has slots 0 to N - 1, each a document that is only ever created. There
is no counter: a user looks for a free slot from a place of its own, so that users who come
together write different documents.
"""

import base64
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta

from creditbase.kernel.errors import InvalidRequest
from creditbase.kernel.ids import sha256_hex
from creditbase.kernel.money import nanos_from_credits
from creditbase.kernel.records import dataclass

CODE_CHARACTERS_MAX = 64
CODE_BYTES = 10
"""Random bytes of a code that we make: 80 bits, nobody guesses one."""
CODE_GROUP = 4
CREDITS_MAX = 10_000_000
USES_MAX = 100_000
CREDIT_DAYS_MAX = 3_650
WINDOW = 50
"""How many slots one look takes in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VoucherTerms:
    """What a voucher is worth and who may have it. Never changed once it was given out."""

    credits: int
    max_uses: int | None = None
    starts_at: datetime | None = None
    expires_at: datetime | None = None
    plans: tuple[str, ...] = ()
    """Plans whose customers may redeem it; empty: everybody."""
    credits_expire_days: int | None = None
    """Days after redeeming at which what is left of the credits goes; None: never."""

    @property
    def amount_nanos(self) -> int:
        """Return the credits as the ledger counts them."""
        return nanos_from_credits(self.credits)

    def credits_expire_at(self, now: datetime) -> datetime | None:
        """Return when credits that are given now end, if they do."""
        if self.credits_expire_days is None:
            return None
        return now + timedelta(days=self.credits_expire_days)

    def admits(self, plan_code: str) -> bool:
        """Return whether a customer on this plan may have it."""
        return not self.plans or plan_code in self.plans


@dataclass(frozen=True, slots=True, kw_only=True)
class Voucher:
    """A voucher as it is kept: under its code's digest, never with the code."""

    digest: str
    terms: VoucherTerms
    created_at: datetime
    disabled_at: datetime | None = None
    is_used_up: bool = False
    """Noted by whoever found every slot taken; slots never become free again."""

    def is_open(self, now: datetime) -> bool:
        """Return whether it may be redeemed at `now`: its end itself is outside."""
        terms = self.terms
        return (
            self.disabled_at is None
            and not self.is_used_up
            and (terms.starts_at is None or terms.starts_at <= now)
            and (terms.expires_at is None or now < terms.expires_at)
        )


# ---- codes -----------------------------------------------------------------------------------


def new_code(random_bytes: bytes) -> str:
    """Return a code that can be read out: groups of capitals and the digits 2 to 7."""
    assert len(random_bytes) == CODE_BYTES
    text = base64.b32encode(random_bytes).decode()
    return "-".join(text[at : at + CODE_GROUP] for at in range(0, len(text), CODE_GROUP))


def read_code(text: str) -> str:
    """Return a code as it is compared: trimmed, and in one case.

    Raises:
        InvalidRequest: no code looks like this.
    """
    trimmed = text.strip()
    if not trimmed or len(trimmed) > CODE_CHARACTERS_MAX or not trimmed.isprintable():
        raise InvalidRequest("The code is empty, too long or not printable", field="code")
    return trimmed.casefold()


def code_digest(text: str) -> str:
    """Return the digest that a voucher is kept under, however its code is typed.

    Raises:
        InvalidRequest: no code looks like this.
    """
    return sha256_hex(read_code(text))


# ---- terms -----------------------------------------------------------------------------------


def check_terms(terms: VoucherTerms, *, known_plans: Collection[str]) -> None:
    """Let sound terms pass.

    Raises:
        InvalidRequest: a figure is out of range, the window is empty, a plan is unknown.
    """
    _check_range("credits", terms.credits, CREDITS_MAX)
    _check_range("max uses", terms.max_uses, USES_MAX)
    _check_range("credits expire days", terms.credits_expire_days, CREDIT_DAYS_MAX)
    begin, end = terms.starts_at, terms.expires_at
    if begin is not None and end is not None and end <= begin:
        raise InvalidRequest("the voucher would end before it starts")
    for plan in terms.plans:
        if plan not in known_plans:
            raise InvalidRequest(f"there is no plan {plan}")


def _check_range(name: str, value: int | None, most: int) -> None:
    if value is not None and not 1 <= value <= most:
        raise InvalidRequest(f"{name} must be between 1 and {most}")


# ---- slots -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Span:
    """Slots from `begin` up to, and without, `end`."""

    begin: int
    end: int

    @property
    def size(self) -> int:
        """Return how many slots these are."""
        return self.end - self.begin

    def halves(self, place: int) -> tuple["Span", "Span"]:
        """Return both halves, that one first in which, or nearer to which, the place is."""
        middle = (self.begin + self.end) // 2
        low, high = Span(self.begin, middle), Span(middle, self.end)
        return (low, high) if place < middle else (high, low)

    def slots(self) -> range:
        """Return the slots."""
        return range(self.begin, self.end)


def place_of(customer_id: str, digest: str, *, max_uses: int) -> int:
    """Return the slot from which a customer begins to look: its own, the same each time."""
    return int(sha256_hex(f"{customer_id}/{digest}"), 16) % max_uses


def window_at(place: int, *, max_uses: int) -> Sequence[int]:
    """Return the slots to look at first: those from the place on, around the end."""
    return [(place + step) % max_uses for step in range(min(WINDOW, max_uses))]


def narrow(span: Span, place: int, count_taken: Callable[[Span], int]) -> Span:
    """Return a part of the span that one look takes in, with a free slot if the span has one.

    Counting halves it, always towards a half that is not full, the nearer one if it may be:
    100,000 slots with one left are eleven counts.
    """
    while span.size > WINDOW:
        near, far = span.halves(place)
        span = near if count_taken(near) < near.size else far
    return span


def choose_slot(free: Sequence[int], place: int) -> int:
    """Return one of the free slots; different places choose different ones, if they can."""
    return free[place % len(free)]
