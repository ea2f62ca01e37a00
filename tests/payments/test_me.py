"""`/me`: a user exports and erases itself, after a sign-in of just now."""

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

import main
from creditbase.accounts.owners import add_owner
from creditbase.accounts.use_cases import ensure_project
from creditbase.admin.roles import make_admin
from creditbase.runtime import http
from creditbase.runtime.clock import real_now
from creditbase.subscriptions.use_cases import first_touch
from tests.payments.leaver import Leaver, is_known
from tests.runtime.signing import Signer, serving_keys
from tests.runtime.wiring import client_of, verified_by

pytestmark = pytest.mark.firestore


@pytest.fixture(scope="module")
def key_server(project: str) -> Iterator[Signer]:
    """Return a signer of this worker's project, its public keys being served."""
    with serving_keys(Signer(project)) as signer:
        yield signer


@pytest.fixture
def signer(key_server: Signer, leaver: Leaver) -> Iterator[Signer]:
    """Return the signer, with our functions verifying by its keys, at that time."""
    with verified_by(key_server) as patch:
        patch.setattr(http, "now", lambda: leaver.now)
        yield key_server


@pytest.fixture
def me(signer: Signer) -> FlaskClient:
    """Return a client of the function."""
    assert signer
    return client_of(main.me)


def headers_of(signer: Signer, uid: str, *, signed_in_s_ago: int = 0) -> dict[str, str]:
    """Return what the browser sends of a user who signed in so long ago."""
    token = signer.id_token(uid, auth_time=int(time.time()) - signed_in_s_ago)
    return {**signer.headers(uid), "Authorization": f"Bearer {token}"}


def code_of(answer: Any) -> tuple[int, str]:
    """Return status and code."""
    return answer.status_code, answer.json["code"]


def said_by(answer: Any) -> dict[str, Any]:
    """Return the body of an answer."""
    body: dict[str, Any] = answer.json
    return body


def test_a_sign_in_of_long_ago_is_not_enough(
    me: FlaskClient, signer: Signer, leaver: Leaver
) -> None:
    """Whoever finds a browser open can neither read everything nor end the account."""
    old = headers_of(signer, leaver.uid, signed_in_s_ago=400)

    answers = [me.get("/me/export", headers=old), me.delete("/me", headers=old)]

    assert [code_of(it) for it in answers] == [(401, "RECENT_SIGN_IN_REQUIRED")] * 2
    assert is_known(leaver)


def test_a_user_reads_everything_and_then_leaves(
    me: FlaskClient, signer: Signer, leaver: Leaver
) -> None:
    """In the order of a person: look, be refused because money is left, give it up, go."""
    fresh = headers_of(signer, leaver.uid)

    export = me.get("/me/export", headers=fresh)
    refused = me.delete("/me", headers=fresh)
    wrong = me.delete("/me?forfeit_credits=perhaps", headers=fresh)
    gone = me.delete("/me?forfeit_credits=true", headers=fresh)
    again = me.delete("/me", headers=fresh)
    nothing = me.get("/me/export", headers=fresh)
    back = client_of(main.usage_me).get(
        "/usage/me", headers=headers_of(signer, leaver.uid, signed_in_s_ago=9)
    )

    assert said_by(export)["customer_id"] == leaver.ref.customer_id
    assert code_of(refused) == (409, "CREDITS_LEFT")
    assert code_of(wrong) == (400, "INVALID_REQUEST")
    assert (gone.status_code, gone.json) == (200, {"status": "erased"})
    assert (again.status_code, again.json) == (200, {"status": "erased"})
    assert code_of(nothing) == (404, "NOT_FOUND")
    assert code_of(back) == (401, "ACCOUNT_ERASED")
    assert not is_known(leaver)


def test_who_was_never_here_leaves_nothing(me: FlaskClient, signer: Signer) -> None:
    """Asking to be forgotten makes nobody a customer."""
    answer = me.delete("/me", headers=headers_of(signer, "nobody"))

    assert code_of(answer) == (404, "NOT_FOUND")


def test_an_owner_leaves_no_project_alone(
    me: FlaskClient, signer: Signer, leaver: Leaver
) -> None:
    """A project of which nobody is left could be put away by nobody."""
    project = ensure_project(f"p-{leaver.uid}", now=leaver.now)
    add_owner(project.project_id, leaver.uid, now=leaver.now)
    path = "/me?forfeit_credits=true"

    alone = me.delete(path, headers=headers_of(signer, leaver.uid))
    add_owner(project.project_id, "somebody", now=leaver.now)
    gone = me.delete(path, headers=headers_of(signer, leaver.uid))

    assert code_of(alone) == (409, "OWNS_PROJECTS")
    assert gone.json == {"status": "erased"}


def test_an_admin_exports_and_erases(signer: Signer, leaver: Leaver) -> None:
    """By the customer's id, with a reason and a key; the answer is the record."""
    admin = f"admin-{leaver.uid[:8]}"
    first_touch(admin, now=leaver.now, signed_in_at=real_now() + timedelta(seconds=2))
    make_admin(admin, reason="a test", now=leaver.now)
    desk, headers = client_of(main.admin_customers), signer.headers(admin)
    path = f"/admin/customers/{leaver.ref.customer_id}"

    export = desk.get(f"{path}/export", headers=headers)
    keyed = {**headers, "Idempotency-Key": "k"}
    order = {"reason": "ticket", "force": True}
    erased = desk.post(f"{path}/erase", headers=keyed, json=order)

    assert said_by(export)["customer_id"] == leaver.ref.customer_id
    assert said_by(erased)["audit"]["action"] == "erase_outcome"
    assert said_by(erased)["audit"]["stripe"] == {"status": "erased"}
    assert not is_known(leaver)
