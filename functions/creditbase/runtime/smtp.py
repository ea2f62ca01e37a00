"""Mail by SMTP, where the Trigger Email extension is not installed.

Never in clear: `smtps://` is encrypted from the first byte, `smtp://` becomes so by STARTTLS
before anything is said. Only a server on this machine is spoken to as it is.
"""

import smtplib
import ssl
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import field
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any
from urllib.parse import unquote, urlsplit

from creditbase.kernel.ids import sha256_hex
from creditbase.kernel.records import dataclass
from creditbase.runtime.outbox import NotTaken, Parcel, Refused
from creditbase.runtime.settings import BadSettings, settings

TIMEOUT_S = 15
OWN_NAME = "localhost"
"""How we greet: looking up what this machine is called can take seconds, and tells nobody."""
LOCAL = frozenset({"127.0.0.1", "::1", "localhost"})
PORT_OF = {"smtp": 587, "smtps": 465}


@dataclass(frozen=True, slots=True)
class Server:
    """An SMTP server, as the secret `SMTP_URL` names it."""

    host: str
    port: int
    is_tls: bool
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)


def server_of(url: str) -> Server:
    """Return the server of `smtp://user:password@host:port` or `smtps://…`.

    Raises:
        BadSettings: it is no such address. The message does not repeat it.
    """
    parts = urlsplit(url)
    try:
        port = parts.port or PORT_OF[parts.scheme]
    except (ValueError, KeyError):
        raise BadSettings("SMTP_URL: smtp:// or smtps:// with a host is needed") from None
    if not parts.hostname:
        raise BadSettings("SMTP_URL: smtp:// or smtps:// with a host is needed")
    return Server(
        parts.hostname,
        port,
        parts.scheme == "smtps",
        unquote(parts.username or ""),
        unquote(parts.password or ""),
    )


def send(server: Server, parcel: Parcel) -> Mapping[str, Any]:
    """Send a mail and return what the extension would write of it.

    Raises:
        Refused: no server will ever take it: a recipient or a content that is no good.
        NotTaken: not now, or not with our settings as they are.
    """
    try:
        message = message_of(parcel)
    except (ValueError, HeaderParseError) as failure:
        raise Refused(f"This is no mail: {type(failure).__name__}") from failure
    try:
        connection = _connect(server)
    except (smtplib.SMTPException, OSError) as failure:
        raise NotTaken(_said(failure)) from failure
    with connection:
        _hand_over(connection, message)
    return {
        "messageId": message["Message-ID"],
        "accepted": list(parcel.fields["to"]),
        "rejected": [],
        "pending": [],
        "response": None,
    }


def _hand_over(connection: smtplib.SMTP, message: EmailMessage) -> None:
    try:
        connection.send_message(message)
    except smtplib.SMTPRecipientsRefused as failure:
        codes = [code for code, _ in failure.recipients.values()]
        if all(code >= 500 for code in codes):
            raise Refused(f"Every recipient was refused: {codes}") from failure
        raise NotTaken(f"No recipient was taken: {codes}") from failure
    except smtplib.SMTPDataError as failure:
        kind = Refused if failure.smtp_code >= 500 else NotTaken
        raise kind(_said(failure)) from failure
    except smtplib.SMTPNotSupportedError as failure:
        raise Refused(_said(failure)) from failure
    except (smtplib.SMTPException, OSError) as failure:
        raise NotTaken(_said(failure)) from failure


def message_of(parcel: Parcel) -> EmailMessage:
    """Return the mail. Its Message-ID is that of its cause, so that a repeat can be known.

    Raises:
        ValueError, HeaderParseError: an address or a header that is none.
    """
    sender = parcel.fields.get("from") or settings().mail_from
    message = EmailMessage()
    message["Message-ID"] = f"<{sha256_hex(parcel.parcel_id)[:40]}@{_domain(sender)}>"
    message["Date"] = format_datetime(parcel.created_at)
    message["From"] = sender
    message["To"] = [Address(addr_spec=address) for address in parcel.fields["to"]]
    message["Subject"] = parcel.fields["message"]["subject"]
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(parcel.fields["message"]["text"])
    message.add_alternative(parcel.fields["message"]["html"], subtype="html")
    return message


def _domain(sender: str) -> str:
    return sender.rpartition("@")[2].strip("> ")


def _connect(server: Server) -> smtplib.SMTP:
    if server.is_tls:
        context = ssl.create_default_context()
        connection: smtplib.SMTP = smtplib.SMTP_SSL(
            server.host, server.port, OWN_NAME, timeout=TIMEOUT_S, context=context
        )
    else:
        connection = smtplib.SMTP(server.host, server.port, OWN_NAME, timeout=TIMEOUT_S)
    with ExitStack() as stack:
        stack.callback(connection.close)
        if not server.is_tls and server.host not in LOCAL:
            connection.starttls(context=ssl.create_default_context())
        if server.user:
            connection.login(server.user, server.password)
        stack.pop_all()
    return connection


def _said(failure: Exception) -> str:
    if not isinstance(failure, smtplib.SMTPResponseException):
        return f"{type(failure).__name__}: {failure}"[:500]
    said = failure.smtp_error
    text = said.decode(errors="replace") if isinstance(said, bytes) else said
    return f"{failure.smtp_code} {text}"[:500]
