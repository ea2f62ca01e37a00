"""What a project sells at Stripe: read whole, and changed step by step.

Every POST's idempotency key is made of the step and of what it starts from, so repeating a
push after a kill or a lost reply makes nothing twice.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from creditbase.kernel.errors import NotFound
from creditbase.payments.offering import (
    ArchivePrice,
    ChangeProduct,
    MakePrice,
    MakeProduct,
    Offering,
    OnSale,
    Portal,
    Price,
    Product,
    RetirePortal,
    SetPortal,
    Step,
    features_of,
    name_of,
)
from creditbase.payments.stripe_gateway import ask, client

PAGE = 100
PORTAL_PRODUCTS = "data.features.subscription_update.products"
"""Stripe shows the plans of a portal only to whom asks for them."""


def load_on_sale(offering: Offering) -> OnSale:
    """Return all that Stripe has of a project's plans and portal.

    Raises:
        Unavailable: Stripe did not answer.
    """
    ids = {offering.product_id(plan): plan.code for plan in offering.plans}
    wanted: Any = {"ids": list(ids)}
    rows = _every(client().v1.products.list, wanted) if ids else iter(())
    return OnSale(
        products={ids[row["id"]]: _product(row) for row in rows},
        prices={code: load_prices(product_id) for product_id, code in ids.items()},
        portals=load_portals(offering.project_id),
    )


def load_prices(product_id: str, *, is_active: bool | None = None) -> tuple[Price, ...]:
    """Return the prices of a product, newest first; none where there is no such product.

    Raises:
        Unavailable: Stripe did not answer.
    """
    wanted: Any = {"product": product_id}
    if is_active is not None:
        wanted["active"] = is_active
    try:
        return tuple(_price(row) for row in _every(client().v1.prices.list, wanted))
    except NotFound:
        return ()


def load_portals(project_id: str) -> tuple[Portal, ...]:
    """Return a project's configurations of the portal that are in use, the oldest first.

    Raises:
        Unavailable: Stripe did not answer.
    """
    wanted: Any = {"active": True, "expand": [PORTAL_PRODUCTS]}
    rows = [
        row
        for row in _every(client().v1.billing_portal.configurations.list, wanted)
        if (row.get("metadata") or {}).get("project") == project_id
    ]
    return tuple(
        Portal(configuration_id=row["id"], features=row["features"], revision=row["updated"])
        for row in reversed(rows)
    )


def _every(
    list_page: Callable[..., Any], wanted: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    after: dict[str, Any] = {}
    while True:
        params = {**wanted, "limit": PAGE, **after}
        page = ask(lambda: list_page(params=params))  # noqa: B023 - called at once
        yield from page["data"]
        if not page["has_more"]:
            return
        after = {"starting_after": page["data"][-1]["id"]}


def _product(row: Mapping[str, Any]) -> Product:
    return Product(
        product_id=row["id"],
        name=row["name"] or "",
        is_active=row["active"],
        revision=row["updated"],
    )


def _price(row: Mapping[str, Any]) -> Price:
    rhythm = row["recurring"] or {}
    metadata = row["metadata"] or {}
    return Price(
        price_id=row["id"],
        amount_cents=row["unit_amount"] if row["unit_amount"] is not None else -1,
        currency=row["currency"],
        is_monthly=(rhythm.get("interval"), rhythm.get("interval_count")) == ("month", 1),
        is_active=row["active"],
        lookup_key=row["lookup_key"] or "",
        made_for=(metadata.get("project", ""), metadata.get("plan", "")),
    )


# ---- the steps -------------------------------------------------------------------------------


def take(step: Step, *, try_number: int) -> None:
    """Take one step. A second try is another request to Stripe, the same try is not.

    Raises:
        Conflict: Stripe remembers another request, or a failure, for this try.
        Unavailable: Stripe did not answer; whether it was done shows by looking.
    """
    options: Any = {"idempotency_key": f"{step.key}#{try_number}"}
    ask(lambda: _request(step, options))


def _request(step: Step, options: Any) -> Any:
    v1 = client().v1
    params: Any
    match step:
        case MakeProduct():
            project_id, plan_code = step.made_for
            params = {
                "id": step.product_id,
                "name": name_of(step.plan),
                "metadata": {"project": project_id, "plan": plan_code},
            }
            return v1.products.create(params=params, options=options)
        case ChangeProduct():
            params = {"name": step.name, "active": step.is_active}
            return v1.products.update(step.product.product_id, params=params, options=options)
        case MakePrice():
            return v1.prices.create(params=_new_price(step), options=options)
        case ArchivePrice():
            params = {"active": False}
            return v1.prices.update(step.price.price_id, params=params, options=options)
        case SetPortal():
            return _set_portal(step, options)
        case RetirePortal():
            params = {"active": False}
            return v1.billing_portal.configurations.update(
                step.portal.configuration_id, params=params, options=options
            )


def _new_price(step: MakePrice) -> Any:
    project_id, plan_code = step.made_for
    return {
        "product": step.product_id,
        "currency": step.currency,
        "unit_amount": step.plan.price_cents,
        "recurring": {"interval": "month"},
        "lookup_key": step.lookup_key,
        "transfer_lookup_key": True,
        "metadata": {"project": project_id, "plan": plan_code},
    }


def _set_portal(step: SetPortal, options: Any) -> Any:
    configurations = client().v1.billing_portal.configurations
    params: Any = {"features": features_of(step.offers)}
    if step.portal is None:
        params |= {"name": "Creditbase", "metadata": {"project": step.project_id}}
        return configurations.create(params=params, options=options)
    return configurations.update(step.portal.configuration_id, params=params, options=options)
