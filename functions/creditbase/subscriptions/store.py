"""The mirror of Stripe's subscriptions. Nobody else spells these paths.

projects/{p}/subscriptions/{sub}   what is kept of a subscription
projects/{p}/trial_claims/{digest} who has had a trial with a card or an address; for ever
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict

from creditbase.runtime.firestore import (
    Create,
    Put,
    Write,
    count_documents,
    get_all,
    query,
)
from creditbase.subscriptions.domain.mirror import Record
from creditbase.subscriptions.domain.trials import Trial


def load_records(project_id: str, subscription_ids: Iterable[str]) -> dict[str, Record]:
    """Return what is kept of these subscriptions, by id; those never seen are left out."""
    paths = [_path(project_id, name) for name in subscription_ids]
    found = [snapshot.fields for snapshot in get_all(paths)] if paths else []
    records = [Record(**fields) for fields in found if fields is not None]
    return {record.subscription_id: record for record in records}


def find_by_status(project_id: str, status: str, *, after: str, limit: int) -> list[Record]:
    """Return a project's subscriptions of a status, by id, beyond one."""
    found = query(
        f"projects/{project_id}/subscriptions",
        where=[("status", "==", status)],
        order_by="status",
        limit=limit,
        after=(status, _path(project_id, after)) if after else None,
    )
    return [Record(**it.fields) for it in found if it.fields is not None]


def count_by_status(project_id: str, status: str) -> int:
    """Return how many subscriptions of a project have a status."""
    return count_documents(
        f"projects/{project_id}/subscriptions", where=[("status", "==", status)]
    )


def writes_for_records(
    project_id: str, known: Mapping[str, Record], records: Iterable[Record]
) -> list[Write]:
    """Return the writes of the records that changed. Their commit must be conditioned."""
    return [
        Put(_path(project_id, record.subscription_id), asdict(record))
        for record in records
        if known.get(record.subscription_id) != record
    ]


def load_claims(project_id: str, claims: Iterable[str]) -> dict[str, str]:
    """Return the customers of those claims that exist, by claim; no question without claims."""
    paths = [_claim(project_id, name) for name in claims]
    found = get_all(paths) if paths else []
    return {
        snapshot.path.rpartition("/")[2]: snapshot.fields["customer_id"]
        for snapshot in found
        if snapshot.fields is not None
    }


def writes_for_claims(
    project_id: str, customer_id: str, trial: Trial, claims: Iterable[str]
) -> list[Write]:
    """Return the writes that claim; of two customers who claim the same, one fails whole."""
    fields = {
        "customer_id": customer_id,
        "subscription_id": trial.subscription_id,
        "begun_at": trial.begun_at,
    }
    return [Create(_claim(project_id, name), fields) for name in claims]


def _claim(project_id: str, name: str) -> str:
    return f"projects/{project_id}/trial_claims/{name}"


def _path(project_id: str, subscription_id: str) -> str:
    return f"projects/{project_id}/subscriptions/{subscription_id}"
