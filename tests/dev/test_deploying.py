"""The guide to deploying names what is deployed, and the other way round."""

import re
from dataclasses import fields
from typing import Any

import pytest

import main
from creditbase.payments.stripe_gateway import API_VERSION
from creditbase.payments.use_cases import HANDLERS
from creditbase.runtime.settings import GATEWAY_WARM, PAYMENTS_WARM, REGION, Settings
from dev.layout import ROOT

GUIDE = (ROOT / "docs/deploying.md").read_text()
ROW = re.compile(r"^\| `(\w+)` \| ([^|]*) \| ([^|]*) \| (\d+) \| (\d+) \|$", re.MULTILINE)
CALLS = (1_000, 100_000, 10_000_000)
UNITS = {
    "writes": (5, 900),
    "reads": (2, 300),
    "requests": (2, 400),
    "vCPU": (2, 2_400),
    "memory": (4, 250),
}
"""Of a call: how many units, and the price of a hundred thousand of them in hundredths of a
cent. Units of time are tenths of a second."""


@pytest.fixture(scope="module")
def deployed() -> dict[str, Any]:
    """Return every function, as discovery at deployment sees it."""
    return {name: getattr(main, name).__firebase_endpoint__ for name in dir(main)}


def secrets_of(endpoint: Any) -> list[str]:
    """Return the names of a function's secrets."""
    return [secret["key"] for secret in endpoint.secretEnvironmentVariables or []]


def schedule_of(endpoint: Any) -> str:
    """Return when a function runs by the clock, or nothing."""
    trigger = getattr(endpoint, "scheduleTrigger", None)
    return str(trigger["schedule"]) if trigger else ""


def test_the_guide_lists_every_function_as_it_is_deployed(deployed: dict[str, Any]) -> None:
    """Who checks a deployment against the guide finds no difference that is none."""
    told = {
        name: (clock.strip(), re.findall(r"`(\w+)`", secrets), int(memory), int(seconds))
        for name, clock, secrets, memory, seconds in ROW.findall(GUIDE)
    }

    assert told == {
        name: (
            schedule_of(endpoint),
            secrets_of(endpoint),
            endpoint.availableMemoryMb,
            endpoint.timeoutSeconds,
        )
        for name, endpoint in deployed.items()
    }


def test_every_function_is_in_one_region(deployed: dict[str, Any]) -> None:
    """Hosting finds a function in one region only; `creditbase init` may have chosen it."""
    rewrites = re.findall(r'"region": "([\w-]+)"', (ROOT / "firebase.json").read_text())
    told = re.findall(r"--(?:region|location)=([\w-]+)", GUIDE)

    assert {tuple(endpoint.region) for endpoint in deployed.values()} == {(REGION,)}
    assert set(rewrites) == {REGION}
    assert set(told) == {"us-central1"}


def test_the_guide_sets_every_secret_and_no_other(deployed: dict[str, Any]) -> None:
    """A secret that is missing stops the deployment; one too many is a riddle."""
    declared = {name for endpoint in deployed.values() for name in secrets_of(endpoint)}

    assert set(re.findall(r"secrets:set (\w+)", GUIDE)) == declared


def test_the_webhook_is_sent_every_event_that_is_taken() -> None:
    """An event that Stripe is not asked for never comes."""
    assert re.findall(r"^- `([a-z_]+\.[a-z_.]+)`$", GUIDE, flags=re.MULTILINE) == list(HANDLERS)
    assert f"`{API_VERSION}`" in GUIDE


def test_every_setting_of_the_guide_is_one() -> None:
    """A variable with a slip in its name would be ignored without a word."""
    known = {field.metadata["variable"] for field in fields(Settings)}
    known |= {PAYMENTS_WARM.name, GATEWAY_WARM.name}

    assert set(re.findall(r"`(CREDITBASE_\w+)`", GUIDE)) <= known


def test_the_costs_are_the_products_of_what_is_said(deployed: dict[str, Any]) -> None:
    """Prices change; the sums on the page follow from those on the page."""
    schedules = sum(1 for endpoint in deployed.values() if schedule_of(endpoint))
    beyond_free_cents = 10 * (schedules - 3)
    together = [beyond_free_cents * 100] * len(CALLS)
    for name, (units, price) in UNITS.items():
        costs = [calls * units * price // 100_000 for calls in CALLS]
        together = [total + cost for total, cost in zip(together, costs, strict=True)]
        assert cents_of(name) == [cost // 100 for cost in costs], name

    assert cents_of("schedules") == [beyond_free_cents] * len(CALLS)
    assert cents_of("together") == [total // 100 for total in together]


def cents_of(name: str) -> list[int]:
    """Return the figures of a row in cents."""
    found = re.search(rf"^\| {name}[^|]*\|(.*)\|$", GUIDE, flags=re.MULTILINE)
    assert found is not None, name
    cells = [cell.strip().removeprefix("$") for cell in found[1].split("|")]
    return [int(cell.replace(".", "").replace(",", "")) for cell in cells]
