"""Levels: heights of the balance, and the moments when it falls below them.

A crossing is decided in the very decision that crosses, so it happens once whoever spends;
the level is armed again when the balance has risen to it. What follows from a crossing is
done by others, later: the commit only writes that it happened.
"""

from dataclasses import replace

from creditbase.kernel.money import cents_remaining
from creditbase.ledger.domain.draft import Draft
from creditbase.ledger.domain.notes import Crossing, Level, LevelName, Told


def set_level(draft: Draft, name: LevelName, below_nanos: int, *, fires: bool) -> None:
    """Watch for a height from now on.

    `fires` says whether a balance that is below it already counts as having just fallen, also
    where that height was watched before; where it does not, the same height changes nothing.
    """
    assert below_nanos >= 0
    known = draft.wallet.levels.get(name)
    if known is not None and known.below_nanos == below_nanos and not fires:
        return
    is_below = not fires and draft.wallet.balance_nanos(draft.at) < below_nanos
    level = Level(below_nanos, is_below, known.crossings if known is not None else 0)
    draft.change(levels={**draft.wallet.levels, name: level})


def rearm(draft: Draft, name: LevelName) -> None:
    """Let a balance that is below a level count as having just fallen below it."""
    known = draft.wallet.levels.get(name)
    if known is not None:
        level = replace(known, is_below=False)
        draft.change(levels={**draft.wallet.levels, name: level})


def watch_levels(draft: Draft) -> None:
    """Note every level that the balance has fallen below, and arm those that it has reached."""
    if not draft.wallet.levels:
        return
    balance_nanos = draft.wallet.balance_nanos(draft.at)
    for name, level in sorted(draft.wallet.levels.items()):
        is_below = balance_nanos < level.below_nanos
        if is_below == level.is_below:
            continue
        if is_below and draft.wallet.shadow_since is not None:
            continue  # nobody is told, and nothing bought; it is seen as the mode ends
        seen = replace(level, is_below=is_below, crossings=level.crossings + is_below)
        draft.change(levels={**draft.wallet.levels, name: seen})
        if not is_below:
            continue
        crossing = Crossing(name, seen.crossings, level.below_nanos, balance_nanos, draft.at)
        draft.crossings.append(crossing)
        if name == "low":
            draft.told.append(_told(crossing))


def _told(crossing: Crossing) -> Told:
    """Return what the project's developer is told, beside the customer."""
    return Told(
        "billing.balance_low",
        f"low/{crossing.number}",
        {
            "balance_cents": cents_remaining(crossing.balance_nanos),
            "low_balance_threshold_cents": cents_remaining(crossing.below_nanos),
        },
    )
