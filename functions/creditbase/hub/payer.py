"""Whose wallet a hub call is about."""

from creditbase.accounts.domain import FIRST_GENERATION, User
from creditbase.accounts.store import user_from, user_path
from creditbase.accounts.use_cases import HUB_PROJECT_ID
from creditbase.kernel.ids import customer_uuid
from creditbase.kernel.records import dataclass
from creditbase.ledger.domain.balance import Balance
from creditbase.ledger.paths import WalletRef
from creditbase.ledger.store import balance_from
from creditbase.runtime import firestore
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
    return _payer(_user_of(call))


def payer_and_balance_of(call: Call) -> tuple[Payer, Balance | None]:
    """Return the same with its published balance, if that came along.

    Who is signed in is read with the balance that nearly everybody has, by one RPC: that of
    the first customer of the user's name. Whose customer is another one asks once more.

    Raises:
        NotFound: as above.
    """
    caller = call.caller
    if caller.kind is CallerKind.API_KEY:
        return payer_and_role_of(call), None
    guess = customer_uuid(HUB_PROJECT_ID, caller.uid, FIRST_GENERATION)
    likely = WalletRef(HUB_PROJECT_ID, guess)
    found_user, found_balance = firestore.get_all([user_path(caller.uid), likely.balance])
    payer = _payer(user_from(caller.uid, found_user) or _user_of(call))
    return payer, balance_from(found_balance) if payer.wallet == likely else None


def _user_of(call: Call) -> User:
    caller = call.caller
    return first_user(
        caller.uid, now=call.now, email=caller.email, signed_in_at=caller.signed_in_at
    )


def _payer(user: User) -> Payer:
    wallet = WalletRef(user.customer.project_id, user.customer.customer_id)
    return Payer(wallet, is_admin=user.role == ADMIN_ROLE)


def payer_of(call: Call) -> WalletRef:
    """Return the caller's wallet alone.

    Raises:
        NotFound: as above.
    """
    return payer_and_role_of(call).wallet
