"""What an operator does. Each can be repeated without changing anything twice."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from creditbase.accounts.use_cases import (
    create_secret_key,
    ensure_project,
    list_secret_keys,
    revoke_secret_key,
)
from creditbase.admin import store
from creditbase.catalog.models import CatalogFile
from creditbase.catalog.use_cases import push_catalog
from creditbase.kernel.errors import NotFound
from creditbase.runtime.commit import Attempt, commit_or_retry

SEEDED_PROJECTS = ("hub", "relay")
SEEDED_KEY_NAME = "seed"


@dataclass(frozen=True, slots=True)
class Seeded:
    """A project that `seed` made or found, with its new secret key."""

    name: str
    project_id: str
    secret_key: str


def seed(file: CatalogFile, *, now: datetime, say: Callable[[str], None]) -> tuple[Seeded, ...]:
    """Make the two projects of the demonstration, their catalog, and a secret key of each.

    Nobody can read a secret key a second time, so a repeat replaces the seeded key; keys
    made otherwise stay.
    """
    return tuple(_seed_project(name, file, now, say) for name in SEEDED_PROJECTS)


def _seed_project(
    name: str, file: CatalogFile, now: datetime, say: Callable[[str], None]
) -> Seeded:
    project = ensure_project(name, now=now)
    push = push_catalog(project.project_id, file)
    say(f"{name}: project {project.project_id}, catalog {file.price_book.version}")
    for line in push.lines:
        say(f"{name}: {line}")
    old = [
        use.key.key_id
        for use in list_secret_keys(project.project_id, now=now)
        if use.key.name == SEEDED_KEY_NAME
    ]
    # The old ones first: a run that was killed in between leaves none, and the next makes one.
    for key_id in old:
        revoke_secret_key(project.project_id, key_id)
    issued = create_secret_key(
        project.project_id,
        name=SEEDED_KEY_NAME,
        random_bytes=secrets.token_bytes(32),
        now=now,
    )
    say(f"{name}: secret key {issued.key.prefix}…{issued.key.last4}, {len(old)} replaced")
    return Seeded(name, project.project_id, issued.secret)


def make_admin(uid: str) -> bool:
    """Give a user the admin role; return False where it had it already.

    Raises:
        NotFound: nobody with this uid was ever here.
    """

    def attempt() -> Attempt[bool]:
        found = store.find_role(uid)
        if found is None:
            raise NotFound(f"nobody with the uid {uid} was ever here; let them sign in once")
        role, version = found
        if role == store.ADMIN:
            return Attempt(answer=False, writes=())
        return Attempt(answer=True, writes=store.writes_for_role(uid, store.ADMIN, version))

    return commit_or_retry(attempt)
