"""Gathering the doctor's facts: from the tree, the store, Stripe and Google."""

import json
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TypeVar

import requests
from google.api_core.exceptions import GoogleAPIError
from google.auth.exceptions import GoogleAuthError

from command_line.doctor import google_facts
from command_line.doctor.facts import (
    Facts,
    JobRun,
    SiteFacts,
    StoreFacts,
    StripeFacts,
    Webhook,
)
from command_line.doctor.wanted import load_wanted
from command_line.target import CATALOG_FILE, EMULATOR, Target
from creditbase.accounts.store import find_project
from creditbase.accounts.use_cases import HUB_PROJECT_ID
from creditbase.admin.inbox import count_events
from creditbase.admin.runs_store import load_runs
from creditbase.admin.store import ADMIN
from creditbase.catalog.models import CatalogFile, read_catalog
from creditbase.catalog.store import load_listing
from creditbase.catalog.use_cases import compare_catalog
from creditbase.kernel.errors import BillingError
from creditbase.ledger.attention import find_parked_anywhere
from creditbase.payments.offering import Offering
from creditbase.payments.selling import compare_offering
from creditbase.payments.stripe_inspecting import load_webhooks
from creditbase.payments.stripe_offering import load_portals
from creditbase.runtime import clock
from creditbase.runtime.firestore import query
from dev import env_file
from dev.layout import FUNCTIONS, ROOT

T = TypeVar("T")
TIMEOUT_S = 5
PARKED_MAX = 20
POLICY = "Content-Security-Policy"
STRIPE_URL = "https://api.stripe.com"
SECRETS = (
    *("STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET", "CUSTOMER_TOKEN_KEYS"),
    *("UPSTREAM_KEYS", "SMTP_URL"),
)


def gather(target: Target) -> Facts:
    """Ask everything that can be asked; what cannot is noted with why."""
    wanted = load_wanted()
    unseen: dict[str, str] = {}
    file = read_catalog(CATALOG_FILE)

    def seen(what: str, ask: Callable[[], T]) -> T | None:
        try:
            return ask()
        except (BillingError, GoogleAPIError, GoogleAuthError, requests.RequestException) as it:
            unseen[what] = getattr(it, "message", "") or type(it).__name__
            return None

    store = seen("firestore", lambda: _store(target, file, tuple(wanted.schedules)))
    has_catalog = store is not None and bool(store.book_version)
    return Facts(
        project=target.project,
        is_emulated=not target.is_real,
        at=clock.now(),
        settings=_settings(target),
        secrets={name: os.environ[name] for name in SECRETS if os.environ.get(name)},
        wanted=wanted,
        stripe=seen("stripe", lambda: _stripe(file, has_catalog=has_catalog)),
        store=store,
        google=google_facts.load(target.project, unseen) if target.is_real else None,
        site=load_site(ROOT) if target.is_real else None,
        skew_s=seen("clock", skew_s),
        unseen=unseen,
    )


def _settings(target: Target) -> Mapping[str, str]:
    """Return the variables that the functions run with."""
    if not target.is_real:
        return dict(os.environ)
    return deployed_settings(FUNCTIONS, target.project)


def deployed_settings(functions: Path, project: str) -> dict[str, str]:
    """Return the settings with which a project is deployed: those of all, then its own."""
    files = (functions / ".env", functions / f".env.{project}")
    return {k: v for file in files if file.is_file() for k, v in dotenv(file).items()}


def dotenv(file: Path) -> dict[str, str]:
    """Return the settings of a file that is deployed with the functions."""
    return env_file.parse(file.read_text(encoding="utf-8"))


def load_site(root: Path) -> SiteFacts | None:
    """Return what a checkout would put beside the web app; None where it has nothing."""
    file = root / "web/public/settings.json"
    if not file.is_file():
        return None
    try:
        said = json.loads(file.read_text(encoding="utf-8"))
        project = str(said["firebase"]["projectId"])
    except (ValueError, KeyError, TypeError):
        return SiteFacts(project="", has_site_key=False, gateway_url="", policy="")
    hosting = json.loads((root / "firebase.json").read_text(encoding="utf-8"))["hosting"]
    headers = [it for rule in hosting["headers"] for it in rule["headers"]]
    return SiteFacts(
        project=project,
        has_site_key=bool(said.get("appCheckSiteKey")),
        gateway_url=str(said.get("gatewayUrl", "")),
        policy=next((it["value"] for it in headers if it["key"] == POLICY), ""),
    )


# ---- the store -------------------------------------------------------------------------------


def _store(target: Target, file: CatalogFile, jobs: tuple[str, ...]) -> StoreFacts:
    has_hub = find_project(HUB_PROJECT_ID) is not None
    version = (load_listing(HUB_PROJECT_ID).book_version or "") if has_hub else ""
    lines = compare_catalog(HUB_PROJECT_ID, file).lines if version else ()
    admins = query("users", where=[("role", "==", ADMIN)], limit=1, only=["role"])
    return StoreFacts(
        has_hub=has_hub,
        book_version=version,
        catalog_differences=lines,
        has_admin=bool(admins),
        is_open=is_open(target),
        events_given_up=count_events()["failed"],
        parked_wallets=len(find_parked_anywhere(limit=PARKED_MAX)),
        runs={
            it.job: JobRun(at=it.last.at, failed=it.last.failed) if it.last else None
            for it in load_runs(list(jobs))
        },
    )


def is_open(target: Target) -> bool | None:
    """Return whether somebody without any credential may read a user's document."""
    host = os.environ.get(EMULATOR, "")
    origin = f"http://{host}" if host else "https://firestore.googleapis.com"
    path = f"projects/{target.project}/databases/(default)/documents/users/nobody"
    try:
        answered = requests.get(f"{origin}/v1/{path}", timeout=TIMEOUT_S)
    except requests.RequestException:
        return None
    return answered.status_code not in {401, 403}


# ---- Stripe ----------------------------------------------------------------------------------


def _stripe(file: CatalogFile, *, has_catalog: bool) -> StripeFacts:
    offer = file.to_offer(HUB_PROJECT_ID)
    offering = Offering.of(HUB_PROJECT_ID, offer.currency, offer.plans.values())
    return StripeFacts(
        webhooks=tuple(
            Webhook(
                webhook_id=it.webhook_id,
                url=it.url,
                events=frozenset(it.events),
                api_version=it.api_version,
                is_enabled=it.is_enabled,
            )
            for it in load_webhooks()
        ),
        sale_differences=compare_offering(offering) if has_catalog else None,
        portals=len(load_portals(HUB_PROJECT_ID)),
    )


def skew_s() -> int | None:
    """Return how far our clock is ahead of Stripe's; None where it tells no time."""
    base = os.environ.get("STRIPE_API_BASE") or STRIPE_URL
    said = requests.head(base, timeout=TIMEOUT_S).headers.get("Date")
    if said is None:
        return None
    ahead = datetime.now(UTC) - parsedate_to_datetime(said)
    return int(ahead.total_seconds())
