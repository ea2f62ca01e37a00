"""Whose wallet a hub call is about."""

from creditbase.kernel.records import dataclass
from creditbase.ledger.paths import WalletRef
from creditbase.runtime.http import Call
from creditbase.runtime.identity import ADMIN_ROLE, CallerKind
from creditbase.subscriptions.use_cases import first_user


@dataclass(frozen=True, slots=True)
class Payer:
    """Whose wallet it is, and whether that user may use the admin's pages."""

    wallet: WalletRef
    is_admin: bool
    """For show: who may do what is decided anew at each admin request. Never for a key."""


def payer_and_role_of(call: Call) -> Payer:
    """Return the caller's wallet: an API key names it, a Firebase user's may be made now.

    Raises:
        NotFound: no catalog has been pushed yet, so there is no free plan to begin with.
    """
    caller = call.caller
    if caller.kind is CallerKind.API_KEY:
        return Payer(WalletRef(caller.project_id, caller.customer_id), is_admin=False)
    user = first_user(
        caller.uid, now=call.now, email=caller.email, signed_in_at=caller.signed_in_at
    )
    wallet = WalletRef(user.customer.project_id, user.customer.customer_id)
    return Payer(wallet, is_admin=user.role == ADMIN_ROLE)


def payer_of(call: Call) -> WalletRef:
    """Return the caller's wallet alone.

    Raises:
        NotFound: as above.
    """
    return payer_and_role_of(call).wallet
