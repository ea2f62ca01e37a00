"""A real SMTP server on this machine, and mails for it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope

from creditbase.runtime.firestore import Snapshot
from creditbase.runtime.mail import Mail
from creditbase.runtime.outbox import Parcel, create_parcel, parcel_from

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
SENDER = "Creditbase <billing@app.example>"


@dataclass
class PostOffice:
    """What a server took, and what it shall refuse."""

    taken: list[Envelope] = field(default_factory=list)
    refuses: dict[str, str] = field(default_factory=dict)
    """By step (`MAIL`, `RCPT`, `DATA`), the answer."""
    port: int = 0

    @property
    def url(self) -> str:
        """Return the address of the server, with a user."""
        return f"smtp://ada:s%40cret@127.0.0.1:{self.port}"

    @property
    def mails(self) -> list[EmailMessage]:
        """Return the mails, read as a mail program does."""
        return [
            message_from_bytes(taken.content, policy=policy.default)  # type: ignore[arg-type]
            for taken in self.taken
        ]

    async def take_sender(
        self, server: Any, session: Any, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take or refuse a sender."""
        del server, session
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return self.refuses.get("MAIL", "250 OK")

    async def take_recipient(
        self, server: Any, session: Any, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take or refuse a recipient."""
        del server, session, options
        if "RCPT" not in self.refuses:
            envelope.rcpt_tos.append(address)
        return self.refuses.get("RCPT", "250 OK")

    async def take_content(self, server: Any, session: Any, envelope: Envelope) -> str:
        """Take or refuse a mail."""
        del server, session
        if "DATA" in self.refuses:
            return self.refuses["DATA"]
        self.taken.append(envelope)
        return "250 Taken"

    handle_MAIL, handle_RCPT = take_sender, take_recipient  # noqa: N815 - the library's names
    handle_DATA = take_content  # noqa: N815 - the library's name


def _knows(server: Any, session: Any, envelope: Any, mechanism: str, given: Any) -> AuthResult:
    del server, session, envelope, mechanism
    is_known = (given.login, given.password) == (b"ada", b"s@cret")
    return AuthResult(success=is_known, handled=False)


class _Desk(Controller):
    """A server on any free port."""

    def _trigger_server(self) -> None:
        server: Any = self.server
        self.port = server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]


@contextmanager
def serving_post() -> Iterator[PostOffice]:
    """Serve a post office until the block ends."""
    office = PostOffice()
    controller = _Desk(
        office,
        hostname="127.0.0.1",
        port=0,
        authenticator=_knows,
        auth_require_tls=False,
        decode_data=False,
    )
    controller.start()
    office.port = controller.port
    try:
        yield office
    finally:
        controller.stop()


def a_mail(mail_id: str = "notice:1", **given: Any) -> Mail:
    """Return a mail, with fields changed."""
    return Mail(
        **{
            "mail_id": mail_id,
            "kind": "test",
            "to": "ada@example.com",
            "subject": "Your trial ends in München",
            "text": "Dear Ada,\nit ends.\n",
            "html": "<p>Dear Ada,<br>it ends.</p>",
            "project_id": "p1",
            "customer_id": "c1",
            **given,
        }
    )


def a_parcel(**fields: Any) -> Parcel:
    """Return a mail as the store would read it."""
    mail = a_mail()
    message = {"subject": mail.subject, "text": mail.text, "html": mail.html}
    given = {"to": [mail.to], "message": message, "from": SENDER, "kind": "test", **fields}
    created = create_parcel("mail/notice:1", given, now=NOON)
    return parcel_from(Snapshot(created.path, dict(created.fields), NOON))
