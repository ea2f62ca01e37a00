"""Who may use `/admin`: the role of a user, given and taken with a record of why."""

import secrets
from datetime import datetime

from creditbase.accounts.use_cases import HUB_PROJECT_ID
from creditbase.admin import store
from creditbase.admin.acting import done_before
from creditbase.admin.audit_store import writes_for_audit
from creditbase.admin.domain.audit import COMMAND_LINE, Action, Deed, check_deed, record_of
from creditbase.kernel.errors import NotFound
from creditbase.runtime.commit import Attempt, commit_or_retry

KEY_BYTES = 8


def make_admin(uid: str, *, reason: str, now: datetime) -> bool:
    """Give a user the admin role; return False where it had it already: nothing is recorded.

    Raises:
        InvalidRequest: there is no reason.
        NotFound: nobody with this uid was ever here.
    """
    return _change(_deed("role_give", uid, reason), uid, store.ADMIN, now=now)


def remove_admin(uid: str, *, reason: str, now: datetime) -> bool:
    """Take the admin role from a user: the next request is refused. False: it had none.

    Raises:
        InvalidRequest: there is no reason.
        NotFound: nobody with this uid was ever here.
    """
    return _change(_deed("role_take", uid, reason), uid, store.USER, now=now)


def _deed(action: Action, uid: str, reason: str) -> Deed:
    # A key of its own each time: who has the role, or has it not, is not changed again.
    return Deed(
        action=action,
        actor=COMMAND_LINE,
        key=secrets.token_hex(KEY_BYTES),
        reason=reason,
        project_id=HUB_PROJECT_ID,
        asked={"uid": uid},
    )


def _change(deed: Deed, uid: str, role: str, *, now: datetime) -> bool:
    check_deed(deed)

    def attempt() -> Attempt[bool]:
        found = store.find_role(uid)
        if found is None:
            raise NotFound(f"nobody with the uid {uid} was ever here; let them sign in once")
        before, version = found
        if before == role or (role == store.USER and before != store.ADMIN):
            # Where the reply was lost it was this very deed.
            return Attempt(done_before(deed) is not None, ())
        record = writes_for_audit(record_of(deed, now=now))
        return Attempt(
            answer=True, writes=[*store.writes_for_role(uid, role, version), *record]
        )

    return commit_or_retry(attempt)
