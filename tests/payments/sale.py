"""A project with a catalog, and what Stripe sells of it."""

import json
import uuid
from dataclasses import dataclass
from typing import Any

import pytest

from creditbase.accounts.use_cases import ensure_project
from creditbase.admin.use_cases import compare_sale, push_sale
from creditbase.catalog.domain import Catalog
from creditbase.catalog.models import CatalogFile, parse_catalog
from creditbase.catalog.use_cases import (
    read_catalog_now,
)
from creditbase.runtime.clock import real_now
from dev.layout import ROOT
from tests.payments.shop import Resource, Shop
from tests.wire import Wire


def file_with(**plans: dict[str, Any]) -> CatalogFile:
    """Return the catalog's file with some fields of plans changed."""
    values = json.loads((ROOT / "catalog.json").read_text(encoding="utf-8"))
    for row in values["plans"]:
        row.update(plans.get(row["code"], {}))
    return parse_catalog(json.dumps(values))


RULES = "up at once with proration, down and out at the period's end, cards and invoices"
FILE = file_with()
DEARER = file_with(guru={"price_cents": 1_200, "credits": 12_500})
GONE = file_with(guru={"is_sold": False})


@dataclass(frozen=True)
class Sale:
    """A project, and what Stripe has of it."""

    project_id: str
    shop: Shop

    def push(self, file: CatalogFile = FILE) -> None:
        """Push a file."""
        push_sale(self.project_id, file, at_stripe=True)

    def compare(self, file: CatalogFile = FILE) -> tuple[str, ...]:
        """Return what a push would change."""
        return compare_sale(self.project_id, file, at_stripe=True)

    def catalog(self) -> Catalog:
        """Return what the store says is sold."""
        return read_catalog_now(self.project_id)

    def product(self, plan: str) -> Resource:
        """Return a plan's product."""
        return self.shop.get(f"/products/creditbase-{self.project_id}-{plan}")

    def prices(self, plan: str) -> list[Resource]:
        """Return all prices of a plan, newest first."""
        found: list[Resource] = self.shop.get("/prices", product=self.product(plan)["id"])[
            "data"
        ]
        return found

    def portals(self) -> list[Resource]:
        """Return the project's configurations of the portal that are in use."""
        path = "data.features.subscription_update.products"
        found = self.shop.get(
            "/billing_portal/configurations", active="true", **{"expand[]": path}
        )
        return [it for it in found["data"] if it["metadata"]["project"] == self.project_id]

    def offered(self) -> list[tuple[str, str]]:
        """Return the products and prices that the portal lets people choose."""
        (portal,) = self.portals()
        rows = portal["features"]["subscription_update"].get("products", [])
        return [(row["product"], price) for row in rows for price in row["prices"]]

    def changes(self) -> list[str]:
        """Return the type of everything that ever happened at Stripe."""
        kinds = ("product", "price", "billing_portal.configuration")
        return [
            event["type"]
            for kind in kinds
            for what in ("created", "updated")
            for event in self.shop.events(f"{kind}.{what}")
        ]

    def picture(self) -> list[object]:
        """Return what is sold, without ids and traces of how it came about."""
        shown: list[object] = [
            (
                code,
                self.product(code)["name"],
                self.product(code)["active"],
                [
                    (it["unit_amount"], it["lookup_key"])
                    for it in self.prices(code)
                    if it["active"]
                ],
            )
            for code in ("guru", "pro")
        ]
        amounts = {
            it["id"]: it["unit_amount"] for it in self.prices("guru") + self.prices("pro")
        }
        return [*shown, [amounts[price_id] for _, price_id in self.offered()]]


@pytest.fixture
def sale(wire: Wire, shop: Shop) -> Sale:
    """Return a new project at an empty Stripe; nothing was pushed."""
    assert wire
    project = ensure_project(f"p{uuid.uuid4().hex[:12]}", now=real_now())
    return Sale(project.project_id, shop)
