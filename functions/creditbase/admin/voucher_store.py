"""Where vouchers are kept. Nobody else spells these paths.

vouchers/{digest}                           the terms, disabled_at, is_used_up
vouchers/{digest}/uses/{slot}               a use that was taken; `create` only
vouchers/{digest}/redeemers/{customer_id}   a customer's one use; `create` only

A use and its redeemer are made in one commit, so no customer has two, whatever is repeated,
lost or killed in between.
"""

from collections.abc import Sequence
from datetime import datetime

from creditbase.admin.domain.vouchers import Span, Voucher, VoucherTerms
from creditbase.kernel.records import dataclass
from creditbase.runtime.firestore import (
    Create,
    Snapshot,
    Update,
    Version,
    Write,
    count_documents,
    get_all,
)


@dataclass(frozen=True, slots=True)
class Kept:
    """A voucher with the version it was read at, and whether a customer has a use of it."""

    voucher: Voucher
    version: Version
    is_redeemer: bool


def find_voucher(digest: str, customer_id: str = "") -> Kept | None:
    """Return a voucher, and whether the customer (if named) has a use; one RPC."""
    paths = [_voucher(digest)]
    if customer_id:
        paths.append(_redeemer(digest, customer_id))
    kept, *redeemers = get_all(paths)
    if kept.fields is None or kept.version is None:
        return None
    is_redeemer = any(snapshot.exists for snapshot in redeemers)
    return Kept(_voucher_from(digest, kept), kept.version, is_redeemer)


def find_free_slots(digest: str, slots: Sequence[int]) -> list[int]:
    """Return those of the slots that nobody has taken, in the order asked."""
    found = get_all([_use(digest, slot) for slot in slots])
    return [slot for slot, use in zip(slots, found, strict=True) if not use.exists]


def count_taken(digest: str, span: Span) -> int:
    """Return how many slots of a span are taken; cheap however many they are."""
    return count_documents(
        f"vouchers/{digest}/uses",
        where=[("slot", ">=", span.begin), ("slot", "<", span.end)],
    )


def count_redeemers(digest: str) -> int:
    """Return how many customers have a use of the voucher."""
    return count_documents(f"vouchers/{digest}/redeemers")


def writes_for_voucher(voucher: Voucher) -> list[Write]:
    """Return the write that makes a voucher, or fails if its code is taken."""
    terms = voucher.terms
    fields = {
        "credits": terms.credits,
        "max_uses": terms.max_uses,
        "starts_at": terms.starts_at,
        "expires_at": terms.expires_at,
        "plans": list(terms.plans),
        "credits_expire_days": terms.credits_expire_days,
        "created_at": voucher.created_at,
        "disabled_at": voucher.disabled_at,
        "is_used_up": voucher.is_used_up,
    }
    return [Create(_voucher(voucher.digest), fields)]


def writes_to_disable(kept: Kept, *, now: datetime) -> list[Write]:
    """Return the write that disables a voucher, or fails if it has changed."""
    path = _voucher(kept.voucher.digest)
    return [Update(path, {("disabled_at",): now}, unless_changed_since=kept.version)]


def writes_to_note_used_up(kept: Kept) -> list[Write]:
    """Return the write that spares others the search, or fails if the voucher has changed."""
    path = _voucher(kept.voucher.digest)
    return [Update(path, {("is_used_up",): True}, unless_changed_since=kept.version)]


def writes_for_use(
    digest: str, customer_id: str, slot: int | None, *, now: datetime
) -> list[Write]:
    """Return the batch that takes a use: no slot where the number of uses is not limited.

    It fails whole if the slot is taken, or if the customer has a use already.
    """
    redeemer = {"slot": slot, "redeemed_at": now}
    writes: list[Write] = [Create(_redeemer(digest, customer_id), redeemer)]
    if slot is not None:
        use = {"slot": slot, "customer_id": customer_id, "redeemed_at": now}
        writes.append(Create(_use(digest, slot), use))
    return writes


def _voucher_from(digest: str, snapshot: Snapshot) -> Voucher:
    assert snapshot.fields is not None
    kept = snapshot.fields
    return Voucher(
        digest=digest,
        terms=VoucherTerms(
            credits=kept["credits"],
            max_uses=kept["max_uses"],
            starts_at=kept["starts_at"],
            expires_at=kept["expires_at"],
            plans=tuple(kept["plans"]),
            credits_expire_days=kept["credits_expire_days"],
        ),
        created_at=kept["created_at"],
        disabled_at=kept["disabled_at"],
        is_used_up=kept["is_used_up"],
    )


def _voucher(digest: str) -> str:
    return f"vouchers/{digest}"


def _use(digest: str, slot: int) -> str:
    return f"vouchers/{digest}/uses/{slot}"


def _redeemer(digest: str, customer_id: str) -> str:
    return f"vouchers/{digest}/redeemers/{customer_id}"
