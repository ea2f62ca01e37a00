"""The inbox tried again: events that are stored and were not finished when they arrived."""

from datetime import datetime

from creditbase.kernel.errors import Unavailable
from creditbase.kernel.trying import ATTEMPTS_MAX
from creditbase.payments import inbox_store
from creditbase.payments.inbox_store import Waiting, find_due_events
from creditbase.payments.use_cases import act_on, finish_event
from creditbase.runtime.firestore import Ambiguous, Lost, commit
from creditbase.runtime.log import alert

__all__ = ["Waiting", "find_due_events", "give_up_if_spent", "try_again"]


def try_again(waiting: Waiting, *, now: datetime) -> bool:
    """Act on an event as the webhook would have; False where somebody else is at it.

    Raises:
        Unavailable, Contention: not finished; it rests, longer each time.
    """
    if waiting.attempts >= ATTEMPTS_MAX:
        raise Unavailable  # whoever made the last attempt did not live to tell
    try:
        version = commit(inbox_store.writes_for_attempt(waiting, now=now))
    except Lost:
        return False
    except Ambiguous as failure:
        raise Unavailable from failure
    finish_event(waiting.event, act_on(waiting.event, now=now), version, now=now)
    return True


def give_up_if_spent(event_id: str) -> None:
    """Call for a person where an event was tried as often as it may be.

    It is not finished: sent again, from Stripe's Dashboard say, it is handled again.
    """
    waiting = inbox_store.find_waiting(event_id)
    if waiting is None or waiting.attempts < ATTEMPTS_MAX:
        return
    try:
        commit(inbox_store.writes_for_death(waiting))
    except Lost:
        return
    except Ambiguous:
        pass  # rather called for twice than not at all
    alert(
        "stripe_event_dead",
        "stripe event dead",
        stripe_event=event_id,
        stripe_type=waiting.event.type,
        stripe_object=waiting.event.object_id,
        attempts=waiting.attempts,
    )
