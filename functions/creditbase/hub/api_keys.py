"""`/api-keys`: a user's keys are made, listed and revoked in the browser only.

Source: hub-api.md 5.7. A key cannot make keys: a stolen one must not outlive its revocation.
"""

import secrets

from creditbase.accounts import use_cases
from creditbase.accounts.domain import (
    KEY_NAME_CHARACTERS_MAX,
    KEY_NAME_DEFAULT,
    IssuedKey,
    Key,
    KeyUse,
)
from creditbase.hub.door import HUB
from creditbase.kernel.errors import InvalidRequest
from creditbase.kernel.instants import write_seconds
from creditbase.kernel.money import NANOS_PER_CREDIT, nanos_from_credits
from creditbase.runtime.clock import real_now
from creditbase.runtime.http import Call, Reply, endpoint
from creditbase.subscriptions.use_cases import first_touch

BUDGET_CREDITS_MAX = 1_000_000_000
"""A million dollars: beyond it nobody means a limit."""


@endpoint("api_keys", door=HUB)
def api_keys(call: Call) -> Reply:
    """Make, list or revoke keys of the signed-in user.

    Answers 409 `KEY_LIMIT_REACHED` beyond twenty live keys, 404 `API_KEY_NOT_FOUND` for a
    key that is not the user's own.
    """
    match call.route.method:
        case "POST":
            return _create(call)
        case "DELETE":
            return _revoke(call)
        case _:
            return _list(call)


def _create(call: Call) -> Reply:
    name = _name(call.body.get("name"))
    budget_nanos = _budget(call.body.get("budget_credits"))
    first_touch(
        call.caller.uid,
        now=call.now,
        email=call.caller.email,
        signed_in_at=call.caller.signed_in_at,
    )
    issued = use_cases.create_api_key(
        call.caller.uid,
        name=name,
        random_bytes=secrets.token_bytes(32),
        now=real_now(),
        budget_nanos=budget_nanos,
    )
    return Reply(body=_issued(issued), status=201)


def _list(call: Call) -> Reply:
    uses = use_cases.list_api_keys(call.caller.uid, now=real_now())
    return Reply(body={"api_keys": [_listed(use) for use in uses]})


def _revoke(call: Call) -> Reply:
    key_id = call.path["key_id"]
    use_cases.revoke_api_key(call.caller.uid, key_id)
    return Reply(body={"id": key_id, "revoked": True})


def _name(given: object) -> str:
    if given is None:
        return KEY_NAME_DEFAULT
    if not isinstance(given, str):
        raise InvalidRequest("The name must be a text", field="name")
    name = given.strip()
    if not name or len(name) > KEY_NAME_CHARACTERS_MAX or not name.isprintable():
        raise InvalidRequest("The name is empty, too long or not printable", field="name")
    return name


def _budget(given: object) -> int | None:
    """Return the most that the key may spend in a billing cycle; None: no such limit."""
    if given is None:
        return None
    if not isinstance(given, int) or given is True or not 1 <= given <= BUDGET_CREDITS_MAX:
        raise InvalidRequest("The budget is a whole number of credits", field="budget_credits")
    return nanos_from_credits(given)


def _shown(key: Key) -> dict[str, object]:
    assert key.expires_at is not None
    budget = key.budget_nanos
    return {
        "budget_credits": None if budget is None else budget // NANOS_PER_CREDIT,
        "prefix": key.prefix,
        "last4": key.last4,
        "created_at": write_seconds(key.created_at),
        "expires_at": write_seconds(key.expires_at),
    }


def _issued(issued: IssuedKey) -> dict[str, object]:
    key = issued.key
    return {"id": key.key_id, "name": key.name, "key": issued.secret, **_shown(key)}


def _listed(use: KeyUse) -> dict[str, object]:
    at = use.last_used_at
    return {
        "id": use.key.key_id,
        "name": use.key.name,
        **_shown(use.key),
        "last_used_at": None if at is None else write_seconds(at),
    }
