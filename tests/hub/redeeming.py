"""A hub where codes are redeemed: users with addresses of their own, and what they have."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from creditbase.accounts.store import find_user
from creditbase.admin.domain.vouchers import VoucherTerms, code_digest
from creditbase.admin.vouchers import create_voucher
from creditbase.ledger.paths import WalletRef
from creditbase.runtime.firestore import get_all, query
from creditbase.subscriptions.use_cases import first_touch
from tests.ledger.wallets import LiveWallet
from tests.relay.desk import Clock
from tests.runtime.contract import conforms
from tests.runtime.signing import Signer

ROUTE = "POST /billing/redeem"


def an_address() -> str:
    """Return an address that nobody else of this run has."""
    return f"10.{'.'.join(str(part) for part in uuid4().bytes[:3])}"


@dataclass(frozen=True)
class Person:
    """Somebody with an account at Firebase, and an address."""

    uid: str
    address: str


@dataclass
class Counter:
    """Where codes are redeemed, over HTTP."""

    signer: Signer
    clock: Clock
    client: FlaskClient

    def person(self, *, address: str = "") -> Person:
        """Return somebody who was never here."""
        return Person(f"u{uuid4().hex}", address or an_address())

    def open_account(self, person: Person) -> WalletRef:
        """Let somebody have been here before, and return the wallet."""
        customer = first_touch(person.uid, now=self.clock.at)
        return WalletRef(customer.project_id, customer.customer_id)

    def voucher(self, credits: int = 500, **terms: Any) -> str:  # noqa: A002 - the product's word
        """Make a voucher and return its code."""
        code = f"Code-{uuid4().hex}"
        create_voucher(code, VoucherTerms(credits=credits, **terms), now=self.clock.at)
        return code

    def ask(self, person: Person, body: object) -> TestResponse:
        """Post a body as this person, and hold the answer to what is published."""
        client = self.client.application.test_client()
        headers = {
            **self.signer.headers(person.uid),
            "X-Forwarded-For": f"8.8.8.8, {person.address}",
        }
        answer = client.post("/billing/redeem", headers=headers, json=body)
        conforms(ROUTE, answer)
        return answer

    def redeem(self, person: Person, code: str) -> TestResponse:
        """Try a code."""
        return self.ask(person, {"code": code})

    def until_definite(self, person: Person, code: str) -> list[int]:
        """Try again while the answer is 500, and return the statuses."""
        statuses = [self.redeem(person, code).status_code]
        while statuses[-1] == 500:
            assert len(statuses) < 8
            statuses.append(self.redeem(person, code).status_code)
        return statuses

    def wallet(self, person: Person) -> LiveWallet:
        """Return a person's wallet, now."""
        user = find_user(person.uid)
        assert user is not None
        ref = WalletRef(user.customer.project_id, user.customer.customer_id)
        return LiveWallet(ref, self.clock.at)

    def granted(self, person: Person) -> list[int]:
        """Return the nanos of the voucher grants in a person's ledger; audited."""
        if find_user(person.uid) is None:
            return []
        wallet = self.wallet(person)
        wallet.audit()
        entries = wallet.entries()
        return [e["amount_nanos"] for e in entries if e["entry_id"].startswith("voucher:")]

    def pass_on(self, **span: float) -> None:
        """Let business time pass."""
        self.clock.at += timedelta(**span)


def uses_of(code: str) -> tuple[int, int]:
    """Return how many slots of a voucher are taken, and by how many customers."""
    path = f"vouchers/{code_digest(code)}"
    uses = query(f"{path}/uses", limit=10_000)
    redeemers = query(f"{path}/redeemers", limit=10_000)
    owners = {(use.fields or {})["customer_id"] for use in uses}
    assert len(owners) == len(uses), "nobody has two"
    assert not uses or owners == {found.path.rpartition("/")[2] for found in redeemers}
    return len(uses), len(redeemers)


def kept(code: str) -> dict[str, Any]:
    """Return the raw document of a voucher."""
    fields = get_all([f"vouchers/{code_digest(code)}"])[0].fields
    assert fields is not None
    return fields
