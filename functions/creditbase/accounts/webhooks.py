"""A project's webhooks, decided: where events are told, and how what is sent is signed.

Pure. A webhook has one signing secret, and for a day a second one while it is being rotated:
what is sent meanwhile is signed with both.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from creditbase.kernel.records import dataclass
from creditbase.kernel.trying import TRIED_FOR

WEBHOOKS_MAX = 10
SECRET_PREFIX = "whsec_"  # noqa: S105 - the public beginning, not a secret
SECRET_BYTES = 32
OLD_SECRET_FOR = timedelta(days=1)
"""How long the old secret signs beside the new one."""
RESTS_FOR = timedelta(minutes=5)
GIVEN_UP = "it took nothing for three days"

EVENT_TYPES = (
    "customer.created",
    "customer.updated",
    "customer.deleted",
    "usage.threshold_exceeded",
    "request.completed",
    "billing.subscription_changed",
    "billing.balance_low",
)


@dataclass(frozen=True, slots=True)
class SigningSecret:
    """A secret, `whsec_` and base64. `expires_at` None: it is the one that holds."""

    secret: str
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """Where events of some types go. `disabled_for` says why it was switched off, if we did."""

    webhook_id: str
    project_id: str
    endpoint_url: str
    events: tuple[str, ...]
    secrets: tuple[SigningSecret, ...]
    created_at: datetime
    updated_at: datetime
    is_enabled: bool = True
    disabled_for: str = ""
    failing_since: datetime | None = None
    """The first run since which it has taken nothing that it was sent."""
    rests_until: datetime | None = None
    """Until when nothing is sent to it, because it did not answer, or refused all."""

    @property
    def secret(self) -> str:
        """Return the secret that holds."""
        return self.secrets[0].secret

    def signing_secrets(self, now: datetime) -> tuple[str, ...]:
        """Return every secret that signs now, the newest first."""
        return tuple(
            each.secret
            for each in self.secrets
            if each.expires_at is None or now < each.expires_at
        )

    def wants(self, event_type: str) -> bool:
        """Return whether it is to be told of events of this type."""
        return self.is_enabled and event_type in self.events


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What an owner wants changed; None: as it is. `new_secret` rotates."""

    endpoint_url: str | None = None
    events: tuple[str, ...] | None = None
    is_enabled: bool | None = None
    new_secret: str | None = None


def changed(webhook: Webhook, wishes: Wishes, *, now: datetime) -> Webhook:
    """Return the webhook as its owner wants it. Switched on again, it has no blemish."""
    is_enabled = webhook.is_enabled if wishes.is_enabled is None else wishes.is_enabled
    secrets = webhook.secrets
    if wishes.new_secret not in {None, webhook.secret}:
        assert wishes.new_secret is not None
        old = SigningSecret(webhook.secret, now + OLD_SECRET_FOR)
        secrets = (SigningSecret(wishes.new_secret), old)
    return replace(
        webhook,
        endpoint_url=wishes.endpoint_url or webhook.endpoint_url,
        events=webhook.events if wishes.events is None else wishes.events,
        is_enabled=is_enabled,
        disabled_for="" if is_enabled else webhook.disabled_for,
        secrets=secrets,
        updated_at=now,
        failing_since=None,
        rests_until=None,
    )


def given_up(webhook: Webhook, reason: str, *, now: datetime) -> Webhook:
    """Return the webhook switched off, with the reason where it was on."""
    if not webhook.is_enabled:
        return webhook
    return replace(webhook, is_enabled=False, disabled_for=reason, updated_at=now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fared:
    """How a webhook fared in a run; closed: it did not answer, or refused again and again."""

    has_taken: bool
    has_refused: bool
    is_closed: bool


def after_run(webhook: Webhook, fared: Fared, *, now: datetime) -> Webhook:
    """Return the webhook as a run found it; switched off where it took nothing for days.

    That is as long as one delivery is tried. One that refuses some events and takes others
    is well.
    """
    since = webhook.failing_since
    if fared.has_taken:
        since = None
    elif fared.has_refused and since is None:
        since = now
    if fared.has_refused and since is not None and now - since >= TRIED_FOR:
        webhook = given_up(webhook, GIVEN_UP, now=now)
    rests_until = now + RESTS_FOR if fared.is_closed else None
    return replace(webhook, failing_since=since, rests_until=rests_until)


def in_order(events: Iterable[str]) -> tuple[str, ...]:
    """Return the types once each, in the order in which they are documented."""
    wanted = set(events)
    return tuple(event for event in EVENT_TYPES if event in wanted)
