"""The function `projects`: owners administer their projects, keys and customers.

A user of our own app whom the project lists. Somebody else's project and none look the same.
Source: relay-api.md 5.
"""

import secrets
import uuid
from collections.abc import Callable

from creditbase.accounts import owners
from creditbase.accounts.domain import Key, Project
from creditbase.accounts.use_cases import (
    create_secret_key,
    list_secret_keys,
    revoke_secret_key,
)
from creditbase.kernel.errors import NotFound
from creditbase.kernel.money import NANOS_PER_CENT
from creditbase.metering.models import parse
from creditbase.relay import customer_operations as customers
from creditbase.relay.answers import Json, as_uuid, at, present, project_answer
from creditbase.relay.door import RELAY
from creditbase.relay.requests import NewProjectRequest, ProjectRequest, SecretKeyRequest
from creditbase.runtime.clock import real_now
from creditbase.runtime.http import Call, Reply, endpoint
from creditbase.runtime.settings import STRIPE_SECRET_KEY
from creditbase.subscriptions.relay_projects import Founding, archive_project, found_project


@endpoint("projects", door=RELAY, secrets=(STRIPE_SECRET_KEY,))
def projects(call: Call) -> Reply:
    """List, make, show, change and put away projects, their secret keys and customers."""
    return OPERATIONS[call.route.name](call)


def _list(call: Call) -> Reply:
    found = owners.projects_of(call.caller.uid)
    return Reply(body={"projects": [project_answer(project) for project in found]})


def _create(call: Call) -> Reply:
    asked = parse(NewProjectRequest, call.body)
    founding = Founding(
        project_id=str(uuid.uuid4()), uid=call.caller.uid, email=call.caller.email
    )
    return _shown(found_project(founding, asked.terms(), now=call.now), status=201)


def _show(call: Call) -> Reply:
    return _shown(_owned(call))


def _update(call: Call) -> Reply:
    asked = parse(ProjectRequest, call.body)
    terms = asked.terms()
    project_id = _project_id(call)
    return _shown(owners.change_project(project_id, call.caller.uid, terms, now=call.now))


def _delete(call: Call) -> Reply:
    archive_project(_project_id(call), call.caller.uid, now=call.now)
    return Reply(body=None, status=204)


# ---- customers -----------------------------------------------------------------------------


def _list_customers(call: Call) -> Reply:
    return customers.list_customers(_owned(call).project_id)


def _create_customer(call: Call) -> Reply:
    return customers.create_customer(_owned(call).project_id, call.body, now=call.now)


def _delete_customer(call: Call) -> Reply:
    project_id = _owned(call).project_id
    return customers.delete_customer(project_id, call.path["customer_id"], now=call.now)


# ---- secret keys ---------------------------------------------------------------------------


def _list_keys(call: Call) -> Reply:
    found = list_secret_keys(_owned(call).project_id, now=real_now())
    return Reply(body={"keys": [_key(use.key) for use in found]})


def _create_key(call: Call) -> Reply:
    project_id = _owned(call).project_id
    asked = parse(SecretKeyRequest, call.body)
    budget = asked.budget_cents
    issued = create_secret_key(
        project_id,
        name=asked.name,
        random_bytes=secrets.token_bytes(32),
        now=real_now(),
        budget_nanos=None if budget is None else budget * NANOS_PER_CENT,
    )
    body = {"key": {**_key(issued.key), "secret_key": issued.secret}}
    return Reply(body=body, status=201)


def _revoke_key(call: Call) -> Reply:
    revoke_secret_key(_owned(call).project_id, call.path["key_id"])
    return Reply(body=None, status=204)


OPERATIONS: dict[str, Callable[[Call], Reply]] = {
    "GET /api/v1/projects": _list,
    "POST /api/v1/projects": _create,
    "GET /api/v1/projects/{project_id}": _show,
    "PUT /api/v1/projects/{project_id}": _update,
    "DELETE /api/v1/projects/{project_id}": _delete,
    "GET /api/v1/projects/{project_id}/customers": _list_customers,
    "POST /api/v1/projects/{project_id}/customers": _create_customer,
    "DELETE /api/v1/projects/{project_id}/customers/{customer_id}": _delete_customer,
    "GET /api/v1/projects/{project_id}/keys": _list_keys,
    "POST /api/v1/projects/{project_id}/keys": _create_key,
    "DELETE /api/v1/projects/{project_id}/keys/{key_id}": _revoke_key,
}


# ---- what they share -----------------------------------------------------------------------


def _project_id(call: Call) -> str:
    found = as_uuid(call.path["project_id"])
    if found is None:
        raise NotFound("Project not found")
    return found


def _owned(call: Call) -> Project:
    return owners.owned_project(_project_id(call), call.caller.uid)


def _shown(project: Project, *, status: int = 200) -> Reply:
    return Reply(body={"project": project_answer(project)}, status=status)


def _key(key: Key) -> Json:
    budget = key.budget_nanos
    return present(
        id=key.key_id,
        name=key.name,
        kind="secret",
        prefix=key.prefix,
        last4=key.last4,
        created_at=at(key.created_at),
        budget_cents=None if budget is None else budget // NANOS_PER_CENT,
    )
