"""`/me`: what a user may ask for about itself: everything that is known, and to be forgotten.

Both ask for a sign-in of the last five minutes, as Firebase does before it deletes a user: a
browser that was left open is not enough. Neither makes anybody a customer.
"""

from datetime import timedelta

from creditbase.accounts.customer_store import find_used_name
from creditbase.accounts.store import find_user
from creditbase.accounts.use_cases import HUB_PROJECT_ID
from creditbase.admin.domain.audit import THEMSELVES, Deed
from creditbase.admin.erasing import Consent, erase
from creditbase.admin.exporting import ExportStream, load_person
from creditbase.hub.door import HUB
from creditbase.kernel.errors import InvalidRequest, NotFound, Unauthenticated
from creditbase.runtime.clock import real_now
from creditbase.runtime.http import Call, Reply, Resources, endpoint
from creditbase.runtime.settings import STRIPE_SECRET_KEY

RECENT = timedelta(minutes=5)
TRUE = (True, "true")
FALSE = (False, "false", None)
EXPORT_NAME = "personal-data.json"


@endpoint("me", door=HUB, secrets=(STRIPE_SECRET_KEY,), resources=Resources(timeout_s=300))
def me(call: Call) -> Reply:
    """Export what is known of the signed-in user, or erase it.

    Answers 401 `RECENT_SIGN_IN_REQUIRED` where the user has not just signed in, and 409 with
    the reason where something is owed, left or under way.
    """
    check_recent(call)
    return _export(call) if call.route.method == "GET" else _erase(call)


def check_recent(call: Call) -> None:
    """Let a user pass who has just signed in.

    Raises:
        Unauthenticated: RECENT_SIGN_IN_REQUIRED.
    """
    at = call.caller.signed_in_at
    if at is None or real_now() - at > RECENT:
        raise Unauthenticated("Sign in again first", reason="RECENT_SIGN_IN_REQUIRED")


def _export(call: Call) -> Reply:
    user = find_user(call.caller.uid)
    if user is None:
        raise NotFound("There is nothing about this user")
    stream = ExportStream(load_person(user.customer), now=call.now)
    named = f'attachment; filename="{EXPORT_NAME}"'
    return Reply(body=None, stream=stream, headers={"Content-Disposition": named})


def _erase(call: Call) -> Reply:
    given = call.body.get("forfeit_credits")
    if given not in (*TRUE, *FALSE):
        raise InvalidRequest("forfeit_credits is true or false", field="forfeit_credits")
    user = find_user(call.caller.uid)
    if user is None:
        _check_erased(call.caller.uid)
        return Reply(body={"status": "erased"})
    ref = user.customer
    deed = Deed(
        action="erase",
        actor=THEMSELVES,
        key="erase",
        reason="asked for by the person",
        project_id=ref.project_id,
        customer_id=ref.customer_id,
    )
    done = erase(deed, Consent(forfeits_credits=given in TRUE), now=call.now)
    return Reply(body={"status": "erased" if done.is_erased else "erasing"})


def _check_erased(uid: str) -> None:
    """Let who was erased hear so again: the first answer may have been lost.

    Raises:
        NotFound: nobody with this uid was ever here.
    """
    name = find_used_name(HUB_PROJECT_ID, uid)
    if name is None or name.erased_at is None:
        raise NotFound("There is nothing about this user")
