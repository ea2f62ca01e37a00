"""Who hears of what is sold below cost: a mail to the operators, once a day for each project.

The mail is created in the commit that notes the day as told; so it is sent once.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from html import escape

from creditbase.admin.analytics import Losses, Lost, find_losses
from creditbase.admin.rollup_progress import Progress, commit_step
from creditbase.kernel.money import NANOS_PER_CENT, ceil_div, write_money
from creditbase.runtime.firestore import Write
from creditbase.runtime.mail import Mail, create_mail
from creditbase.runtime.settings import settings


def take_untold(progress: Progress, date: str, *, now: datetime) -> tuple[Losses, ...]:
    """Return a day's losses if nobody was told of them; from now on somebody was.

    Raises:
        Lost: another run has gone on with the roll-up; a later one tells of them.
        Ambiguous: nobody knows; as above.
    """
    if progress.told >= date:
        return ()
    losses = find_losses(progress, date)
    to = settings().operator_mail
    mails: list[Write] = [create_mail(_mail(it, date, to), now=now) for it in losses if to]
    commit_step(progress, replace(progress, told=date), mails)
    return tuple(losses)


def _mail(losses: Losses, date: str, to: str) -> Mail:
    app_name = settings().app_name
    lines = [
        f"Project {losses.project_id}: this cost more than it earned.",
        *_lines(f"Models on {date}", losses.models),
        *_lines(f"Customers in {date[: len('2026-01')]}", losses.customers),
        "What to do: docs/runbooks/alerts.md#model_below_cost and #customer_below_cost.",
    ]
    return Mail(
        mail_id=f"losses:{losses.project_id}:{date}",
        kind="losses",
        to=to,
        subject=f"{app_name}: sold below cost on {date}",
        text="\n".join(lines) + "\n",
        html="".join(f"<p>{escape(line)}</p>" for line in lines),
        project_id=losses.project_id,
        customer_id="",
    )


def _lines(head: str, lost: Sequence[Lost]) -> list[str]:
    rows = [
        f"  {it.name}: {write_money(ceil_div(it.nanos, NANOS_PER_CENT), 'usd')}" for it in lost
    ]
    return [f"{head}:", *rows] if rows else []
