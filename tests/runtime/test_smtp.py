"""Mail by SMTP, to a real server on this machine."""

from collections.abc import Iterator

import pytest

from creditbase.runtime import smtp
from creditbase.runtime.mail import is_address
from creditbase.runtime.outbox import NotTaken, Refused
from creditbase.runtime.settings import BadSettings
from tests.runtime.post import SENDER, PostOffice, a_parcel, serving_post


@pytest.fixture(scope="module")
def _office() -> Iterator[PostOffice]:
    """Return the one server of these tests."""
    with serving_post() as office:
        yield office


@pytest.fixture
def office(_office: PostOffice) -> PostOffice:
    """Return a server that has taken nothing and refuses nothing."""
    _office.taken.clear()
    _office.refuses.clear()
    return _office


def test_a_mail_arrives_as_it_was_written(office: PostOffice) -> None:
    """Both bodies, every character, and headers that a mail program understands."""
    info = smtp.send(smtp.server_of(office.url), a_parcel())

    (mail,) = office.mails
    assert office.taken[0].rcpt_tos == ["ada@example.com"]
    assert (mail["From"], mail["To"]) == (SENDER, "ada@example.com")
    assert mail["Subject"] == "Your trial ends in München"
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None
    assert text.get_content().splitlines() == ["Dear Ada,", "it ends."]
    assert html is not None
    assert html.get_content().strip() == "<p>Dear Ada,<br>it ends.</p>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert info["messageId"] == mail["Message-ID"]
    assert (info["accepted"], info["rejected"]) == (["ada@example.com"], [])


def test_the_same_mail_twice_has_the_same_message_id(office: PostOffice) -> None:
    """Where a lease ended between sending and saying so, a mail program can tell."""
    for _ in range(2):
        smtp.send(smtp.server_of(office.url), a_parcel())

    first, second = office.mails
    assert first["Message-ID"] == second["Message-ID"]
    assert str(first["Message-ID"]).endswith("@app.example>")


@pytest.mark.parametrize(
    ("step", "answer", "outcome"),
    [
        ("RCPT", "550 No such user", Refused),
        ("RCPT", "450 Mailbox busy", NotTaken),
        ("DATA", "554 We do not like it", Refused),
        ("DATA", "451 Try later", NotTaken),
        ("MAIL", "553 Sender not allowed", NotTaken),
        ("MAIL", "421 Going down", NotTaken),
    ],
)
def test_what_is_refused_for_good_and_what_is_not(
    office: PostOffice, step: str, answer: str, outcome: type[Exception]
) -> None:
    """A sender that is not allowed is our setting: corrected, the mail still goes."""
    office.refuses[step] = answer

    with pytest.raises(outcome, match=answer[:3]):
        smtp.send(smtp.server_of(office.url), a_parcel())


def test_a_wrong_password_and_a_server_that_is_not_there_are_for_later(
    office: PostOffice,
) -> None:
    """Neither is the mail's fault."""
    wrong = office.url.replace("cret", "crat")
    nobody = "smtp://127.0.0.1:1"

    for url in (wrong, nobody):
        with pytest.raises(NotTaken):
            smtp.send(smtp.server_of(url), a_parcel())
    assert office.taken == []


def test_a_server_elsewhere_is_not_spoken_to_in_clear(
    office: PostOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No STARTTLS, no mail, and no password; nor a certificate that nobody knows."""
    monkeypatch.setattr(smtp, "LOCAL", frozenset())

    with pytest.raises(NotTaken, match="STARTTLS"):
        smtp.send(smtp.server_of(office.url), a_parcel())
    with pytest.raises(NotTaken):
        smtp.send(smtp.server_of(f"smtps://127.0.0.1:{office.port}"), a_parcel())

    assert office.taken == []


@pytest.mark.parametrize(
    "url", ["", "localhost", "http://mail.example", "smtp://", "smtp://host:port"]
)
def test_an_address_that_is_no_server_is_named_without_being_told(url: str) -> None:
    """It may hold a password."""
    with pytest.raises(BadSettings, match="SMTP_URL"):
        smtp.server_of(url)


def test_a_server_is_read_and_its_password_is_not_shown() -> None:
    """With the ports that are usual."""
    plain, sure = smtp.server_of("smtp://u:p%2F1@mail.example"), smtp.server_of("smtps://m.x")

    assert (plain.host, plain.port, plain.is_tls) == ("mail.example", 587, False)
    assert (plain.user, plain.password) == ("u", "p/1")
    assert (sure.port, sure.is_tls) == (465, True)
    assert "p/1" not in repr(plain)


@pytest.mark.parametrize(
    "fields",
    [
        {"to": ["no address"]},
        {"to": ["a@x.example\nBcc: eve@x.example"]},
        {"message": {"subject": "a\nBcc: eve@x.example", "text": "t", "html": "h"}},
    ],
    ids=["no address", "a header in an address", "a header in a subject"],
)
def test_what_is_no_mail_is_given_up(office: PostOffice, fields: dict[str, object]) -> None:
    """Nobody's name becomes a header."""
    with pytest.raises(Refused):
        smtp.send(smtp.server_of(office.url), a_parcel(**fields))

    assert office.taken == []


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("ada@example.com", True),
        ("ada+tag@mail.example.co", True),
        ("", False),
        ("ada", False),
        ("ada@example.com, eve@example.com", False),
        ("Ada <ada@example.com>", False),
        ("ada@example.com\n", False),
        ("a" * 65 + "@example.com", False),
    ],
)
def test_one_address_is_an_address(text: str, is_one: bool) -> None:
    """What a header could take for two is none."""
    assert is_address(text) is is_one
