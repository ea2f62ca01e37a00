"""Who may administer a project: the Firebase users in its `owners`."""

from datetime import datetime

from creditbase.accounts import store
from creditbase.accounts.domain import Project
from creditbase.kernel.errors import NotFound
from creditbase.runtime.commit import Attempt, commit_or_retry
from creditbase.runtime.firestore import Update, get_all


def owned_project(project_id: str, uid: str) -> Project:
    """Return a project of this owner, read fresh.

    Raises:
        NotFound: there is no such project, or it is somebody else's: both look the same.
    """
    project = store.find_project(project_id)
    if project is None or project.archived_at is not None or uid not in project.owners:
        raise NotFound("Project not found")
    return project


def add_owner(project_id: str, uid: str, *, now: datetime) -> bool:
    """Let a user administer a project; return False where it could already.

    Raises:
        NotFound: there is no such project.
    """

    def attempt() -> Attempt[bool]:
        found = get_all([store.project_path(project_id)])[0]
        project = store.project_from(found)
        if project is None or found.version is None:
            raise NotFound("Project not found")
        if uid in project.owners:
            return Attempt(answer=False, writes=())
        changes: dict[tuple[str, ...], object] = {
            ("owners",): [*project.owners, uid],
            ("updated_at",): now,
        }
        return Attempt(
            answer=True,
            writes=[Update(found.path, changes, unless_changed_since=found.version)],
        )

    return commit_or_retry(attempt)
