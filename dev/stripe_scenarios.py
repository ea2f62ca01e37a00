"""`make stripe`: the lives that the local Stripe is held to, on Stripe itself.

They are the scenarios of billing-e2e and those in `dev/scenarios/`, on test clocks, and are the
same code wherever they are played: only the client differs. Stripe itself needs a secret test
key in STRIPE_TEST_KEY; without one nothing is done.
"""

import os
import sys
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

import stripe
from billing_e2e.report import Console
from billing_e2e.runner import Runner, RunResult
from billing_e2e.safety import UnsafeKeyError, check_key, confirm_test_mode
from billing_e2e.scenario import Config, Scenario, load_scenario

ROOT = Path(__file__).resolve().parent.parent
OWN = ROOT / "dev" / "scenarios"
KEY_VARIABLE = "STRIPE_TEST_KEY"
PRICES_CENTS = {"monthly_price": 2_000, "upgrade_price": 5_000}
_TEST_KEY = "sk_test_"


def scenarios() -> list[Scenario]:
    """Return all scenarios: those of billing-e2e, then our own."""
    of_the_package = Path(str(files("billing_e2e") / "scenarios"))
    paths = [*sorted(of_the_package.glob("*.yml")), *sorted(OWN.glob("*.yml"))]
    return [load_scenario(path) for path in paths]


def play(scenario: Scenario, client: stripe.StripeClient, key: str) -> RunResult:
    """Play one scenario in a life of its own, whose objects are deleted at the end."""
    vars_ = {name: _price(client, name, cents) for name, cents in PRICES_CENTS.items()}
    config = Config(stripe_key=key, vars=vars_)
    return Runner(config, client).run(scenario, on_step=Console().step)


def _price(client: stripe.StripeClient, name: str, cents: int) -> str:
    """Return a monthly price, made the first time: it stays, for a price cannot be deleted."""
    lookup_key = f"creditbase_scenarios_{name}"
    found = client.v1.prices.list({"lookup_keys": [lookup_key], "limit": 1}).data
    if found:
        return found[0].id
    made = client.v1.prices.create(
        {
            "currency": "usd",
            "lookup_key": lookup_key,
            "product_data": {"name": f"Creditbase scenarios: {name}"},
            "recurring": {"interval": "month"},
            "unit_amount": cents,
        },
        {"idempotency_key": lookup_key},
    )
    return made.id


def _check(key: str) -> None:
    if not key.startswith(_TEST_KEY):
        raise UnsafeKeyError(f"{KEY_VARIABLE} takes a secret test key, sk_test_…, only.")
    check_key(key)


def main(environment: Mapping[str, str]) -> int:
    """Play everything on Stripe itself, if there is a key; return the exit status."""
    key = environment.get(KEY_VARIABLE, "")
    if not key:
        print(f"[stripe] {KEY_VARIABLE} is not set: nothing is done. It takes a key sk_test_…")
        return 0
    client = stripe.StripeClient(key, max_network_retries=2)
    try:
        _check(key)
        confirm_test_mode(client)
    except UnsafeKeyError as refusal:
        print(f"[stripe] {refusal}", file=sys.stderr)
        return 2
    console, results = Console(), []
    for scenario in scenarios():
        console.scenario(scenario.name)
        result = play(scenario, client, key)
        console.outcome(result)
        results.append(result)
    console.summary(results)
    return 0 if all(result.passed for result in results) else 1


if __name__ == "__main__":
    sys.exit(main(os.environ))
