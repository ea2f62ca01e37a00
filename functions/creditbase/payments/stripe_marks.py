"""What is written on prices that others made at Stripe, so that they are for plans of ours."""

from typing import Any

from creditbase.payments.stripe_billing import load_marked_price, made_for
from creditbase.payments.stripe_gateway import ask, client


def load_mark(price_id: str) -> tuple[str, str]:
    """Return whose a price is and for which plan, as Stripe has it now; empty where unmarked.

    Raises:
        NotFound: there is no such price.
    """
    return made_for(ask(lambda: client().v1.prices.retrieve(price_id)))


def mark_price(price_id: str, *, project_id: str, plan_code: str) -> None:
    """Let a price that others made be for a plan of ours, from now on."""
    params: Any = {"metadata": {"project": project_id, "plan": plan_code}}
    options: Any = {"idempotency_key": f"mark:{price_id}:{project_id}:{plan_code}"}
    ask(lambda: client().v1.prices.update(price_id, params=params, options=options))
    load_marked_price.cache_clear()
