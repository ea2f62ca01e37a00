"""The security rules on the emulator: one door, for one person, to one document.

Tokens are unsigned, which the emulator accepts; that real ones are verified is Firebase's own
work. Writes past the rules carry the emulator's `owner` token.
"""

import base64
import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

RULES = (Path(__file__).parents[2] / "firestore.rules").read_text(encoding="utf-8")

OWN = "projects/p1/balances/c1"
"""The published balance of the user `owner`."""

DOCUMENTS = (
    OWN,
    "projects/p1/balances/c2",
    "projects/p1/balances/nobody",
    "projects/p2/balances/c1",
    "projects/p1/balances/c1/deeper/d",
    "balances/c1",
    "projects/p1",
    "projects/p1/plans/x",
    "projects/p1/plan_codes/pro",
    "projects/p1/price_books/2026-11-22",
    "projects/p1/rates/v1",
    "projects/p1/customers/c1",
    "projects/p1/customer_names/x",
    "projects/p1/wallets/c1",
    "projects/p1/wallets/c1/entries/e1",
    "projects/p1/wallets/c1/usage/2026-11-22",
    "projects/p1/wallets/c1/periods/x",
    "projects/p1/subscriptions/sub_1",
    "projects/p1/payments/pi_1",
    "users/owner",
    "api_keys/x",
    "secret_keys/x",
    "payments/pi_1",
    "checkout_sessions/cs_1",
    "stripe_customers/cus_1",
    "stripe_events/evt_1",
    "mail/x",
    "deliveries/x",
    "vouchers/x",
    "vouchers/x/uses/1",
    "rate/x",
    "audit/x",
    "jobs/sync_balances",
    "platform_days/2026-11-22",
    "anchors/2026-11-22",
    "unknown/x",
    "projects/p1/unknown/x",
)
"""A document of every collection there is, of some there are not, and neighbours of `OWN`."""

OWNERS = {
    "projects/p1/balances/c2": "third",
    "projects/p1/balances/nobody": "",
    "projects/p2/balances/c1": "third",
}
"""Whose the others are. All the rest says `owner`, so that only the path keeps it shut."""

ADMIN_CLAIMS = {"admin": True, "role": "admin", "owner_uid": "owner"}
IDENTITIES: dict[str, dict[str, Any] | None] = {
    "nobody": None,
    "the owner": {"sub": "owner"},
    "another": {"sub": "other"},
    "an admin": {"sub": "boss", **ADMIN_CLAIMS},
    "the owner's namesake": {"sub": "Owner"},
}
OPERATIONS = ("get", "batch get", "list", "query", "group query", "create", "update", "delete")
READS_OF_ONE = ("get", "batch get")


class Database:
    """The emulated database of one project, over REST and as anybody."""

    def __init__(self, host: str, project: str) -> None:
        self._connection = http.client.HTTPConnection(host, timeout=20)
        self.project = project
        self._root = f"projects/{project}/databases/(default)/documents"

    def rules(self, text: str) -> None:
        """Put rules in force."""
        body = {"rules": {"files": [{"name": "firestore.rules", "content": text}]}}
        status, answer = self._send(
            "PUT", f"/emulator/v1/projects/{self.project}:securityRules", body, None
        )
        assert status == 200, answer

    def coverage(self) -> list[dict[str, Any]]:
        """Return what the rules' expressions were seen to be since they were put in force."""
        status, answer = self._send(
            "GET", f"/emulator/v1/projects/{self.project}:ruleCoverage", None, None
        )
        assert status == 200
        report: list[dict[str, Any]] = answer["report"]
        return report

    def seed(self) -> None:
        """Write every document, past the rules."""
        writes = []
        for path in DOCUMENTS:
            owner = OWNERS.get(path, "owner")
            fields = {"owner_uid": {"stringValue": owner}, "role": {"stringValue": "user"}}
            writes.append({"update": {"name": f"{self._root}/{path}", "fields": fields}})
        status, answer = self._send(
            "POST", f"/v1/{self._root}:commit", {"writes": writes}, "owner"
        )
        assert status == 200, answer

    def may(self, identity: str, operation: str, path: str) -> bool:
        """Return whether the identity may do this to the document, or to its collection."""
        claims = IDENTITIES[identity]
        token = None if claims is None else _unsigned(claims, self.project)
        method, url, body = self._request(operation, path)
        status, answer = self._send(method, url, body, token)
        if status == 403:
            return False
        # Let in, and found nothing (404), or what an earlier operation had made (409).
        assert status in {200, 404, 409}, f"{identity} {operation} {path}: {status} {answer}"
        return True

    def _request(self, operation: str, path: str) -> tuple[str, str, object]:
        parent, _, collection = path.rpartition("/")[0].rpartition("/")
        name = f"{self._root}/{path}"
        fields = {"owner_uid": {"stringValue": "owner"}, "role": {"stringValue": "admin"}}
        above = f"/v1/{self._root}" + (f"/{parent}" if parent else "")
        match operation:
            case "get":
                return "GET", f"/v1/{name}", None
            case "batch get":
                return "POST", f"/v1/{self._root}:batchGet", {"documents": [name]}
            case "list":
                return "GET", f"{above}/{collection}", None
            case "query" | "group query":
                chosen = {"collectionId": collection, "allDescendants": operation != "query"}
                asked = {"from": [chosen], "where": _mine()}
                within = above if operation == "query" else f"/v1/{self._root}"
                return "POST", f"{within}:runQuery", {"structuredQuery": asked}
            case "create":
                write = {"update": {"name": f"{name}-new", "fields": fields}}
                writes = [{**write, "currentDocument": {"exists": False}}]
                return "POST", f"/v1/{self._root}:commit", {"writes": writes}
            case "update":
                writes = [{"update": {"name": name, "fields": fields}}]
                return "POST", f"/v1/{self._root}:commit", {"writes": writes}
        assert operation == "delete"
        return "DELETE", f"/v1/{name}", None

    def _send(
        self, method: str, url: str, body: object, token: str | None
    ) -> tuple[int, dict[str, Any]]:
        headers = {"Content-Type": "application/json"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        text = None if body is None else json.dumps(body)
        self._connection.request(
            method, url.replace("(", "%28").replace(")", "%29"), text, headers
        )
        response = self._connection.getresponse()
        answer = json.loads(response.read() or b"{}")
        if isinstance(answer, list):  # streamed answers come as a list; an error is its first
            answer = answer[0] if answer else {}
        return response.status, answer

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


def _mine() -> dict[str, Any]:
    """Return the filter that a client would try, to list only what the rules let it get."""
    return {
        "fieldFilter": {
            "field": {"fieldPath": "owner_uid"},
            "op": "EQUAL",
            "value": {"stringValue": "owner"},
        }
    }


def _unsigned(claims: dict[str, Any], project: str) -> str:
    issued = {"aud": project, "iss": f"https://securetoken.google.com/{project}", "iat": 1}
    header = {"alg": "none", "typ": "JWT"}
    payload = {**issued, "user_id": claims["sub"], **claims}
    parts = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
        for part in (header, payload)
    ]
    return ".".join([*parts, ""])


def is_meant(identity: str, operation: str, path: str) -> bool:
    """Return whether this is the one thing that the rules are meant to allow."""
    return (identity, path) == ("the owner", OWN) and operation in READS_OF_ONE


@pytest.fixture
def database(firestore_host: str, project: str) -> Iterator[Database]:
    """Return a database with a document of every collection, under our rules."""
    opened = Database(firestore_host, f"{project}-rules")
    opened.seed()
    opened.rules(RULES)
    yield opened
    opened.close()


@pytest.mark.firestore
@pytest.mark.parametrize("identity", IDENTITIES)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_only_the_owner_may_get_only_its_own_balance(
    database: Database, identity: str, operation: str
) -> None:
    """Clients read nothing else and write nothing at all; the one door is the live balance."""
    allowed = {path for path in DOCUMENTS if database.may(identity, operation, path)}

    assert allowed == {path for path in DOCUMENTS if is_meant(identity, operation, path)}


@pytest.mark.firestore
@pytest.mark.parametrize("operation", READS_OF_ONE)
def test_a_document_that_is_not_there_looks_like_one_that_is_somebody_elses(
    database: Database, operation: str
) -> None:
    """Otherwise a stranger could find out who is a customer."""
    absent = "projects/p1/balances/absent"

    assert not any(database.may(identity, operation, absent) for identity in IDENTITIES)


@pytest.mark.firestore
def test_nobody_can_make_a_balance_its_own(database: Database) -> None:
    """Create, then delete, then create again: the document that would open is never written."""
    for operation in ("create", "update", "delete", "create"):
        assert not database.may("another", operation, OWN)

    assert database.may("the owner", "get", OWN)


@pytest.mark.firestore
def test_every_expression_was_seen_true_and_false(database: Database) -> None:
    """A condition that no test sees both ways is a condition that nobody tested."""
    for identity in IDENTITIES:
        database.may(identity, "get", OWN)

    conditions = database.coverage()
    assert conditions
    for condition in conditions:
        seen = {
            value["value"].get("boolValue") for value in condition["values"] if "value" in value
        }
        assert seen >= {True, False}, condition["sourcePosition"]


LINE = "      allow get: if request.auth.uid == resource.data.owner_uid;\n"
PATH = "    match /projects/{project}/balances/{customer} {\n"


def _opened(line: str) -> str:
    """Return the rules with a line of one's own beside ours."""
    return RULES.replace(PATH, f"    match {line}\n{PATH}")


MUTANTS = {
    "anybody gets": RULES.replace(LINE, "      allow get: if true;\n"),
    "any user gets": RULES.replace(LINE, "      allow get: if request.auth != null;\n"),
    "all but the owner": RULES.replace("uid == resource", "uid != resource"),
    "nobody gets": RULES.replace(LINE, "      allow get: if false;\n"),
    "the owner lists": RULES.replace("allow get:", "allow read:"),
    "the owner writes": RULES.replace("allow get:", "allow get, write:"),
    "the owner updates": RULES.replace("allow get:", "allow get, update:"),
    "the owner deletes": RULES.replace("allow get:", "allow get, delete:"),
    "whoever says so creates": RULES.replace(
        LINE,
        f"{LINE}      allow create: if request.auth.uid == request.resource.data.owner_uid;\n",
    ),
    "by another field": RULES.replace("resource.data.owner_uid", "resource.data.role"),
    "any collection": RULES.replace("/balances/{customer}", "/{collection}/{customer}"),
    "anything below": RULES.replace("/balances/{customer}", "/balances/{customer=**}"),
    "any project": RULES.replace("/projects/{project}/balances/", "/{path=**}/balances/"),
    "one's own user document": _opened("/users/{u} { allow get: if request.auth.uid == u; }"),
    "an admin by claim": _opened(
        "/{d=**} { allow read: if request.auth.token.admin == true; }"
    ),
    "everything": _opened("/{d=**} { allow read, write: if true; }"),
}


@pytest.mark.firestore
@pytest.mark.parametrize("name", MUTANTS)
def test_opening_any_line_of_the_rules_is_noticed(database: Database, name: str) -> None:
    """The matrix above must be able to fail: each of these would let somebody in, or out."""
    assert MUTANTS[name] != RULES
    database.rules(MUTANTS[name])

    watched = (OWN, "projects/p1/balances/c1/deeper/d", "projects/p1/wallets/c1", "users/owner")
    assert any(
        database.may(identity, operation, path) != is_meant(identity, operation, path)
        for operation in OPERATIONS
        for path in (*watched, "balances/c1")
        for identity in IDENTITIES
    )
