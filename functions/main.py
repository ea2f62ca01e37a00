"""Export table: every deployed Cloud Function and the module that holds it.

Firebase looks functions up by name in this module. A room is imported only when one of its
functions is asked for, so an instance loads what it serves; discovery at deploy time asks
for every name and so still sees everything.
"""

from importlib import import_module
from typing import Any

from creditbase.runtime import emulator, garbage

emulator.prepare()

EXPORTS = {
    "account": "creditbase.relay.account",
    "admin_audit": "creditbase.hub.admin_audit",
    "admin_customer_economics": "creditbase.hub.admin_analytics",
    "admin_customers": "creditbase.hub.admin_customers",
    "admin_export": "creditbase.hub.admin_analytics",
    "admin_model_economics": "creditbase.hub.admin_analytics",
    "admin_usage": "creditbase.hub.admin_analytics",
    "admin_health": "creditbase.hub.admin_health",
    "admin_payments": "creditbase.hub.admin_payments",
    "admin_vouchers": "creditbase.hub.admin_vouchers",
    "admin_webhooks": "creditbase.hub.admin_webhooks",
    "anchor_ledger": "creditbase.jobs.anchors_schedule",
    "anchors": "creditbase.hub.anchors",
    "answer_crossings": "creditbase.jobs.stripe_schedules",
    "api_keys": "creditbase.hub.api_keys",
    "auth_customer_token": "creditbase.relay.tokens",
    "billing_redeem": "creditbase.hub.redeem",
    "billing_sync_balance": "creditbase.hub.usage",
    "billing_checkout": "creditbase.hub.billing",
    "billing_portal": "creditbase.hub.billing",
    "billing_topup": "creditbase.hub.billing",
    "billing_webhook": "creditbase.payments.webhook",
    "deliver_webhooks": "creditbase.jobs.webhook_schedule",
    "customers": "creditbase.relay.customers",
    "customers_me": "creditbase.relay.me",
    "deliver_outbox": "creditbase.jobs.outbox_schedule",
    "drain_inbox": "creditbase.jobs.stripe_schedules",
    "erase_customers": "creditbase.jobs.stripe_schedules",
    "expire_holds": "creditbase.jobs.schedules",
    "gateway": "creditbase.relay.gateway.endpoints",
    "ledger": "creditbase.hub.ledger",
    "me": "creditbase.hub.me",
    "meter": "creditbase.relay.meter",
    "models": "creditbase.hub.models",
    "project_webhooks": "creditbase.relay.webhooks",
    "plans": "creditbase.hub.plans",
    "projects": "creditbase.relay.projects",
    "reconcile_stripe": "creditbase.jobs.stripe_schedules",
    "reset_cycles": "creditbase.jobs.schedules",
    "roll_up_usage": "creditbase.jobs.rollup_schedule",
    "sync_balances": "creditbase.jobs.schedules",
    "tiers": "creditbase.relay.tiers",
    "usage_days": "creditbase.hub.usage_days",
    "usage_me": "creditbase.hub.usage",
    "verify_ledger": "creditbase.jobs.verify_schedule",
}


def __getattr__(name: str) -> Any:
    if name not in EXPORTS:
        raise AttributeError(name)
    with garbage.loading():
        module = import_module(EXPORTS[name])
    return getattr(module, name)


def __dir__() -> list[str]:
    return sorted(EXPORTS)
