"""Two tenants beside each other, what is in each, and everybody who might come to a door.

What a caller may show, twenty-nine of it: from nothing to what was good a minute ago.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import jwt

from creditbase.accounts.use_cases import create_secret_key, revoke_secret_key
from creditbase.admin.roles import make_admin, remove_admin
from creditbase.catalog.tier_use_cases import shared_tiers
from creditbase.kernel.ids import (
    API_KEY_PREFIX,
    SECRET_KEY_PREFIX,
    credential,
    hold_public_id,
    operation_entry_id,
)
from creditbase.runtime.clock import now, real_now
from creditbase.subscriptions.relay_projects import archive_project
from creditbase.subscriptions.use_cases import first_touch
from tests.contract.house import House, bearer, of
from tests.runtime.signing import LIFETIME_S, new_key, signed_with_the_public_key, unsigned

TIER = {
    "tier_code": "mine",
    "display_name": "Mine",
    "spend_limit_cents": 1,
    "models": [{"model_id": "local-echo"}],
}
HOOK = {"endpoint_url": "https://hooks.example.com/in", "events": ["customer.created"]}
SIGNED_WITH = "n" * 40
"""The newest of `tests.relay.backend.TOKEN_KEYS`."""


@dataclass(frozen=True)
class Shown:
    """What a caller shows, and whose is what it names."""

    headers: Mapping[str, str]
    kind: str
    """As what it counts where it is admitted; empty where it is admitted nowhere."""
    is_theirs: bool = False
    owns_nothing: bool = False


@dataclass
class Street:
    """Two projects, what is in each, and what holds no more."""

    house: House
    rival: House
    own: dict[str, str]
    theirs: dict[str, str]
    void: dict[str, dict[str, str]]
    """Credentials that were good once, by what became of them."""

    @classmethod
    def built(cls, house: House) -> "Street":
        """Return the house with a neighbour, and credentials that ended."""
        rival = house.neighbour()
        rival.ask(
            "POST /api/v1/projects/{project_id}/tiers",
            body={**TIER, "tier_code": "theirs"},
            project_id=rival.project_id,
        )
        shared_tiers.cache_clear()
        theirs = {**ids_of(rival), "tier_code": "theirs"}
        own = {**ids_of(house), "tier_code": "free"}
        return cls(house, rival, own, theirs, _void(house))


def ids_of(house: House) -> dict[str, str]:
    """Return one existing thing of each kind of a project, and of its owner at the hub."""
    person = house.person("payg")
    hold = house.ask(
        "POST /api/v1/holds",
        body={"customer_id": person.customer_id, "amount_nanos": 0},
        headers={"Idempotency-Key": uuid.uuid4().hex},
    )
    owned: dict[str, Any] = {"project_id": house.project_id}
    hook = house.ask("POST /api/v1/projects/{project_id}/webhooks", body=HOOK, **owned)
    key = house.ask("POST /api/v1/projects/{project_id}/keys", body={"name": "x"}, **owned)
    return {
        **owned,
        "customer_id": person.customer_id,
        "customer_token": person.token,
        "own": house.person().customer_id,
        "external_id": person.external_id,
        "email": f"{person.external_id}@example.com",
        "tier_id": house.tier_ids["pro"],
        "hold_id": of(hold)["hold"]["id"],
        "webhook_id": of(hook)["webhook"]["id"],
        "key_id": of(key)["key"]["id"],
        **_at_the_hub(house),
    }


def _at_the_hub(house: House) -> dict[str, str]:
    """Return what the owner has as a user of the hub: a customer, a key, an entry."""
    customer_id = first_touch(house.uid, now=now()).customer_id
    made = of(house.ask("POST /api-keys", body={"name": "x"}))
    clerk = _clerk(house)
    given = house.ask(
        "POST /admin/customers/{customer_id}/adjust",
        body={"reason": "an entry that nobody else has", "amount_nanos": 1},
        credential=house.signer.headers(clerk),
        headers={"Idempotency-Key": uuid.uuid4().hex},
        customer_id=customer_id,
    )
    assert given.status_code == 200, given.text
    remove_admin(clerk, reason="done", now=now())
    entry = of(house.ask("GET /ledger"))["entries"][0]
    return {
        "hub_customer_id": customer_id,
        "api_key_id": made["id"],
        "api_key": made["key"],
        "entry_id": entry["id"],
        "event_id": "evt_of_nobody",
        "date": "2026-01-01",
    }


def _clerk(house: House) -> str:
    uid = f"u{uuid.uuid4().hex}"
    first_touch(uid, now=now())
    assert make_admin(uid, reason="a test", now=now())
    return uid


def _void(house: House) -> dict[str, dict[str, str]]:
    """Return credentials of a deleted customer, an archived project and a revoked key."""
    leaving = house.person("free")
    gone = house.ask("DELETE /api/v1/customers/{customer_id}", customer_id=leaving.customer_id)
    assert gone.status_code == 204, gone.text
    shut = house.neighbour()
    shut_token = shut.person("free").token
    archive_project(shut.project_id, shut.uid, now=now())
    issued = create_secret_key(
        house.project_id, name="2", random_bytes=uuid.uuid4().bytes * 2, now=real_now()
    )
    bare_token = replace(house, secret_key=issued.secret).person("free").token
    revoke_secret_key(house.project_id, issued.key.key_id)
    revoked = of(house.ask("POST /api-keys", body={"name": "gone"}))
    house.ask("DELETE /api-keys/{key_id}", key_id=revoked["id"])
    return {
        "deleted customer": bearer(leaving.token),
        "archived project, token": bearer(shut_token),
        "archived project, key": secret(shut.secret_key),
        "revoked key, token": bearer(bare_token),
        "revoked key": secret(issued.secret),
        "revoked API key": {"X-Api-Key": revoked["key"]},
    }


def secret(key: str) -> dict[str, str]:
    """Return the header that shows a project's key."""
    return {"X-ModelRelay-Api-Key": key}


def unknown() -> dict[str, str]:
    """Return names of each kind, of the same shape, that nobody has."""
    name = f"user_{uuid.uuid4().hex[:12]}"
    kinds = ("project_id", "customer_id", "tier_id", "webhook_id", "hub_customer_id")
    return {
        **{kind: str(uuid.uuid4()) for kind in kinds},
        "external_id": name,
        "email": f"{name}@example.com",
        "tier_code": "nobodys",
        "hold_id": hold_public_id(str(uuid.uuid4()), operation_entry_id(name)),
        "key_id": f"key_{uuid.uuid4().hex[:24]}",
        "api_key_id": f"key_{uuid.uuid4().hex[:24]}",
        "entry_id": f"topup:pi_{uuid.uuid4().hex}",
        "event_id": f"evt_{uuid.uuid4().hex}",
        "date": "2026-01-01",
    }


def everybody(street: Street) -> dict[str, Shown]:
    """Return what may be shown, by its name."""
    house, signer = street.house, street.house.signer
    app, past = {"X-Firebase-AppCheck": signer.app_token()}, -2 * LIFETIME_S
    aged = {"iat": _in(past), "auth_time": _in(past), "exp": _in(-60)}
    claims = signer.id_claims(house.uid)
    google = {"iss": "https://accounts.google.com", "email": "scheduler@example.com"}

    def browser(token: str) -> Shown:
        return Shown({**bearer(token), **app}, "")

    refused = {
        "nothing": Shown({}, ""),
        "ID token alone": Shown(bearer(signer.id_token(house.uid)), ""),
        "App Check token alone": Shown(app, ""),
        "expired ID token": browser(signer.id_token(house.uid, **aged)),
        "ID token of a forger": browser(signer.sign(claims, key=new_key())),
        "ID token, alg none": browser(unsigned(claims)),
        "ID token, HS256": browser(signed_with_the_public_key(signer, claims)),
        "ID token of another project": browser(signer.id_token(house.uid, aud="other")),
        "scheduler's token": browser(signer.id_token(house.uid, **google)),
        "expired App Check token": Shown(
            {
                **bearer(signer.id_token(house.uid)),
                "X-Firebase-AppCheck": signer.app_token(exp=_in(-60)),
            },
            "",
        ),
        "unknown API key": Shown({"X-Api-Key": credential(API_KEY_PREFIX, bytes(32))}, ""),
        "unknown secret key": Shown(secret(credential(SECRET_KEY_PREFIX, bytes(32))), ""),
        "forged customer token": Shown(bearer(spoilt(house.lasting_person().token)), ""),
        "expired customer token": Shown(bearer(_expired(street)), ""),
        **{name: Shown(headers, "") for name, headers in street.void.items()},
    }
    return {**refused, **_admitted(street)}


def _admitted(street: Street) -> dict[str, Shown]:
    house, rival = street.house, street.rival
    stranger, admin, demoted = f"u{uuid.uuid4().hex}", _clerk(house), _clerk(house)
    assert remove_admin(demoted, reason="a test", now=now())
    as_user = {"stranger": stranger, "former admin": demoted}
    return {
        **{
            name: Shown(house.signer.headers(uid), "user", owns_nothing=True)
            for name, uid in as_user.items()
        },
        "admin": Shown(house.signer.headers(admin), "admin", owns_nothing=True),
        "owner": Shown(house.signer.headers(house.uid), "user"),
        "other owner": Shown(house.signer.headers(rival.uid), "user", is_theirs=True),
        "API key": Shown({"X-Api-Key": street.own["api_key"]}, "api_key"),
        "other user's API key": Shown(
            {"X-Api-Key": street.theirs["api_key"]}, "api_key", is_theirs=True
        ),
        "secret key": Shown(secret(house.secret_key), "secret_key"),
        "other project's secret key": Shown(
            secret(rival.secret_key), "secret_key", is_theirs=True
        ),
        "customer token": Shown(bearer(street.own["customer_token"]), "customer_token"),
        "other project's customer token": Shown(
            bearer(street.theirs["customer_token"]), "customer_token", is_theirs=True
        ),
    }


def _in(span_s: int) -> int:
    return int((real_now() + timedelta(seconds=span_s)).timestamp())


def spoilt(token: str) -> str:
    """Return a token whose signature nobody made."""
    head, _, signature = token.rpartition(".")
    return f"{head}.{signature[::-1]}"


def _expired(street: Street) -> str:
    """Return a customer's token signed by our own key, whose time is over."""
    bare = street.house.person("free").token.removeprefix("mr_ct_")
    claims = jwt.decode(bare, options={"verify_signature": False})
    claims |= {"iat": _in(-7200), "exp": _in(-60)}
    head = jwt.get_unverified_header(bare)
    return "mr_ct_" + jwt.encode(claims, SIGNED_WITH, algorithm="HS256", headers=head)
