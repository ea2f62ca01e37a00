"""Claims at the Auth emulator itself: what `tests/identity.py` stands in for elsewhere."""

from collections.abc import Iterator
from typing import Any

import pytest
from firebase_admin import auth

from creditbase.runtime.claims import put_claims
from creditbase.runtime.firebase_tokens import firebase_app
from creditbase.runtime.settings import settings
from tests.runtime.wiring import forget_firebase

_auth: Any = auth


@pytest.fixture
def uid(stack_env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Return a new user of the running stack."""
    for name in ("FIREBASE_AUTH_EMULATOR_HOST", "GCLOUD_PROJECT"):
        monkeypatch.setenv(name, stack_env[name])
    settings.cache_clear()
    forget_firebase()
    yield str(_auth.create_user(app=firebase_app()).uid)
    forget_firebase()
    settings.cache_clear()


def test_a_claim_is_set_changed_and_taken_away(uid: str) -> None:
    """And those that somebody else had set are there in the end."""

    def claims() -> object:
        return _auth.get_user(uid, firebase_app()).custom_claims

    _auth.set_custom_user_claims(uid, {"tenant": "t1"}, firebase_app())

    assert put_claims(uid, {"plan": "guru", "stripeRole": "guru"})
    assert claims() == {"tenant": "t1", "plan": "guru", "stripeRole": "guru"}
    assert not put_claims(uid, {"plan": "guru", "stripeRole": "guru"})
    assert put_claims(uid, {"plan": "free", "stripeRole": None})
    assert claims() == {"tenant": "t1", "plan": "free"}
    assert not put_claims(f"{uid}-gone", {"plan": "free"})
