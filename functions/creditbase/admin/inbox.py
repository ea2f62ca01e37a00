"""Stripe's events that are not finished: what an operator sees of them, and trying one again.

An event that is tried again is only made due, with a record of who asked and why: the job that
drains the inbox handles it as always, so nothing here speaks with Stripe.
"""

from datetime import datetime

from creditbase.admin.acting import done_before
from creditbase.admin.audit_store import writes_for_audit
from creditbase.admin.domain.audit import Audit, Deed, check_deed, record_of
from creditbase.kernel.errors import Conflict, NotFound
from creditbase.kernel.records import dataclass
from creditbase.payments import inbox_store as store
from creditbase.payments.inbox_store import Listed, Unfinished
from creditbase.runtime.commit import Attempt, commit_or_retry

PAGE = 50
STATES: dict[str, Unfinished] = {"waiting": "stored", "failed": "dead", "parked": "quarantined"}
"""Waiting: tried again by itself. Failed: given up. Parked: nothing that we handle."""


@dataclass(frozen=True, slots=True)
class EventPage:
    """Events of a state, and where the next page begins; empty at the end."""

    events: tuple[Listed, ...]
    next_cursor: str = ""


def list_events(state: str, *, after: str = "") -> EventPage:
    """Return a page of the events of a state; one query. Those of a page: the oldest first."""
    found = store.find_by_status(STATES[state], after=after, limit=PAGE + 1)
    shown = found[:PAGE]
    cursor = shown[-1].event.event_id if len(found) > PAGE else ""
    return EventPage(tuple(sorted(shown, key=lambda it: it.received_at)), cursor)


def count_events() -> dict[str, int]:
    """Return how many events there are of each state; a count each."""
    return {state: store.count_by_status(status) for state, status in STATES.items()}


def asked_of(event_id: str) -> dict[str, object]:
    """Return what a deed says of an event."""
    return {"event": event_id}


def retry_event(deed: Deed, event_id: str, *, now: datetime) -> Audit:
    """Have an unfinished event handled again, from the first attempt on.

    Raises:
        NotFound: there is no such event, or not any more.
        Conflict: it is finished; nothing is done twice.
        IdempotencyConflict: the key was used for something else.
    """
    check_deed(deed)

    def attempt() -> Attempt[Audit]:
        found = done_before(deed)
        if found is not None:
            return Attempt(found, ())
        listed = store.find_listed(event_id)
        if listed is None:
            raise NotFound("There is no such event")
        if listed.status not in STATES.values():
            raise Conflict("This event is finished")
        audit = record_of(
            deed,
            now=now,
            before={"status": listed.status, "attempts": listed.attempts},
            after={"status": "stored", "attempts": 0},
        )
        writes = [*store.writes_to_try_again(listed, now=now), *writes_for_audit(audit)]
        return Attempt(audit, writes)

    return commit_or_retry(attempt)
