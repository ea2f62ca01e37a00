"""The security rules on the emulator: one door, for one person, to one document."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import figures
from tests.rules.collections import (
    NAMES_OF_NO_COLLECTION,
    PRODUCT,
    collections_in,
    collections_of,
    document_of,
    documented,
)
from tests.rules.coverage import gaps_in
from tests.rules.emulated import OPERATIONS, READS_OF_ONE, Claims, Database

RULES = (Path(__file__).parents[2] / "firestore.rules").read_text(encoding="utf-8")

OWN = "projects/p1/balances/c1"
"""The published balance of the user `owner`."""

NEIGHBOURS = (
    "projects/p1/balances/c2",
    "projects/p1/balances/nobody",
    "projects/p2/balances/c1",
    "projects/p1/balances/c1/deeper/d",
    "balances/c1",
    "users/boss",
    "anchors/2026-11-22",
    "unknown/x",
    "projects/p1/unknown/x",
)
"""What stands beside `OWN`, and collections that there are not, or not yet."""

DOCUMENTS = (*map(document_of, documented()), *NEIGHBOURS)
"""A document of every collection in docs/data-model.md, and the neighbours."""

OWNERS = {
    "projects/p1/balances/c2": "third",
    "projects/p1/balances/nobody": "",
    "projects/p2/balances/c1": "third",
}
"""Whose the others are. All the rest says `owner`, so that only the path keeps it shut."""

IDENTITIES: dict[str, Claims | None] = {
    "nobody": None,
    "the owner": {"sub": "owner"},
    "another": {"sub": "other"},
    "an admin": {"sub": "boss", "admin": True, "role": "admin", "owner_uid": "owner"},
    "the owner's namesake": {"sub": "Owner"},
    "a custom claim of the owner's": {"sub": "other", "user_id": "owner", "owner_uid": "owner"},
}
"""Who asks. The admin is one by the user's document, as the server reads it, and by claims."""


ASSERTIONS = "T8 assertions about the security rules"


def fields_of(path: str) -> dict[str, str]:
    """Return what a document says of its owner, and of a role."""
    role = "admin" if path == "users/boss" else "user"
    return {"owner_uid": OWNERS.get(path, "owner"), "role": role}


def may(database: Database, identity: str, operation: str, path: str) -> bool:
    """Return whether one of `IDENTITIES` may do this."""
    return database.may(IDENTITIES[identity], operation, path)


def is_meant(identity: str, operation: str, path: str) -> bool:
    """Return whether this is the one thing that the rules are meant to allow."""
    return (identity, path) == ("the owner", OWN) and operation in READS_OF_ONE


@pytest.fixture
def database(firestore_host: str, project: str) -> Iterator[Database]:
    """Return a database with a document of every collection, under our rules."""
    opened = Database(firestore_host, f"{project}-rules")
    opened.seed({path: fields_of(path) for path in DOCUMENTS})
    opened.rules(RULES)
    yield opened
    opened.close()


def test_every_collection_of_the_sources_is_in_the_data_model() -> None:
    """The page's table is what the rules are tried on: a new collection cannot be forgotten."""
    known = {name for path in documented() for name in collections_of(path)}
    sources = {path: path.read_text(encoding="utf-8") for path in PRODUCT.rglob("*.py")}
    spelt = {
        path.relative_to(PRODUCT).as_posix(): collections_in(source)
        for path, source in sources.items()
        if "/{" in source
    }

    unknown = {where: names - known for where, names in spelt.items()}
    assert set().union(*unknown.values()) == set(NAMES_OF_NO_COLLECTION), unknown
    assert OWN in DOCUMENTS


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ('f"secrets/{x}"', {"secrets"}),
        ('f"projects/{p}/secrets/{a}:{b}"', {"projects", "secrets"}),
        ('f"{ref.path}/secrets/{x}"', {"secrets"}),
        ('f"/secrets/{x}"', set()),
        ('f"{x}/secrets"', set()),
        ('f"Secrets of {x}"', set()),
    ],
)
def test_a_collection_is_found_however_its_path_begins(source: str, names: set[str]) -> None:
    """The search above must be able to find one."""
    assert collections_in(source) == names


@pytest.mark.firestore
@pytest.mark.parametrize("operation", OPERATIONS)
def test_only_the_owner_may_get_only_its_own_balance(
    database: Database, operation: str
) -> None:
    """Clients read nothing else and write nothing at all; the one door is the live balance."""
    allowed = {
        (identity, path)
        for identity in IDENTITIES
        for path in DOCUMENTS
        if may(database, identity, operation, path)
    }

    assert allowed == ({("the owner", OWN)} if operation in READS_OF_ONE else set())
    figures.count(ASSERTIONS, len(IDENTITIES) * len(DOCUMENTS))


@pytest.mark.firestore
@pytest.mark.parametrize("operation", READS_OF_ONE)
def test_a_document_that_is_not_there_looks_like_one_that_is_somebody_elses(
    database: Database, operation: str
) -> None:
    """Otherwise a stranger could find out who is a customer."""
    absent = "projects/p1/balances/absent"

    assert not any(may(database, identity, operation, absent) for identity in IDENTITIES)


@pytest.mark.firestore
def test_nobody_can_make_a_balance_its_own(database: Database) -> None:
    """Create, then delete, then create again: the document that would open is never written."""
    for operation in ("create", "update", "delete", "create"):
        assert not may(database, "another", operation, OWN)

    assert may(database, "the owner", "get", OWN)


ESCALATIONS = {
    "role": "admin",
    "plan": "pro",
    "balance": "1",
    "stripe_customer_id": "cus_1",
    "owner_uid": "other",
    "project_id": "p2",
}
"""Fields that would make somebody richer or mightier (I-16)."""


@pytest.mark.firestore
@pytest.mark.parametrize("path", ["users/owner", "users/new", OWN])
def test_nobody_writes_what_would_make_it_mightier(database: Database, path: str) -> None:
    """The four ways of I-16: at creation, by update, by deleting first, beside a narrow rule.

    A write of one field alone is what a narrow `allow update` beside a wide `allow write`
    would let through.
    """
    tried = 0
    for identity, claims in IDENTITIES.items():
        for name, text in ESCALATIONS.items():
            for way in ("create", "update", "merge", "delete and create"):
                assert not database.may_write(claims, way, path, {name: text}), (identity, way)
                tried += 1
    figures.count(ASSERTIONS, tried)


# ---- every expression was tried ------------------------------------------------------------


def get_as_everybody(database: Database) -> None:
    """Do what the conditions of our rules are about."""
    for identity in IDENTITIES:
        may(database, identity, "get", OWN)


@pytest.mark.firestore
def test_every_expression_of_the_rules_was_seen_to_be_all_that_it_can_be(
    database: Database,
) -> None:
    """A condition that no test sees both ways is a condition that nobody tested."""
    get_as_everybody(database)

    assert gaps_in(database.coverage(), RULES) == []


LINE = "      allow get: if request.auth.uid == resource.data.owner_uid;\n"
PATH = "    match /projects/{project}/balances/{customer} {\n"


def _opened(line: str) -> str:
    """Return the rules with a line of one's own beside ours."""
    return RULES.replace(PATH, f"    match {line}\n{PATH}")


UNTRIED = {
    "a line that nobody asked for": (
        _opened("/secrets/{s} { allow get: if request.auth.uid == s; }"),
        "never evaluated: request.auth.uid == s",
    ),
    "a part that nobody fulfils": (
        RULES.replace("owner_uid;", "owner_uid || request.auth.uid == 'root';"),
        "never true: request.auth.uid == 'root'",
    ),
    "a part that everybody fulfils": (
        RULES.replace("owner_uid;", "owner_uid && resource.data.role == 'user';"),
        "never false: resource.data.role == 'user'",
    ),
    "a line that is always true": (
        RULES.replace(LINE, "      allow get: if true;\n"),
        "never evaluated: true",
    ),
    "a line without a condition": (
        _opened("/open/{o} { allow get; }"),
        "without a condition: allow get;",
    ),
}
"""Rules of which not everything is tried, and what the check has to say of it."""


@pytest.mark.firestore
@pytest.mark.parametrize("name", UNTRIED)
def test_an_expression_that_was_not_tried_is_named(database: Database, name: str) -> None:
    """The check above must be able to fail."""
    rules, untried = UNTRIED[name]
    database.rules(rules)
    get_as_everybody(database)

    assert untried in {gap.split(", ", 1)[1] for gap in gaps_in(database.coverage(), rules)}


WATCHED = (
    OWN,
    *("projects/p1/balances/c1/deeper/d", "projects/p1/wallets/c1"),
    *("users/owner", "balances/c1"),
)
"""Where the mutants below would let somebody in."""
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
    "an admin by document": _opened(
        "/{d=**} { allow get: if get(/databases/(default)/documents/users/$(request.auth.uid))"
        ".data.role == 'admin'; }"
    ),
    "everything": _opened("/{d=**} { allow read, write: if true; }"),
}


VERSION = "rules_version = '2';"
"""Without it `{x=**}` would mean something else; we have none, so no request can tell."""


def _without(count: int) -> dict[str, str]:
    """Return the rules without so many lines that follow each other, by what is missing."""
    lines = RULES.splitlines(keepends=True)
    gone = {}
    for start in range(len(lines) - count + 1):
        text = "".join(lines[start : start + count])
        bare = text.strip()
        if bare and not bare.startswith(("//", VERSION)):
            gone[f"without line {start + 1}: {bare[:40]}"] = RULES.replace(text, "", 1)
    return gone


REMOVED = {**_without(1), **_without(2)}
"""Golden: every line of the rules taken away, alone and with the next."""


def _agrees(database: Database) -> bool:
    """Return whether whoever may do something is who was meant to."""
    return all(
        may(database, identity, operation, path) == is_meant(identity, operation, path)
        for operation in OPERATIONS
        for path in WATCHED
        for identity in IDENTITIES
    )


@pytest.mark.firestore
def test_removing_any_line_of_the_rules_is_noticed(database: Database) -> None:
    """A line that nothing misses is a line that nobody has understood, or tested."""
    assert len(REMOVED) >= 10
    assert RULES.startswith(VERSION)
    assert _agrees(database)
    for name, rules in REMOVED.items():
        if not database.takes(rules):
            continue  # what does not compile cannot be deployed
        assert not _agrees(database), name
    figures.count(ASSERTIONS, len(REMOVED))


@pytest.mark.firestore
@pytest.mark.parametrize("name", MUTANTS)
def test_opening_any_line_of_the_rules_is_noticed(database: Database, name: str) -> None:
    """The matrix above must be able to fail: each of these would let somebody in, or out."""
    assert MUTANTS[name] != RULES
    database.rules(MUTANTS[name])

    assert not _agrees(database)
