"""What would be deployed: the manifest that firebase-tools reads, made by its own code."""

import ast
import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from creditbase.runtime.settings import REGION

FUNCTIONS = Path(__file__).parents[2] / "functions"
DISCOVERY = """
import json, sys
import yaml
from firebase_functions.private import serving
text = serving.functions_as_yaml(serving.get_functions())
import firebase_admin
from creditbase.runtime import firestore, settings
print(json.dumps({
    "manifest": yaml.safe_load(text),
    "modules": sorted(sys.modules),
    "firebase_apps": len(firebase_admin._apps),
    "clients": firestore.client.cache_info().currsize,
    "settings": settings.settings.cache_info().currsize,
}))
"""
NOBODY_WAITS = {
    *("answer_crossings", "billing_webhook", "drain_inbox"),
    *("erase_customers", "reconcile_stripe"),
}
"""Of those that ask Stripe: jobs, and what Stripe itself waits for."""
MODULES_MAX = 1_800
"""About as many as the SDKs bring; twice as many would be twice the discovery's time."""

SECRETS = {
    "account": {"STRIPE_SECRET_KEY"},
    "admin_customers": {"STRIPE_SECRET_KEY"},
    "auth_customer_token": {"CUSTOMER_TOKEN_KEYS"},
    "answer_crossings": {"STRIPE_SECRET_KEY"},
    "billing_checkout": {"STRIPE_SECRET_KEY"},
    "billing_portal": {"STRIPE_SECRET_KEY"},
    "billing_topup": {"STRIPE_SECRET_KEY"},
    "billing_webhook": {"STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET"},
    "customers": {"STRIPE_SECRET_KEY"},
    "customers_me": {"CUSTOMER_TOKEN_KEYS", "STRIPE_SECRET_KEY"},
    "deliver_outbox": {"SMTP_URL"},
    "drain_inbox": {"STRIPE_SECRET_KEY"},
    "erase_customers": {"STRIPE_SECRET_KEY"},
    "me": {"STRIPE_SECRET_KEY"},
    "gateway": {"CUSTOMER_TOKEN_KEYS", "UPSTREAM_KEYS"},
    "meter": {"CUSTOMER_TOKEN_KEYS"},
    "projects": {"STRIPE_SECRET_KEY"},
    "reconcile_stripe": {"STRIPE_SECRET_KEY"},
    "tiers": {"CUSTOMER_TOKEN_KEYS", "STRIPE_SECRET_KEY"},
}
"""Every other function has none: it cannot leak what it does not have."""


def run(program: str) -> Any:
    """Run a program as discovery does: in `functions/`, knowing nothing of this machine."""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=FUNCTIONS,
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    """Return what discovery finds, and what it did meanwhile."""
    answer: dict[str, Any] = run(DISCOVERY)
    return answer


@pytest.fixture(scope="module")
def endpoints(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the endpoints by name."""
    answer: dict[str, dict[str, Any]] = found["manifest"]["endpoints"]
    return answer


def threads() -> int:
    """Return the server's threads, as `functions/.env` sets them."""
    lines = (FUNCTIONS / ".env").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("THREADS=")).partition("=")[2])


def test_every_export_is_discovered(endpoints: dict[str, dict[str, Any]]) -> None:
    """The lazy table hides nothing from the deployment."""
    import main

    assert set(endpoints) == set(dir(main))


def test_every_function_gets_what_it_needs_and_says_so(
    endpoints: dict[str, dict[str, Any]],
) -> None:
    """No default of the platform decides: a whole CPU, memory, time and place are named."""
    for name, endpoint in endpoints.items():
        assert endpoint["cpu"] == 1, name
        assert endpoint["availableMemoryMb"] in {256, 512, 1024, 2048}, name
        assert endpoint["region"] == [REGION], name
        assert 10 <= endpoint["timeoutSeconds"] <= 540, name


def test_no_function_is_sent_more_than_its_server_works_on(
    endpoints: dict[str, dict[str, Any]],
) -> None:
    """What exceeds the threads would wait inside gunicorn, where no deadline counts."""
    for name, endpoint in endpoints.items():
        if "httpsTrigger" in endpoint:
            assert 1 < endpoint["concurrency"] <= threads(), name


def test_every_function_has_its_own_secrets_and_no_others(
    endpoints: dict[str, dict[str, Any]],
) -> None:
    """A function that is taken over gives away only what it was given."""
    for name, endpoint in endpoints.items():
        bound = endpoint.get("secretEnvironmentVariables", [])
        assert {secret["key"] for secret in bound} == SECRETS.get(name, set()), name


def test_who_waits_for_stripe_or_a_model_can_be_kept_warm(
    endpoints: dict[str, dict[str, Any]], found: dict[str, Any]
) -> None:
    """An operator pays for no cold start or for no idle instance; nothing else is asked."""
    wanted = {name: "PAYMENTS" for name, keys in SECRETS.items() if "STRIPE_SECRET_KEY" in keys}
    wanted = {name: word for name, word in wanted.items() if name not in NOBODY_WAITS}
    wanted |= {"gateway": "GATEWAY", "meter": "GATEWAY"}

    kept = {name: found["minInstances"] for name, found in endpoints.items()}
    expected = {
        name: f"{{{{ params.CREDITBASE_{wanted[name]}_MIN_INSTANCES }}}}"
        for name in endpoints
        if name in wanted
    }
    assert {name: count for name, count in kept.items() if count is not None} == expected
    named = {param["name"] for param in found["manifest"]["params"]}
    assert named == {f"CREDITBASE_{word}_MIN_INSTANCES" for word in set(wanted.values())}
    for name in named:
        assert f"{name}=0" in (FUNCTIONS / ".env").read_text().splitlines()


def test_doors_are_open_and_jobs_are_not(endpoints: dict[str, dict[str, Any]]) -> None:
    """Endpoints prove their callers themselves; only the scheduler may start a job."""
    for name, endpoint in endpoints.items():
        if "httpsTrigger" in endpoint:
            assert endpoint["httpsTrigger"]["invoker"] == ["public"], name
        else:
            assert "scheduleTrigger" in endpoint, name


def test_discovery_makes_no_client_and_reads_no_setting(found: dict[str, Any]) -> None:
    """The command line tool waits ten seconds; a network that is not there must not count."""
    assert (found["firebase_apps"], found["clients"], found["settings"]) == (0, 0, 0)


def test_discovery_loads_little_more_than_the_sdks(found: dict[str, Any]) -> None:
    """A count stands for the time, which a busy machine would make a matter of luck."""
    modules = set(found["modules"])

    assert len(modules) < MODULES_MAX
    for heavy in ("firebase_admin.firestore", "google.cloud.storage", "numpy", "pytest"):
        assert heavy not in modules


def imports_of(module: str) -> set[str]:
    """Return what a module of ours imports while it is loaded: not what a function imports."""
    path = FUNCTIONS / module.replace(".", "/")
    source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    if not source.exists():
        return set()
    found = {module.rpartition(".")[0]} - {""}
    for node in ast.parse(source.read_text()).body:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            assert node.module is not None
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def loaded_by(module: str) -> set[str]:
    """Return all that is loaded with a module."""
    seen: set[str] = set()
    waiting = {module}
    while waiting:
        seen |= waiting
        waiting = {name for one in waiting for name in known_imports(one)} - seen
    return seen


known_imports = cache(imports_of)


ASKS_STRIPE_LATER = frozenset({"projects"})
"""Only who deletes a customer waits for it."""


def test_an_instance_loads_stripe_only_where_it_asks_stripe() -> None:
    """What does not sell has a shorter cold start, and is a smaller target."""
    import main

    loaded = {name: loaded_by(module) for name, module in main.EXPORTS.items()}

    assert {name for name, modules in loaded.items() if "stripe" in modules} == {
        name for name, keys in SECRETS.items() if "STRIPE_SECRET_KEY" in keys
    } - ASKS_STRIPE_LATER


def test_what_is_said_to_be_loaded_is() -> None:
    """The reading of imports above against a process that does it."""
    import main

    modules = run("import json, sys, main; main.gateway; print(json.dumps(list(sys.modules)))")

    ours = {name for name in modules if name.startswith("creditbase.")}
    read = loaded_by(main.EXPORTS["gateway"]) | loaded_by("main")
    assert ours == {name for name in read if name in modules and name.startswith("creditbase.")}
    assert "stripe" not in modules
    assert {"firebase_admin", "google.cloud.firestore"} <= set(modules)
