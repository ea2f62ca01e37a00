"""Rules about Stripe: the webhook, what is sold there, and the clock that signatures need."""

from collections.abc import Iterator

from command_line.doctor.facts import Facts, Finding, StripeFacts, Webhook

SKEW_S_MAX = 60
"""Stripe's signatures are refused at 300 seconds."""
EVERY_EVENT = "*"


def webhook(facts: Facts) -> Iterator[Finding]:
    """One endpoint, enabled, of our version, with every event that we act on."""
    stripe = facts.stripe
    if stripe is None or not facts.webhook_url:
        return
    ours = [it for it in stripe.webhooks if it.url == facts.webhook_url]
    if not ours:
        yield from _no_webhook(facts, stripe)
        return
    if len(ours) > 1:
        names = ", ".join(it.webhook_id for it in ours)
        yield Finding(
            code="webhook_twice",
            severity="warning",
            message=f"Stripe sends every event to {facts.webhook_url} more than once: {names}",
            fix=f"stripe webhook_endpoints delete {ours[-1].webhook_id}",
        )
    yield from _of_one(facts, ours[0])


def _no_webhook(facts: Facts, stripe: StripeFacts) -> Iterator[Finding]:
    near = [it for it in stripe.webhooks if it.url.rstrip("/").endswith("webhook")]
    events = " ".join(f"-d 'enabled_events[]={it}'" for it in sorted(facts.wanted.events))
    if near:
        yield Finding(
            code="webhook_address",
            severity="error",
            message=f"Stripe sends its events to {near[0].url}, not to {facts.webhook_url}",
            fix=f"stripe webhook_endpoints update {near[0].webhook_id} "
            f"-d url={facts.webhook_url}",
        )
        return
    yield Finding(
        code="webhook_missing",
        severity="error",
        message=f"Stripe sends no events to {facts.webhook_url}: no payment arrives",
        fix=f"stripe webhook_endpoints create -d url={facts.webhook_url} "
        f"-d api_version={facts.wanted.api_version} {events}",
    )


def _of_one(facts: Facts, it: Webhook) -> Iterator[Finding]:
    if not it.is_enabled:
        yield Finding(
            code="webhook_disabled",
            severity="error",
            message=f"the webhook {it.webhook_id} is switched off: no payment arrives",
            fix=f"stripe webhook_endpoints update {it.webhook_id} -d disabled=false",
        )
    missing = facts.wanted.events - it.events
    if missing and EVERY_EVENT not in it.events:
        events = " ".join(f"-d 'enabled_events[]={it}'" for it in sorted(facts.wanted.events))
        for event in sorted(missing):
            yield Finding(
                code="webhook_event_missing",
                severity="error",
                message=f"the webhook {it.webhook_id} is not sent {event}",
                fix=f"stripe webhook_endpoints update {it.webhook_id} {events}",
            )
    # The local Stripe knows one version only, and its own endpoint names none.
    if it.api_version != facts.wanted.api_version and (it.api_version or not facts.is_emulated):
        found = it.api_version or "the account's own"
        yield Finding(
            code="webhook_api_version",
            severity="error",
            message=f"the webhook {it.webhook_id} speaks version {found}, "
            f"not {facts.wanted.api_version}",
            fix="a version is fixed when an endpoint is made: "
            f"stripe webhook_endpoints delete {it.webhook_id}, then run this again",
        )


def drift(facts: Facts) -> Iterator[Finding]:
    """What Stripe sells is what the reviewed catalog says, the portal included."""
    if facts.stripe is None:
        return
    for line in facts.stripe.sale_differences or ():
        is_portal = "portal" in line.lower()
        yield Finding(
            code="portal_drift" if is_portal else "price_drift",
            severity="error",
            message=f"Stripe and the catalog differ: {line}",
            fix="creditbase catalog push",
        )
    if facts.stripe.portals > 1:
        yield Finding(
            code="portal_twice",
            severity="warning",
            message=f"there are {facts.stripe.portals} portal configurations of this project",
            fix="creditbase catalog push",
        )


def clock(facts: Facts) -> Iterator[Finding]:
    """A clock that is wrong refuses signatures and tokens that are right."""
    if facts.skew_s is not None and abs(facts.skew_s) > SKEW_S_MAX:
        side = "ahead of" if facts.skew_s > 0 else "behind"
        yield Finding(
            code="clock_skew",
            severity="error",
            message=f"this machine's clock is {abs(facts.skew_s)} s {side} Stripe's",
            fix="sudo timedatectl set-ntp true",
        )


RULES = (webhook, drift, clock)
