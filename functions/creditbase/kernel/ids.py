"""Ids: every identifier and entry id is built here, from its cause alone.

No clock and no random source: the same cause always has the same id, and that is what
makes each effect happen once (DESIGN section 4, "Entry ids"). Random bytes, where a secret
needs them, are passed in.
"""

import base64
import binascii
import hashlib
import uuid
import zlib
from datetime import datetime

from creditbase.kernel.instants import to_micros
from creditbase.kernel.records import dataclass

NAMESPACE = uuid.UUID("6f1d1c3e-5a0b-5d5e-9f53-0c5f2f3b7a11")
"""Root of every name-based UUID of the product."""

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
API_KEY_PREFIX = "inf_"
SECRET_KEY_PREFIX = "mr_sk_"  # noqa: S105 - the public beginning, not a secret
CUSTOMER_TOKEN_PREFIX = "mr_ct_"  # noqa: S105 - as above
HOLD_PREFIX = "hold_"
CHARGE_PREFIX = "chg_"
REDEMPTION_PREFIX = "red_"


def sha256_hex(text: str) -> str:
    """Return the lower-case hexadecimal SHA-256 of UTF-8 text."""
    return hashlib.sha256(text.encode()).hexdigest()


def project_uuid(name: str) -> str:
    """Return the id of a project made by a command under a well-known name."""
    return str(uuid.uuid5(NAMESPACE, f"project/{name}"))


def customer_uuid(project_id: str, external_id: str, generation: int) -> str:
    """Return a customer's id. A deleted customer's name comes back under a new generation."""
    return str(uuid.uuid5(NAMESPACE, f"customer/{project_id}/{generation}/{external_id}"))


def billing_profile_uuid(customer_id: str) -> str:
    """Return the id of what a customer's wallet belongs to."""
    return str(uuid.uuid5(NAMESPACE, f"billing/{customer_id}"))


def tier_subscription_uuid(name: str) -> str:
    """Return the id under which the relay shows a subscription to a tier, made of its cause."""
    return str(uuid.uuid5(NAMESPACE, f"subscription/{name}"))


def tier_uuid(project_id: str, code: str, generation: int) -> str:
    """Return a tier's id. It is made of the code that the tier began with, and stays."""
    return str(uuid.uuid5(NAMESPACE, f"tier/{project_id}/{generation}/{code}"))


def tier_model_uuid(tier_id: str, model_id: str) -> str:
    """Return the id under which a tier shows one of its models."""
    return str(uuid.uuid5(NAMESPACE, f"tier-model/{tier_id}/{model_id}"))


def identity_digest(project_id: str, provider: str, subject: str) -> str:
    """Return the document of who signed in with a provider, in a project."""
    return sha256_hex(f"identity/{project_id}/{provider}/{subject}")


def owner_uuid(uid: str) -> str:
    """Return the id under which the relay shows a Firebase user who owns a project."""
    return str(uuid.uuid5(NAMESPACE, f"owner/{uid}"))


# ---- the entries of a wallet ---------------------------------------------------------------


def operation_entry_id(idempotency_key: str) -> str:
    """Return the entry of a charge or hold: its idempotency key, digested."""
    return f"op:{sha256_hex(idempotency_key)}"


def end_entry_id(hold_id: str) -> str:
    """Return the one entry that ends a hold, whether by capture, void or expiry."""
    return f"end:{hold_id}"


def late_entry_id(hold_id: str) -> str:
    """Return the entry of a capture that came after the hold had expired."""
    return f"late:{hold_id}"


def free_grant_id(number: int) -> str:
    """Return the grant of a free window, by its number since account creation."""
    return f"free:{number}"


def cycle_grant_id(subscription_id: str, period_start: datetime) -> str:
    """Return the grant of a paid period: one per subscription and period start."""
    return f"cycle:{subscription_id}:{to_micros(period_start) // 1_000_000}"


def upgrade_grant_id(invoice_id: str) -> str:
    """Return the grant of an upgrade within a period: one per proration invoice."""
    return f"upgrade:{invoice_id}"


def downgrade_entry_id(subscription_id: str, period_start: datetime, number: int) -> str:
    """Return the entry that cuts a plan's credits: one per downgrade within a period."""
    return f"downgrade:{subscription_id}:{to_micros(period_start) // 1_000_000}:{number}"


def upgrade_again_entry_id(
    subscription_id: str, period_start: datetime, number: int, over_nanos: int
) -> str:
    """Return the entry that gives back what a downgrade cut: one per way up again.

    `over_nanos` is what of the period nobody has paid for by then.
    """
    cut_id = downgrade_entry_id(subscription_id, period_start, number)
    return f"{cut_id}:{over_nanos}"


def refund_entry_id(payment_id: str, number: int) -> str:
    """Return the entry of a step of a payment's refunds, taken or given back."""
    return f"refund:{payment_id}:{number}"


def topup_grant_id(payment_id: str) -> str:
    """Return the grant of a bought pack: one per payment (or session without payment)."""
    return f"topup:{payment_id}"


def promo_grant_id(customer_id: str) -> str:
    """Return the grant of a tier's promotional credits: one per billing profile, ever."""
    return f"promo:{billing_profile_uuid(customer_id)}"


def voucher_grant_id(code_digest: str) -> str:
    """Return the grant of a voucher: one per wallet and code."""
    return f"voucher:{code_digest}"


def audit_uuid(scope: str, idempotency_key: str) -> str:
    """Return the id of an operator's action: one for each key, within what it is about."""
    return str(uuid.uuid5(NAMESPACE, f"audit/{sha256_hex(scope)}/{idempotency_key}"))


def adjustment_entry_id(audit_id: str) -> str:
    """Return the entry, or the grant, of an operator's action: one per action."""
    return f"adjust:{audit_id}"


def expiry_entry_id(grant_id: str, *, returned_by: str | None = None) -> str:
    """Return the entry that writes off what was left of a grant.

    A grant that had gone and was returned can be written off once more: `returned_by`
    names the entry that returned it.
    """
    return f"expire:{grant_id}" if returned_by is None else f"expire:{grant_id}:{returned_by}"


def late_expiry_entry_id(grant_id: str) -> str:
    """Return the entry that says how much came back from holds when a grant was over."""
    return f"expire:{grant_id}:held"


def returned_entry_id(grant_id: str, *, after: str | None = None) -> str:
    """Return the entry that gives back what was set aside of a free window's credits.

    One for each time: `after` names the one before, if there was one.
    """
    before = f"return:{grant_id}:"
    is_again = after is not None and after.startswith(before)
    return f"{before}{int(after.removeprefix(before)) + 1 if after and is_again else 1}"


# ---- trials, and mails to customers ---------------------------------------------------------


def trial_claim_id(project_id: str, kind: str, value: str) -> str:
    """Return the document of who has had a trial with a card or an address: a digest of it."""
    return sha256_hex(f"trial/{project_id}/{kind}/{value}")


def trial_notice_id(subscription_id: str, trial_end: datetime) -> str:
    """Return the mail that a trial ends soon: one per end, so one more where it moves."""
    return f"trialnotice:{subscription_id}:{to_micros(trial_end) // 1_000_000}"


def trial_refused_id(subscription_id: str) -> str:
    """Return the mail that a trial was ended because there had been one before."""
    return f"trialrefused:{subscription_id}"


def payment_failed_id(invoice_id: str, attempt: int) -> str:
    """Return the mail that a payment failed: one per attempt."""
    return f"payfail:{invoice_id}:{attempt}"


def payment_recovered_id(invoice_id: str) -> str:
    """Return the mail that a payment which had failed was made after all."""
    return f"payrecovered:{invoice_id}"


def subscription_ended_id(subscription_id: str) -> str:
    """Return the mail that a subscription is over."""
    return f"subended:{subscription_id}"


def money_returned_id(payment_id: str, number: int) -> str:
    """Return the mail about a step of a payment's refunds."""
    return f"moneyback:{payment_id}:{number}"


def low_balance_id(customer_id: str, number: int) -> str:
    """Return the mail that a balance is low: one for each time that it fell."""
    return f"lowbalance:{customer_id}:{number}"


def refill_failed_id(customer_id: str, number: int) -> str:
    """Return the mail that an automatic top-up was not paid: one per top-up."""
    return f"refillfailed:{customer_id}:{number}"


# ---- public ids of charges and holds -------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OperationRef:
    """What a public hold or charge id says: whose wallet, and which entry."""

    customer_id: str
    entry_id: str


def hold_public_id(customer_id: str, entry_id: str) -> str:
    """Return the public id of a hold: its customer and entry, so no look-up is needed."""
    return HOLD_PREFIX + _pack(customer_id, entry_id)


def charge_public_id(customer_id: str, entry_id: str) -> str:
    """Return the public id of a charge, in the same form as a hold's."""
    return CHARGE_PREFIX + _pack(customer_id, entry_id)


def parse_hold_id(hold_id: str) -> OperationRef | None:
    """Return what a hold id names, or None where the text is no hold id.

    Only the one spelling that `hold_public_id` writes is taken: an alias would name the
    same entry, and miss the hold.
    """
    if not hold_id.startswith(HOLD_PREFIX) or len(hold_id) != len(HOLD_PREFIX) + 64:
        return None
    try:
        packed = base64.b64decode(hold_id[len(HOLD_PREFIX) :], altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    if len(packed) != 48 or base64.urlsafe_b64encode(packed).decode() != hold_id[-64:]:
        return None
    return OperationRef(str(uuid.UUID(bytes=packed[:16])), f"op:{packed[16:].hex()}")


def hold_guard_ids(hold_id: str) -> tuple[str, ...]:
    """Return the entries that tell what became of a hold: its end, a late one, its start."""
    reference = parse_hold_id(hold_id)
    assert reference is not None
    return (end_entry_id(hold_id), late_entry_id(hold_id), reference.entry_id)


def _pack(customer_id: str, entry_id: str) -> str:
    digest = bytes.fromhex(entry_id.removeprefix("op:"))
    assert len(digest) == 32
    return base64.urlsafe_b64encode(uuid.UUID(customer_id).bytes + digest).decode()


def row_uuid(wallet_id: str, entry_id: str, row: int) -> str:
    """Return the id under which a balance's history shows a row: a UUID of version 8.

    It begins with the row's number, so that a page can be asked for by the last row seen.
    """
    digest = hashlib.sha256(f"row/{wallet_id}/{entry_id}".encode()).digest()
    number = row.to_bytes(6, "big") + digest[:10]
    packed = bytearray(number)
    packed[6] = 0x80 | (packed[6] & 0x0F)
    packed[8] = 0x80 | (packed[8] & 0x3F)
    return str(uuid.UUID(bytes=bytes(packed)))


def row_of_uuid(row_id: uuid.UUID) -> int | None:
    """Return the number that such an id begins with; None where it is another kind of UUID."""
    return int.from_bytes(row_id.bytes[:6], "big") if row_id.version == 8 else None


def redemption_public_id(customer_id: str, code_digest: str) -> str:
    """Return the public id of a redeemed voucher. It tells nothing of the code."""
    return f"{REDEMPTION_PREFIX}{sha256_hex(f'{customer_id}/{code_digest}')[:24]}"


# ---- credentials ---------------------------------------------------------------------------


def credential(prefix: str, random_bytes: bytes) -> str:
    """Return a new secret: prefix, 43 characters of 32 random bytes, 6 of checksum.

    The checksum lets scanners and servers tell a typing error or a fake without a look-up.
    """
    assert len(random_bytes) == 32
    body = prefix + base64.urlsafe_b64encode(random_bytes).decode().rstrip("=")
    return body + _checksum(body)


def is_well_formed(secret: str, prefix: str) -> bool:
    """Return whether the text has the form and the checksum of such a credential."""
    if not secret.startswith(prefix) or len(secret) != len(prefix) + 49 or not secret.isascii():
        return False
    return _checksum(secret[:-6]) == secret[-6:]


def _checksum(body: str) -> str:
    number = zlib.crc32(body.encode())
    digits = ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        digits = BASE62[digit] + digits
    return digits
