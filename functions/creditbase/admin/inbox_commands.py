"""Commands about Stripe's events that are not finished: list them, have one handled again."""

import argparse
import secrets

from creditbase.accounts.use_cases import HUB_PROJECT_ID
from creditbase.admin.command_frame import Group, add_command, add_group
from creditbase.admin.domain.audit import COMMAND_LINE, Deed
from creditbase.admin.inbox import STATES, asked_of, list_events, retry_event
from creditbase.kernel.instants import write_seconds
from creditbase.runtime import clock

KEY_BYTES = 8


def take_inbox(groups: Group) -> None:
    """Add what may be typed about the inbox."""
    inbox = add_group(groups, "inbox", "look at Stripe's events that are not finished")
    command = add_command(inbox, "list", _list, "show those of a state, with why and how often")
    command.add_argument("state", choices=STATES, help="tried again, given up, or not handled")
    command = add_command(inbox, "retry", _retry, "have one handled again, from the start")
    command.add_argument("event", help="its id: evt_…")
    command.add_argument("--reason", required=True, help="why; it is kept")


def _list(given: argparse.Namespace) -> None:
    cursor = ""
    while True:
        page = list_events(given.state, after=cursor)
        for it in page.events:
            about = f"{it.event.type} {it.event.object_id or '-'}"
            why = f"{it.attempts} attempts {it.reason}".rstrip()
            print(f"{write_seconds(it.received_at)} {it.event.event_id} {about}: {why}")
        cursor = page.next_cursor
        if not cursor:
            return


def _retry(given: argparse.Namespace) -> None:
    deed = Deed(
        action="event_retry",
        actor=COMMAND_LINE,
        # A key of its own each time: an event that is due is harmlessly made due again.
        key=secrets.token_hex(KEY_BYTES),
        reason=given.reason,
        project_id=HUB_PROJECT_ID,
        asked=asked_of(given.event),
    )
    audit = retry_event(deed, given.event, now=clock.now())
    print(f"audit: {audit.audit_id}")
    print(f"status: {audit.before['status']} -> {audit.after['status']}")
