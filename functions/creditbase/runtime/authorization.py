"""Who may call what: the one table. A function without its row does not start.

Each row is a route: the Cloud Function that serves it, its method and path, the door whose
error table it answers with, the credentials it takes, the largest body that a valid request
can have, and the class of its rate limit. Tests hold `main.py`, `firebase.json` and
`docs/openapi.yaml` to this table, each way.
"""

from creditbase.runtime.relay_routes import SERVED
from creditbase.runtime.routes import (
    ADMIN,
    EVENT,
    FIREBASE,
    KEY_OR_FIREBASE,
    NOBODY,
    SIGNATURE,
    SMALL,
    Credential,
    DoorName,
    RateClass,
    Route,
)


def _hub(
    function: str,
    method: str,
    path: str,
    credentials: frozenset[Credential],
    *,
    rate_class: RateClass = RateClass.USER,
    consumes_app_check: bool = False,
) -> Route:
    return Route(
        function=function,
        method=method,
        path=path,
        door=DoorName.HUB,
        credentials=credentials,
        body_bytes_max=SMALL,
        rate_class=rate_class,
        consumes_app_check=consumes_app_check,
    )


def _admin(function: str, method: str, path: str) -> Route:
    return _hub(function, method, path, ADMIN, rate_class=RateClass.ADMIN)


ROUTES: tuple[Route, ...] = (
    _hub("usage_me", "GET", "/usage/me", KEY_OR_FIREBASE),
    _hub("usage_days", "GET", "/usage/days", KEY_OR_FIREBASE),
    _hub("ledger", "GET", "/ledger", KEY_OR_FIREBASE),
    _hub("ledger", "GET", "/ledger/{entry_id}", KEY_OR_FIREBASE),
    _hub("ledger", "GET", "/ledger/export", KEY_OR_FIREBASE),
    _hub("anchors", "GET", "/anchors", NOBODY, rate_class=RateClass.PUBLIC),
    _hub("anchors", "GET", "/anchors/{date}", NOBODY, rate_class=RateClass.PUBLIC),
    _hub("models", "GET", "/models", KEY_OR_FIREBASE),
    _hub("plans", "GET", "/plans", FIREBASE),
    _hub("billing_checkout", "POST", "/billing/checkout", FIREBASE, consumes_app_check=True),
    _hub("billing_topup", "POST", "/billing/topup", FIREBASE, consumes_app_check=True),
    _hub("billing_portal", "POST", "/billing/portal", FIREBASE, consumes_app_check=True),
    _hub("billing_redeem", "POST", "/billing/redeem", FIREBASE, consumes_app_check=True),
    _hub(
        "billing_sync_balance",
        "POST",
        "/billing/sync-balance",
        KEY_OR_FIREBASE,
        rate_class=RateClass.SYNC,
    ),
    Route(
        function="billing_webhook",
        method="POST",
        path="/billing/webhook",
        door=DoorName.WEBHOOK,
        credentials=SIGNATURE,
        body_bytes_max=EVENT,
        rate_class=RateClass.NONE,
    ),
    _hub("api_keys", "POST", "/api-keys", FIREBASE, consumes_app_check=True),
    _hub("api_keys", "GET", "/api-keys", FIREBASE),
    _hub("api_keys", "DELETE", "/api-keys/{key_id}", FIREBASE),
    _hub("me", "DELETE", "/me", FIREBASE, consumes_app_check=True),
    _hub("me", "GET", "/me/export", FIREBASE, consumes_app_check=True),
    _admin("admin_customers", "GET", "/admin/customers"),
    _admin("admin_customers", "GET", "/admin/customers/{customer_id}"),
    _admin("admin_customers", "GET", "/admin/customers/{customer_id}/ledger"),
    _admin(
        "admin_customers", "GET", "/admin/customers/{customer_id}/ledger/{entry_id}/explain"
    ),
    *(
        _admin("admin_customers", "POST", f"/admin/customers/{{customer_id}}/{action}")
        for action in ("adjust", "grant", "freeze", "thaw", "shadow", "refund", "plan", "erase")
    ),
    _admin("admin_customers", "GET", "/admin/customers/{customer_id}/export"),
    _admin("admin_customers", "GET", "/admin/customers/{customer_id}/shadow"),
    _admin("admin_customers", "GET", "/admin/customers/shadow"),
    _admin("admin_customers", "POST", "/admin/customers/shadow"),
    _admin("admin_vouchers", "POST", "/admin/vouchers"),
    _admin("admin_vouchers", "POST", "/admin/vouchers/disable"),
    _admin("admin_audit", "GET", "/admin/audit"),
    _admin("admin_usage", "GET", "/admin/usage"),
    _admin("admin_model_economics", "GET", "/admin/model-economics"),
    _admin("admin_customer_economics", "GET", "/admin/customer-economics"),
    _admin("admin_export", "GET", "/admin/export"),
    _admin("admin_payments", "GET", "/admin/payments"),
    _admin("admin_webhooks", "GET", "/admin/webhooks"),
    _admin("admin_webhooks", "GET", "/admin/webhooks/deliveries"),
    _admin("admin_webhooks", "POST", "/admin/webhooks/{event_id}/retry"),
    _admin("admin_health", "GET", "/admin/health"),
    *(route for group in SERVED for route in group),
)


def routes_of(function: str) -> tuple[Route, ...]:
    """Return the rows of a function.

    Raises:
        LookupError: it has none, so nobody has said who may call it.
    """
    found = tuple(route for route in ROUTES if route.function == function)
    if not found:
        raise LookupError(f"{function} has no row in runtime/authorization.py")
    return found
