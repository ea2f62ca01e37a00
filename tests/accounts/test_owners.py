"""Owners: who may administer a project, and who learns nothing of it."""

import uuid

import pytest

from creditbase.accounts import store
from creditbase.accounts.domain import IssuedKey, mint_key
from creditbase.accounts.owners import add_owner, owned_project
from creditbase.accounts.use_cases import create_secret_key, ensure_project
from creditbase.kernel.errors import NotFound
from creditbase.kernel.ids import SECRET_KEY_PREFIX
from creditbase.runtime.firestore import Update, commit, get_all
from creditbase.subscriptions.relay_projects import archive_project
from tests.catalog.tiers import NOON
from tests.ledger.wallets import in_parallel

KEY = b"k" * 32
pytestmark = [pytest.mark.firestore, pytest.mark.usefixtures("firestore_host", "project")]


@pytest.fixture
def project_id() -> str:
    """Return a new project, which nobody owns."""
    return ensure_project(f"p{uuid.uuid4().hex}", now=NOON).project_id


def test_an_owner_has_the_project_and_nobody_else_does(project_id: str) -> None:
    """Whether it exists is nobody else's business: the same refusal for all."""
    assert add_owner(project_id, "ada", now=NOON)

    assert owned_project(project_id, "ada").owners == ("ada",)
    for asked, uid in ((project_id, "bob"), (str(uuid.uuid4()), "ada"), (project_id, "")):
        with pytest.raises(NotFound, match="Project not found"):
            owned_project(asked, uid)


def test_owners_who_come_at_once_are_all_there_and_once(project_id: str) -> None:
    """The founder stays the first of them."""
    add_owner(project_id, "ada", now=NOON)

    outcomes = in_parallel(4, lambda number: add_owner(project_id, f"u{number % 2}", now=NOON))

    project = owned_project(project_id, "u0")
    assert sorted(outcomes, key=str) == [False, False, True, True]
    assert project.owners[0] == "ada"
    assert sorted(project.owners) == ["ada", "u0", "u1"]
    with pytest.raises(NotFound):
        add_owner(str(uuid.uuid4()), "ada", now=NOON)


def test_a_project_that_is_put_away_is_nobodys(project_id: str) -> None:
    """Not even its founder's."""
    add_owner(project_id, "ada", now=NOON)
    found = get_all([store.project_path(project_id)])[0]
    assert found.version is not None
    commit([Update(found.path, {("archived_at",): NOON}, unless_changed_since=found.version)])

    with pytest.raises(NotFound):
        owned_project(project_id, "ada")
    with pytest.raises(NotFound, match="Project not found"):
        make_a_key(project_id)


def test_a_key_that_is_made_while_its_project_is_put_away_is_not(
    project_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would open a project that has none any more: the commit knows what it had read."""
    add_owner(project_id, "ada", now=NOON)
    find_ring = store.find_ring
    archived: list[None] = []

    def overtaken(holder_path: str, kind: store.KeyKind) -> store.HeldRing | None:
        ring = find_ring(holder_path, kind)
        if not archived:
            archived.append(None)
            archive_project(project_id, "ada", now=NOON)
        return ring

    monkeypatch.setattr(store, "find_ring", overtaken)

    with pytest.raises(NotFound, match="Project not found"):
        make_a_key(project_id)

    kept = get_all([store.project_path(project_id)])[0].fields
    assert kept is not None
    assert kept["secret_keys"] == {}
    key = issued_key()
    assert store.find_key(store.SECRET_KEYS, key.key.digest) is None


def issued_key() -> IssuedKey:
    """Return the key that `make_a_key` makes."""
    return mint_key(
        prefix=SECRET_KEY_PREFIX, name="k", random_bytes=KEY, now=NOON, lifetime=None
    )


def make_a_key(project_id: str) -> IssuedKey:
    """Make a secret key of a project."""
    return create_secret_key(project_id, name="k", random_bytes=KEY, now=NOON)
