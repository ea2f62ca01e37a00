"""A project where everything is as it should be, for tests that break one thing of it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from command_line.doctor.facts import (
    Facts,
    GoogleFacts,
    JobRun,
    SiteFacts,
    StoreFacts,
    StripeFacts,
    Wanted,
    Webhook,
)

AT = datetime(2026, 11, 1, 12, tzinfo=UTC)
SITE = "https://app.example"
SECRETS = frozenset(
    {
        "STRIPE_SECRET_KEY",
        "STRIPE_WEBHOOK_SECRET",
        "UPSTREAM_KEYS",
        "CUSTOMER_TOKEN_KEYS",
        "SMTP_URL",
    }
)
WANTED = Wanted(
    indexes=frozenset({"wallets (shard ASCENDING, holds_due_at ASCENDING)"}),
    exemptions=frozenset({"wallets.state"}),
    ttls=frozenset({"stripe_events.expires_at"}),
    rules="allow nothing;",
    functions=frozenset({"plans", "sync_balances"}),
    schedules={"sync_balances": 1},
    events=frozenset({"invoice.paid", "charge.refunded"}),
    api_version="2026-10-28.endive",
    book_version="2026-11-01",
)
WEBHOOK = Webhook(
    webhook_id="we_1",
    url=f"{SITE}/billing/webhook",
    events=WANTED.events,
    api_version=WANTED.api_version,
    is_enabled=True,
)
STRIPE = StripeFacts(webhooks=(WEBHOOK,), sale_differences=(), portals=1)
STORE = StoreFacts(
    has_hub=True,
    book_version=WANTED.book_version,
    catalog_differences=(),
    has_admin=True,
    is_open=False,
    events_given_up=0,
    parked_wallets=0,
    runs={"sync_balances": JobRun(at=AT - timedelta(minutes=1), failed=0)},
)
GOOGLE = GoogleFacts(
    indexes=dict.fromkeys(WANTED.indexes, "READY"),
    exemptions=WANTED.exemptions,
    ttls=WANTED.ttls,
    rules=WANTED.rules,
    functions=WANTED.functions,
    jobs={"sync_balances": "ENABLED"},
    secrets=SECRETS,
    recovers_to_point=True,
    sign_in_methods=frozenset({"email"}),
    authorized_domains=frozenset({"app.example"}),
    app_check_store="ENFORCED",
)
GATEWAY = "https://gateway-x.a.run.app"
WEB = SiteFacts(
    project="acme-prod",
    has_site_key=True,
    gateway_url=GATEWAY,
    policy=f"default-src 'none'; connect-src 'self' {GATEWAY}; img-src 'self'",
)
SOUND = Facts(
    project="acme-prod",
    is_emulated=False,
    at=AT,
    settings={"CREDITBASE_SITE_URL": SITE},
    secrets={
        "STRIPE_SECRET_KEY": "sk_live_1",
        "STRIPE_WEBHOOK_SECRET": "whsec_1",
        "UPSTREAM_KEYS": '{"openai": "sk-1", "anthropic": "sk-2"}',
        "CUSTOMER_TOKEN_KEYS": "a:" + "x" * 32,
    },
    wanted=WANTED,
    stripe=STRIPE,
    store=STORE,
    google=GOOGLE,
    site=WEB,
    skew_s=1,
)

Break = Callable[[Facts], Facts]


def setting(name: str, value: str) -> Break:
    """Return what gives a setting another value; an empty one takes it away."""

    def change(facts: Facts) -> Facts:
        kept = {key: it for key, it in facts.settings.items() if key != name}
        return replace(facts, settings={**kept, **({name: value} if value else {})})

    return change


def secret(name: str, value: str) -> Break:
    """Return what gives a secret another value."""
    return lambda facts: replace(facts, secrets={**facts.secrets, name: value})


def google(**changes: Any) -> Break:
    """Return what changes facts of Google's."""
    return lambda facts: replace(facts, google=replace(GOOGLE, **changes))


def store(**changes: Any) -> Break:
    """Return what changes facts of the store's."""
    return lambda facts: replace(facts, store=replace(STORE, **changes))


def web(**changes: Any) -> Break:
    """Return what changes what the web app is told."""
    return lambda facts: replace(facts, site=replace(WEB, **changes))


def stripe(**changes: Any) -> Break:
    """Return what changes facts of Stripe's."""
    return lambda facts: replace(facts, stripe=replace(STRIPE, **changes))


def webhook(**changes: Any) -> Break:
    """Return what changes the webhook."""
    return stripe(webhooks=(replace(WEBHOOK, **changes),))


def of_facts(**changes: Any) -> Break:
    """Return what changes the facts themselves."""
    return lambda facts: replace(facts, **changes)


def without(field: str) -> Break:
    """Return what takes away all that Google has of a kind."""
    return google(**{field: type(getattr(GOOGLE, field))()})
