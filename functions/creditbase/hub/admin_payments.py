"""`/admin/payments`: customers whose payments want looking after, kind by kind."""

from datetime import datetime

from creditbase.admin.problems import KINDS, Kind, Problem, count_problems, list_problems
from creditbase.hub.admin_answers import customer_row
from creditbase.hub.admin_door import admin_of
from creditbase.hub.door import HUB
from creditbase.hub.queries import asked_project_id, asked_text
from creditbase.kernel.errors import InvalidRequest
from creditbase.kernel.instants import write_seconds
from creditbase.runtime.http import Call, Reply, endpoint

Json = dict[str, object]


@endpoint("admin_payments", door=HUB)
def admin_payments(call: Call) -> Reply:
    """Show how many payment problems of each kind there are, and a page of one kind.

    Answers 400 `INVALID_REQUEST` to a kind or cursor that is none.
    """
    admin_of(call)
    project_id, kind = asked_project_id(call), _kind(asked_text(call, "kind"))
    page = list_problems(project_id, kind, cursor=asked_text(call, "cursor"))
    body: Json = {
        "kind": kind,
        "counts": count_problems(project_id),
        "problems": [_row(problem) for problem in page.problems],
    }
    return Reply(body={**body, "next_cursor": page.next_cursor} if page.next_cursor else body)


def _kind(text: str) -> Kind:
    found: list[Kind] = [kind for kind in KINDS if kind == (text or KINDS[0])]
    if not found:
        raise InvalidRequest(f"kind is one of {', '.join(KINDS)}", field="kind")
    return found[0]


def _row(problem: Problem) -> Json:
    row: Json = {"customer_id": problem.customer_id}
    if problem.customer is not None:
        row["customer"] = customer_row(problem.customer)
    row |= {name: _plain(value) for name, value in problem.facts.items()}
    if problem.issue:
        row["payment_issue"] = {name: _plain(it) for name, it in problem.issue.items()}
    return row


def _plain(value: object) -> object:
    return write_seconds(value) if isinstance(value, datetime) else value
