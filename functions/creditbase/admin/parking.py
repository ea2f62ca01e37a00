"""Parking a wallet whose ledger does not hold, and letting it go once it does again.

Of a parked wallet nothing moves: no call is admitted, and what was paid for meanwhile waits in
`payments` until it is let go. Both leave a record, in the commit that does it.
"""

from datetime import datetime

from creditbase.admin.acting import done_before
from creditbase.admin.audit_store import writes_for_audit
from creditbase.admin.domain.audit import Audit, Deed, check_deed, record_of
from creditbase.admin.verifying import prove_whole
from creditbase.kernel.errors import Conflict
from creditbase.ledger.domain.proof.reading import Broken
from creditbase.ledger.paths import WalletRef
from creditbase.ledger.proof_store import Kept, write_of_kept
from creditbase.ledger.proving import parked_reason, writes_to_mark
from creditbase.runtime.commit import Attempt, commit_or_retry
from creditbase.runtime.firestore import get_all
from creditbase.runtime.log import alert

WATCH = "verify_ledger"
"""Who parks: the job, which nobody has asked to."""
REASON_CHARACTERS_MAX = 300


def park(ref: WalletRef, line: Broken, *, now: datetime) -> bool:
    """Park a wallet for a line that does not hold; return whether it was not parked before.

    A wallet that is gone cannot be parked, and admits nothing either.

    Raises:
        Contention: others were always first; the next look parks it.
    """
    reason = reason_of(line)

    def attempt() -> Attempt[bool]:
        wallet = get_all([ref.wallet])[0]
        if wallet.fields is None or wallet.version is None:
            return Attempt(True, ())
        if parked_reason(wallet.fields):
            return Attempt(False, ())
        deed = Deed(
            action="park",
            actor=WATCH,
            key=f"park {wallet.version.isoformat()}",
            reason=reason,
            project_id=ref.project_id,
            customer_id=ref.customer_id,
            asked={"path": line.path, "field": line.field, "seq": line.seq},
        )
        audit = record_of(deed, now=now, before={"parked": ""}, after={"parked": reason})
        writes = writes_to_mark(ref, wallet.fields, wallet.version, reason)
        return Attempt(True, [*writes, *writes_for_audit(audit)])

    is_news = commit_or_retry(attempt)
    if is_news:
        alert(
            "wallet_parked",
            f"wallet parked: {reason}",
            wallet=ref.wallet_id,
            path=line.path,
            field=line.field,
            seq=line.seq,
            expected=line.expected,
            found=line.found,
        )
    return is_news


def reason_of(line: Broken) -> str:
    """Return a line in a form that can be shown anywhere, not too long."""
    text = "".join(it if it.isprintable() else "?" for it in f"ledger: {line}")
    return text[:REASON_CHARACTERS_MAX]


def unpark(deed: Deed, *, now: datetime) -> Audit:
    """Let a parked wallet go, if all of it holds from its first entry on.

    What it holds is what later proofs go on from: a history that was put right is not the one
    that was known before.

    Raises:
        Broken: a line does not hold, so the wallet stays parked.
        Conflict: it is not parked.
        IdempotencyConflict: the key was used for something else.
    """
    check_deed(deed)
    ref = WalletRef(deed.project_id, deed.customer_id)

    def attempt() -> Attempt[Audit]:
        found = done_before(deed)
        if found is not None:
            return Attempt(found, ())
        proven, _ = prove_whole(ref)
        if not proven.parked:
            raise Conflict("This wallet is not parked")
        fields = get_all([ref.wallet])[0].fields or {}
        assert proven.version is not None
        audit = record_of(deed, now=now, before={"parked": proven.parked}, after={"parked": ""})
        kept = Kept(tale=proven.tale, walked_at=now)
        return Attempt(
            audit,
            [
                *writes_to_mark(ref, fields, proven.version, ""),
                write_of_kept(ref, kept, now=now),
                *writes_for_audit(audit),
            ],
        )

    return commit_or_retry(attempt)
