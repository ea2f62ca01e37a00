"""What each function loads before its first answer, beyond what the two SDKs bring.

A count stands for the time, which a busy machine would make a matter of luck: `make bench`
measures that. Each entry point is loaded in a fork of a process that has the SDKs.
"""

import json
import subprocess
import sys

import pytest

import main
from tests.runtime.test_manifest import ASKS_STRIPE_LATER, FUNCTIONS, SECRETS

PROGRAM = """
import json, os, sys
import firebase_functions.https_fn, firebase_functions.scheduler_fn, google.cloud.firestore
before = set(sys.modules)
import main
from importlib import import_module
for entry in sorted(set(main.EXPORTS.values())):
    child = os.fork()
    if child == 0:
        import_module(entry)
        print(json.dumps([entry, sorted(set(sys.modules) - before)]), flush=True)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0, entry
"""
SCHEMAS = {"annotated_types", "pydantic", "pydantic_core", "typing_inspection"}
STRIPE = {"anyio", "stripe"}
OUTWARD = {"anyio", "h11", "h2", "hpack", "httpcore", "hyperframe"}
"""Packages by what they are for, each with what it brings."""

READS_BODIES = {
    *("account", "admin_customers", "admin_vouchers", "admin_webhooks", "auth_customer_token"),
    *("customers", "customers_me", "gateway", "meter", "project_webhooks", "projects", "tiers"),
}
POSTS_WEBHOOKS = {"deliver_webhooks", "project_webhooks"}
OURS_MAX = 190
"""Modules of our own: the most that one function needs, with room for a few."""


@pytest.fixture(scope="module")
def loaded() -> dict[str, set[str]]:
    """Return the modules that each function's entry point adds to the SDKs'."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=FUNCTIONS,
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    by_entry = {entry: set(names) for entry, names in map(json.loads, done.stdout.splitlines())}
    return {name: by_entry[entry] for name, entry in main.EXPORTS.items()}


def test_a_function_loads_the_packages_that_it_uses_and_no_others(
    loaded: dict[str, set[str]],
) -> None:
    """Schemas where bodies are read, Stripe's SDK where Stripe is asked, and that is all."""
    for name, modules in loaded.items():
        expected = SCHEMAS if name in READS_BODIES else set()
        asks_stripe = "STRIPE_SECRET_KEY" in SECRETS.get(name, ())
        is_later = name in ASKS_STRIPE_LATER
        expected = expected | (STRIPE if asks_stripe and not is_later else set())
        expected = expected | (OUTWARD if name in POSTS_WEBHOOKS else set())

        packages = {module.partition(".")[0] for module in modules}
        foreign = packages - sys.stdlib_module_names - {"creditbase", "main"}

        assert foreign == expected, name


def test_a_function_loads_its_own_rooms_and_not_the_whole_house(
    loaded: dict[str, set[str]],
) -> None:
    """A product of four hundred modules, of which an instance needs a few."""
    for name, modules in loaded.items():
        ours = {module for module in modules if module.startswith("creditbase")}

        assert len(ours) <= OURS_MAX, name
