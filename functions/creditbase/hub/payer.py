"""Whose wallet a hub call is about."""

from creditbase.ledger.paths import WalletRef
from creditbase.runtime.http import Call
from creditbase.runtime.identity import CallerKind
from creditbase.subscriptions.use_cases import first_touch


def payer_of(call: Call) -> WalletRef:
    """Return the caller's wallet: an API key names it, a Firebase user's may be made now.

    Raises:
        NotFound: no catalog has been pushed yet, so there is no free plan to begin with.
    """
    caller = call.caller
    if caller.kind is CallerKind.API_KEY:
        return WalletRef(caller.project_id, caller.customer_id)
    customer = first_touch(caller.uid, now=call.now, email=caller.email)
    return WalletRef(customer.project_id, customer.customer_id)
