"""What the tests of the outbox share: a database with nothing in it, mails, and alerts."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest

from creditbase.runtime import firestore
from creditbase.runtime.mail import create_mail
from creditbase.runtime.settings import settings
from tests.runtime.post import NOON, a_mail
from tests.wire import Wire


@pytest.fixture(autouse=True)
def _empty_outbox(wire: Wire, project: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Work in a database with nothing in it."""
    monkeypatch.setenv("GCLOUD_PROJECT", f"{project}-{uuid4().hex[:8]}")
    firestore.client.cache_clear()
    wire.reset()
    yield
    wire.reset()
    wire.wait_for_late()
    firestore.client.cache_clear()
    settings.cache_clear()


def let_send(monkeypatch: pytest.MonkeyPatch, who: str) -> None:
    """Say who sends mail."""
    monkeypatch.setenv("CREDITBASE_MAIL", who)
    settings.cache_clear()


def post(mail_id: str = "notice:1", **given: Any) -> str:
    """Write a mail as its cause does; return its id."""
    firestore.commit([create_mail(a_mail(mail_id, **given), now=NOON)])
    return mail_id


def kept(mail_id: str = "notice:1") -> dict[str, Any]:
    """Return a mail as it stands."""
    fields = firestore.get_all([f"mail/{mail_id}"])[0].fields
    assert fields is not None
    return fields


def due(mail_id: str = "notice:1") -> datetime:
    """Return when a mail wants to be looked at."""
    at = kept(mail_id)["due_at"]
    assert isinstance(at, datetime)
    return at


def set_delivery(state: str, mail_id: str = "notice:1", **delivery: Any) -> None:
    """Let somebody else have dealt with a mail, as the extension writes it."""
    snapshot = firestore.get_all([f"mail/{mail_id}"])[0]
    assert snapshot.version is not None
    told = {"state": state, "attempts": 1, "error": None, "startTime": NOON, **delivery}
    changes: dict[tuple[str, ...], Any] = {("delivery",): told}
    firestore.commit([firestore.Update(snapshot.path, changes, snapshot.version)])


def alerts(caplog: pytest.LogCaptureFixture) -> list[tuple[str, list[str]]]:
    """Return the alerts that were raised, with the mails that they name."""
    found = [record.__dict__ for record in caplog.records if hasattr(record, "alert")]
    return [(fields["alert"], fields["mails"]) for fields in found]
