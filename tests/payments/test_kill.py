"""SIGKILL between any two RPCs of the webhook, in a real server; then Stripe delivers again.

The events come from the local Stripe, whose own deliveries and retries bring them.
"""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest
import requests

from creditbase.accounts.domain import CustomerRef
from creditbase.payments.use_cases import start_topup
from tests.ledger.wallets import LiveWallet
from tests.payments.deliveries import SMALL_NANOS, inbox, stored_events, topups
from tests.payments.shop import SECRET, Resource, Shop, signed_event
from tests.payments.test_webhook_failures import RPCS
from tests.servers import serving

pytestmark = pytest.mark.firestore

KILLABLE = Path(__file__).parents[1] / "proof" / "killable_main.py"
TRIES_MAX = 60


@pytest.fixture(scope="module")
def address(project: str, firestore_host: str, _session_shop: Shop) -> Iterator[str]:
    """Return the address of a real `billing_webhook` that dies on demand."""
    assert firestore_host
    with serving(
        "billing_webhook",
        project=project,
        source=KILLABLE,
        STRIPE_API_BASE=_session_shop.url,
        STRIPE_SECRET_KEY="sk_test_local",
        STRIPE_WEBHOOK_SECRET=SECRET,
    ) as (url, _):
        yield f"{url}/billing/webhook"


def deliver_until_taken(address: str, event: Resource, *, kill: str = "") -> int:
    """Deliver as Stripe does, again and again; return how often. The first one may kill."""
    for tries in range(1, TRIES_MAX + 1):
        sent = signed_event(event)
        headers = {"Stripe-Signature": sent.signature}
        if tries == 1 and kill:
            headers["X-Test-Kill"] = kill
        try:
            answer = requests.post(address, data=sent.raw, headers=headers, timeout=30)
        except requests.ConnectionError:
            threading.Event().wait(0.1)
            continue
        if answer.status_code == 200:
            return tries
        assert answer.status_code == 500, answer.text
    raise AssertionError("never taken")


DEATHS = ["before:0", *(f"after:{index}" for index in range(len(RPCS)))]
"""Every gap between two RPCs once: dying before one is dying after the one before it."""


@pytest.mark.parametrize("death", DEATHS)
def test_a_killed_process_and_another_delivery_are_one_grant(
    address: str, completed: Resource, wallet: LiveWallet, death: str
) -> None:
    """Whoever paid gets the credits, wherever the process dies; nobody gets them twice."""
    tries = deliver_until_taken(address, completed, kill=death)

    assert tries > 1, "the process must really have died"
    assert topups(wallet) == [SMALL_NANOS]
    assert inbox(completed["id"])["status"] == "applied"


def test_what_the_local_stripe_sends_is_granted(
    address: str, ref: CustomerRef, shop: Shop, now: datetime, wallet: LiveWallet
) -> None:
    """Its own signature over its own bytes, over HTTP: nothing of ours in between."""
    shop.listen(address, SECRET)
    started = start_topup(ref, "small", now=now)

    shop.pay(started.session.session_id)

    wait_until(lambda: topups(wallet) == [SMALL_NANOS])
    sent = [event["id"] for event in shop.events("*")]
    wait_until(lambda: all(f"stripe_events/{name}" in stored_events() for name in sent))
    wait_until(lambda: all(inbox(name)["finished_at"] for name in sent))


def wait_until(holds: Callable[[], bool], within_s: float = 20) -> None:
    """Wait for what other processes do."""
    until = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < until
        threading.Event().wait(0.05)
