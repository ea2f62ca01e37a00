"""The role of a user: the one field of accounts that only an operator changes."""

from creditbase.accounts.store import user_path
from creditbase.runtime.firestore import Update, Version, Write, get_all

ADMIN = "admin"
USER = "user"


def find_role(uid: str) -> tuple[str, Version] | None:
    """Return the user's role with the version it was read at; None: never seen."""
    snapshot = get_all([user_path(uid)])[0]
    if snapshot.fields is None or snapshot.version is None:
        return None
    return snapshot.fields["role"], snapshot.version


def writes_for_role(uid: str, role: str, version: Version) -> list[Write]:
    """Return the write that gives the role, or fails if the user has changed."""
    return [Update(user_path(uid), {("role",): role}, unless_changed_since=version)]
