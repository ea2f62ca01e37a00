"""Everything that is known of a person, as one JSON text that is written while it is read."""

import json
from collections.abc import Iterator
from datetime import datetime

from creditbase.accounts.domain import CustomerRef
from creditbase.admin.domain.personal import HOLDINGS, shown
from creditbase.admin.personal_store import READERS, Person, find_person
from creditbase.kernel.errors import BillingError, NotFound
from creditbase.kernel.instants import write_seconds

FORMAT = "creditbase-export-1"


def load_person(ref: CustomerRef) -> Person:
    """Return whose documents are exported.

    Raises:
        NotFound: there is no such customer, or it is deleted.
    """
    person = find_person(ref)
    if person is None:
        raise NotFound("Customer not found")
    return person


def written(person: Person, *, now: datetime) -> Iterator[str]:
    """Yield the export, piece by piece; cut off on the way it is no JSON, so nobody errs."""
    head = {
        "format": FORMAT,
        "exported_at": write_seconds(now),
        "project_id": person.ref.project_id,
        "customer_id": person.ref.customer_id,
        "stripe_customer_ids": list(person.payers),
    }
    yield _json(head)[:-1] + ',"documents":['
    comma = ""
    for collection, read in READERS.items():
        is_named = HOLDINGS[collection].is_named
        for one in read(person):
            row: dict[str, object] = {"collection": collection}
            if is_named:
                row["id"] = one.document_id
            row["fields"] = shown(one.fields or {})
            yield comma + _json(row)
            comma = ","
    yield '],"is_complete":true}\n'


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


class ExportStream:
    """An export on its way out."""

    content_type = "application/json"

    def __init__(self, person: Person, *, now: datetime) -> None:
        self._pieces = written(person, now=now)
        self.code = ""

    def __iter__(self) -> "ExportStream":
        """Return itself."""
        return self

    def __next__(self) -> bytes:
        """Return the next piece; where the store does not answer, the text ends unfinished."""
        try:
            return next(self._pieces).encode()
        except BillingError as failure:
            self.code = failure.code
            raise StopIteration from failure

    def close(self) -> None:
        """Read no more."""
        close = getattr(self._pieces, "close", None)
        if close is not None:
            close()
