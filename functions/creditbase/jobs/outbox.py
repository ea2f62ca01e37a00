"""The job `deliver_outbox`: mail that waits is sent, or it is noticed that nobody sends it.

Bounded in number and time. A mail is leased before it is sent, so of two runs one sends it;
a run that was killed is continued by the next, when the lease is over. Where the Trigger
Email extension sends, the job only looks after it.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from creditbase.jobs.sparing import try_one
from creditbase.jobs.use_cases import Report
from creditbase.kernel.money import ceil_div
from creditbase.kernel.outbox import TAKEN_WITHIN
from creditbase.kernel.trying import SHARDS
from creditbase.runtime import smtp
from creditbase.runtime.log import alert
from creditbase.runtime.mail import find_due_mails
from creditbase.runtime.outbox import Parcel, Send, look_after, try_to_deliver
from creditbase.runtime.settings import SMTP_URL, BadSettings, settings

log = logging.getLogger(__name__)

MAILS_PER_RUN_MAX = 480
RUN_S_MAX = 200
"""After so many seconds no other mail is begun: the function ends at 300."""
NAMED_MAX = 20
"""How many mails an alert names."""

Deal = Callable[[Parcel, datetime], str]
"""What is done with a mail that is due; says how it ended."""


def deliver_outbox(now: datetime, *, limit: int = MAILS_PER_RUN_MAX) -> Report:
    """Send the mails that are due, or see that somebody did; at most so many.

    Raises:
        Unavailable: the store, or the secret that names the server, is not there.
        BadSettings: nothing can be sent with the settings as they are.
    """
    deal, due_before = _dealer(now)
    begun_s = time.monotonic()
    most = ceil_div(limit, SHARDS)
    ends: Counter[str] = Counter()
    troubles: dict[str, list[str]] = {"dead": [], "failed": [], "waiting": []}
    is_complete = True
    for shard in range(SHARDS):
        found = find_due_mails(shard=shard, now=due_before, limit=most)
        is_complete = is_complete and len(found) < most
        for parcel in found:
            spent_s = time.monotonic() - begun_s
            if spent_s >= RUN_S_MAX:
                is_complete = False
                break
            # A lease counts from when the mail is taken, which may be late in a run.
            end = try_one(
                partial(deal, parcel, now + timedelta(seconds=spent_s)),
                otherwise="rests",
                mail=parcel.parcel_id,
            )
            ends[end] += 1
            if end in troubles:
                troubles[end].append(parcel.parcel_id)
    _call_for_help(troubles)
    failed = ends["rests"] + ends["dead"] + ends["failed"]
    report = Report("deliver_outbox", ends["delivered"], failed, is_complete)
    log.info("job done", extra=report.facts())
    return report


def _dealer(now: datetime) -> tuple[Deal, datetime]:
    """Return what is done with a mail, and before when it must have been due."""
    if settings().mail == "extension":
        return lambda parcel, at: look_after(parcel, now=at).verdict, now - TAKEN_WITHIN
    send = _carrier()
    return lambda parcel, at: try_to_deliver(parcel, send, now=at), now


def _carrier() -> Send:
    if settings().mail == "log":
        return _write_to_log
    server = smtp.server_of(SMTP_URL.value())
    if not settings().mail_from:
        raise BadSettings("CREDITBASE_MAIL_FROM: needed where CREDITBASE_MAIL is smtp")
    return lambda parcel: smtp.send(server, parcel)


def _write_to_log(parcel: Parcel) -> Mapping[str, Any]:
    message = parcel.fields["message"]
    log.info(
        "mail",
        extra={
            "mail": parcel.parcel_id,
            "kind": parcel.fields["kind"],
            "subject": message["subject"],
            "text": message["text"],
        },
    )
    return {"response": "written to the log"}


def _call_for_help(troubles: Mapping[str, list[str]]) -> None:
    lost = [*troubles["dead"], *troubles["failed"]]
    if lost:
        alert("mail_failed", "mail was not sent", mails=lost[:NAMED_MAX], count=len(lost))
    if troubles["waiting"]:
        waiting = troubles["waiting"]
        alert(
            "mail_not_taken", "nobody sends mail", mails=waiting[:NAMED_MAX], count=len(waiting)
        )
