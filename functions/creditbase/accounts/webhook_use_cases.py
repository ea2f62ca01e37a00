"""What is done with webhooks: keep them, sign and send to them, give up on those that fail."""

import base64
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from creditbase.accounts import webhook_store as store
from creditbase.accounts.webhooks import (
    SECRET_BYTES,
    SECRET_PREFIX,
    WEBHOOKS_MAX,
    SigningSecret,
    Webhook,
    Wishes,
    changed,
)
from creditbase.kernel.errors import Conflict, NotFound
from creditbase.runtime import outward
from creditbase.runtime.clock import real_now
from creditbase.runtime.commit import Attempt, commit_or_retry
from creditbase.runtime.outward import Answered

GONE = 410
"""What a receiver answers that wants no more, ever."""


def mint_secret(random_bytes: bytes) -> str:
    """Return a signing secret in the form of Standard Webhooks."""
    assert len(random_bytes) == SECRET_BYTES
    return SECRET_PREFIX + base64.b64encode(random_bytes).decode()


def create_webhook(
    project_id: str,
    *,
    webhook_id: str,
    endpoint_url: str,
    events: tuple[str, ...],
    is_enabled: bool,
    secret: str,
    now: datetime,
) -> Webhook:
    """Make a webhook. Two makers at once may exceed the bound by one.

    Raises:
        Conflict: the project has ten already.
    """

    def attempt() -> Attempt[Webhook]:
        there = {webhook.webhook_id: webhook for webhook in store.find_webhooks(project_id)}
        if webhook_id in there:
            return Attempt(there[webhook_id], ())  # our own write whose reply was lost
        if len(there) >= WEBHOOKS_MAX:
            raise Conflict(f"A project has at most {WEBHOOKS_MAX} webhooks")
        webhook = Webhook(
            webhook_id=webhook_id,
            project_id=project_id,
            endpoint_url=endpoint_url,
            events=events,
            secrets=(SigningSecret(secret),),
            created_at=now,
            updated_at=now,
            is_enabled=is_enabled,
        )
        return Attempt(webhook, [store.write_for_new_webhook(webhook)])

    return commit_or_retry(attempt)


def find_webhook(project_id: str, webhook_id: str) -> Webhook:
    """Return a webhook of the project.

    Raises:
        NotFound: it has no such webhook.
    """
    return _kept(project_id, webhook_id).webhook


def change_webhook(
    project_id: str, webhook_id: str, wishes: Wishes, *, now: datetime
) -> Webhook:
    """Change a webhook as its owner wants.

    Raises:
        NotFound: the project has no such webhook.
    """

    def attempt() -> Attempt[Webhook]:
        kept = _kept(project_id, webhook_id)
        after = changed(kept.webhook, wishes, now=now)
        return Attempt(after, [store.write_for_change(kept, after)])

    return commit_or_retry(attempt)


def remove_webhook(project_id: str, webhook_id: str) -> None:
    """Take a webhook away.

    Raises:
        NotFound: the project has no such webhook.
    """
    _kept(project_id, webhook_id)
    commit_or_retry(lambda: Attempt(None, [store.write_for_removal(project_id, webhook_id)]))


def note(webhook: Webhook, judge: Callable[[Webhook], Webhook]) -> bool:
    """Write down what became of a webhook; return whether that switched it off.

    Nothing of one that its owner has changed since it was read, or taken away.
    """

    def attempt() -> Attempt[bool]:
        kept = store.find_webhook(webhook.project_id, webhook.webhook_id)
        if kept is None or kept.webhook.updated_at != webhook.updated_at:
            return Attempt(False, ())
        after = judge(kept.webhook)
        if after == kept.webhook:
            return Attempt(False, ())
        is_switched_off = kept.webhook.is_enabled and not after.is_enabled
        return Attempt(is_switched_off, [store.write_for_change(kept, after)])

    return commit_or_retry(attempt)


def send(webhook: Webhook, event_id: str, body: str, *, deadline_s: float = 10.0) -> Answered:
    """Sign a body with every secret that holds, and post it.

    Real time signs: a receiver refuses what is older than minutes.

    Raises:
        Unreachable: there was no answer, or the address is not one that we send to.
    """
    headers = signed_headers(webhook, event_id, body, now=real_now())
    return outward.post(webhook.endpoint_url, body.encode(), headers, deadline_s=deadline_s)


def signed_headers(
    webhook: Webhook, event_id: str, body: str, *, now: datetime
) -> Mapping[str, str]:
    """Return the headers of Standard Webhooks: id, time, and a signature for each secret."""
    from standardwebhooks import Webhook as Signer  # noqa: PLC0415 - only senders load it

    signatures: list[Any] = [
        Signer(secret).sign(msg_id=event_id, timestamp=now, data=body)
        for secret in webhook.signing_secrets(now)
    ]
    return {
        "content-type": "application/json",
        "user-agent": "Creditbase-Webhooks/1",
        "webhook-id": event_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def _kept(project_id: str, webhook_id: str) -> store.KeptWebhook:
    kept = store.find_webhook(project_id, webhook_id)
    if kept is None:
        raise NotFound("Webhook not found")
    return kept
