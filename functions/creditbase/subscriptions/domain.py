"""Subscriptions, decided: what a catalog's plan means to the ledger. Pure."""

from creditbase.catalog.domain import Plan
from creditbase.ledger.domain.wallet import Terms

FREE_PLAN = "free"
"""The plan that everybody is on who has no other."""


def free_terms(plan: Plan) -> Terms:
    """Return the terms of the free plan: its credits each month since account creation."""
    return Terms(plan.code, window="free", allocation_nanos=plan.amount_nanos)
