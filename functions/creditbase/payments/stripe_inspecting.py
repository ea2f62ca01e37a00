"""What an operator has set up at Stripe by hand, as Stripe shows it; nothing changes it."""

from creditbase.kernel.records import dataclass
from creditbase.payments.stripe_gateway import client
from creditbase.payments.stripe_lists import PAGE_MAX, whole_list


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookEndpoint:
    """Where Stripe sends which events, in which version."""

    webhook_id: str
    url: str
    events: tuple[str, ...]
    api_version: str
    """Empty where it is the account's own."""
    is_enabled: bool


def load_webhooks() -> tuple[WebhookEndpoint, ...]:
    """Return every endpoint of the account, newest first.

    Raises:
        Unavailable: Stripe did not answer, or refused our key.
    """
    found = whole_list(client().v1.webhook_endpoints.list, {"limit": PAGE_MAX})
    return tuple(
        WebhookEndpoint(
            webhook_id=it["id"],
            url=it["url"],
            events=tuple(it["enabled_events"]),
            api_version=it["api_version"] or "",
            is_enabled=it["status"] == "enabled",
        )
        for it in found
    )
