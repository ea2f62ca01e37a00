"""What browsers are told of the web app: nothing inline, and who may be spoken to."""

import json
import re
from typing import Any

import pytest
import requests

from dev import firebase_project
from dev.layout import ROOT, SITE, Layout

HOSTING: dict[str, Any] = json.loads((ROOT / "firebase.json").read_text())["hosting"]
GOOGLE = re.compile(
    r"https://(www\.google\.com/recaptcha/|www\.gstatic\.com/recaptcha/|apis\.google\.com/"
    r"|(identitytoolkit|securetoken|firestore|(content-)?firebaseappcheck)\.googleapis\.com$"
    r"|\*\.firebaseapp\.com$)"
)
"""Sign-in, App Check with reCAPTCHA Enterprise, Firestore. Stripe's pages are navigated to."""


def headers_of(source: str) -> dict[str, str]:
    """Return the headers that Hosting adds under a pattern."""
    rule = next(rule for rule in HOSTING["headers"] if rule.get("source") == source)
    return {header["key"]: header["value"] for header in rule["headers"]}


def policy_of(text: str) -> dict[str, list[str]]:
    """Return what a policy allows, by directive."""
    return {name: allowed for name, *allowed in (part.split() for part in text.split(";"))}


def test_the_policy_lists_our_own_origin_and_google_alone() -> None:
    """A script that gets in has nowhere to send what it finds."""
    policy = policy_of(headers_of("**")["Content-Security-Policy"])

    allowed = {source for sources in policy.values() for source in sources}
    assert policy["default-src"] == ["'none'"]
    assert {source for source in allowed if not GOOGLE.match(source)} == {"'self'", "'none'"}


def test_nothing_is_framed_sniffed_or_sent_in_the_clear() -> None:
    """The headers that cost nothing and are asked for by every audit."""
    headers = headers_of("**")

    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert policy_of(headers["Content-Security-Policy"])["frame-ancestors"] == ["'none'"]
    assert "max-age=" in headers["Strict-Transport-Security"]
    assert {"Referrer-Policy", "Permissions-Policy", "Cross-Origin-Opener-Policy"} <= set(
        headers
    )


def test_the_page_has_nothing_inline() -> None:
    """The policy would stop it, and only in production's browsers would anybody see that."""
    page = (SITE / "index.html").read_text()

    assert re.findall(r"<script(?![^>]*\bsrc=)", page) == []
    assert re.findall(r"<style|\sstyle=|\son\w+=", page) == []
    assert re.findall(r'(?:src|href)="(?!/)', page) == []


def test_what_changes_is_asked_for_again_and_what_does_not_is_kept() -> None:
    """After a deployment the old page would ask for files that are gone."""
    kept = headers_of("/assets/**")["Cache-Control"]
    fresh = next(rule for rule in HOSTING["headers"] if "regex" in rule)

    assert "immutable" in kept
    assert fresh["headers"] == [{"key": "Cache-Control", "value": "no-cache"}]
    asked_again = ("/app", "/app/plans", "/app/billing", "/settings.json", "/theme.js")
    assert all(re.fullmatch(fresh["regex"], path) for path in asked_again)
    assert not re.fullmatch(fresh["regex"], "/billing/checkout")


def test_the_emulators_are_added_for_a_stack_alone() -> None:
    """In production no page may speak to a program on the visitor's own machine."""
    place = Layout(7)
    written = firebase_project.with_ports({"hosting": HOSTING, "emulators": EMULATORS}, place)
    rule = next(r for r in written["hosting"]["headers"] if r.get("source") == "**")
    policy = next(h for h in rule["headers"] if h["key"] == "Content-Security-Policy")["value"]

    added = set(policy.split()) - set(headers_of("**")["Content-Security-Policy"].split())
    assert added == {place.url(name) for name in ("auth", "firestore", "gateway")}
    assert "127.0.0.1" not in json.dumps(HOSTING)


EMULATORS: dict[str, Any] = {"firestore": {"port": 1, "websocketPort": 2}}


@pytest.mark.stack
@pytest.mark.parametrize("path", ["/app", "/app/plans", "/app/no-such-page", "/settings.json"])
def test_hosting_sends_the_headers_with_every_page(
    path: str, stack_env: dict[str, str]
) -> None:
    """What is written in the configuration is what a browser gets."""
    answer = requests.get(stack_env["HUB_URL"] + path, timeout=10)

    assert answer.status_code == 200
    policy = answer.headers["Content-Security-Policy"]
    assert policy_of(policy)["script-src"][0] == "'self'"
    assert {**headers_of("**"), "Content-Security-Policy": policy}.items() <= (
        dict(answer.headers).items()
    )
    assert answer.headers["Cache-Control"] == "no-cache"


@pytest.mark.stack
def test_an_address_that_is_no_page_and_no_route_is_not_found(
    stack_env: dict[str, str],
) -> None:
    """The app answers under its own folder only: a mistyped API path must not look like 200."""
    assert requests.get(f"{stack_env['HUB_URL']}/ledgers", timeout=10).status_code == 404
