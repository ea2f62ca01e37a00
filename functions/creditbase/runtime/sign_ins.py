"""Firebase users as Firebase Authentication keeps them: whoever is erased signs in no more."""

from typing import Any

from firebase_admin import auth
from firebase_admin.exceptions import FirebaseError
from google.auth.exceptions import GoogleAuthError

from creditbase.kernel.errors import Unavailable
from creditbase.runtime.firebase_tokens import firebase_app

_auth: Any = auth  # not annotated by its makers


def delete_sign_in(uid: str) -> None:
    """Delete a Firebase user with its address, password and linked providers; once or often.

    Raises:
        Unavailable: Firebase did not answer, or may not be asked; to be repeated.
    """
    try:
        _auth.delete_user(uid, app=firebase_app())
    except auth.UserNotFoundError:
        return
    except FirebaseError as failure:
        raise Unavailable from failure


def uid_at(email: str) -> str | None:
    """Return the uid of who signs in with an e-mail address; None where nobody does.

    Raises:
        Unavailable: Firebase did not answer, or may not be asked.
    """
    try:
        uid: str = _auth.get_user_by_email(email, app=firebase_app()).uid
    except (auth.UserNotFoundError, ValueError):
        return None
    except (FirebaseError, GoogleAuthError) as failure:
        raise Unavailable from failure
    return uid
