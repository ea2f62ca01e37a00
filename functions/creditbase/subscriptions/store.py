"""The mirror of Stripe's subscriptions. Nobody else spells these paths.

projects/{p}/subscriptions/{sub}   what is kept of a subscription
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict

from creditbase.runtime.firestore import Put, Write, get_all
from creditbase.subscriptions.domain.mirror import Record


def load_records(project_id: str, subscription_ids: Iterable[str]) -> dict[str, Record]:
    """Return what is kept of these subscriptions, by id; those never seen are left out."""
    paths = [_path(project_id, name) for name in subscription_ids]
    found = [snapshot.fields for snapshot in get_all(paths)] if paths else []
    records = [Record(**fields) for fields in found if fields is not None]
    return {record.subscription_id: record for record in records}


def writes_for_records(
    project_id: str, known: Mapping[str, Record], records: Iterable[Record]
) -> list[Write]:
    """Return the writes of the records that changed. Their commit must be conditioned."""
    return [
        Put(_path(project_id, record.subscription_id), asdict(record))
        for record in records
        if known.get(record.subscription_id) != record
    ]


def _path(project_id: str, subscription_id: str) -> str:
    return f"projects/{project_id}/subscriptions/{subscription_id}"
