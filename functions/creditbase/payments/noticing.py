"""Telling customers: notices become mails, in the commit of what they tell.

Where to: the address that Firebase has verified, else the one that the payer gave to Stripe.
Who has neither gets no mail, and nothing fails for it.
"""

from collections.abc import Sequence
from datetime import datetime

from jinja2 import TemplateError

from creditbase.accounts.store import find_project
from creditbase.kernel.records import dataclass
from creditbase.payments.domain import TOPUP
from creditbase.payments.site import BILLING_PATH
from creditbase.payments.store import Account
from creditbase.runtime.firestore import Write
from creditbase.runtime.log import alert
from creditbase.runtime.mail import Mail, create_mail, find_written, is_address
from creditbase.runtime.settings import settings
from creditbase.subscriptions.domain.notices import Notice
from creditbase.subscriptions.letters import write_letter


@dataclass(frozen=True, slots=True)
class Sender:
    """In whose name a mail is written, and where its link leads; empty: nowhere."""

    app_name: str
    link: str


def address_of(account: Account, payer_email: str) -> str:
    """Return where mails to a customer go; empty where nobody knows."""
    known = (account.customer.email, payer_email)
    reachable = (name for name in known if is_address(name) and not name.endswith(".invalid"))
    return next(reachable, "")


def mails_for(
    account: Account,
    notices: Sequence[Notice],
    *,
    payer_email: str,
    now: datetime,
    sender: Sender | None = None,
) -> list[Write]:
    """Return the writes of the mails that were not written before.

    Their commit must be conditioned on the account's version: whoever tells the same at the
    same time then fails, looks again and finds it told. `sender` is who writes, where it is
    not the hub.

    Raises:
        Unavailable: the store gave no answer in time.
    """
    address = address_of(account, payer_email)
    if not notices or not address:
        return []
    written = find_written(notice.notice_id for notice in notices)
    mails = [
        _mail(account, notice, address, sender or _hub())
        for notice in notices
        if notice.notice_id not in written
    ]
    return [create_mail(mail, now=now) for mail in mails if mail is not None]


def sender_of(account: Account) -> Sender:
    """Return the project of a wallet's customer; its link is where the last top-up began."""
    project = find_project(account.customer.project_id)
    newest = account.intent_of(TOPUP)
    return Sender(
        project.name if project is not None else "",
        newest.order.cancel_url if newest is not None else "",
    )


def _hub() -> Sender:
    site = settings().site_url
    return Sender(settings().app_name, f"{site}{BILLING_PATH}" if site else "")


def _mail(account: Account, notice: Notice, address: str, sender: Sender) -> Mail | None:
    try:
        letter = write_letter(notice, app_name=sender.app_name, billing_url=sender.link)
    except TemplateError:
        # Words are ours to mend; what they tell of must happen all the same.
        alert("mail_failed", "a mail has no words", mails=[notice.notice_id], count=1)
        return None
    return Mail(
        mail_id=notice.notice_id,
        kind=notice.kind,
        to=address,
        subject=letter.subject,
        text=letter.text,
        html=letter.html,
        project_id=account.customer.project_id,
        customer_id=account.customer.customer_id,
    )
