"""Both Python clients against the running stack, as a back end and as a signed-in user."""

import asyncio
import base64
import json
import secrets
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from creditbase_client import (
    AsyncCreditbase,
    Conflict,
    Creditbase,
    FirebaseUser,
    IdempotencyConflict,
    PaymentRequired,
    SecretKey,
    types_gen,
)
from dev.client import Customer
from tests.clients.typed import misfits

pytestmark = pytest.mark.stack

EXTENDED_WITHIN_S = 60


@pytest.fixture(scope="module")
def user(stack_env: dict[str, str]) -> Iterator[Creditbase]:
    """Return the client of somebody who has just signed up, with the free plan's credits."""
    signed_up = Customer.sign_up(stack_env, f"{secrets.token_hex(6)}@example.com", "secret-1")
    token = signed_up.headers["Authorization"].removeprefix("Bearer ")
    credential = FirebaseUser(token, stack_env["APP_CHECK_TOKEN"])
    with Creditbase(stack_env["HUB_URL"], credential) as client:
        yield client


@pytest.fixture(scope="module")
def customer(user: Creditbase, stack_env: dict[str, str]) -> str:
    """Return what the hub's back end calls that user."""
    assert typed(types_gen.Usage, user.usage_me())["monthly_credits_total"] == 500
    from_token = user.credential
    assert isinstance(from_token, FirebaseUser)
    return subject(str(from_token.id_token))


@pytest.fixture(scope="module")
def back_end(stack_env: dict[str, str]) -> Iterator[Creditbase]:
    """Return the client of the back end that meters what users do."""
    with Creditbase(stack_env["METER_URL"], SecretKey(stack_env["HUB_SECRET_KEY"])) as client:
        yield client


def subject(id_token: str) -> str:
    """Return the user that an ID token of the emulator names."""
    part = id_token.split(".")[1]
    named: str = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))["sub"]
    return named


def typed(kind: Any, answer: Any) -> Any:
    """Return an answer that is exactly of the type which the client promises."""
    assert misfits(answer, kind) == []
    return answer


def key() -> str:
    """Return the name of a business action that nobody else had."""
    return f"test:{secrets.token_hex(8)}"


def test_metering_as_a_back_end_does_it(back_end: Creditbase, customer: str) -> None:
    """Quote, charge, the same charge again, and one that nobody can pay."""
    usage: types_gen.UsageFields = {"input_tokens": 1_000, "output_tokens": 100}
    quoted = back_end.make_quote(
        customer_external_id=customer, model="gpt-5-mini", usage_max=usage
    )
    typed(types_gen.MakeQuoteAnswer, quoted)

    # when it is charged twice by the same key
    named = key()
    first = back_end.charge(
        idempotency_key=named, customer_external_id=customer, model="gpt-5-mini", usage=usage
    )
    again = back_end.charge(
        idempotency_key=named, customer_external_id=customer, model="gpt-5-mini", usage=usage
    )

    # then it was taken once, for what was quoted
    typed(types_gen.ChargeAnswer, first)
    assert again == first
    assert first["charge"]["captured_nanos"] == quoted["quote"]["amount_nanos"]
    with pytest.raises(IdempotencyConflict):
        back_end.charge(idempotency_key=named, customer_external_id=customer, amount_nanos=1)
    with pytest.raises(PaymentRequired) as refused:
        back_end.charge(
            idempotency_key=key(), customer_external_id=customer, amount_nanos=10**15
        )
    assert refused.value.available_nanos == first["balance"]["available_nanos"]


def test_a_block_captures_what_it_used_and_is_extended_meanwhile(
    back_end: Creditbase, customer: str
) -> None:
    """A hold of two seconds outlives them while its block runs."""
    with back_end.hold(
        idempotency_key=key(), customer_external_id=customer, amount_nanos=5_000_000, ttl_s=2
    ) as work:
        before = work.hold["expires_at"]
        typed(
            types_gen.HoldAnswer,
            back_end.show_hold(hold_id=work.id) | {"balance": work.balance},
        )
        work.used(amount_nanos=2_000_000)
        wait_until(lambda: work.hold["expires_at"] > before)

    assert work.extension_problem is None
    assert work.hold["status"] == "captured"
    assert work.hold["captured_nanos"] == 2_000_000
    assert work.balance["held_nanos"] == 0
    with pytest.raises(Conflict):
        back_end.capture_hold(hold_id=work.id, amount_nanos=1)


def wait_until(is_so: Any) -> None:
    """Wait for what another thread does."""
    turn = threading.Event()
    for _ in range(EXTENDED_WITHIN_S * 20):
        if is_so():
            return
        turn.wait(0.05)
    raise AssertionError("never")


def test_the_awaited_client_voids_what_failed(
    stack_env: dict[str, str], back_end: Creditbase, customer: str
) -> None:
    """The credits are back at once."""

    async def fail() -> str:
        secret = SecretKey(stack_env["HUB_SECRET_KEY"])
        async with AsyncCreditbase(stack_env["METER_URL"], secret) as client:
            held = client.hold(
                idempotency_key=key(), customer_external_id=customer, amount_nanos=1_000_000
            )
            with pytest.raises(ZeroDivisionError):
                async with held:
                    raise ZeroDivisionError
            return held.id

    hold_id = asyncio.run(fail())

    assert back_end.show_hold(hold_id=hold_id)["hold"]["status"] == "voided"


def test_the_hub_as_a_signed_in_user_sees_it(
    user: Creditbase, back_end: Creditbase, customer: str
) -> None:
    """Every answer has the type that the client promises, and pages follow each other."""
    for _ in range(2):
        back_end.charge(
            idempotency_key=key(), customer_external_id=customer, amount_nanos=1_000_000
        )
    typed(types_gen.SyncedUsage, user.billing_sync_balance())
    typed(types_gen.PlansAnswer, user.plans())
    typed(types_gen.ModelsAnswer, user.models())
    made = typed(types_gen.NewApiKey, user.create_api_key(name="laptop"))
    assert [one["id"] for one in user.list_api_keys()["api_keys"]] == [made["id"]]

    rows = list(user.iterate_ledger(limit=2))

    assert len(rows) > 2
    assert [row["seq"] for row in rows] == list(range(len(rows), 0, -1))
    typed(types_gen.LedgerEntryAnswer, user.ledger_entry(entry_id=rows[0]["id"]))
    assert user.ledger_text(format_="csv").count("\n") > len(rows)
