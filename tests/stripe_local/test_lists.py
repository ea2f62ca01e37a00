"""Lists and expansion, through the real client."""

import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st

from stripe_local.wire.paging import page_of
from tests.stripe_local.conftest import Local


def test_a_list_comes_newest_first_in_pages(local: Local) -> None:
    """The reconciler walks through them; it must neither miss nor repeat."""
    made = [local.client.v1.customers.create({"name": f"n{n}"}).id for n in range(5)]

    first = local.client.v1.customers.list({"limit": 2})
    second = local.client.v1.customers.list({"limit": 2, "starting_after": first.data[1].id})
    last = local.client.v1.customers.list({"limit": 2, "starting_after": second.data[1].id})
    back = local.client.v1.customers.list({"limit": 2, "ending_before": last.data[0].id})

    assert [c.id for page in (first, second, last) for c in page.data] == made[::-1]
    assert [page.has_more for page in (first, second, last)] == [True, True, False]
    assert [c.id for c in back.data] == [c.id for c in second.data]
    assert back.has_more
    everyone = local.client.v1.customers.list({"limit": 2}).auto_paging_iter()
    assert [customer.id for customer in everyone] == made[::-1]


@given(st.integers(0, 30), st.integers(1, 7), st.booleans())
def test_pages_together_are_the_whole_list(count: int, limit: int, is_backward: bool) -> None:
    """In either direction, and for every size of page."""
    rows = [{"id": str(n)} for n in range(count)]
    found: list[str] = []
    cursor: dict[str, str] = {"ending_before": "end"} if is_backward else {}
    page = page_of(
        [*rows, {"id": "end"}] if is_backward else rows, {"limit": limit} | cursor, ""
    )
    while True:
        ids = [row["id"] for row in page["data"]]
        found = ids + found if is_backward else found + ids
        if not page["has_more"]:
            break
        cursor = {"ending_before": ids[0]} if is_backward else {"starting_after": ids[-1]}
        page = page_of(rows, {"limit": limit} | cursor, "")

    assert found == [row["id"] for row in rows]


@pytest.mark.parametrize(
    "form",
    [
        {"limit": "0"},
        {"limit": "101"},
        {"starting_after": "cus_none"},
        {"starting_after": "cus_1", "ending_before": "cus_2"},
    ],
)
def test_impossible_pages_are_refused(local: Local, form: dict[str, str]) -> None:
    """A wrong cursor must not read as the end of the list."""
    assert local.call("GET", "/v1/customers", form).status_code == 400


def test_lists_filter_as_asked(local: Local) -> None:
    """What the product looks for by these filters is all that it finds."""
    v1 = local.client.v1
    hat = v1.products.create({"name": "Hat"})
    old = v1.products.create({"name": "Old", "active": False})
    cheap = v1.prices.create(
        {"product": hat.id, "currency": "usd", "unit_amount": 5, "lookup_key": "cheap"}
    )
    v1.prices.create({"product": old.id, "currency": "eur", "unit_amount": 5, "active": False})
    ada = v1.customers.create({"email": "ada@example.com"})
    v1.customers.create({"email": "Ada@example.com"})

    assert [c.id for c in v1.customers.list({"email": "ada@example.com"})] == [ada.id]
    assert [p.id for p in v1.products.list({"active": True})] == [hat.id]
    assert [p.id for p in v1.products.list({"ids": [old.id]})] == [old.id]
    assert [p.id for p in v1.prices.list({"lookup_keys": ["cheap", "none"]})] == [cheap.id]
    assert [p.id for p in v1.prices.list({"product": hat.id})] == [cheap.id]
    assert [p.id for p in v1.prices.list({"active": True, "currency": "usd"})] == [cheap.id]
    assert v1.prices.list({"type": "recurring"}).data == []


def test_the_created_filter_knows_its_bounds(local: Local) -> None:
    """`gte` and `lte` include the second they name, `gt` and `lt` do not."""
    created = local.client.v1.customers.create({}).created

    def count(bounds: dict[str, int] | int) -> int:
        form = (
            {"created": bounds}
            if isinstance(bounds, int)
            else {f"created[{name}]": second for name, second in bounds.items()}
        )
        return len(local.call("GET", "/v1/customers", form).json()["data"])

    assert [count({name: created}) for name in ("gte", "lte", "gt", "lt")] == [1, 1, 0, 0]
    assert count({"gt": created - 1, "lt": created + 1}) == 1
    assert [count(created), count(created - 1)] == [1, 0]


def test_ids_are_replaced_by_objects_when_asked(local: Local) -> None:
    """One call instead of four; `data.` reaches into lists, down to four levels."""
    customer = local.client.v1.customers.create({"name": "Ada"})
    session = local.sell(customer=customer.id)
    local.pay(session.id)

    sessions = local.client.v1.checkout.sessions.list(
        {
            "expand": [
                "data.customer",
                "data.line_items",
                "data.payment_intent.latest_charge.payment_intent.payment_method",
                "data.line_items.data.price.product",
            ]
        }
    )

    found = sessions.data[0]
    assert isinstance(found.customer, stripe.Customer)
    assert found.customer.name == "Ada"
    assert isinstance(found.payment_intent, stripe.PaymentIntent)
    assert isinstance(found.payment_intent.latest_charge, stripe.Charge)
    deepest = found.payment_intent.latest_charge.payment_intent
    assert isinstance(deepest, stripe.PaymentIntent)
    assert isinstance(deepest.payment_method, stripe.PaymentMethod)
    assert found.line_items is not None
    price = found.line_items.data[0].price
    assert price is not None
    assert isinstance(price.product, stripe.Product)
    assert price.product.name == "25,000 credits"
    # and what is kept was not changed by showing it
    assert local.client.v1.checkout.sessions.retrieve(session.id).customer == customer.id


def test_expansion_ends_after_four_levels(local: Local) -> None:
    """Stripe refuses a fifth, although there would be something to show."""
    session = local.sell()
    local.pay(session.id)
    path = f"/v1/checkout/sessions/{session.id}"
    four = "payment_intent.latest_charge.payment_intent.latest_charge"

    allowed = local.call("GET", path, {"expand[]": four})
    refused = local.call("GET", path, {"expand[]": f"{four}.payment_intent"})

    assert allowed.status_code == 200
    assert refused.status_code == 400
    assert "more than 4 levels" in refused.json()["error"]["message"]


def test_null_and_deleted_things_expand_to_what_they_are(local: Local) -> None:
    """A guest has no customer; a deleted one is a stub."""
    gone = local.client.v1.customers.create({})
    session = local.sell(customer=gone.id)
    local.client.v1.customers.delete(gone.id)

    expand: dict[str, list[str]] = {"expand": ["customer", "payment_intent", "subscription"]}
    path = f"/v1/checkout/sessions/{session.id}"
    shown = local.call("GET", path, {"expand[]": expand["expand"]}).json()

    assert shown["customer"] == {"id": gone.id, "object": "customer", "deleted": True}
    assert shown["payment_intent"] is None
    assert shown["subscription"] is None
    assert "line_items" not in shown


@pytest.mark.parametrize(
    "path", ["email", "data", "customer", "data.email", "data.line_items", "a.b.c.d.e.f"]
)
def test_what_cannot_be_expanded_is_refused(local: Local, path: str) -> None:
    """A path that leads nowhere is a typing error of the caller."""
    local.client.v1.customers.create({})

    refused = local.call("GET", "/v1/customers", {"expand[]": path})

    assert refused.status_code == 400
    assert refused.json()["error"]["param"] == "expand"
