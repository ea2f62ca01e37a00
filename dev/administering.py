"""The administrator of the story: what the scheduler would do, and a look at the business.

The emulators run no scheduled function. The demo does what is needed of them by hand, with the
product's own command, once as a chapter and then again and again while it stays up.
"""

import os
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import requests

from dev.client import TIMEOUT_S, Customer
from dev.expecting import body_of, expect
from dev.layout import FUNCTIONS, FUNCTIONS_BIN
from dev.stack_steps import FOREIGN

CHAPTER_JOBS = ("roll-up-usage", "reconcile-stripe")
STAYING_JOBS = ("roll-up-usage", "drain-inbox")
"""What a person who clicks about waits for: figures that grow, events that are tried again."""


def operator_env(env: Mapping[str, str]) -> dict[str, str]:
    """Return what the operator's command has to know of a stack."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    stripe = {"STRIPE_API_BASE": env["STRIPE_URL"], "STRIPE_SECRET_KEY": "sk_test_local"}
    return {**kept, **env, **stripe}


def operator_command(*words: str) -> list[str]:
    """Return the command line of the product's operator; it runs in `functions`."""
    return [str(FUNCTIONS_BIN / "python"), "-m", "creditbase.admin", *words]


def operate(env: Mapping[str, str], *words: str) -> str:
    """Run a command of the product's operator on a stack, and return what it prints.

    Raises: Disappointed.
    """
    done = subprocess.run(
        operator_command(*words),
        cwd=FUNCTIONS,
        env=operator_env(env),
        capture_output=True,
        text=True,
        check=False,
    )
    expect(done.returncode == 0, f"{' '.join(words)} to end well", done.stderr[-600:])
    return done.stdout


@dataclass
class Administrator:
    """Who runs the service, signed in to its pages."""

    env: dict[str, str]
    say: Callable[[str], None]

    def steps(self) -> list[tuple[str, Callable[[], None]]]:
        """Return the chapter with its title."""
        return [("An administrator sees what it earned", self.look)]

    def look(self) -> None:
        """Count the days, compare with Stripe, and read what the admin's pages show."""
        for job in CHAPTER_JOBS:
            self.say(operate(self.env, "jobs", "run", job).splitlines()[0])
        usage = self._get("/admin/usage")
        expect(usage["total_requests"] > 0, "calls that were counted", usage)
        self.say(
            f"GET /admin/usage: {usage['total_requests']} calls, "
            f"{usage['total_credits_consumed']:,} credits, {usage['active_users']} active users"
        )
        totals = self._get("/admin/model-economics")["totals"]
        self.say(
            f"GET /admin/model-economics: cost {totals['provider_cost_usd']:.4f} USD, revenue "
            f"{totals['revenue_usd']:.3f} at face (margin {totals['margin_pct']} %), received "
            f"{totals['received_usd']:.4f}"
        )
        parked = self._get("/admin/health")["parked_wallets"]["wallets"]
        expect(parked == [], "no parked wallet", parked)
        self.say("GET /admin/health: no wallet is parked")

    def _get(self, path: str) -> dict[str, Any]:
        return body_of(self._signed_in().get(path), 200)

    def _signed_in(self) -> Customer:
        base = (
            f"http://{self.env['FIREBASE_AUTH_EMULATOR_HOST']}/identitytoolkit.googleapis.com"
        )
        answer = requests.post(
            f"{base}/v1/accounts:signInWithPassword?key=local",
            json={
                "email": self.env["ADMIN_EMAIL"],
                "password": self.env["ADMIN_PASSWORD"],
                "returnSecureToken": True,
            },
            timeout=TIMEOUT_S,
        )
        account = body_of(answer, 200)
        headers = {
            "Authorization": f"Bearer {account['idToken']}",
            "X-Firebase-AppCheck": self.env["APP_CHECK_TOKEN"],
        }
        return Customer(self.env["HUB_URL"], headers, account["localId"])
