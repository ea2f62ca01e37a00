"""A sign-in that was ended moves no money and makes no key, though its token is still good."""

import time
from typing import Any

import pytest
from firebase_admin import _user_mgt
from werkzeug.datastructures import Headers

from creditbase.kernel.errors import Unauthenticated, Unavailable
from creditbase.runtime.authorization import ROUTES, routes_of
from creditbase.runtime.identity import ADMIN_ROLE, Authenticator, Caller
from creditbase.runtime.routes import Credential, Route
from tests.runtime.signing import Signer
from tests.runtime.wiring import forget_firebase

TOPUP = routes_of("billing_topup")[0]
USAGE = routes_of("usage_me")[0]
UID = "u-session"
ASKED = {
    *("POST /billing/checkout", "POST /billing/topup", "POST /billing/portal"),
    *("POST /billing/redeem", "POST /api-keys", "DELETE /me", "GET /me/export"),
}
"""Of the hub's own users; with them all of the admins' and every deed of owners."""


def identify(signer: Signer, route: Route = TOPUP) -> Caller:
    """Ask who calls a route with tokens that are good by themselves."""
    known = Authenticator(project_id="hub", find_role=lambda _: ADMIN_ROLE)
    return known.identify(Headers(signer.headers(UID)), route)


@pytest.fixture(autouse=True)
def _known_by_default(signer: Signer) -> None:
    signer.accounts.pop(UID, None)
    signer.looked_up.clear()


@pytest.mark.parametrize(
    "account",
    [
        {"validSince": str(int(time.time()) + 3600)},
        {"validSince": "0", "disabled": True},
        {},
    ],
    ids=["revoked", "disabled", "deleted"],
)
def test_a_sign_in_that_was_ended_moves_no_money(
    signer: Signer, account: dict[str, Any]
) -> None:
    """Whoever has stolen a token has it for an hour; ending all sign-ins ends that at once."""
    assert identify(signer).uid == UID
    signer.accounts[UID] = account

    with pytest.raises(Unauthenticated) as refused:
        identify(signer)

    assert (refused.value.reason, refused.value.message) == (
        "",
        "Missing or invalid Firebase authentication",
    )


def test_a_token_of_after_the_end_holds(signer: Signer) -> None:
    """Who signs in again is let in."""
    signer.accounts[UID] = {"validSince": str(int(time.time()) - 5)}

    assert identify(signer).uid == UID


def test_looking_asks_nobody(signer: Signer) -> None:
    """It would cost a request to Google for each look at a balance."""
    signer.accounts[UID] = {"validSince": str(int(time.time()) + 3600)}

    assert identify(signer, USAGE).uid == UID
    assert signer.looked_up == []


def test_where_firebase_cannot_be_asked_nobody_is_let_in(
    signer: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fail closed: the caller may try again."""
    monkeypatch.setattr(_user_mgt.UserManager, "ID_TOOLKIT_URL", "http://127.0.0.1:1")
    forget_firebase()

    with pytest.raises(Unavailable):
        identify(signer)

    assert identify(signer, USAGE).uid == UID


def test_a_forged_token_costs_no_question(signer: Signer) -> None:
    """Only who holds a good token makes us ask."""
    headers = signer.headers(UID)
    headers["Authorization"] = headers["Authorization"][:-8] + "AAAAAAAA"

    with pytest.raises(Unauthenticated):
        Authenticator(project_id="hub").identify(Headers(headers), TOPUP)

    assert signer.looked_up == []


def test_which_routes_ask() -> None:
    """By name, so that a new one is looked at by somebody."""
    for route in ROUTES:
        is_admins = Credential.ADMIN in route.credentials
        is_owners_deed = Credential.OWNER in route.credentials and route.method != "GET"
        is_asking = is_admins or is_owners_deed or route.name in ASKED

        assert route.checks_session == is_asking, route.name
