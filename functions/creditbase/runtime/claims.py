"""Custom claims of a Firebase user: what rules and back ends read in every token.

Firebase keeps one object of them for each user and replaces it whole, so what others put
there is read first and put back. Who sets claims between the two loses them: do that, too,
through one job (https://firebase.google.com/docs/auth/admin/custom-claims).
"""

import json
from collections.abc import Mapping
from typing import Any

from firebase_admin import auth
from firebase_admin.exceptions import FirebaseError
from google.auth.exceptions import GoogleAuthError

from creditbase.kernel.errors import Unavailable
from creditbase.runtime.firebase_tokens import firebase_app

CLAIMS_BYTES_MAX = 1_000
"""What Firebase takes, as JSON."""

_auth: Any = auth  # not annotated by its makers


class ClaimsFull(Exception):
    """Together with what others claim of the user it is more than Firebase takes."""


def merged(kept: Mapping[str, Any] | None, ours: Mapping[str, Any]) -> dict[str, Any]:
    """Return a user's claims with ours among them; one of ours that is None is taken out.

    Raises:
        ClaimsFull: Firebase would not take so much.
    """
    found = {name: value for name, value in (kept or {}).items() if name not in ours}
    found |= {name: value for name, value in ours.items() if value is not None}
    if len(json.dumps(found, separators=(",", ":")).encode()) > CLAIMS_BYTES_MAX:
        raise ClaimsFull(f"the claims of a user are more than {CLAIMS_BYTES_MAX} bytes")
    return found


def put_claims(uid: str, ours: Mapping[str, Any]) -> bool:
    """Let these be among the user's claims; return whether they had to be set.

    Tokens that are out keep their claims until they are made anew, at most an hour.

    Raises:
        ClaimsFull: Firebase would not take so much.
        Unavailable: Firebase does not say.
    """
    app = firebase_app()
    try:
        kept = _auth.get_user(uid, app).custom_claims
        claims = merged(kept, ours)
        if claims == (kept or {}):
            return False
        _auth.set_custom_user_claims(uid, claims, app)
    except auth.UserNotFoundError:
        return False
    except (FirebaseError, GoogleAuthError) as failure:
        raise Unavailable from failure
    return True
