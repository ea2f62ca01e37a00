"""Customers, products and prices: made, changed, deleted, and told of."""

from decimal import Decimal
from typing import Any

import pytest
import stripe

from tests.stripe_local.conftest import Local
from tests.stripe_local.lives import DAY_S, count_events, since, subscriber


def test_a_customer_can_be_changed_and_the_event_tells_what_was(local: Local) -> None:
    """`previous_attributes` names just what changed; an empty value deletes a key."""
    v1 = local.client.v1
    customer = v1.customers.create(
        {"email": "ada@example.com", "metadata": {"uid": "u1", "plan": "free"}}
    )

    v1.customers.update(
        customer.id,
        {"name": "Ada", "metadata": {"plan": "", "team": "t1"}, "address": {"city": "Paris"}},
    )

    changed = v1.customers.retrieve(customer.id)
    event = v1.events.list({"type": "customer.updated"}).data[0]
    previous: Any = event.data.previous_attributes
    assert changed.metadata is not None
    assert changed.metadata.to_dict() == {"uid": "u1", "team": "t1"}
    assert changed.address is not None
    assert (changed.address.city, changed.address.country) == ("Paris", None)
    assert previous.to_dict() == {
        "address": None,
        "name": None,
        "metadata": {"plan": "free", "team": None},
    }


def test_everything_a_customer_can_be_given_is_kept(local: Local) -> None:
    """And has Stripe's shape, which is checked when this test is over."""
    v1 = local.client.v1
    customer = v1.customers.create(
        {
            "preferred_locales": ["fr", "en"],
            "tax_exempt": "exempt",
            "individual_name": "Ada Lovelace",
            "business_name": "Engines Ltd",
            "phone": "+33 1 00 00 00 00",
            "description": "first",
            "shipping": {"name": "Ada", "address": {"city": "Paris", "country": "FR"}},
        }
    )

    assert customer.preferred_locales == ["fr", "en"]
    assert customer.tax_exempt == "exempt"
    assert customer.shipping is not None
    assert customer.shipping.address is not None
    assert (customer.shipping.address.city, customer.shipping.phone) == ("Paris", None)

    cleared = v1.customers.update(
        customer.id,
        {"preferred_locales": ["de"], "tax_exempt": "", "shipping": "", "business_name": ""},
    )

    assert (cleared.preferred_locales, cleared.tax_exempt) == (["de"], "none")
    assert cleared.shipping is None
    assert "business_name" not in cleared
    assert cleared.individual_name == "Ada Lovelace"


def test_everything_a_product_can_be_given_is_kept(local: Local) -> None:
    """As above."""
    v1 = local.client.v1
    product = v1.products.create(
        {
            "name": "Credits",
            "description": "25,000 of them",
            "images": ["https://creditbase.example/credits.png"],
            "marketing_features": [{"name": "never expire"}],
            "metadata": {"pack": "large"},
            "shippable": False,
            "statement_descriptor": "CREDITBASE",
            "unit_label": "pack",
            "url": "https://creditbase.example",
        }
    )

    changed = v1.products.update(
        product.id, {"metadata": {"pack": ""}, "description": "", "images": "", "active": False}
    )

    assert [feature.name for feature in product.marketing_features] == ["never expire"]
    assert (changed.metadata.to_dict(), changed.description, changed.images) == ({}, None, [])
    assert (changed.active, changed.unit_label) == (False, "pack")


def test_a_change_that_changes_nothing_makes_no_event(local: Local) -> None:
    """Else the product would be told of nothing, again and again."""
    v1 = local.client.v1
    customer = v1.customers.create({"name": "Ada"})
    product = v1.products.create({"name": "Hat"})

    v1.customers.update(customer.id, {"name": "Ada"})
    v1.products.update(product.id, {"name": "Hat"})

    assert local.event_types() == ["customer.created", "product.created"]


def test_a_product_is_deleted_as_long_as_it_has_no_price(local: Local) -> None:
    """What was ever for sale stays, inactive, for whoever bought it."""
    v1 = local.client.v1
    never_sold, sold = v1.products.create({"name": "Hat"}), v1.products.create({"name": "Cap"})
    v1.prices.create({"currency": "usd", "unit_amount": 100, "product": sold.id})

    assert v1.products.delete(never_sold.id).deleted is True

    assert [product.id for product in v1.products.list().data] == [sold.id]
    assert local.event_types()[-1] == "product.deleted"
    with pytest.raises(stripe.InvalidRequestError, match="has one or more"):
        v1.products.delete(sold.id)


def test_a_customer_who_leaves_ends_everything(local: Local) -> None:
    """Subscriptions end with an event each, and nothing is collected from nobody."""
    ada = subscriber(local)
    ada.check_out()
    v1 = local.client.v1
    v1.invoice_items.create({"customer": ada.customer_id, "amount": 500, "currency": "usd"})
    v1.invoices.create(
        {
            "customer": ada.customer_id,
            "auto_advance": True,
            "pending_invoice_items_behavior": "include",
        }
    )
    before = count_events(local)

    v1.customers.delete(ada.customer_id)
    ada.live(90 * DAY_S)

    assert since(local, before) == [
        "customer.subscription.deleted",
        "invoice.updated",
        "customer.deleted",
    ]
    assert ada.subscription().status == "canceled"
    ended = v1.subscriptions.list({"customer": ada.customer_id, "status": "ended"}).data
    assert [each.id for each in ended] == [ada.subscription().id]
    assert v1.subscriptions.list({"customer": ada.customer_id}).data == []


def test_what_is_noted_on_cards_charges_and_disputes_can_change(local: Local) -> None:
    """With an event each; what was taken, and by whom, stays."""
    ada = subscriber(local)
    ada.check_out()
    v1 = local.client.v1
    [card] = v1.customers.payment_methods.list(ada.customer_id).data
    [charge] = v1.charges.list({"customer": ada.customer_id}).data
    dispute = local.sim("POST", "/disputes", {"charge": charge.id})
    before = count_events(local)

    later = v1.payment_methods.update(card.id, {"card": {"exp_year": 2098}})
    noted = v1.charges.update(charge.id, {"description": "credits", "metadata": {"a": "b"}})
    v1.disputes.update(dispute["id"], {"metadata": {"a": "b"}})

    assert later.card is not None
    assert (later.card.exp_year, noted.description, noted.amount) == (2098, "credits", 2_000)
    assert since(local, before) == [
        "payment_method.updated",
        "charge.updated",
        "charge.dispute.updated",
    ]


def test_a_deleted_customer_leaves_a_stub_and_cannot_be_used(local: Local) -> None:
    """The product may still hold its id."""
    v1 = local.client.v1
    customer = v1.customers.create({"name": "Ada"})

    v1.customers.delete(customer.id)

    assert v1.customers.retrieve(customer.id).deleted is True
    assert v1.customers.list().data == []
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        v1.customers.update(customer.id, {"name": "Grace"})
    assert refusal.value.http_status == 404
    with pytest.raises(stripe.InvalidRequestError):
        local.sell(customer=customer.id)
    event: Any = v1.events.list({"type": "customer.deleted"}).data[0]
    assert event.data.object.name == "Ada"


def test_metadata_keeps_to_stripes_limits(local: Local) -> None:
    """What is too long here is too long in production."""
    for metadata in ({"k" * 41: "v"}, {"k": "v" * 501}, {f"k{n}": "v" for n in range(51)}):
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            local.client.v1.customers.create({"metadata": metadata})
        assert refusal.value.param == "metadata"
    longest = {"k" * 40: "v" * 500} | {f"k{n}": "v" for n in range(49)}
    assert local.client.v1.customers.create({"metadata": longest}).id


def test_all_metadata_goes_at_once_with_an_empty_value(local: Local) -> None:
    """As Stripe documents it."""
    customer = local.client.v1.customers.create({"metadata": {"a": "1"}})

    changed = local.client.v1.customers.update(customer.id, {"metadata": ""})

    assert changed.metadata is not None
    assert changed.metadata.to_dict() == {}


def test_a_product_has_the_id_it_was_given_once(local: Local) -> None:
    """A catalog that names its products can be pushed twice."""
    product = local.client.v1.products.create({"name": "Hat", "id": "hat"})

    assert product.id == "hat"
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        local.client.v1.products.create({"name": "Hat", "id": "hat"})
    assert refusal.value.code == "resource_already_exists"


def test_a_price_knows_its_amount_exactly(local: Local) -> None:
    """A fraction of a cent has no whole amount, and loses no digit."""
    v1 = local.client.v1
    hat = v1.products.create({"name": "Hat"})

    whole = v1.prices.create({"currency": "USD", "product": hat.id, "unit_amount": 1500})
    fine = v1.prices.create(
        {"currency": "usd", "product": hat.id, "unit_amount_decimal": Decimal("0.125")}
    )
    monthly = v1.prices.create(
        {
            "currency": "usd",
            "product_data": {"name": "Plan"},
            "unit_amount": 900,
            "recurring": {"interval": "month"},
        }
    )

    assert (whole.unit_amount, whole.unit_amount_decimal) == (1500, Decimal(1500))
    assert whole.currency == "usd"
    assert (fine.unit_amount, fine.unit_amount_decimal) == (None, Decimal("0.125"))
    assert monthly.recurring is not None
    assert (monthly.type, monthly.recurring.interval_count) == ("recurring", 1)


@pytest.mark.parametrize(
    ("form", "param"),
    [
        ({"unit_amount": "5"}, "product"),
        ({"product": "prod_none", "unit_amount": "5"}, "product"),
        ({"product_data[name]": "Hat"}, "unit_amount"),
        ({"product_data[name]": "Hat", "unit_amount": "-1"}, "unit_amount"),
        ({"product_data[name]": "Hat", "unit_amount": "5", "currency": "dollars"}, "currency"),
        (
            {"product_data[name]": "Hat", "unit_amount": "5", "unit_amount_decimal": "5"},
            "unit_amount",
        ),
        ({"product_data[name]": "Hat", "unit_amount": "5", "product": "p"}, "product"),
        (
            {"product_data[name]": "Hat", "unit_amount": "5", "billing_scheme": "tiered"},
            "billing_scheme",
        ),
    ],
)
def test_a_price_that_cannot_be_makes_nothing(
    local: Local, form: dict[str, str], param: str
) -> None:
    """Not even the product that it would have come with."""
    refused = local.call("POST", "/v1/prices", {"currency": "usd"} | form)

    assert refused.status_code == 400
    assert refused.json()["error"]["param"] == param
    assert local.event_types() == []


def test_a_lookup_key_names_one_price_and_can_move(local: Local) -> None:
    """How a catalog replaces a price: prices themselves never change."""
    v1 = local.client.v1
    old = v1.prices.create(
        {
            "currency": "usd",
            "product_data": {"name": "Plan"},
            "unit_amount": 900,
            "lookup_key": "plan",
        }
    )
    assert isinstance(old.product, str)
    new: stripe.params.PriceCreateParams = {
        "currency": "usd",
        "product": old.product,
        "unit_amount": 1200,
        "lookup_key": "plan",
    }

    with pytest.raises(stripe.InvalidRequestError, match="already uses that lookup key"):
        v1.prices.create(new)
    taken = v1.prices.create({**new, "transfer_lookup_key": True})
    v1.prices.update(old.id, {"active": False})

    assert [price.id for price in v1.prices.list({"lookup_keys": ["plan"]})] == [taken.id]
    assert v1.prices.retrieve(old.id).lookup_key is None
    assert local.event_types().count("price.updated") == 2


def test_a_default_price_must_exist(local: Local) -> None:
    """The product page would otherwise point to nothing."""
    v1 = local.client.v1
    product = v1.products.create({"name": "Hat"})
    price = v1.prices.create({"currency": "usd", "product": product.id, "unit_amount": 5})

    assert v1.products.update(product.id, {"default_price": price.id}).default_price == price.id
    with pytest.raises(stripe.InvalidRequestError):
        v1.products.update(product.id, {"default_price": "price_none"})
