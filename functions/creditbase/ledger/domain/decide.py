"""The decision: a wallet, what is known of earlier entries, a command, an instant.

It either returns what becomes true, or raises the refusal. It never half-does anything.
Source: DESIGN section 4 (steps 2 and 7, "Entry ids") and section 5.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from creditbase.kernel.errors import (
    Conflict,
    Forbidden,
    IdempotencyConflict,
    InvalidRequest,
    NotFound,
)
from creditbase.kernel.ids import end_entry_id, late_entry_id
from creditbase.kernel.records import dataclass
from creditbase.ledger.domain.adjusting import (
    adopt,
    are_known,
    change_terms,
    deduct,
    freeze,
    grant,
    is_outdated,
    switch_shadow,
)
from creditbase.ledger.domain.affording import price_held
from creditbase.ledger.domain.commands import (
    HOLD_TTL_S_MAX,
    Adopt,
    CaptureHold,
    ChangeTerms,
    Charge,
    Command,
    CutMonthly,
    Deduct,
    ExtendHold,
    Freeze,
    GiveBack,
    GrantCredits,
    PlaceHold,
    SetLevel,
    TakeBack,
    Tidy,
    UndoCut,
    VoidHold,
)
from creditbase.ledger.domain.draft import Draft, Known
from creditbase.ledger.domain.entries import Entry
from creditbase.ledger.domain.levels import set_level, watch_levels
from creditbase.ledger.domain.notes import Crossing, Told
from creditbase.ledger.domain.passing import pass_time
from creditbase.ledger.domain.reversing import (
    cut_monthly,
    give_back,
    is_undone,
    take_back,
    undo_cut,
)
from creditbase.ledger.domain.settling import capture_late, end_hold
from creditbase.ledger.domain.shadow import SwitchShadow
from creditbase.ledger.domain.spending import accrue, keep_hold, spend
from creditbase.ledger.domain.telling import tell_request, tell_thresholds
from creditbase.ledger.domain.wallet import (
    DayCount,
    Hold,
    Wallet,
    WindowCount,
)


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes true if the commit succeeds. A replay changes nothing.

    `entry` answers the command, or `hold` where an extension has no entry.
    """

    wallet: Wallet
    entry: Entry | None = None
    hold: Hold | None = None
    entries: tuple[Entry, ...] = ()
    closed_days: tuple[DayCount, ...] = ()
    closed_windows: tuple[WindowCount, ...] = ()
    crossings: tuple[Crossing, ...] = ()
    told: tuple[Told, ...] = ()
    must_publish: bool = False
    settles: bool = False
    is_replay: bool = False


def decide(wallet: Wallet, known: Known, command: Command, *, now: datetime) -> Decision:
    """Return what the command makes of the wallet at `now`, or of what it did before.

    Raises:
        BillingError: the refusal, given with no change at all.
    """
    prior = _prior(wallet, known, command)
    if prior is not None:
        return Decision(wallet, entry=prior, is_replay=True)
    if wallet.parked:
        raise Forbidden("This wallet is parked until it has been checked")
    if isinstance(command, ChangeTerms) and are_known(wallet, command):
        return Decision(wallet, is_replay=True)
    if isinstance(command, GrantCredits | CutMonthly | UndoCut) and is_outdated(
        wallet, command
    ):
        return Decision(wallet, is_replay=True)
    if isinstance(command, UndoCut) and is_undone(wallet, command):
        return Decision(wallet, is_replay=True)
    draft = Draft(wallet, max(now, wallet.at))
    goes_on_plan = isinstance(command, ChangeTerms) and command.terms.window == "period"
    pass_time(draft, turns_free=not goes_on_plan)
    entry: Entry | None = None
    hold: Hold | None = None
    match command:
        case Charge() | PlaceHold():
            entry = spend(draft, command)
        case CaptureHold() | VoidHold():
            entry = _end(draft, known, command)
        case ExtendHold():
            hold = _extend(draft, known, command)
        case _:
            entry = _adjust(draft, known, command)
    watch_levels(draft)
    tell_thresholds(draft)
    if isinstance(command, Charge | CaptureHold) and command.is_told and entry is not None:
        tell_request(draft, entry)
    return Decision(
        wallet=draft.wallet,
        entry=entry,
        hold=hold,
        entries=tuple(draft.entries),
        closed_days=tuple(draft.closed_days),
        closed_windows=tuple(draft.closed_windows),
        crossings=tuple(draft.crossings),
        told=tuple(draft.told),
        must_publish=draft.must_publish,
        settles=isinstance(command, Tidy) and command.settles,
    )


def _prior(wallet: Wallet, known: Known, command: Command) -> Entry | None:
    """Return the entry that this very command made before, if it did.

    Given of a parked wallet too: what has been done is told as it was.
    """
    match command:
        case Charge() | PlaceHold():
            prior = known.get(command.entry_id)
            if prior is not None and prior.request_digest != command.request_digest:
                raise IdempotencyConflict
            return prior
        case GrantCredits() | TakeBack() | GiveBack() | Deduct() | CutMonthly() | UndoCut():
            return known.get(command.entry_id)
        case CaptureHold() | VoidHold() if command.hold_id not in wallet.holds:
            return _prior_end(known, command)
        case _:
            return None


def _adjust(
    draft: Draft,
    known: Known,
    command: GrantCredits
    | TakeBack
    | GiveBack
    | Deduct
    | ChangeTerms
    | Adopt
    | CutMonthly
    | UndoCut
    | Freeze
    | SetLevel
    | SwitchShadow
    | Tidy,
) -> Entry | None:
    match command:
        case GrantCredits():
            return grant(draft, command)
        case TakeBack():
            return take_back(draft, known, command)
        case GiveBack():
            return give_back(draft, known, command)
        case Deduct():
            return deduct(draft, command)
        case CutMonthly():
            return cut_monthly(draft, command)
        case UndoCut():
            return undo_cut(draft, command)
        case ChangeTerms():
            change_terms(draft, command)
        case Adopt():
            adopt(draft, command)
        case Freeze():
            freeze(draft, command.reason)
        case SetLevel():
            set_level(draft, command.level, command.below_nanos, fires=True)
        case SwitchShadow():
            switch_shadow(draft, is_on=command.is_on)
        case _:  # Tidy: time has passed already
            draft.must_publish = True
    return None


# ---- ends of holds -------------------------------------------------------------------------


def _prior_end(known: Known, command: CaptureHold | VoidHold) -> Entry | None:
    """Return the end that the command asks for, if the hold has it; refuse any other.

    After an expiry there is nothing to void, and still something to capture, once.
    """
    ended = known.get(end_entry_id(command.hold_id))
    if ended is not None and ended.kind == "expire":
        late = known.get(late_entry_id(command.hold_id))
        if late is None:
            return ended if isinstance(command, VoidHold) else None
        ended = late
    if ended is None or (ended.kind == "void" and isinstance(command, VoidHold)):
        return ended
    if ended.request_digest == command.request_digest:
        return ended
    if command.key_digest and command.key_digest == ended.key_digest:
        raise IdempotencyConflict
    raise Conflict("This hold has ended")


def _end(draft: Draft, known: Known, command: CaptureHold | VoidHold) -> Entry:
    """End the hold, or capture after its time-out, which may have come just now."""
    hold = draft.wallet.holds.get(command.hold_id)
    if hold is not None:
        if isinstance(command, VoidHold):
            amount_nanos, metered = 0, hold.metered
        else:
            amount_nanos, metered = price_held(draft, command.cost, hold.metered)
        return end_hold(
            draft,
            hold,
            "void" if isinstance(command, VoidHold) else "capture",
            amount_nanos=amount_nanos,
            metered=metered,
            request_digest=command.request_digest,
            key_digest=command.key_digest,
            theirs=command.theirs if isinstance(command, CaptureHold) else None,
        )
    ended = _ended(draft, known, command.hold_id)
    if ended is None:
        raise NotFound("Hold not found")
    if isinstance(command, VoidHold):
        return ended
    amount_nanos, metered = price_held(draft, command.cost, ended.metered)
    return capture_late(
        draft,
        ended,
        amount_nanos=amount_nanos,
        metered=metered,
        request_digest=command.request_digest,
        key_digest=command.key_digest,
        theirs=command.theirs,
    )


def _ended(draft: Draft, known: Known, hold_id: str) -> Entry | None:
    """Return the entry that ended a hold: before, or just now by its time-out."""
    entry_id = end_entry_id(hold_id)
    for entry in draft.entries:
        if entry.entry_id == entry_id:
            return entry
    return known.get(entry_id)


def _extend(draft: Draft, known: Known, command: ExtendHold) -> Hold:
    hold = draft.wallet.holds.get(command.hold_id)
    if hold is None:
        if _ended(draft, known, command.hold_id) is not None:
            raise Conflict("This hold has ended")
        raise NotFound("Hold not found")
    latest_at = hold.created_at + timedelta(seconds=HOLD_TTL_S_MAX)
    if command.expires_at > latest_at or command.expires_at <= draft.at:
        raise InvalidRequest(
            "A hold can be extended to a later time within a day of its start",
            field="expires_at",
        )
    hold = replace(hold, expires_at=max(hold.expires_at, command.expires_at))
    draft.change(holds={**draft.wallet.holds, hold.hold_id: hold})
    if command.accrued is not None:
        hold = accrue(draft, hold, command.accrued)
        keep_hold(draft, hold)
    return hold
