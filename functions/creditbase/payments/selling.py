"""Bringing Stripe to sell what the catalog says: by a push, or by the first who asks for it."""

import logging
from collections.abc import Callable

from creditbase.catalog.domain import Catalog, Plan
from creditbase.catalog.use_cases import shared_cache
from creditbase.kernel.errors import Conflict, Unavailable
from creditbase.payments import stripe_offering
from creditbase.payments.offering import (
    MakePrice,
    MakeProduct,
    Offering,
    Phase,
    SetPortal,
    Step,
    decide_steps,
)
from creditbase.runtime.log import alert

TRIES_MAX = 4
"""Tries of a push. One is enough unless Stripe remembers an answer of before."""

log = logging.getLogger(__name__)


class StripeUnfinished(Unavailable):
    """Stripe does not answer, or does not do what it is asked. Pushing again goes on."""


# ---- the push --------------------------------------------------------------------------------


def compare_offering(offering: Offering) -> tuple[str, ...]:
    """Return what a push would do at Stripe, a line each, in the order of doing it.

    Raises:
        StripeUnfinished: Stripe does not answer.
    """
    try:
        steps = decide_steps(offering, stripe_offering.load_on_sale(offering))
    except Unavailable as failure:
        raise StripeUnfinished from failure
    return tuple(step.line for phase in Phase for step in steps if step.phase is phase)


def bring(offering: Offering, phase: Phase) -> None:
    """Take every step of a phase; none where there is nothing to do.

    Raises:
        StripeUnfinished: not everything is done; what was done stays.
    """
    _take_all(offering, lambda step: step.phase is phase)


def _take_all(offering: Offering, is_meant: Callable[[Step], bool]) -> None:
    """Look, act and look again, until nothing is left to do.

    Looking again is what makes it sure: under a key of before, Stripe may answer what was,
    and do nothing. The next try has another key.
    """
    try:
        for tries in range(TRIES_MAX + 1):
            on_sale = stripe_offering.load_on_sale(offering)
            steps = [step for step in decide_steps(offering, on_sale) if is_meant(step)]
            if not steps:
                return
            if tries < TRIES_MAX:
                _take(steps, try_number=tries + 1)
    except Unavailable as failure:
        raise StripeUnfinished from failure
    alert("catalog_not_pushed", "Stripe does not take what it is told to sell")
    raise StripeUnfinished


def _take(steps: list[Step], *, try_number: int) -> None:
    for step in steps:
        if isinstance(step, SetPortal) and not step.is_ready:
            continue  # a price that it names is being made: the next look shows it
        try:
            stripe_offering.take(step, try_number=try_number)
        except Conflict:
            return  # Stripe remembers something: look what is there
        log.info("stripe was changed", extra={"step": step.line})


# ---- whoever asks first ----------------------------------------------------------------------


def ensure_price(catalog: Catalog, plan: Plan) -> str:
    """Return the price that a plan is sold by; made now where nothing was ever pushed.

    Raises:
        Unavailable: Stripe does not answer, or sells the plan for another amount: somebody is
            pushing. This process then reads the catalog again at once.
    """
    offering = Offering.of(catalog.project_id, catalog.currency, [plan])
    product_id = offering.product_id(plan)
    found = offering.price_of(plan, stripe_offering.load_prices(product_id, is_active=True))
    if found is None:
        _take_all(offering, _is_first_price)
        found = offering.price_of(plan, stripe_offering.load_prices(product_id, is_active=True))
    if found is None:
        alert("catalog_not_pushed", "catalog and Stripe differ", plan=plan.code)
        shared_cache().forget()
        raise Unavailable
    return found.price_id


def ensure_portal(catalog: Catalog) -> str:
    """Return the configuration of a project's portal; made now where nothing was ever pushed.

    Raises:
        Unavailable: Stripe does not answer.
    """
    found = stripe_offering.load_portals(catalog.project_id)
    if not found:
        offering = Offering.of(catalog.project_id, catalog.currency, catalog.plans.values())
        _take_all(offering, _is_first_portal)
        found = stripe_offering.load_portals(catalog.project_id)
    if not found:
        alert("catalog_not_pushed", "there is no portal at Stripe")
        raise Unavailable
    return found[0].configuration_id


def _is_first_price(step: Step) -> bool:
    """Return whether a step makes what never was, so that it needs no review."""
    return isinstance(step, MakeProduct) or (
        isinstance(step, MakePrice) and step.before is None
    )


def _is_first_portal(step: Step) -> bool:
    is_portal = isinstance(step, SetPortal) and step.portal is None
    return is_portal or _is_first_price(step)
