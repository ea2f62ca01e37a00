"""Who may use `/admin`: users whose role says so at this very request.

The table of routes lets nobody else in (`Credential.ADMIN`); an operation asks here who it is,
for the record that it leaves.
"""

from creditbase.kernel.errors import Forbidden
from creditbase.runtime.http import Call
from creditbase.runtime.identity import CallerKind


def admin_of(call: Call) -> str:
    """Return the uid of the admin who is calling.

    Raises:
        Forbidden: ADMIN_REQUIRED, the route is not one that only admins may call.
    """
    if call.caller.kind is not CallerKind.ADMIN:
        raise Forbidden("This needs the admin role", reason="ADMIN_REQUIRED")
    return call.caller.uid


def key_of(call: Call) -> str:
    """Return the key of an action; whether it will do is looked at with the deed."""
    return call.headers.get("Idempotency-Key", "")
