"""The rows of the relay's dialect, grouped by who serves them.

A group is in `SERVED` once the function behind it is exported and its routes are described
(`main.py`, `firebase.json`, `docs/openapi.yaml`); until then its rows are agreed and nothing
more. Source: relay-api.md 5 and 6, metering-api.md.
"""

from creditbase.runtime.routes import (
    CUSTOMER_TOKEN,
    METERED,
    OWNER,
    PROMPT,
    SECRET_KEY,
    SMALL,
    Credential,
    DoorName,
    RateClass,
    Route,
)

KEY_OR_TOKEN = SECRET_KEY | CUSTOMER_TOKEN
KEY_OR_OWNER = SECRET_KEY | OWNER
PAYERS = SECRET_KEY | CUSTOMER_TOKEN | {Credential.FIREBASE, Credential.API_KEY}
"""Everybody whose model calls somebody pays for."""


def _row(
    function: str,
    method: str,
    path: str,
    credentials: frozenset[Credential] = SECRET_KEY,
    *,
    body_bytes_max: int = SMALL,
    rate_class: RateClass = RateClass.RELAY,
    takes_rest: bool = False,
    holds_prompt: bool = False,
) -> Route:
    return Route(
        function=function,
        method=method,
        path=f"/api/v1{path}",
        door=DoorName.RELAY,
        credentials=credentials,
        body_bytes_max=body_bytes_max,
        rate_class=rate_class,
        takes_rest=takes_rest,
        holds_prompt=holds_prompt,
    )


def _meter(method: str, path: str) -> Route:
    return _row("meter", method, path, body_bytes_max=METERED, rate_class=RateClass.METERING)


def _gateway(path: str) -> Route:
    return _row(
        "gateway",
        "POST",
        path,
        PAYERS,
        body_bytes_max=PROMPT,
        rate_class=RateClass.METERING,
        holds_prompt=True,
    )


def _wallet(
    function: str, customer: str, credentials: frozenset[Credential]
) -> tuple[Route, ...]:
    """Return the rows of a customer's wallet: its back end and itself may do the same."""
    return (
        _row(function, "GET", f"{customer}/balance", credentials),
        _row(function, "GET", f"{customer}/balance/history", credentials),
        _row(function, "GET", f"{customer}/ledger", credentials),
        _row(function, "POST", f"{customer}/topup", credentials),
        _row(function, "GET", f"{customer}/auto-topup", credentials),
        _row(function, "PUT", f"{customer}/auto-topup", credentials),
    )


# ---- back ends, with a secret key ----------------------------------------------------------

TOKENS = (_row("auth_customer_token", "POST", "/auth/customer-token"),)

CUSTOMERS = (
    _row("customers", "GET", "/customers"),
    _row("customers", "POST", "/customers", body_bytes_max=METERED),
    _row("customers", "PUT", "/customers", body_bytes_max=METERED),
    _row("customers", "POST", "/customers/claim"),
    _row("customers", "GET", "/customers/by-external-id/{external_id}", takes_rest=True),
    _row("customers", "GET", "/customers/{customer_id}"),
    _row("customers", "DELETE", "/customers/{customer_id}"),
    _row("customers", "GET", "/customers/{customer_id}/export"),
)
CUSTOMER_SUBSCRIPTIONS = (
    _row("customers", "POST", "/customers/{customer_id}/subscribe"),
    _row("customers", "GET", "/customers/{customer_id}/subscription"),
    _row("customers", "DELETE", "/customers/{customer_id}/subscription"),
)
CUSTOMER_WALLETS = _wallet("customers", "/customers/{customer_id}", SECRET_KEY)
ACCOUNT = (
    _row("account", "GET", "/account/balance"),
    _row("account", "POST", "/account/topup"),
    _row("account", "GET", "/llm/usage"),
)
METER = (
    _meter("POST", "/charges"),
    _meter("POST", "/holds"),
    _meter("GET", "/holds/{hold_id}"),
    _meter("POST", "/holds/{hold_id}/capture"),
    _meter("POST", "/holds/{hold_id}/void"),
    _meter("POST", "/holds/{hold_id}/extend"),
)
QUOTES = (
    _row(
        "meter",
        "POST",
        "/quotes",
        KEY_OR_TOKEN,
        body_bytes_max=METERED,
        rate_class=RateClass.METERING,
    ),
)

# ---- the customers themselves, with a customer token ---------------------------------------

ME = (
    _row("customers_me", "GET", "/customers/me", CUSTOMER_TOKEN),
    _row("customers_me", "GET", "/customers/me/subscription", CUSTOMER_TOKEN),
    _row("customers_me", "GET", "/customers/me/usage", CUSTOMER_TOKEN),
    *_wallet("customers_me", "/customers/me", CUSTOMER_TOKEN),
)
ME_SUBSCRIBING = (
    _row("customers_me", "POST", "/customers/me/checkout", CUSTOMER_TOKEN),
    _row("customers_me", "POST", "/customers/me/change-tier", CUSTOMER_TOKEN),
)

# ---- tiers: back ends and customers read them, owners write them ---------------------------

TIERS = (
    _row("tiers", "GET", "/tiers", KEY_OR_TOKEN),
    _row("tiers", "GET", "/tiers/{tier_id}", KEY_OR_TOKEN),
    _row("tiers", "GET", "/projects/{project_id}/tiers", KEY_OR_OWNER),
    _row("tiers", "POST", "/projects/{project_id}/tiers", OWNER, body_bytes_max=METERED),
    _row("tiers", "GET", "/projects/{project_id}/tiers/{tier_id}", KEY_OR_OWNER),
    _row(
        "tiers",
        "PUT",
        "/projects/{project_id}/tiers/{tier_id}",
        OWNER,
        body_bytes_max=METERED,
    ),
    _row("tiers", "DELETE", "/projects/{project_id}/tiers/{tier_id}", OWNER),
)
TIER_CHECKOUT = (_row("tiers", "POST", "/tiers/{tier_id}/checkout"),)

# ---- owners, signed in to the web app ------------------------------------------------------

PROJECTS = (
    _row("projects", "GET", "/projects", OWNER),
    _row("projects", "POST", "/projects", OWNER),
    _row("projects", "GET", "/projects/{project_id}", OWNER),
    _row("projects", "PUT", "/projects/{project_id}", OWNER),
    _row("projects", "DELETE", "/projects/{project_id}", OWNER),
    _row("projects", "GET", "/projects/{project_id}/customers", OWNER),
    _row(
        "projects",
        "POST",
        "/projects/{project_id}/customers",
        OWNER,
        body_bytes_max=METERED,
    ),
    _row("projects", "DELETE", "/projects/{project_id}/customers/{customer_id}", OWNER),
    _row("projects", "GET", "/projects/{project_id}/keys", OWNER),
    _row("projects", "POST", "/projects/{project_id}/keys", OWNER),
    _row("projects", "DELETE", "/projects/{project_id}/keys/{key_id}", OWNER),
)
WEBHOOKS = (
    _row("project_webhooks", "GET", "/projects/{project_id}/webhooks", OWNER),
    _row("project_webhooks", "POST", "/projects/{project_id}/webhooks", OWNER),
    _row("project_webhooks", "GET", "/projects/{project_id}/webhooks/{webhook_id}", OWNER),
    _row("project_webhooks", "PUT", "/projects/{project_id}/webhooks/{webhook_id}", OWNER),
    _row("project_webhooks", "DELETE", "/projects/{project_id}/webhooks/{webhook_id}", OWNER),
    _row(
        "project_webhooks",
        "GET",
        "/projects/{project_id}/webhooks/{webhook_id}/events",
        OWNER,
    ),
    _row(
        "project_webhooks",
        "POST",
        "/projects/{project_id}/webhooks/{webhook_id}/test",
        OWNER,
    ),
)

# ---- model calls ---------------------------------------------------------------------------

GATEWAY = (_gateway("/responses"), _gateway("/chat/completions"))

SERVED: tuple[tuple[Route, ...], ...] = (
    METER,
    QUOTES,
    TOKENS,
    GATEWAY,
    WEBHOOKS,
    TIERS,
    TIER_CHECKOUT,
    CUSTOMERS,
    CUSTOMER_WALLETS,
    ACCOUNT,
    ME,
    ME_SUBSCRIBING,
    CUSTOMER_SUBSCRIPTIONS,
    PROJECTS,
)
"""The groups that are exported; whoever serves another adds it here."""
