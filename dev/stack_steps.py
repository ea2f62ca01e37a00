"""The steps of a start that are no servers: settings, the seed, the administrator."""

import os
import secrets
import subprocess
from collections.abc import Mapping
from pathlib import Path

import requests

from dev import env_file
from dev.background import Failed
from dev.layout import FUNCTIONS, FUNCTIONS_BIN, Layout

RELAY_TIERS = Path(__file__).parent / "relay_tiers.json"
LOCAL_RATES = Path(__file__).parent / "local_rates.json"
ADMIN_EMAIL = "admin@creditbase.test"
FOREIGN = (
    "STRIPE_",
    "GOOGLE_",
    "FIREBASE_",
    "FIRESTORE_",
    "GCLOUD_",
    "K_",
    "FUNCTION",
    "APP_CHECK_",
    "CUSTOMER_TOKEN_",
    "PYTHONDONTWRITEBYTECODE",
)
"""Variables of a developer's own shell that must not reach the stack.

The last would let each of its many programs compile the whole product again.
"""

SEEDED = ("HUB_PROJECT_ID", "HUB_SECRET_KEY", "RELAY_PROJECT_ID", "RELAY_SECRET_KEY")


def without_foreign(base: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without what is foreign, in which this machine needs no proxy.

    Where nothing says so, each request looks through the whole environment for one, twice.
    """
    kept = {name: value for name, value in base.items() if not name.startswith(FOREIGN)}
    direct = ",".join(filter(None, (kept.get("NO_PROXY", ""), "127.0.0.1", "localhost")))
    return {**kept, "NO_PROXY": direct, "no_proxy": direct}


def settings_of(layout: Layout, webhook_secret: str, token_keys: str = "") -> dict[str, str]:
    """Return the environment of every program of the stack: ours, without what is foreign."""
    return {
        **without_foreign(os.environ),
        "PYTHONUNBUFFERED": "1",
        "GCLOUD_PROJECT": layout.project,
        "FIRESTORE_EMULATOR_HOST": layout.address("firestore"),
        "FIREBASE_AUTH_EMULATOR_HOST": layout.address("auth"),
        "STRIPE_API_BASE": layout.url("stripe"),
        "STRIPE_SECRET_KEY": "sk_test_local",
        "STRIPE_WEBHOOK_SECRET": webhook_secret,
        "CUSTOMER_TOKEN_KEYS": token_keys,
        "CREDITBASE_CLOCK_FILE": str(layout.clock),
        "CREDITBASE_ALLOWED_ORIGINS": layout.url("hosting"),
        "CREDITBASE_SITE_URL": layout.url("hosting"),
        "APP_CHECK_JWKS_URL": f"{layout.url('keys')}/app-check.json",
    }


def seed(layout: Layout, env: Mapping[str, str]) -> dict[str, str]:
    """Push plans and prices and make the projects, with the product's own command.

    Raises: Failed.
    """
    command = [str(FUNCTIONS_BIN / "python"), "-m", "creditbase.admin", "seed"]
    log = layout.logs / "seed.log"
    done = subprocess.run(
        command, cwd=FUNCTIONS, env=dict(env), capture_output=True, text=True, check=False
    )
    log.write_text(done.stderr)
    values = env_file.parse(done.stdout)
    missing = [name for name in SEEDED if not values.get(name)]
    if done.returncode != 0:
        lines = "\n".join(f"  {line}" for line in done.stderr.strip().splitlines()[-20:])
        raise Failed(
            f"Seeding failed with status {done.returncode} (python -m creditbase.admin seed, "
            f"in functions/). Its last words, from {log}:\n{lines}"
        )
    if missing:
        raise Failed(
            "Seeding ended well but did not print " + ", ".join(missing) + " "
            "(python -m creditbase.admin seed prints one NAME=value a line)."
        )
    return values


def push_catalog(layout: Layout, env: Mapping[str, str]) -> None:
    """Let the local Stripe sell what the hub's catalog says, with the product's own command.

    Raises: Failed.
    """
    done = _operate(layout, env, "push", "catalog", "push", "--yes")
    if done.returncode != 0:
        raise Failed(f"The catalog was not pushed to Stripe: {done.stderr[-600:]}")


def push_rates(layout: Layout, env: Mapping[str, str]) -> None:
    """Give the hub the models of our own, which only the emulators have.

    Raises: Failed.
    """
    done = _operate(layout, env, "rates", "rates", "push", str(LOCAL_RATES))
    if done.returncode != 0:
        raise Failed(f"The hub has not got the local models: {done.stderr[-600:]}")


def put_tiers(layout: Layout, env: Mapping[str, str]) -> None:
    """Let the relay project sell its tiers, at the local Stripe too, with our own command.

    Raises: Failed.
    """
    done = _operate(layout, env, "tiers", "tiers", "put", str(RELAY_TIERS))
    if done.returncode != 0:
        raise Failed(f"The relay project has not got its tiers: {done.stderr[-600:]}")


def _operate(
    layout: Layout, env: Mapping[str, str], log: str, *words: str
) -> subprocess.CompletedProcess[str]:
    """Run a command of the product's operator; what it says is in a log of that name."""
    command = [str(FUNCTIONS_BIN / "python"), "-m", "creditbase.admin", *words]
    done = subprocess.run(
        command, cwd=FUNCTIONS, env=dict(env), capture_output=True, text=True, check=False
    )
    (layout.logs / f"{log}.log").write_text(done.stdout + done.stderr)
    return done


def make_admin(layout: Layout, app_check_token: str, env: Mapping[str, str]) -> dict[str, str]:
    """Sign up the administrator, who also owns the relay project; say how to sign in.

    Raises: Failed.
    """
    password = secrets.token_urlsafe(12)
    url = f"{layout.url('auth')}/identitytoolkit.googleapis.com/v1/accounts:signUp?key=local"
    body = {"email": ADMIN_EMAIL, "password": password, "returnSecureToken": True}
    answer = requests.post(url, json=body, timeout=30)
    if not answer.ok:
        raise Failed(f"The Auth emulator refused to sign up {ADMIN_EMAIL}: {answer.text[:300]}")
    account = answer.json()
    headers = {
        "Authorization": f"Bearer {account['idToken']}",
        "X-Firebase-AppCheck": app_check_token,
    }
    seen = requests.get(f"{layout.url('hosting')}/usage/me", headers=headers, timeout=60)
    if not seen.ok:
        raise Failed(f"The administrator's first look was refused: {seen.text[:300]}")
    uid = account["localId"]
    for words in (
        ("users", "make-admin", uid, "--reason", "who runs this stack"),
        ("projects", "own", "relay", uid),
    ):
        done = _operate(layout, env, "admin", *words)
        if done.returncode != 0:
            raise Failed(f"The administrator got no role: {done.stderr.strip()[-300:]}")
    return {"ADMIN_EMAIL": ADMIN_EMAIL, "ADMIN_PASSWORD": password}
