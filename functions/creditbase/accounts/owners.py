"""Who may administer a project: the Firebase users in its `owners`."""

from datetime import datetime

from creditbase.accounts import store
from creditbase.accounts.domain import Project, ProjectTerms
from creditbase.kernel.errors import NotFound
from creditbase.runtime.commit import Attempt, commit_or_retry
from creditbase.runtime.firestore import Update, get_all, page_of, query

PROJECTS_PAGE = 200
OWNED_MAX = 200
"""Projects that one user can administer."""


def owned_project(project_id: str, uid: str) -> Project:
    """Return a project of this owner, read fresh.

    Raises:
        NotFound: there is no such project, or it is somebody else's: both look the same.
    """
    project = store.find_project(project_id)
    if project is None or not uid or not _owns(uid, project):
        raise NotFound("Project not found")
    return project


def load_projects() -> list[Project]:
    """Return all projects, by id."""
    found: list[Project] = []
    after = ""
    while page := page_of("projects", after=after, limit=PROJECTS_PAGE):
        after = page[-1].document_id
        found += [it for it in map(store.project_from, page) if it is not None]
    return found


def projects_of(uid: str) -> list[Project]:
    """Return the projects that a user owns, the oldest first; at most `OWNED_MAX`."""
    found = query("projects", where=[("owners", "array_contains", uid)], limit=OWNED_MAX)
    projects = [store.project_from(snapshot) for snapshot in found]
    live = [it for it in projects if it is not None and it.archived_at is None]
    return sorted(live, key=lambda project: (project.created_at, project.project_id))


def change_project(project_id: str, uid: str, terms: ProjectTerms, *, now: datetime) -> Project:
    """Change what an owner may change of a project, and return it.

    Raises:
        NotFound: there is no such project, or it is somebody else's.
    """

    def attempt() -> Attempt[Project]:
        found = get_all([store.project_path(project_id)])[0]
        project = store.project_from(found)
        if project is None or found.version is None or not _owns(uid, project):
            raise NotFound("Project not found")
        changed = terms.applied(project, now=now)
        before, after = store.project_fields(project), store.project_fields(changed)
        changes: dict[tuple[str, ...], object] = {
            (name,): value for name, value in after.items() if before[name] != value
        }
        if not changes:
            return Attempt(project, ())
        write = Update(found.path, changes, unless_changed_since=found.version)
        return Attempt(changed, [write])

    return commit_or_retry(attempt)


def _owns(uid: str, project: Project) -> bool:
    """Return whether a user may administer a project; a command, without uid, may always."""
    return project.archived_at is None and (not uid or uid in project.owners)


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
