"""Metering: one function per verb. Who pays, what it costs, then the ledger decides."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from creditbase.kernel.errors import (
    BillingError,
    IdempotencyConflict,
    InvalidRequest,
    NotFound,
)
from creditbase.kernel.ids import (
    hold_public_id,
    operation_entry_id,
    parse_hold_id,
    sha256_hex,
)
from creditbase.kernel.instants import read, utc
from creditbase.kernel.records import dataclass
from creditbase.ledger.domain.commands import (
    Budget,
    CaptureHold,
    Charge,
    Command,
    Cost,
    ExtendHold,
    FixedAmount,
    MeteredUsage,
    PlaceHold,
    VoidHold,
)
from creditbase.ledger.domain.decide import Decision
from creditbase.ledger.domain.draft import figures_of
from creditbase.ledger.domain.entries import Entry, Figures
from creditbase.ledger.domain.wallet import Hold
from creditbase.ledger.paths import WalletRef
from creditbase.ledger.store import find_wallet
from creditbase.ledger.use_cases import load_hold, run
from creditbase.metering.domain import UNPRICED_MODEL, check_bounded
from creditbase.metering.models import (
    CaptureRequest,
    ChargeRequest,
    ExtendRequest,
    HoldRequest,
    UsageFields,
    their_count,
)
from creditbase.metering.names import customer_names
from creditbase.metering.rates import load_rate, run_following, run_priced
from creditbase.metering.telling import is_told


@dataclass(frozen=True, slots=True)
class Request:
    """Who asks for what: the project, the route, the parsed body, the idempotency key."""

    project_id: str
    route: str
    body: Mapping[str, Any]
    key: str
    now: datetime
    budget: Budget | None = None
    """Of the credential that asks, if it has one."""

    @property
    def digest(self) -> str:
        """Return the digest of route and canonical body, which a key is bound to."""
        text = json.dumps(
            [self.route, self.body], sort_keys=True, separators=(",", ":"), ensure_ascii=False
        )
        return sha256_hex(text)

    @property
    def key_digest(self) -> str:
        """Return the digest of the key, empty where none was given."""
        return sha256_hex(self.key) if self.key else ""


def charge(request: Request, asked: ChargeRequest) -> Decision:
    """Take credits at once. Repeating the key is safe.

    Raises:
        PaymentRequired, IdempotencyConflict, NotFound, InvalidRequest, Forbidden, Contention.
    """
    entry_id = operation_entry_id(request.key)
    tells = is_told(request.project_id)

    def command(cost: Cost) -> Charge:
        metadata = asked.metadata or {}
        theirs = their_count(asked.counter)
        return Charge(entry_id, request.digest, cost, metadata, request.budget, tells, theirs)

    def act(ref: WalletRef) -> Decision:
        return _run_costed(request, ref, entry_id, command, asked=asked, usage=asked.usage)

    return _with_payer(request, asked, act)


def place_hold(request: Request, asked: HoldRequest) -> Decision:
    """Reserve the most that work can cost. Repeating the key is safe.

    Raises: as `charge`, and TooManyHolds.
    """
    entry_id = operation_entry_id(request.key)

    def act(ref: WalletRef) -> Decision:
        hold_id = hold_public_id(ref.customer_id, entry_id)

        def command(cost: Cost) -> PlaceHold:
            return PlaceHold(
                entry_id,
                hold_id,
                request.digest,
                cost,
                asked.ttl_s,
                asked.metadata or {},
                request.budget,
            )

        usage = asked.usage_max
        return _run_costed(request, ref, entry_id, command, asked=asked, usage=usage)

    try:
        return _with_payer(request, asked, act)
    except InvalidRequest as refusal:
        field = refusal.field.replace("usage.", "usage_max.", 1)
        raise InvalidRequest(refusal.message, field=field) from refusal


def capture_hold(request: Request, hold_id: str, asked: CaptureRequest) -> Decision:
    """End a hold and take what the work cost, also more than was held, also late.

    Raises: Conflict, IdempotencyConflict, NotFound, InvalidRequest, Contention.
    """
    tells = is_told(request.project_id)

    def command(cost: Cost | None) -> CaptureHold:
        assert cost is not None
        theirs = their_count(asked.counter)
        return CaptureHold(hold_id, request.digest, cost, request.key_digest, tells, theirs)

    fixed = None if asked.amount_nanos is None else FixedAmount(asked.amount_nanos)
    return _run_on_hold(request, hold_id, command, asked.usage, fixed)


def void_hold(request: Request, hold_id: str) -> Decision:
    """End a hold and take nothing.

    Raises: Conflict, NotFound, Contention.
    """
    command = VoidHold(hold_id, request.digest, request.key_digest)
    return _run_on_hold(request, hold_id, lambda _: command)


def extend_hold(request: Request, hold_id: str, asked: ExtendRequest) -> tuple[Hold, Figures]:
    """Move a hold's expiry, never back, and note its usage so far.

    Raises: Conflict, NotFound, InvalidRequest, Contention.
    """
    try:
        expires_at = utc(read(asked.expires_at))
    except ValueError as failure:
        raise InvalidRequest("This is no RFC 3339 time", field="expires_at") from failure
    decision = _run_on_hold(
        request, hold_id, lambda cost: ExtendHold(hold_id, expires_at, cost), asked.usage
    )
    assert decision.hold is not None
    return decision.hold, figures_of(decision.wallet, decision.wallet.at)


def show_hold(project_id: str, hold_id: str, *, now: datetime) -> Hold | Entry:
    """Return an open hold, or the entry that ended it.

    Raises:
        NotFound: this project has no such hold.
    """
    return load_hold(_holder(project_id, hold_id), hold_id, now=now)[0]


# ---- who pays, and what --------------------------------------------------------------------


def _with_payer(
    request: Request,
    asked: ChargeRequest | HoldRequest,
    act: Callable[[WalletRef], Decision],
) -> Decision:
    if asked.customer_id is not None:
        return act(WalletRef(request.project_id, asked.customer_id.lower()))
    assert asked.customer_external_id is not None
    named = (request.project_id, asked.customer_external_id)
    return customer_names().follow(*named, act, now=request.now)


def _run_costed(
    request: Request,
    ref: WalletRef,
    entry_id: str,
    command: Callable[[Cost], Command],
    *,
    asked: ChargeRequest | HoldRequest,
    usage: UsageFields | None,
) -> Decision:
    """Run a command for an amount, or for usage that the decision itself prices."""
    if asked.amount_nanos is not None:
        fixed = command(FixedAmount(asked.amount_nanos))
        return run_following(ref, fixed, now=request.now)
    assert asked.model is not None
    assert usage is not None
    model, quantities = asked.model, usage.quantities()
    try:
        rate = load_rate(request.project_id)
        if isinstance(asked, HoldRequest):
            given = frozenset(usage.model_fields_set)
            check_bounded(rate.catalog, model, given, at=request.now)
    except (NotFound, InvalidRequest) as refusal:
        return _replay_of(request, ref, entry_id, refusal)
    return run_priced(
        ref,
        lambda rate: command(MeteredUsage(quantities, rate, model)),
        rate,
        now=request.now,
    )


def _replay_of(
    request: Request, ref: WalletRef, entry_id: str, refusal: BillingError
) -> Decision:
    """Return what the key did before; where it did nothing, refuse as pricing did.

    A price book may lose a model between a charge and its repetition, and the repetition
    must not be told that there was no such call.

    Raises:
        IdempotencyConflict: the key was used for another request.
        BillingError: the given refusal.
    """
    loaded = find_wallet(ref, [entry_id])
    prior = None if loaded is None else loaded.known[entry_id]
    if loaded is None or prior is None:
        raise refusal
    if prior.request_digest != request.digest:
        raise IdempotencyConflict
    return Decision(loaded.wallet, entry=prior, is_replay=True)


def _holder(project_id: str, hold_id: str) -> WalletRef:
    reference = parse_hold_id(hold_id)
    if reference is None:
        raise NotFound("Hold not found")
    return WalletRef(project_id, reference.customer_id)


def _run_on_hold(
    request: Request,
    hold_id: str,
    command: Callable[[Cost | None], Command],
    usage: UsageFields | None = None,
    fixed: FixedAmount | None = None,
) -> Decision:
    ref = _holder(request.project_id, hold_id)
    try:
        if usage is None:
            return run(ref, command(fixed), now=request.now)
        quantities = usage.quantities()
        return run_priced(
            ref,
            lambda rate: command(MeteredUsage(quantities, rate)),
            load_rate(request.project_id),
            now=request.now,
        )
    except NotFound as refusal:
        if refusal.reason == UNPRICED_MODEL:
            raise
        # Another project's customer, no customer, no hold: all look the same.
        raise NotFound("Hold not found") from refusal


def customer_of_hold(hold_id: str) -> str:
    """Return the customer that a hold id, known to be one, belongs to."""
    reference = parse_hold_id(hold_id)
    assert reference is not None
    return reference.customer_id
