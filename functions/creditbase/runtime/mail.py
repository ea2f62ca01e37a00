"""Mail to customers. Nobody else spells this path.

    mail/{id}   to, message {subject, text, html}, from (where one is set), kind, project_id,
                customer_id, and what every outbox has

The form is that of Firebase's Trigger Email extension, which needs nothing else to send it.
The id is made of the cause, and the document is created in the commit of the cause: so it is
there once, whatever is repeated.
"""

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from creditbase.kernel.records import dataclass
from creditbase.runtime.firestore import Create, get_all, query
from creditbase.runtime.outbox import Parcel, create_parcel, parcel_from
from creditbase.runtime.settings import settings

ADDRESS = re.compile(r"[^\s@,;:<>()\[\]\\\"]{1,64}@[^\s@,;:<>()\[\]\\\"]{1,253}")
"""One address and nothing else: what a header could take for two is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A mail that is to be sent, under the id that sends it once."""

    mail_id: str
    kind: str
    to: str
    subject: str
    text: str
    html: str
    project_id: str
    customer_id: str


def is_address(text: str) -> bool:
    """Return whether the text is one e-mail address."""
    return ADDRESS.fullmatch(text) is not None


def find_written(mail_ids: Iterable[str]) -> set[str]:
    """Return which of these mails have been written before; no question where there are none.

    Raises:
        Unavailable: the store gave no answer in time.
    """
    paths = [_path(mail_id) for mail_id in mail_ids]
    found = get_all(paths) if paths else []
    return {snapshot.path.rpartition("/")[2] for snapshot in found if snapshot.exists}


def create_mail(mail: Mail, *, now: datetime) -> Create:
    """Return the write that sends a mail, for the commit of its cause."""
    assert is_address(mail.to)
    fields: dict[str, Any] = {
        "to": [mail.to],
        "message": {"subject": mail.subject, "text": mail.text, "html": mail.html},
        "kind": mail.kind,
        "project_id": mail.project_id,
        "customer_id": mail.customer_id,
    }
    sender = settings().mail_from
    if sender:
        fields["from"] = sender
    return create_parcel(_path(mail.mail_id), fields, now=now)


def find_due_mails(*, shard: int, now: datetime, limit: int) -> list[Parcel]:
    """Return mails of a shard that want to be looked at, the longest due first."""
    found = query(
        "mail",
        where=[("shard", "==", shard), ("due_at", "<=", now)],
        order_by="due_at",
        limit=limit,
    )
    return [parcel_from(snapshot) for snapshot in found]


def _path(mail_id: str) -> str:
    return f"mail/{mail_id}"
