"""The story of `make demo`: sign up, spend, pay, subscribe, resell, and check the books.

Each step says what it does, does it over HTTP as a stranger would, and compares the answer with
what the specification promises. A step that is disappointed ends the story.
"""

import secrets
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import requests

from dev.administering import Administrator
from dev.client import BackEnd, Customer
from dev.doubting import check_herself
from dev.expecting import body_of, expect
from dev.layout import ROOT
from dev.paying import TEST_CARD
from dev.relaying import Reseller
from dev.subscribing import Subscriber

FREE_CREDITS = 500
NANOS_PER_CREDIT = 1_000_000
PACK = "small"
CALLS_MAX = 20
CREDITED_WITHIN_S = 30
CALLS = (
    ("gpt-5.1", {"input_tokens": 40_000, "output_tokens": 3_000}),
    ("gpt-5-mini", {"input_tokens": 60_000, "output_tokens": 4_000}),
)
"""What each call used: the first once, the second once, then the first again and again."""


def in_credits(nanos: int) -> str:
    """Write nano-dollars as credits, to the thousandth, rounded down."""
    return f"{nanos // NANOS_PER_CREDIT:,}.{nanos % NANOS_PER_CREDIT // 1000:03}"


@dataclass
class Story:
    """The steps, in order, and what one step tells the next."""

    env: dict[str, str]
    say: Callable[[str], None]
    email: str = field(default_factory=lambda: f"ada-{secrets.token_hex(3)}@example.com")
    password: str = field(default_factory=lambda: secrets.token_urlsafe(9))
    customer: Customer = field(init=False)
    subscriber: Subscriber = field(init=False)
    back_end: BackEnd = field(init=False)
    reseller: Reseller = field(init=False)
    refused_key: str = ""
    customer_id: str = ""
    spent_nanos: int = 0
    requests_count: int = 0

    def __post_init__(self) -> None:
        self.reseller = Reseller(self.env, self.say)

    def steps(self) -> list[tuple[str, Callable[[], None]]]:
        """Return the chapters with their titles."""
        return [
            ("A customer signs up", self.sign_up),
            ("The first look makes the account", self.first_touch),
            ("An API key for her own tools", self.make_api_key),
            ("A back end meters her model calls", self.spend_until_refused),
            ("She buys a top-up on the hosted page", self.top_up),
            ("The same call again", self.spend_again),
            ("Everything adds up", self.add_up),
            ("She subscribes to guru on the hosted page", self.subscribe),
            ("She takes pro in the customer portal", self.take_pro),
            ("She cancels there, and keeps what is paid", self.cancel),
            *self.reseller.steps(),
            *Administrator(self.env, self.say).steps(),
            ("The ledgers are verified from their raw documents", self.verify_ledgers),
            ("She doubts it, and computes her ledger herself", self.check_herself),
        ]

    def sign_up(self) -> None:
        """Make an account in Firebase Auth."""
        self.back_end = BackEnd(self.env["METER_URL"], self.env["HUB_SECRET_KEY"])
        self.customer = Customer.sign_up(self.env, self.email, self.password)
        self.subscriber = Subscriber(self.customer, self.email, self.env["HUB_URL"], self.say)
        self.say(f"{self.email} is Firebase user {self.customer.uid}")

    def usage(self) -> dict[str, Any]:
        """Ask for balance and usage."""
        return body_of(self.customer.get("/usage/me"), 200)

    def first_touch(self) -> None:
        """Look at the balance: the free plan's credits are there."""
        usage = self.usage()
        remaining = usage["monthly_credits_remaining"]
        expect(usage["plan"] == "free", "the free plan", usage)
        expect(remaining == FREE_CREDITS, f"{FREE_CREDITS} credits", usage)
        self.say(
            f"GET /usage/me: plan {usage['plan']}, {remaining} of "
            f"{usage['monthly_credits_total']} credits, top-ups {usage['topup_balance']}, "
            f"cycle until {usage['billing_cycle_end']}"
        )

    def make_api_key(self) -> None:
        """Make a key, and use it where a browser is not at hand."""
        made = body_of(self.customer.post("/api-keys", {"name": "Ada's editor"}), 201)
        self.say(f"POST /api-keys: {made['key'][:12]}… (shown once, stored as a digest)")
        answer = requests.get(
            self.env["HUB_URL"] + "/usage/me", headers={"X-Api-Key": made["key"]}, timeout=30
        )
        seen = body_of(answer, 200)["monthly_credits_remaining"]
        expect(seen == FREE_CREDITS, "the same credits by key", seen)
        self.say(f"GET /usage/me with X-Api-Key: {seen} credits")

    def charge(self, model: str, usage: dict[str, int], key: str) -> requests.Response:
        """Meter one call; add it up if it was taken."""
        answer = self.back_end.charge(self.customer.uid, model, usage, key)
        used = f"{model}, {usage['input_tokens']:,} tokens in, {usage['output_tokens']:,} out"
        if answer.status_code != 201:
            self.say(f"POST /api/v1/charges ({used}): {answer.status_code}")
            return answer
        body = answer.json()
        charge, left = body["charge"], body["balance"]["available_nanos"]
        self.customer_id = charge["customer_id"]
        if "Idempotent-Replayed" not in answer.headers:
            self.spent_nanos += charge["captured_nanos"]
            self.requests_count += 1
        self.say(
            f"POST /api/v1/charges ({used}): {in_credits(charge['captured_nanos'])} credits, "
            f"{in_credits(left)} left"
        )
        return answer

    def spend_until_refused(self) -> None:
        """Charge calls until the balance does not cover one: 402, with the figures."""
        for number in range(CALLS_MAX):
            model, usage = CALLS[1] if number == 1 else CALLS[0]
            key = f"call-{secrets.token_hex(4)}"
            answer = self.charge(model, usage, key)
            if answer.status_code != 201:
                break
        body = body_of(answer, 402)
        self.refused_key = key
        left_nanos = FREE_CREDITS * NANOS_PER_CREDIT - self.spent_nanos
        expect(body["code"] == "PAYMENT_REQUIRED", "PAYMENT_REQUIRED", body)
        expect(body["available_nanos"] == left_nanos, f"available {left_nanos}", body)
        expect(body["required_nanos"] > left_nanos, "more required than available", body)
        self.say(
            f"402 {body['code']}: required {in_credits(body['required_nanos'])}, available "
            f"{in_credits(body['available_nanos'])} credits (nothing was taken)"
        )

    def top_up(self) -> None:
        """Buy a pack on the hosted page, as a browser does, and see it credited."""
        session = body_of(self.customer.post("/billing/topup", {"amount": PACK}), 200)
        self.say(f"POST /billing/topup: {session['credits']:,} credits, pay at the page below")
        self.say(session["checkout_url"])
        target = self.subscriber.payer.pay(
            session["checkout_url"], f"{session['credits']:,} credits"
        )
        self.say(f"paid with {TEST_CARD}, sent back to {target}")
        self._wait_for_credits(session["credits"])

    def _wait_for_credits(self, bought: int) -> None:
        started_at = time.monotonic()
        while (seen := self.usage()["topup_balance"]) != bought:
            waited_s = time.monotonic() - started_at
            expect(waited_s < CREDITED_WITHIN_S, f"{bought} credits by the webhook", seen)
            time.sleep(0.2)
        took_s = time.monotonic() - started_at
        self.say(f"credited by the signed webhook after {took_s:.1f} s: top-ups {seen:,}")

    def spend_again(self) -> None:
        """Send the refused call again with its key, and then once more."""
        model, usage = CALLS[0]
        first = self.charge(model, usage, self.refused_key)
        body_of(first, 201)
        again = self.charge(model, usage, self.refused_key)
        is_replay = again.headers.get("Idempotent-Replayed") == "true"
        expect(
            is_replay and again.content == first.content, "the first answer again", again.text
        )
        self.say("the second was a replay (same key): the same bytes, nothing taken")

    def add_up(self) -> None:
        """Compare what the hub says with what we counted ourselves."""
        usage = body_of(self.customer.post("/billing/sync-balance", {}), 200)
        total = usage["usage"]
        for row in total["breakdown_by_model"]:
            self.say(
                f"{row['model']}: {row['credits_used']:,} credits "
                f"for {row['requests']} of the calls"
            )
        used = -(-self.spent_nanos // NANOS_PER_CREDIT)
        rows = sum(row["credits_used"] for row in total["breakdown_by_model"])
        expect(total["total_credits_used"] == used == rows, f"{used} credits used", total)
        expect(total["total_requests"] == self.requests_count, f"{self.requests_count}", total)
        granted = FREE_CREDITS + 5_000
        left = usage["monthly_credits_remaining"] + usage["topup_balance"]
        expect(granted - used - left in {0, 1}, f"{granted - used} credits left", usage)
        self.say(
            f"granted {granted:,}, used {used:,} in {self.requests_count} calls, left {left:,} "
            f"(plan {usage['monthly_credits_remaining']}, top-ups {usage['topup_balance']:,})"
        )

    def subscribe(self) -> None:
        """Subscribe on the hosted page."""
        self.subscriber.subscribe()

    def take_pro(self) -> None:
        """Change the plan in the portal."""
        self.subscriber.take_pro()

    def cancel(self) -> None:
        """Cancel in the portal."""
        self.subscriber.cancel()

    def verify_ledgers(self) -> None:
        """Let a program that does not know the product's code check every entry."""
        relay = self.env["RELAY_PROJECT_ID"]
        self.verify_ledger(self.env["HUB_PROJECT_ID"], self.customer_id)
        self.verify_ledger(relay, self.reseller.customer_id)
        self.verify_ledger(relay, self.reseller.paygo_customer_id)

    def check_herself(self) -> None:
        """Export her ledger and verify it by the one file that customers are given."""
        check_herself(self.customer, self.say)

    def verify_ledger(self, project_id: str, customer_id: str) -> None:
        """Check every entry of one wallet.

        Raises: Disappointed.
        """
        command = [sys.executable, "-m", "dev.verify_ledger", project_id, customer_id]
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=self.verifier_env(),
            capture_output=True,
            text=True,
            check=False,
        )
        for line in done.stdout.splitlines():
            self.say(line.strip())
        expect(done.returncode == 0, "a ledger without a fault", done.stderr[-600:])

    def verifier_env(self) -> dict[str, str]:
        """Return what the verifier has to know: where the documents are."""
        names = ("FIRESTORE_EMULATOR_HOST", "GCLOUD_PROJECT")
        return {name: self.env[name] for name in names}
