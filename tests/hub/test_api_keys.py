"""The life of an API key, over HTTP, on the Firestore emulator."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.datastructures import Headers

from creditbase.accounts.use_cases import HUB_PROJECT_ID
from creditbase.hub.api_keys import api_keys
from creditbase.hub.door import HUB
from creditbase.kernel.errors import Unauthenticated
from creditbase.kernel.ids import customer_uuid, is_well_formed, sha256_hex
from creditbase.runtime import clock
from creditbase.runtime.authorization import routes_of
from creditbase.runtime.firestore import get_all, query
from creditbase.runtime.identity import Caller
from tests.hub.conftest import a_user
from tests.runtime.signing import Signer
from tests.runtime.wiring import client_of
from tests.together import at_once

pytestmark = pytest.mark.firestore

USAGE = routes_of("usage_me")[0]
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


@pytest.fixture
def keys(signer: Signer) -> FlaskClient:
    """Return a client of the function."""
    return client_of(api_keys)


@pytest.fixture
def moved_clock(monkeypatch: pytest.MonkeyPatch) -> list[timedelta]:
    """Return a list whose last item is added to real time, as keys see it."""
    moved = [timedelta(0)]
    real = clock.real_now
    for module in ("creditbase.hub.api_keys", "creditbase.runtime.identity"):
        monkeypatch.setattr(f"{module}.real_now", lambda: real() + moved[-1])
    return moved


def create(keys: FlaskClient, headers: dict[str, str], **body: Any) -> dict[str, Any]:
    """Make a key and return what is shown of it."""
    answer = keys.post("/api-keys", headers=headers, json=body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json or {}
    return found


def listed(keys: FlaskClient, headers: dict[str, str]) -> list[dict[str, Any]]:
    """Return the keys that a user sees."""
    answer = keys.get("/api-keys", headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.json is not None
    found: list[dict[str, Any]] = answer.json["api_keys"]
    return found


def identify(key: str) -> Caller:
    """Ask the hub's door whose key this is."""
    return HUB.authenticator.identify(Headers({"X-Api-Key": key}), USAGE)


def test_a_key_is_shown_once_and_works_at_once(
    keys: FlaskClient, signer: Signer, user: str
) -> None:
    """The customer copies it from this one answer."""
    made = create(keys, signer.headers(user), name="My VSCode Key")

    assert set(made) == {
        *("id", "name", "key", "prefix", "last4", "budget_credits", "created_at", "expires_at")
    }
    assert made["budget_credits"] is None
    assert is_well_formed(made["key"], "inf_")
    assert (made["prefix"], made["last4"]) == (made["key"][:7], made["key"][-4:])
    assert made["name"] == "My VSCode Key"
    created_at = datetime.fromisoformat(made["created_at"])
    assert datetime.fromisoformat(made["expires_at"]) - created_at == timedelta(days=90)
    caller = identify(made["key"])
    assert (caller.uid, caller.project_id) == (user, HUB_PROJECT_ID)
    assert caller.customer_id == customer_uuid(HUB_PROJECT_ID, user, 1)
    assert caller.key_id == made["id"]


def test_the_store_never_holds_the_key(keys: FlaskClient, signer: Signer, user: str) -> None:
    """Whoever reads our database cannot spend our customers' credits."""
    made = create(keys, signer.headers(user))

    snapshots = get_all([f"users/{user}", f"api_keys/{sha256_hex(made['key'])}"])

    assert all(snapshot.exists for snapshot in snapshots)
    assert made["key"][7:-4] not in str([snapshot.fields for snapshot in snapshots])


def test_the_list_is_newest_first_and_shows_no_secret(
    keys: FlaskClient, signer: Signer, user: str
) -> None:
    """Enough to tell keys apart, not enough to use one."""
    headers = signer.headers(user)
    made = [create(keys, headers, name=name) for name in ("one", "two", "three")]

    found = listed(keys, headers)

    assert [key["name"] for key in found] == ["three", "two", "one"]
    assert set(found[0]) == {
        *("id", "name", "prefix", "last4", "budget_credits"),
        *("created_at", "expires_at", "last_used_at"),
    }
    assert found[0]["last_used_at"] is None
    assert made[0]["key"] not in str(found)
    assert sha256_hex(made[0]["key"]) not in str(found)


def test_a_key_may_have_a_budget(keys: FlaskClient, signer: Signer, user: str) -> None:
    """The user sees it in the list, and whatever shows the key is held to it."""
    headers = signer.headers(user)

    made = create(keys, headers, name="small", budget_credits=25)

    assert made["budget_credits"] == listed(keys, headers)[0]["budget_credits"] == 25
    assert identify(made["key"]).budget_nanos == 25 * 10**6


@pytest.mark.parametrize("budget", [0, -1, 1.5, True, "25", 1_000_000_001, [25]])
def test_a_budget_that_is_no_number_of_credits_makes_no_key(
    keys: FlaskClient, signer: Signer, user: str, budget: object
) -> None:
    """A key without the limit that was meant would spend everything."""
    headers = signer.headers(user)

    answer = keys.post("/api-keys", headers=headers, json={"budget_credits": budget})

    assert (answer.status_code, answer.json["code"]) == (400, "INVALID_REQUEST")  # type: ignore[index]
    assert listed(keys, headers) == []


def test_a_user_never_seen_has_an_empty_list(keys: FlaskClient, signer: Signer) -> None:
    """Looking makes nothing."""
    assert listed(keys, signer.headers("never-seen")) == []
    assert not get_all(["users/never-seen"])[0].exists


def test_a_revoked_key_is_refused_at_once(keys: FlaskClient, signer: Signer, user: str) -> None:
    """A leaked key is dead when the answer arrives, in every process."""
    headers = signer.headers(user)
    made = create(keys, headers)
    identify(made["key"])

    answer = keys.delete(f"/api-keys/{made['id']}", headers=headers)

    assert (answer.status_code, answer.json) == (200, {"id": made["id"], "revoked": True})
    with pytest.raises(Unauthenticated) as refused:
        identify(made["key"])
    assert refused.value.message == "Invalid API key"
    assert listed(keys, headers) == []
    assert not get_all([f"api_keys/{sha256_hex(made['key'])}"])[0].exists


def test_somebody_elses_key_looks_like_none_at_all(
    keys: FlaskClient, signer: Signer, user: str
) -> None:
    """404 in the same words, so that ids cannot be tried out; and nothing is revoked."""
    made = create(keys, signer.headers(user))
    other = signer.headers(a_user())

    theirs = keys.delete(f"/api-keys/{made['id']}", headers=other)
    nothing = keys.delete("/api-keys/key_000000000000000000000000", headers=other)
    stranger = keys.delete(f"/api-keys/{made['id']}", headers=signer.headers("never-seen"))

    for answer in (theirs, nothing, stranger):
        assert answer.status_code == 404
        assert answer.json is not None
        assert answer.json["code"] == "API_KEY_NOT_FOUND"
        assert answer.json["detail"] == theirs.json["detail"]  # type: ignore[index]
    assert identify(made["key"]).uid == user


def test_revoking_twice_is_not_found_the_second_time(
    keys: FlaskClient, signer: Signer, user: str
) -> None:
    """The key is gone either way."""
    headers = signer.headers(user)
    made = create(keys, headers)

    statuses = [
        keys.delete(f"/api-keys/{made['id']}", headers=headers).status_code for _ in range(2)
    ]

    assert statuses == [200, 404]


def test_a_key_ends_with_its_ninetieth_day(
    keys: FlaskClient, signer: Signer, user: str, moved_clock: list[timedelta]
) -> None:
    """At the moment of expiry, in the same words as an unknown key, and out of the list."""
    headers = signer.headers(user)
    made = create(keys, headers)

    moved_clock.append(timedelta(days=90, seconds=-30))
    assert identify(made["key"]).uid == user

    moved_clock.append(timedelta(days=90))
    with pytest.raises(Unauthenticated) as refused:
        identify(made["key"])
    assert refused.value.message == "Invalid API key"
    assert listed(keys, headers) == []


def test_twenty_keys_are_the_most_however_many_are_asked_for_at_once(
    keys: FlaskClient, signer: Signer, user: str
) -> None:
    """The limit is exact: it is decided on the ring that the commit is conditioned on."""
    headers = signer.headers(user)

    def ask(number: int) -> int:
        body = {"name": f"key {number}"}
        return client_of(api_keys).post("/", headers=headers, json=body).status_code

    for number in range(17):
        assert ask(number) == 201
    statuses = sorted(at_once(8, lambda number: ask(17 + number)))

    assert statuses == [201] * 3 + [409] * 5
    assert len(listed(keys, headers)) == 20
    owned = query("api_keys", where=[("uid", "==", user)], limit=100)
    assert len(owned) == 20


def test_the_limit_counts_live_keys_only(
    keys: FlaskClient, signer: Signer, user: str, moved_clock: list[timedelta]
) -> None:
    """Expired keys make room, and are removed from the store when they do."""
    headers = signer.headers(user)
    old = [create(keys, headers) for _ in range(20)]
    refused = keys.post("/api-keys", headers=headers)
    assert refused.json is not None
    assert (refused.status_code, refused.json["code"]) == (409, "KEY_LIMIT_REACHED")

    moved_clock.append(timedelta(days=91))
    fresh = create(keys, headers)

    assert [key["id"] for key in listed(keys, headers)] == [fresh["id"]]
    snapshots = get_all([f"api_keys/{sha256_hex(key['key'])}" for key in old])
    assert not any(snapshot.exists for snapshot in snapshots)


def test_the_last_use_is_noted_every_five_minutes(
    keys: FlaskClient, signer: Signer, user: str, moved_clock: list[timedelta]
) -> None:
    """Seen by the customer, without a write for each request."""
    headers = signer.headers(user)
    made = create(keys, headers)
    path = f"api_keys/{sha256_hex(made['key'])}"

    identify(made["key"])
    (first,) = listed(keys, headers)
    version = get_all([path])[0].version
    moved_clock.append(timedelta(minutes=4))
    identify(made["key"])
    unchanged = get_all([path])[0].version
    moved_clock.append(timedelta(minutes=6))
    identify(made["key"])

    assert INSTANT.fullmatch(first["last_used_at"])
    assert unchanged == version
    assert get_all([path])[0].version != version


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({}, "API key"),
        ({"name": None}, "API key"),
        ({"name": "  laptop "}, "laptop"),
        ({"name": "x" * 64}, "x" * 64),
        ({"name": "laptop", "unknown": 1}, "laptop"),
    ],
)
def test_a_name_is_taken(
    keys: FlaskClient, signer: Signer, user: str, body: dict[str, Any], name: str
) -> None:
    """1 to 64 characters, with a default; unknown fields are ignored."""
    assert create(keys, signer.headers(user), **body)["name"] == name


@pytest.mark.parametrize("name", ["", "   ", "x" * 65, 1, [], {}, True, "a\nb", "a\x00b"])
def test_a_name_is_refused(keys: FlaskClient, signer: Signer, user: str, name: object) -> None:
    """What cannot be shown in a list is no name."""
    answer = keys.post("/api-keys", headers=signer.headers(user), json={"name": name})

    assert answer.json is not None
    assert (answer.status_code, answer.json["code"]) == (400, "INVALID_REQUEST")
    assert answer.json["field"] == "name"


def test_a_key_cannot_make_list_or_revoke_keys(
    keys: FlaskClient, signer: Signer, user: str
) -> None:
    """A stolen key must not outlive its revocation by making another."""
    made = create(keys, signer.headers(user))
    headers = {"X-Api-Key": made["key"]}

    answers = [
        keys.post("/api-keys", headers=headers, json={}),
        keys.get("/api-keys", headers=headers),
        keys.delete(f"/api-keys/{made['id']}", headers=headers),
    ]

    assert [answer.status_code for answer in answers] == [401, 401, 401]


def test_all_three_can_be_called(keys: FlaskClient, signer: Signer, user: str) -> None:
    """`httpsCallable(functions, "api_keys")`: an argument makes, none lists, a path revokes."""
    headers = signer.headers(user)

    made = keys.post("/", headers=headers, json={"data": {"name": "called"}}).json
    assert made is not None
    key_id = made["result"]["id"]
    found = keys.post("/", headers=headers, json={"data": None}).json
    revoked = keys.post(f"/{key_id}", headers=headers, json={"data": None}).json

    assert found is not None
    assert [key["id"] for key in found["result"]["api_keys"]] == [key_id]
    assert revoked == {"result": {"id": key_id, "revoked": True}}


def test_nothing_secret_is_logged(
    keys: FlaskClient, signer: Signer, user: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Canaries: neither the key, nor its digest, nor the tokens, nor the user."""
    headers = signer.headers(user)

    made = create(keys, headers)
    keys.get("/api-keys", headers={**headers, "X-Api-Key": made["key"]})
    said = capsys.readouterr().out

    assert '"status":201' in said
    canaries = [made["key"], sha256_hex(made["key"]), user, *headers.values()]
    assert [canary for canary in canaries if canary in said] == []


def test_instants_are_utc_and_whole_seconds(
    keys: FlaskClient, signer: Signer, user: str
) -> None:
    """The strictest readers refuse fractions."""
    made = create(keys, signer.headers(user))

    assert INSTANT.fullmatch(made["created_at"])
    assert datetime.fromisoformat(made["created_at"]).tzinfo == UTC
