"""The story's chapter of a reseller: tiers, customer tokens, the gateway, a wallet."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import requests

from dev.expecting import body_of, expect
from dev.paying import Payer

TIMEOUT_S = 30
CHANGED_WITHIN_S = 30
CALLS_MAX = 60
MODEL = "local-large"
TOP_UP_CENTS = 500
PROMPT = "Say in one sentence what a ledger is for. " * 20

Json = dict[str, Any]


def in_dollars(cents: int) -> str:
    """Write cents as dollars."""
    return f"${cents // 100}.{cents % 100:02}"


@dataclass
class Reseller:
    """A back end with its project's secret key, and the browsers of its customers."""

    env: dict[str, str]
    say: Callable[[str], None]
    name: str = field(default_factory=lambda: f"user_{secrets.token_hex(3)}")
    token: str = ""
    customer_id: str = ""
    paygo_customer_id: str = ""

    def steps(self) -> list[tuple[str, Callable[[], None]]]:
        """Return the chapter's steps with their titles."""
        return [
            ("A reseller puts a customer on its free tier", self.welcome),
            ("The customer calls a model until the limit is used", self.call_until_refused),
            ("She buys the Business tier on the hosted page, and goes on", self.buy_business),
            ("She moves to a smaller tier at once", self.change_tier),
            ("Another customer pays as he goes", self.pay_as_you_go),
        ]

    # ---- what a back end and a browser send --------------------------------------------------

    def back_end(self, method: str, path: str, body: Json | None = None) -> requests.Response:
        """Ask with the secret key."""
        headers = {"X-ModelRelay-Api-Key": self.env["RELAY_SECRET_KEY"]}
        return self._send(method, path, headers, body)

    def browser(self, method: str, path: str, body: Json | None = None) -> requests.Response:
        """Ask with the customer's own token."""
        headers = {"Authorization": f"Bearer {self.token}"}
        return self._send(method, path, headers, body)

    def _send(
        self, method: str, path: str, headers: dict[str, str], body: Json | None
    ) -> requests.Response:
        return requests.request(
            method,
            self.env["RELAY_URL"] + path,
            json=body,
            headers=headers,
            timeout=TIMEOUT_S,
        )

    def call_model(self) -> requests.Response:
        """Call a model through the gateway, as any client of OpenAI's API does."""
        return requests.post(
            f"{self.env['GATEWAY_URL']}/api/v1/chat/completions",
            json={
                "model": MODEL,
                "messages": [{"role": "user", "content": PROMPT}],
                "max_tokens": 400,
            },
            headers={"Authorization": f"Bearer {self.token}"},
            timeout=TIMEOUT_S,
        )

    # ---- the steps ---------------------------------------------------------------------------

    def welcome(self) -> None:
        """Make a customer twice (it is the same one), and a token for her browser."""
        customer = {"external_id": self.name, "email": f"{self.name}@example.com"}
        made = body_of(self.back_end("PUT", "/customers", customer), 201)["customer"]
        again = body_of(self.back_end("PUT", "/customers", customer), 200)["customer"]
        self.customer_id = made["customer"]["id"]
        expect(again["customer"]["id"] == self.customer_id, "the same customer", again)
        self.say(f"PUT /customers: {self.name} is {self.customer_id}")
        self.token = self.mint(self.name, "free")
        usage = self.usage()
        self.say(
            f"GET /customers/me/usage: {in_dollars(usage['total_cost_cents'])} of "
            f"{in_dollars(usage['spend_limit_cents'])} used, until {usage['window_end']}"
        )

    def mint(self, external_id: str, tier_code: str) -> str:
        """Return a token for a customer's browser, putting the customer on a tier."""
        asked = {"customer_external_id": external_id, "tier_code": tier_code}
        minted = body_of(self.back_end("POST", "/auth/customer-token", asked), 200)
        token: str = minted["token"]
        self.say(
            f"POST /auth/customer-token: tier {minted['tier_code']}, {token[:14]}…, "
            f"good until {minted['expires_at']}"
        )
        return token

    def usage(self) -> Json:
        """Ask for the window's usage."""
        usage: Json = body_of(self.browser("GET", "/customers/me/usage"), 200)["usage"]
        return usage

    def call_until_refused(self) -> None:
        """Call until a call could cost more than is left: 402, before the model is asked."""
        for calls in range(CALLS_MAX):
            answer = self.call_model()
            if answer.status_code != 200:
                break
            if calls == 0:
                done = answer.json()
                said = done["choices"][0]["message"]["content"]
                self.say(f"POST /chat/completions: “{said[:60]}…” {done['usage']}")
        refused = body_of(answer, 402)
        expect(calls > 0, "some calls first", refused)
        usage = self.usage()
        expect(usage["requests"] == calls, f"{calls} requests counted", usage)
        self.say(
            f"after {calls} calls and {in_dollars(usage['total_cost_cents'])}: 402 "
            f"“{refused['error']['message']}”"
        )

    def buy_business(self) -> None:
        """Buy a tier on the hosted page; the limit grows as soon as it is paid."""
        home = self.env["HUB_URL"]
        asked = {
            "tier_code": "business",
            "success_url": f"{home}/ok",
            "cancel_url": f"{home}/no",
        }
        session = body_of(self.browser("POST", "/customers/me/checkout", asked), 200)
        self.say(f"POST /customers/me/checkout: {session['url']}")
        payer = Payer(f"{self.name}@example.com", home, self.say)
        payer.pay(session["url"], "Business")
        usage = self.wait_for("the limit of Business", lambda seen: self.limit_of(seen) > 1000)
        self.say(f"paid: {in_dollars(usage['spend_limit_cents'])} until {usage['window_end']}")
        body_of(self.call_model(), 200)
        self.say("POST /chat/completions: 200, the same call goes through")

    @staticmethod
    def limit_of(usage: Json) -> int:
        """Return the window's limit in cents; 0 where there is none."""
        limit: int = usage.get("spend_limit_cents", 0)
        return limit

    def wait_for(self, what: str, has_come: Callable[[Json], bool]) -> Json:
        """Look at the usage until Stripe's signed events have changed it.

        Raises: Disappointed.
        """
        started_at = time.monotonic()
        while not has_come(usage := self.usage()):
            waited_s = time.monotonic() - started_at
            expect(waited_s < CHANGED_WITHIN_S, f"{what}, by the webhook", usage)
            time.sleep(0.2)
        return usage

    def change_tier(self) -> None:
        """Change the tier from the browser: Stripe prorates, what was spent stays spent."""
        before = self.usage()
        answer = self.browser("POST", "/customers/me/change-tier", {"tier_code": "pro"})
        changed = body_of(answer, 200)
        expect(changed["action"] == "downgraded", "downgraded", changed)
        after = self.wait_for(
            "the limit of Pro", lambda seen: self.limit_of(seen) < self.limit_of(before)
        )
        spent = "total_cost_cents"
        expect(after[spent] == before[spent], "the same spend", after)
        self.say(
            f"POST /customers/me/change-tier: {changed['action']} to "
            f"{changed['subscription']['tier_code']}, {in_dollars(after[spent])} of "
            f"{in_dollars(after['spend_limit_cents'])} used"
        )

    def pay_as_you_go(self) -> None:
        """Fill a wallet on the hosted page, call a model, and read the wallet's history."""
        name = f"{self.name}_paygo"
        customer = {"external_id": name, "email": f"{name}@example.com"}
        made = body_of(self.back_end("POST", "/customers", customer), 201)["customer"]
        self.paygo_customer_id = made["customer"]["id"]
        self.token = self.mint(name, "payg")
        body_of(self.call_model(), 402)
        self.say("POST /chat/completions: 402, the wallet is empty")
        home = self.env["HUB_URL"]
        asked = {
            "credit_amount_cents": TOP_UP_CENTS,
            "success_url": f"{home}/ok",
            "cancel_url": f"{home}/no",
        }
        session = body_of(self.browser("POST", "/customers/me/topup", asked), 201)
        Payer(f"{name}@example.com", home, self.say).pay(session["checkout_url"], "$5.00")
        started_at = time.monotonic()
        while (balance := self.balance())["balance_cents"] != TOP_UP_CENTS:
            waited_s = time.monotonic() - started_at
            expect(waited_s < CHANGED_WITHIN_S, "the top-up, by the webhook", balance)
            time.sleep(0.2)
        body_of(self.call_model(), 200)
        history = body_of(self.browser("GET", "/customers/me/balance/history"), 200)["entries"]
        for row in history:
            sign = "+" if row["direction"] == "credit" else "-"
            self.say(
                f"{row['created_at']} {sign}{in_dollars(row['amount_cents'])} {row['reason']}"
            )
        total = sum(
            row["amount_cents"] * (1 if row["direction"] == "credit" else -1) for row in history
        )
        balance = self.balance()
        expect(total == balance["balance_cents"], "rows that add up to the balance", balance)
        self.say(f"balance {in_dollars(balance['balance_cents'])}, the sum of these rows")

    def balance(self) -> Json:
        """Ask for the wallet's balance."""
        return body_of(self.browser("GET", "/customers/me/balance"), 200)
