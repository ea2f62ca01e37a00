"""The doctor's judgement: one thing is broken, and exactly that is named, with its remedy."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from command_line.doctor.facts import Facts, JobRun
from command_line.doctor.google_facts import Refused, ask_all
from command_line.doctor.judgement import judge
from command_line.doctor.wanted import load_wanted, minutes_of
from creditbase.admin.health import JOBS
from creditbase.runtime.settings import REGION
from tests.command_line.seeds import (
    AT,
    GOOGLE,
    SECRETS,
    SOUND,
    STORE,
    WANTED,
    WEBHOOK,
    Break,
    google,
    of_facts,
    secret,
    setting,
    store,
    stripe,
    web,
    webhook,
    without,
)

MISCONFIGURATIONS: dict[str, tuple[Break, str]] = {
    "a setting that is no number": (
        setting("CREDITBASE_DEADLINE_S", "soon"),
        "setting_unusable",
    ),
    "no address of the site": (setting("CREDITBASE_SITE_URL", ""), "site_missing"),
    "an emulator's address": (
        setting("FIRESTORE_EMULATOR_HOST", "127.0.0.1:1"),
        "development_setting",
    ),
    "another Stripe": (setting("STRIPE_API_BASE", "http://127.0.0.1:1"), "development_setting"),
    "rate limits off": (setting("CREDITBASE_RATE_LIMITS", "off"), "guard_off"),
    "lock-out off": (setting("CREDITBASE_LOCKOUT", "false"), "guard_off"),
    "mail without a sender": (setting("CREDITBASE_MAIL", "smtp"), "mail_sender_missing"),
    **{
        f"no secret {name}": (google(secrets=SECRETS - {name}), "secret_missing")
        for name in sorted(SECRETS)
    },
    "a webhook secret of another kind": (
        secret("STRIPE_WEBHOOK_SECRET", "sk_1"),
        "secret_unusable",
    ),
    "a token key that is too short": (secret("CUSTOMER_TOKEN_KEYS", "a:b"), "secret_unusable"),
    "upstream keys that are no JSON": (secret("UPSTREAM_KEYS", "sk-1"), "secret_unusable"),
    "no key of a provider": (secret("UPSTREAM_KEYS", '{"openai": "sk-1"}'), "secret_unusable"),
    "a publishable key": (secret("STRIPE_SECRET_KEY", "pk_live_1"), "secret_unusable"),
    "a test key": (secret("STRIPE_SECRET_KEY", "sk_test_1"), "test_key"),
    "no webhook": (stripe(webhooks=()), "webhook_missing"),
    "a webhook of another site": (
        webhook(url="https://old.example/billing/webhook"),
        "webhook_address",
    ),
    "two webhooks": (
        stripe(webhooks=(WEBHOOK, replace(WEBHOOK, webhook_id="we_2"))),
        "webhook_twice",
    ),
    "a webhook switched off": (webhook(is_enabled=False), "webhook_disabled"),
    "an event that is not sent": (
        webhook(events=frozenset({"invoice.paid"})),
        "webhook_event_missing",
    ),
    "a webhook of an old version": (webhook(api_version="2024-06-20"), "webhook_api_version"),
    "a webhook of the account's version": (webhook(api_version=""), "webhook_api_version"),
    "a price that differs": (
        stripe(sale_differences=("price pro: 4,000 cents -> 5,000",)),
        "price_drift",
    ),
    "a portal that differs": (stripe(sale_differences=("portal: + pro",)), "portal_drift"),
    "two portals": (stripe(portals=2), "portal_twice"),
    "a clock that is ahead": (of_facts(skew_s=400), "clock_skew"),
    "a clock that is behind": (of_facts(skew_s=-400), "clock_skew"),
    "no hub": (store(has_hub=False), "hub_missing"),
    "no catalog": (store(book_version=""), "catalog_missing"),
    "an old price book": (store(book_version="2026-01-01"), "price_book_old"),
    "a catalog that was not pushed": (
        store(catalog_differences=("plan pro: 4,000 -> 5,000 cents",)),
        "catalog_drift",
    ),
    "no admin": (store(has_admin=False), "admin_missing"),
    "open rules": (store(is_open=True), "rules_open"),
    "a job that never ran": (store(runs={"sync_balances": None}), "job_never_ran"),
    "a job that stopped": (
        store(runs={"sync_balances": JobRun(at=AT - timedelta(days=1), failed=0)}),
        "job_late",
    ),
    "a job that fails": (store(runs={"sync_balances": JobRun(at=AT, failed=3)}), "job_failing"),
    "events given up": (store(events_given_up=1), "events_given_up"),
    "a parked wallet": (store(parked_wallets=1), "wallets_parked"),
    "no index": (without("indexes"), "index_missing"),
    "an index that is being built": (
        google(indexes=dict.fromkeys(WANTED.indexes, "CREATING")),
        "index_building",
    ),
    "no exemption": (without("exemptions"), "exemption_missing"),
    "no time to live": (without("ttls"), "ttl_missing"),
    "other rules": (google(rules="allow everything;"), "rules_differ"),
    "a function that is not deployed": (
        google(functions=frozenset({"sync_balances"})),
        "function_missing",
    ),
    "no schedule": (without("jobs"), "schedule_missing"),
    "a paused schedule": (google(jobs={"sync_balances": "PAUSED"}), "schedule_paused"),
    "no way to sign in": (without("sign_in_methods"), "sign_in_missing"),
    "a site where nobody may sign in": (
        google(authorized_domains=frozenset({"localhost"})),
        "domain_missing",
    ),
    "App Check not enforced": (google(app_check_store="UNENFORCED"), "app_check_off"),
    "no way back in time": (google(recovers_to_point=False), "recovery_off"),
    "no settings of the web app": (of_facts(site=None), "site_settings_missing"),
    "a web app of another project": (web(project="acme-test"), "site_settings_differ"),
    "a web app without App Check": (web(has_site_key=False), "site_key_missing"),
    "a gateway that pages may not call": (
        web(gateway_url="https://other.a.run.app"),
        "gateway_not_admitted",
    ),
    "Stripe not asked": (
        of_facts(stripe=None, unseen={"stripe": "STRIPE_SECRET_KEY is not set"}),
        "unseen_stripe",
    ),
}


def test_finds_nothing_where_nothing_is_wrong() -> None:
    """A doctor that cries wolf is not read."""
    assert judge(SOUND) == ()


@pytest.mark.parametrize("name", MISCONFIGURATIONS)
def test_names_exactly_what_is_wrong(name: str) -> None:
    """One thing broken, one finding, and something to type or to click."""
    broken, code = MISCONFIGURATIONS[name]

    found = judge(broken(SOUND))

    assert [it.code for it in found] == [code]
    assert found[0].fix
    assert not any(value in repr(found) for value in broken(SOUND).secrets.values())


def test_a_live_key_does_not_meet_an_emulator() -> None:
    """The one thing that could move real money from a developer's machine."""
    local = replace(SOUND, is_emulated=True, google=None)

    assert [it.code for it in judge(local)] == ["live_key_in_emulator"]


def test_errors_come_before_warnings() -> None:
    """What stops the service is read first."""
    broken: Facts = store(has_admin=False, parked_wallets=1)(SOUND)

    assert [it.severity for it in judge(broken)] == ["error", "warning"]


def test_wants_what_the_tree_deploys() -> None:
    """A job or an index that is added is looked for without another word."""
    wanted = load_wanted()

    assert sorted(wanted.schedules) == sorted(JOBS)
    assert wanted.functions > {"plans", "billing_webhook", *JOBS}
    assert "wallets.state" in wanted.exemptions
    assert "stripe_events.expires_at" in wanted.ttls
    assert "wallets (shard ASCENDING, holds_due_at ASCENDING)" in wanted.indexes
    assert [minutes_of(it) for it in ("every 5 minutes", "every 1 hours", "0 3 * * *")] == [
        *(5, 60, 1_440)
    ]


ANSWERS: dict[str, dict[str, Any]] = {
    "collectionGroups/-/indexes": {
        "indexes": [
            {
                "name": "projects/p/databases/(default)/collectionGroups/wallets/indexes/1",
                "state": "READY",
                "fields": [
                    {"fieldPath": "shard", "order": "ASCENDING"},
                    {"fieldPath": "holds_due_at", "order": "ASCENDING"},
                    {"fieldPath": "__name__", "order": "ASCENDING"},
                ],
            }
        ]
    },
    "filter=indexConfig": {
        "fields": [{"name": "x/collectionGroups/wallets/fields/state", "indexConfig": {}}]
    },
    "filter=ttlConfig": {
        "fields": [
            {
                "name": "x/collectionGroups/stripe_events/fields/expires_at",
                "ttlConfig": {"state": "ACTIVE"},
            }
        ]
    },
    "releases/cloud.firestore": {"rulesetName": "projects/p/rulesets/r"},
    "rulesets/r": {"source": {"files": [{"content": "allow nothing;"}]}},
    "cloudfunctions": {
        "functions": [
            {"name": f"projects/p/locations/l/functions/{it}", "state": "ACTIVE"}
            for it in ("plans", "sync_balances")
        ]
    },
    "cloudscheduler": {
        "jobs": [
            {
                "name": f"x/jobs/firebase-schedule-sync_balances-{REGION}",
                "state": "ENABLED",
            }
        ]
    },
    "secretmanager": {"secrets": [{"name": f"projects/1/secrets/{it}"} for it in SECRETS]},
    "defaultSupportedIdpConfigs": {"defaultSupportedIdpConfigs": []},
    "identitytoolkit": {
        "signIn": {"email": {"enabled": True}},
        "authorizedDomains": ["app.example"],
    },
    "firebaseappcheck": {"enforcementMode": "ENFORCED"},
    "databases/(default)": {"pointInTimeRecoveryEnablement": "POINT_IN_TIME_RECOVERY_ENABLED"},
}


def answer_of(url: str) -> dict[str, Any]:
    """Answer as Google does: the first address that matches, the longer ones first."""
    return next(answer for part, answer in ANSWERS.items() if part in url)


def test_reads_what_google_answers() -> None:
    """Shapes as Google's reference has them."""
    assert ask_all(answer_of, lambda _what, ask: ask()) == GOOGLE
    assert STORE.is_open is False


@pytest.mark.parametrize(
    ("google_com", "codes"),
    [
        pytest.param({"enabled": True}, [], id="switched on"),
        pytest.param({"enabled": False}, ["sign_in_missing"], id="switched off"),
        pytest.param({}, ["sign_in_missing"], id="never switched on"),
        pytest.param(None, [], id="not seen"),
    ],
)
def test_google_alone_is_a_way_to_sign_in(
    google_com: dict[str, bool] | None, codes: list[str]
) -> None:
    """Providers are listed apart from the configuration, and the list may be refused."""
    listed = "defaultSupportedIdpConfigs"

    def get(url: str) -> dict[str, Any]:
        if url.endswith(listed):
            if google_com is None:
                raise Refused("403")
            return {listed: [{"name": f"projects/p/{listed}/google.com", **google_com}]}
        if url.endswith("/config"):
            return {**answer_of(url), "signIn": {"email": {"enabled": False}}}
        return answer_of(url)

    def seen(_what: str, ask: Callable[[], Any]) -> Any:
        try:
            return ask()
        except Refused:
            return None

    found = judge(replace(SOUND, google=ask_all(get, seen)))

    assert [it.code for it in found] == codes
