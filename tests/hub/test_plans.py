"""`GET /plans`: what a pricing table shows is what Checkout will ask for."""

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from creditbase.accounts.use_cases import HUB_PROJECT_ID, ensure_project
from creditbase.catalog.use_cases import push_catalog, shared_cache
from creditbase.hub.plans import plans
from creditbase.runtime import firestore
from creditbase.runtime.settings import settings
from tests.relay.desk import CATALOG, NOON
from tests.runtime.contract import conforms
from tests.runtime.signing import Signer
from tests.runtime.wiring import client_of
from tests.wire import Wire
from tests.wired import _session_wire, wire

__all__ = ["_session_wire", "wire"]
pytestmark = pytest.mark.firestore


@pytest.fixture
def shop(wire: Wire, signer: Signer) -> Iterator[FlaskClient]:
    """Return a client of the function, in a hub that sells plans."""
    assert signer
    ensure_project("hub", now=NOON)
    push_catalog(HUB_PROJECT_ID, CATALOG)
    shared_cache().forget()
    wire.reset()
    yield client_of(plans)
    shared_cache().forget()


def test_every_plan_and_pack_is_shown_with_its_price(shop: FlaskClient, signer: Signer) -> None:
    """The figures of the specification, the cheapest first."""
    answer = shop.get("/plans", headers=signer.headers("ada"))

    conforms("GET /plans", answer)
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert answer.json is not None
    assert answer.json["currency"] == "usd"
    shown = {
        kind: [(it["code"], it["price_cents"], it["credits"]) for it in answer.json[kind]]
        for kind in ("plans", "packs")
    }
    assert shown == {
        "plans": [("free", 0, 500), ("guru", 1_000, 10_000), ("pro", 5_000, 55_000)],
        "packs": [
            ("small", 500, 5_000),
            ("medium", 2_500, 27_500),
            ("large", 10_000, 120_000),
        ],
    }


def test_the_days_of_trial_are_shown(
    shop: FlaskClient, signer: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of the settings, where the catalog names none; the free plan has nothing to try."""
    headers = signer.headers("ada")
    usual = shop.get("/plans", headers=headers).json
    monkeypatch.setenv("CREDITBASE_TRIAL_DAYS", "14")
    settings.cache_clear()

    answer = shop.get("/plans", headers=headers)

    settings.cache_clear()
    conforms("GET /plans", answer)
    assert usual is not None
    assert {plan["trial_days"] for plan in usual["plans"]} == {0}
    assert answer.json is not None
    shown = {plan["code"]: plan["trial_days"] for plan in answer.json["plans"]}
    assert shown == {"free": 0, "guru": 14, "pro": 14}


def test_a_callable_shows_the_same(shop: FlaskClient, signer: Signer) -> None:
    """`httpsCallable(functions, "plans")()`."""
    headers = signer.headers("ada")

    called = shop.post("/", headers=headers, json={"data": None})

    assert called.json == {"result": shop.get("/plans", headers=headers).json}


def test_looking_makes_nothing_and_is_read_once_a_minute(
    shop: FlaskClient, signer: Signer, wire: Wire
) -> None:
    """A pricing table is open to everybody who signs in; it must cost next to nothing."""
    shop.get("/plans", headers=signer.headers("never-seen"))
    assert wire.counts[2] == 0
    wire.reset()

    shop.get("/plans", headers=signer.headers("never-seen"))

    assert wire.counts == (0, 0, 0)
    assert not firestore.get_all(["users/never-seen"])[0].exists


def test_nobody_is_shown_anything_unproved(shop: FlaskClient) -> None:
    """The hub's browser endpoints take both tokens, and no key."""
    for headers in ({}, {"X-Api-Key": "inf_x"}):
        answer = shop.get("/plans", headers=headers)

        conforms("GET /plans", answer)
        assert answer.status_code == 401


def test_a_hub_that_sells_nothing_yet_says_so(
    wire: Wire, signer: Signer, project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the first `catalog push` there is no price to show, and no bug to hide."""
    monkeypatch.setattr("creditbase.hub.plans.HUB_PROJECT_ID", "no-such-project")

    answer = client_of(plans).get("/plans", headers=signer.headers("ada"))

    conforms("GET /plans", answer)
    assert answer.status_code == 404


def test_a_plan_that_is_no_longer_sold_is_not_shown(shop: FlaskClient, signer: Signer) -> None:
    """Whoever is on it has it; a pricing table must not offer what Checkout refuses."""
    rows = [row.model_copy(update={"is_sold": row.code != "guru"}) for row in CATALOG.plans]
    push_catalog(HUB_PROJECT_ID, CATALOG.model_copy(update={"plans": rows}))
    shared_cache().forget()

    answer = shop.get("/plans", headers=signer.headers("ada"))

    push_catalog(HUB_PROJECT_ID, CATALOG)
    assert answer.json is not None
    assert [plan["code"] for plan in answer.json["plans"]] == ["free", "pro"]
