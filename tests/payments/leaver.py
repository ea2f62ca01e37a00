"""A person who has used everything there is, and wants to be forgotten.

Every text that is personal is a canary: it is put in once, and looked for everywhere.
"""

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient

from creditbase.accounts.customer_store import find_kept_customer
from creditbase.accounts.domain import CustomerRef
from creditbase.accounts.use_cases import create_api_key
from creditbase.admin import erasing
from creditbase.admin.acting import freeze, thaw
from creditbase.admin.domain.audit import THEMSELVES, Action, Deed
from creditbase.ledger.domain.commands import Charge, FixedAmount
from creditbase.ledger.paths import WalletRef
from creditbase.ledger.use_cases import lanes, run
from creditbase.payments.subscribing import start_checkout
from creditbase.payments.use_cases import start_topup
from creditbase.runtime import firestore
from creditbase.runtime.firestore import commit
from creditbase.runtime.mail import Mail, create_mail
from creditbase.subscriptions.use_cases import first_touch
from stripe_local.payer import pay_session
from tests.ledger.wallets import LiveWallet
from tests.payments.deliveries import deliver
from tests.payments.shop import CARD, Resource, Shop, signed_event
from tests.rules.collections import documented


@dataclass(frozen=True)
class Leaver:
    """Somebody, with the texts that name it, and what the shop has told of it so far."""

    ref: CustomerRef
    uid: str
    email: str
    note: str
    reason: str
    now: datetime
    told: tuple[Resource, ...]

    @property
    def canaries(self) -> tuple[str, ...]:
        """Return everything that must not be found anywhere afterwards."""
        return (self.uid, self.email, self.note, self.reason)

    @property
    def wallet(self) -> WalletRef:
        """Return the wallet."""
        return WalletRef(self.ref.project_id, self.ref.customer_id)

    def deed(self, key: str = "erase") -> Deed:
        """Return what the person asks for."""
        return Deed(
            action="erase",
            actor=THEMSELVES,
            key=key,
            reason="asked for by the person",
            project_id=self.ref.project_id,
            customer_id=self.ref.customer_id,
        )


def a_leaver(client: FlaskClient, shop: Shop, now: datetime) -> Leaver:
    """Return a customer of the hub with a plan, a top-up, a key, mails and notes."""
    mark = uuid4().hex
    uid, email = f"u{mark}", f"jane.{mark}@mail.example"
    note, reason = f"Jane{mark}", f"Jane Doe {mark} called"
    ref = first_touch(uid, now=now, email=email)
    create_api_key(uid, name="Jane's laptop", random_bytes=secrets.token_bytes(32), now=now)
    seen = {event["id"] for event in shop.events("*")}
    for session in (
        start_topup(ref, "small", now=now).session,
        start_checkout(ref, "guru", now=now),
    ):
        pay_session(shop.url, session.session_id, card=CARD, email=email)
    told = tuple(event for event in shop.events("*") if event["id"] not in seen)
    for event in told:
        assert deliver(client, signed_event(event)) == 200
    wallet = WalletRef(ref.project_id, ref.customer_id)
    charge = Charge("op:k", "d", FixedAmount(1_000), {"for": note})
    run(wallet, charge, now=now)
    for action, act in (("freeze", freeze), ("thaw", thaw)):
        act(_deed(ref, action, reason), now=now)
    _write_to(ref, email, note, now=now)
    return Leaver(ref, uid, email, note, reason, now, told)


def _deed(ref: CustomerRef, action: str, reason: str) -> Deed:
    kind: Action = "freeze" if action == "freeze" else "thaw"
    return Deed(
        action=kind,
        actor="op",
        key=action,
        reason=reason,
        project_id=ref.project_id,
        customer_id=ref.customer_id,
    )


def _write_to(ref: CustomerRef, email: str, note: str, *, now: datetime) -> None:
    mail = Mail(
        mail_id=f"{ref.customer_id}:hello",
        kind="hello",
        to=email,
        subject=f"Hello {note}",
        text="",
        html="",
        project_id=ref.project_id,
        customer_id=ref.customer_id,
    )
    commit([create_mail(mail, now=now)])


def every_document() -> Iterator[tuple[str, str]]:
    """Yield the path and the whole text of every document of every collection there is."""
    for name in sorted({path.split("/")[-2] for path in documented()}):
        for found in firestore.client().collection_group(name).stream():
            yield found.reference.path, json.dumps(found.to_dict(), default=str)


def found_anywhere(texts: tuple[str, ...]) -> list[str]:
    """Return where any of the texts stands, in a document or in its name."""
    return sorted(
        f"{path}: {text}"
        for path, written in every_document()
        for text in texts
        if text in path or text in written
    )


def state_of(leaver: Leaver) -> dict[str, Any]:
    """Return what is left of the customer's document."""
    path = f"projects/{leaver.ref.project_id}/customers/{leaver.ref.customer_id}"
    found = firestore.get_all([path])[0].fields
    assert found is not None
    return found


def is_known(leaver: Leaver) -> bool:
    """Return whether there still is such a customer."""
    return find_kept_customer(leaver.ref) is not None


def cold() -> None:
    """Let this process know nothing, as the next one does."""
    lanes.cache_clear()


@pytest.fixture
def signed_out(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return whose sign-ins were deleted: Firebase Authentication is not on this machine."""
    gone: list[str] = []
    monkeypatch.setattr(erasing, "delete_sign_in", gone.append)
    return gone


@pytest.fixture
def leaver(
    ref: object, client: FlaskClient, shop: Shop, signed_out: list[str], now: datetime
) -> Iterator[Leaver]:
    """Return somebody with everything; the ledger is audited when the test ends."""
    assert ref
    assert signed_out == []
    found = a_leaver(client, shop, now)
    yield found
    cold()
    LiveWallet(found.wallet, now).audit()
