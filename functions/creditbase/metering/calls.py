"""A call through the gateway: held before it is made, and captured however it ends.

The gateway holds the worst that a call can cost, and the decision itself lowers the output
to what the customer can afford. A request id given twice is the same call: it holds once.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import field
from datetime import datetime
from typing import Any

from creditbase.catalog.tier_use_cases import load_tiers
from creditbase.kernel.errors import InvalidRequest, NotFound
from creditbase.kernel.ids import hold_public_id, operation_entry_id, sha256_hex
from creditbase.kernel.records import dataclass
from creditbase.ledger.domain.commands import (
    Budget,
    CaptureHold,
    Command,
    ExtendHold,
    MeteredUsage,
    PlaceHold,
    VoidHold,
)
from creditbase.ledger.domain.decide import Decision
from creditbase.ledger.domain.entries import Entry, Figures
from creditbase.ledger.domain.wallet import Hold
from creditbase.ledger.paths import WalletRef
from creditbase.ledger.store import find_wallet
from creditbase.ledger.use_cases import load_hold, run
from creditbase.metering.domain import UNPRICED_MODEL, CatalogRate, is_tier_id
from creditbase.metering.rates import load_rate, run_priced
from creditbase.metering.telling import is_told
from creditbase.runtime.identity import Caller

OUTPUTS = ("output_tokens", "reasoning_tokens")
"""How a hold may name what a model can write: the worst case has all of it as one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A call that wants to be made: whose, under which request id, and the worst of it.

    `digest` is of what was asked, without any price. With `output_at_least` fewer output
    tokens are held where the customer cannot afford all of `quantities`. `prompt` is what the
    call uses as soon as it is sent, and so what its expiry takes where nothing else is known.
    """

    ref: WalletRef
    request_id: str
    digest: str
    model: str
    quantities: Mapping[str, int]
    prompt: Mapping[str, int] | None = None
    ttl_s: int = 900
    output_at_least: int | None = None
    budget: Budget | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldCall:
    """A call that may be made. `output_tokens` is the most it may write.

    `is_replay` says that the request id was held before: `entry` is of that time, and
    `find_call` tells how it ended.
    """

    ref: WalletRef
    hold_id: str
    model: str
    amount_nanos: int
    output_tokens: int
    expires_at: datetime
    entry: Entry
    is_replay: bool


def hold_call(asked: Asked, *, now: datetime) -> HeldCall:
    """Hold the most that a call can cost, or the most that is affordable.

    Raises:
        InvalidRequest: the model is unknown, or does not price what was asked of it.
        Forbidden: the model is not part of the plan; the wallet is frozen.
        PaymentRequired: not even `output_at_least` is affordable.
        IdempotencyConflict: the request id was used for another call.
        NotFound, TooManyHolds, Contention, Unavailable: as the ledger refuses.
    """
    entry_id = operation_entry_id(f"call/{asked.request_id}")
    hold_id = hold_public_id(asked.ref.customer_id, entry_id)

    def command(rate: CatalogRate) -> PlaceHold:
        return PlaceHold(
            entry_id,
            hold_id,
            sha256_hex(f"call/{asked.digest}"),
            MeteredUsage(asked.quantities, rate, asked.model),
            asked.ttl_s,
            asked.metadata,
            asked.budget,
            asked.output_at_least,
            None if asked.prompt is None else MeteredUsage(asked.prompt, rate),
        )

    decision = _run(asked.ref, command, now=now)
    entry = decision.entry
    assert entry is not None
    assert entry.expires_at is not None
    return HeldCall(
        ref=asked.ref,
        hold_id=hold_id,
        model=entry.metered.model,
        amount_nanos=entry.amount_nanos,
        output_tokens=sum(entry.metered.quantity(unit) for unit in OUTPUTS),
        expires_at=entry.expires_at,
        entry=entry,
        is_replay=decision.is_replay,
    )


def capture_call(
    ref: WalletRef, hold_id: str, quantities: Mapping[str, int], *, now: datetime
) -> Entry:
    """Take what the call really used, at the price at which it was held; also late.

    Raises:
        Conflict: the hold has ended by another capture, or a void.
        NotFound, InvalidRequest, Contention, Unavailable: as the ledger refuses.
    """
    written = json.dumps(dict(quantities), sort_keys=True, separators=(",", ":"))
    digest = sha256_hex(f"capture call/{hold_id}/{written}")
    tells = is_told(ref.project_id)
    decision = _run(
        ref,
        lambda rate: CaptureHold(
            hold_id, digest, MeteredUsage(quantities, rate), is_told=tells
        ),
        now=now,
    )
    assert decision.entry is not None
    return decision.entry


def void_call(ref: WalletRef, hold_id: str, *, now: datetime) -> Entry:
    """Take nothing: the call was never made.

    Raises:
        Conflict, NotFound, Contention, Unavailable: as the ledger refuses.
    """
    decision = run(ref, VoidHold(hold_id, sha256_hex(f"void call/{hold_id}")), now=now)
    assert decision.entry is not None
    return decision.entry


def extend_call(
    ref: WalletRef,
    hold_id: str,
    *,
    expires_at: datetime,
    quantities: Mapping[str, int] | None = None,
    now: datetime,
) -> Hold:
    """Give a call more time, and note what it has used so far: its expiry takes that.

    Raises:
        Conflict: the hold has ended.
        NotFound, InvalidRequest, Contention, Unavailable: as the ledger refuses.
    """
    if quantities is None:
        decision = run(ref, ExtendHold(hold_id, expires_at), now=now)
    else:
        used = quantities
        decision = _run(
            ref,
            lambda rate: ExtendHold(hold_id, expires_at, MeteredUsage(used, rate)),
            now=now,
        )
    assert decision.hold is not None
    return decision.hold


def budget_of(caller: Caller) -> Budget | None:
    """Return the budget of a key or token, if it came with one."""
    if caller.budget_nanos is None:
        return None
    return Budget(caller.key_id, caller.budget_nanos)


def find_call(held: HeldCall, *, now: datetime) -> tuple[Hold | Entry, Figures]:
    """Return the open hold of a call, or the entry that ended it; one RPC.

    Raises:
        NotFound: there is no such hold.
    """
    return load_hold(held.ref, held.hold_id, now=now)


def default_model(ref: WalletRef) -> str:
    """Return the model of the customer's tier for a call that names none; empty if none.

    Raises:
        NotFound: there is no such customer.
    """
    loaded = find_wallet(ref)
    if loaded is None:
        raise NotFound("Customer not found")
    plan_code = loaded.wallet.terms.plan_code
    if not is_tier_id(plan_code):
        return ""
    tier = load_tiers(ref.project_id, needed_id=plan_code).by_id(plan_code)
    chosen = None if tier is None else tier.default_model
    return "" if chosen is None else chosen.model_id


def _run(
    ref: WalletRef, command: Callable[[CatalogRate], Command], *, now: datetime
) -> Decision:
    try:
        return run_priced(ref, command, load_rate(ref.project_id), now=now)
    except NotFound as refusal:
        if refusal.reason != UNPRICED_MODEL:
            raise
        raise InvalidRequest("This model has no price", field="model") from refusal
