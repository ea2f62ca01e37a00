"""Projects, customers and keys on the Firestore emulator: one of each, whatever races."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from werkzeug.datastructures import Headers

from creditbase.accounts import store, use_cases
from creditbase.accounts.customer_store import writes_for_new_customer
from creditbase.accounts.domain import CustomerRef, Project, User, new_customer
from creditbase.kernel.errors import Conflict, NotFound, Unauthenticated
from creditbase.kernel.ids import sha256_hex
from creditbase.runtime import commit as commits
from creditbase.runtime.authorization import routes_of
from creditbase.runtime.firestore import Ambiguous, Lost, Version, Write, commit, get_all
from creditbase.runtime.identity import CallerKind
from tests.together import at_once

pytestmark = [pytest.mark.firestore, pytest.mark.usefixtures("firestore_host", "project")]

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
CHARGE = routes_of("meter")[0]


def a_project() -> Project:
    """Make a project of its own and return it."""
    return use_cases.ensure_project(f"test-{uuid4().hex}", now=NOON)


def a_user() -> str:
    """Make a user with a customer in the hub, and return the uid."""
    uid = f"u{uuid4().hex}"
    customer, name = new_customer(
        project_id=use_cases.HUB_PROJECT_ID, external_id=uid, now=NOON, uid=uid
    )
    user = User(uid=uid, customer=customer.ref, created_at=NOON)
    commit([*writes_for_new_customer(customer, name), *store.writes_for_new_user(user)])
    return uid


class TestCustomers:
    """A name means one customer."""

    def test_racers_for_a_name_get_one_customer(self) -> None:
        """Two workers meet a new external id at once: one customer, one wallet later."""
        project_id = a_project().project_id

        made = at_once(
            6,
            lambda n: use_cases.ensure_customer(
                project_id, "ext 1/ä", now=NOON + timedelta(seconds=n)
            ),
        )

        assert len({customer.customer_id for customer in made}) == 1
        assert len({customer.created_at for customer in made}) == 1

    def test_a_customer_is_read_back_as_it_was_made(self) -> None:
        """Every field survives the store."""
        project_id = a_project().project_id
        made = use_cases.ensure_customer(project_id, "ext", now=NOON, email="a@b.example")

        assert store.find_customer(made.ref) == made
        assert use_cases.find_customer_by_name(project_id, "ext") == made
        assert store.find_name(project_id, "ext") is not None

    def test_a_name_of_one_project_is_unknown_in_another(self) -> None:
        """Tenants share nothing, not even names."""
        mine, theirs = a_project().project_id, a_project().project_id
        made = use_cases.ensure_customer(mine, "ext", now=NOON)

        assert use_cases.find_customer_by_name(theirs, "ext") is None
        assert store.find_customer(CustomerRef(theirs, made.customer_id)) is None

    def test_a_project_is_made_once(self) -> None:
        """The command that makes it can be repeated."""
        name = f"test-{uuid4().hex}"

        first = use_cases.ensure_project(name, now=NOON)
        again = use_cases.ensure_project(name, now=NOON + timedelta(days=1))

        assert first == again

    def test_a_user_is_read_back_as_it_was_made(self) -> None:
        """Its role is an ordinary user's until somebody says otherwise."""
        uid = a_user()

        found = store.find_user(uid)

        assert found is not None
        assert (found.role, found.customer.project_id) == ("user", use_cases.HUB_PROJECT_ID)
        assert store.find_user("nobody") is None


class TestSecretKeys:
    """Several per project, each revocable, found by digest."""

    def test_a_project_has_several_keys_and_loses_one(self) -> None:
        """Rolling a key: make the second, move over, revoke the first."""
        project_id = a_project().project_id
        first, second = (
            use_cases.create_secret_key(
                project_id, name=name, random_bytes=uuid4().bytes * 2, now=NOON
            )
            for name in ("one", "two")
        )

        use_cases.revoke_secret_key(project_id, first.key.key_id)

        assert [use.key.name for use in use_cases.list_secret_keys(project_id, now=NOON)] == [
            "two"
        ]
        assert use_cases.find_secret_key_holder(first.key.digest, NOON) is None
        held = use_cases.find_secret_key_holder(second.key.digest, NOON)
        assert held is not None
        assert (held.project_id, held.key_id) == (project_id, second.key.key_id)

    def test_a_key_opens_its_own_project_at_the_door(self) -> None:
        """The project follows from the key, never from the request."""
        project_id = a_project().project_id
        made = use_cases.create_secret_key(
            project_id, name="k", random_bytes=uuid4().bytes * 2, now=NOON
        )

        authenticator = use_cases.authenticator()
        headers = Headers({"Authorization": f"Bearer {made.secret}"})
        caller = authenticator.identify(headers, CHARGE)

        assert (caller.kind, caller.project_id) == (CallerKind.SECRET_KEY, project_id)
        use_cases.revoke_secret_key(project_id, made.key.key_id)
        with pytest.raises(Unauthenticated):
            use_cases.authenticator().identify(headers, CHARGE)

    def test_a_project_that_is_not_there_has_no_keys(self) -> None:
        """A typing error in a command makes nothing."""
        nowhere = str(uuid4())

        with pytest.raises(NotFound):
            use_cases.create_secret_key(nowhere, name="k", random_bytes=b"a" * 32, now=NOON)
        with pytest.raises(NotFound):
            use_cases.list_secret_keys(nowhere, now=NOON)
        assert not get_all([store.project_path(nowhere)])[0].exists

    def test_the_store_never_holds_the_secret(self) -> None:
        """As for API keys."""
        project_id = a_project().project_id
        made = use_cases.create_secret_key(
            project_id, name="k", random_bytes=uuid4().bytes * 2, now=NOON
        )

        paths = [store.project_path(project_id), f"secret_keys/{sha256_hex(made.secret)}"]
        snapshots = get_all(paths)

        assert all(snapshot.exists for snapshot in snapshots)
        assert made.secret[10:-4] not in str([snapshot.fields for snapshot in snapshots])


@pytest.fixture(params=["request lost", "reply lost", "beaten"])
def broken_commit(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Make the first commit fail in one of three ways; return what happened to each."""
    seen: list[str] = []

    def breaking(writes: Sequence[Write]) -> Version:
        if seen:
            seen.append("applied")
            return commit(writes)
        seen.append(request.param)
        if request.param == "reply lost":
            commit(writes)
        if request.param == "beaten":
            raise Lost
        raise Ambiguous

    monkeypatch.setattr(commits, "commit", breaking)
    return seen


class TestLostReplies:
    """Whatever happens to a commit, the customer gets one key and a true answer."""

    def test_a_key_is_made_once(self, broken_commit: list[str]) -> None:
        """Two keys, one of them never shown, would be a hole that nobody sees."""
        uid = a_user()

        made = use_cases.create_api_key(uid, name="k", random_bytes=uuid4().bytes * 2, now=NOON)

        uses = use_cases.list_api_keys(uid, now=NOON)
        assert [use.key.key_id for use in uses] == [made.key.key_id]
        assert use_cases.find_api_key_holder(made.key.digest, NOON) is not None
        assert len(broken_commit) == (1 if broken_commit[0] == "reply lost" else 2)

    def test_a_key_is_revoked_and_said_to_be(
        self, broken_commit: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Not 404 for a revocation that was ours."""
        uid = a_user()
        with monkeypatch.context() as healthy:
            healthy.setattr(commits, "commit", commit)
            made = use_cases.create_api_key(
                uid, name="k", random_bytes=uuid4().bytes * 2, now=NOON
            )

        use_cases.revoke_api_key(uid, made.key.key_id)

        assert broken_commit
        assert use_cases.list_api_keys(uid, now=NOON) == ()
        assert use_cases.find_api_key_holder(made.key.digest, NOON) is None


def test_a_use_that_cannot_be_noted_is_still_a_use(monkeypatch: pytest.MonkeyPatch) -> None:
    """`last_used_at` is a hint: losing it must not refuse a good key."""
    uid = a_user()
    made = use_cases.create_api_key(uid, name="k", random_bytes=uuid4().bytes * 2, now=NOON)

    def lost(writes: Sequence[Write]) -> Version:
        raise Lost

    monkeypatch.setattr(use_cases, "commit", lost)

    holder = use_cases.find_api_key_holder(made.key.digest, NOON)

    assert holder is not None
    assert holder.uid == uid


def test_the_limit_of_secret_keys_is_twenty() -> None:
    """A ring is bounded, so that its holder's document is."""
    project_id = a_project().project_id
    for _ in range(20):
        use_cases.create_secret_key(
            project_id, name="k", random_bytes=uuid4().bytes * 2, now=NOON
        )

    with pytest.raises(Conflict):
        use_cases.create_secret_key(
            project_id, name="k", random_bytes=uuid4().bytes * 2, now=NOON
        )
