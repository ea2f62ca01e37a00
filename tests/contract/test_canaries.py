"""Secrets that are put into every place of a request are found in no log, no error, no document
and in nothing that goes to Stripe, by mail or to a webhook.

Each secret looks as such a thing looks, and is recognised by a piece that only it has.
"""

import json
import re
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from werkzeug.test import TestResponse

from creditbase.kernel.ids import API_KEY_PREFIX, SECRET_KEY_PREFIX, credential
from creditbase.runtime.authorization import ROUTES
from creditbase.runtime.routes import Credential, DoorName, Route
from tests import figures
from tests.contract.eavesdropper import Eavesdropper, listening
from tests.contract.house import House
from tests.contract.test_bad_inputs import described, names_of

pytestmark = pytest.mark.firestore

FIGURE = "T10 secrets put into requests and looked for"
PIECE = "Canary7Zq"
CANARIES = {
    "API key": credential(API_KEY_PREFIX, b"\x17" * 32),
    "secret key": credential(SECRET_KEY_PREFIX, b"\x19" * 32),
    "customer token": f"mr_ct_eyJ{PIECE}aGVsbG8.eyJ{PIECE}d29ybGQ.{PIECE}c2ln",
    "ID token": f"eyJ{PIECE}aGVsbG8.eyJ{PIECE}d29ybGQ.{PIECE}c2ln",
    "Stripe key": f"sk_live_{PIECE}0123456789",
    "webhook secret": f"whsec_{PIECE}0123456789",
    "address": f"{PIECE}.person@example.com",
    "card": "4000 0566 5566 5556",
    "prompt": f"{PIECE} tell nobody about the merger",
}
FORMS = re.compile(
    "|".join(
        [
            PIECE.lower(),
            CANARIES["API key"][10:40].lower(),
            CANARIES["secret key"][10:40].lower(),
            "4000 ?0566 ?5566 ?5556",
        ]
    )
)
"""What is looked for, in any case."""
PROBES = {"X-Request-Id", "Referer", "User-Agent", "Cookie", "X-Forwarded-For", "Origin"}
"""Headers that servers like to write down."""
CREDENTIALS = ("Authorization", "X-Api-Key", "X-ModelRelay-Api-Key", "X-Firebase-AppCheck")


@pytest.fixture
def heard() -> Iterator[Eavesdropper]:
    """Return who hears what goes out."""
    with listening() as eavesdropper:
        yield eavesdropper


def look(
    told: list[tuple[str, TestResponse]], heard: Eavesdropper, log: str
) -> list[tuple[str, str]]:
    """Return where a secret has come out."""
    places = [("log", line) for line in log.splitlines()]
    places += [(f"answer {how}", it.text + str(it.headers)) for how, it in told]
    places += [("document", f"{path} {fields}") for path, fields in heard.writes]
    places += [("Stripe", sent) for sent in heard.to_stripe]
    return [(where, text[:500]) for where, text in places if FORMS.search(text.lower())]


def asks_with(secrets: list[str], route: Route) -> Iterator[dict[str, Any]]:
    """Yield what is sent: each secret in every place in turn, next to all the others."""
    is_written = route.method in {"POST", "PUT"}
    for header, secret in zip(CREDENTIALS, secrets, strict=False):
        yield {"credential": {header: f"Bearer {secret}", "X-N": "1"}}
    fields = [*described(route), "surprise"] if is_written else []
    for turn in range(0, len(secrets), 3):
        turned = [*secrets[turn:], *secrets[:turn]]
        everywhere: dict[str, object] = dict(zip(fields, turned * 9, strict=False))
        everywhere |= dict.fromkeys(turned, 1)
        if is_written:
            yield {"body": everywhere}
        headers = dict(zip(sorted(PROBES), turned, strict=False))
        broken = json.dumps(everywhere).encode() + b"}"
        yield {"headers": headers, "body": broken if is_written else None}
    yield {
        "query": {
            **dict.fromkeys(secrets, "1"),
            **{f"q{number}": secret for number, secret in enumerate(secrets)},
            "cursor": secrets[0],
            "limit": secrets[4],
        }
    }


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_a_secret_comes_out_nowhere(
    house: House, heard: Eavesdropper, route: Route, capfd: pytest.CaptureFixture[str]
) -> None:
    """As a credential, in headers, in the path, in the query, and in every field of the body.

    A refusal repeats nothing. What is refused is written nowhere; and where a field may hold
    any text (a name, a reason), what looks like a secret has no business either: those are
    asked with a wrong body, which names it.
    """
    shown = {} if Credential.NOBODY in route.credentials else house.headers_for(route)
    good = {name: values[0] for name, values in house.known(route).items()}
    path: dict[str, Any] = {name: good.get(name, "x") for name in names_of(route)}
    capfd.readouterr()
    heard.forget()
    told: list[tuple[str, TestResponse]] = []
    for number, asked in enumerate(asks_with(list(CANARIES.values()), route)):
        asked.setdefault("headers", {})
        asked["headers"] |= {"Idempotency-Key": uuid.uuid4().hex}
        answer = house.ask(route.name, **{"credential": shown, **asked}, **path)
        if answer.status_code >= 400:
            told.append((str(number), answer))
        figures.count(FIGURE)
    for secret in CANARIES.values() if path and route.door is DoorName.RELAY else ():
        nowhere: dict[str, Any] = dict.fromkeys(path, secret)
        astray = house.ask(route.name, credential=shown, **nowhere)
        told.append(("path", astray))
        figures.count(FIGURE)

    assert look(told, heard, "".join(capfd.readouterr())) == []


def test_what_is_said_to_a_model_is_kept_nowhere(
    house: House, heard: Eavesdropper, capfd: pytest.CaptureFixture[str]
) -> None:
    """Neither what was asked nor what was answered, which repeats it: a receipt has counts."""
    person = house.person("payg")
    capfd.readouterr()
    heard.forget()
    for path, words in (("responses", "input"), ("chat/completions", "messages")):
        body = {
            "model": "local-echo",
            words: [{"role": "user", "content": CANARIES["prompt"]}],
        }
        house.ask(f"POST /api/v1/{path}", body=body, token=person.token)

    assert look([], heard, "".join(capfd.readouterr())) == []


@pytest.mark.parametrize("place", ["log", "answer", "document", "Stripe"])
def test_a_secret_that_came_out_would_be_found(place: str) -> None:
    """A look that finds nothing anywhere proves nothing."""
    heard, leak = Eavesdropper(), f"... {CANARIES['Stripe key']} ..."
    if place == "document":
        heard.writes.append(("mail/x", {"text": [{"inner": leak}]}))
    if place == "Stripe":
        heard.to_stripe.append(leak)
    told = [("x", TestResponse([leak], "400", {}, None))] if place == "answer" else []  # type: ignore[arg-type,list-item]

    found = look(told, heard, leak if place == "log" else "")

    assert [where.split()[0] for where, _ in found] == [place]
