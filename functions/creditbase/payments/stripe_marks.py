"""What is written on prices that others made at Stripe, so that they are for plans of ours."""

from typing import Any

from creditbase.kernel.records import dataclass
from creditbase.payments.stripe_billing import load_marked_price, made_for
from creditbase.payments.stripe_gateway import ask, client


@dataclass(frozen=True, slots=True)
class ForeignPrice:
    """A price that others made, as Stripe has it now."""

    made_for: tuple[str, str]
    """Whose it is and for which plan; empty where it is unmarked."""
    every: str
    """How often it is paid, `month` or `3 week`; empty where it is paid once."""


def load_foreign_price(price_id: str) -> ForeignPrice:
    """Return a price that others made.

    Raises:
        NotFound: there is no such price.
    """
    answered = ask(lambda: client().v1.prices.retrieve(price_id))
    rhythm = answered["recurring"]
    every = ""
    if rhythm is not None:
        count = rhythm["interval_count"]
        every = rhythm["interval"] if count == 1 else f"{count} {rhythm['interval']}"
    return ForeignPrice(made_for(answered), every)


def mark_price(price_id: str, *, project_id: str, plan_code: str) -> None:
    """Let a price that others made be for a plan of ours, from now on."""
    params: Any = {"metadata": {"project": project_id, "plan": plan_code}}
    options: Any = {"idempotency_key": f"mark:{price_id}:{project_id}:{plan_code}"}
    ask(lambda: client().v1.prices.update(price_id, params=params, options=options))
    load_marked_price.cache_clear()
