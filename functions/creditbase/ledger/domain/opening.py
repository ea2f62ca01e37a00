"""The first wallet of a customer, with the credits of the running free window."""

from datetime import datetime

from creditbase.kernel.windows import Window, free_window
from creditbase.ledger.domain.decide import Decision
from creditbase.ledger.domain.draft import Draft
from creditbase.ledger.domain.passing import turn_window
from creditbase.ledger.domain.wallet import (
    DayCount,
    Published,
    Terms,
    Wallet,
    WindowCount,
)


def open_wallet(
    wallet_id: str,
    *,
    owner_uid: str,
    terms: Terms,
    now: datetime,
    salt: str = "",
    period: Window | None = None,
    is_free_given: bool = False,
    is_shadowed: bool = False,
) -> Decision:
    """Return a new wallet at `now`, its first window open and its free credits given.

    `salt` is a new one; without it the first entry is not sealed.
    `period` is the window of terms whose windows Stripe tells; free terms have their own.
    `is_free_given`: this person has had the free credits of now already, in another wallet.
    `is_shadowed`: it begins beside another counter.
    """
    assert (terms.window == "period") == (period is not None)
    span = period if period is not None else free_window(now, 0)
    wallet = Wallet(
        wallet_id=wallet_id,
        owner_uid=owner_uid,
        created_at=now,
        at=now,
        terms=terms,
        window=WindowCount(span, None if period is not None else 0),
        today=DayCount(now.strftime("%Y-%m-%d")),
        published=Published(now, is_settled=True),
        salt=salt,
        free_number=0 if is_free_given else -1,
        shadow_since=now if is_shadowed else None,
    )
    draft = Draft(wallet, now)
    turn_window(draft)
    return Decision(draft.wallet, entries=tuple(draft.entries), must_publish=True)
