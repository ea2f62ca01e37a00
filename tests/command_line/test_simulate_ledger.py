"""`creditbase simulate ledger`: a month told again at its own prices is the month as it was."""

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from command_line.simulation.ledgers import Ledger
from command_line.simulation.living import Living
from command_line.simulation.population import Population, months_of, people
from command_line.simulation.retelling import Change, Retelling
from command_line.simulation.sheet import Sheet
from command_line.simulation.shelves import Sold, read_sold
from creditbase.accounts.domain import CustomerRef
from creditbase.accounts.use_cases import HUB_PROJECT_ID
from creditbase.catalog.use_cases import load_catalog
from creditbase.kernel.instants import read
from creditbase.kernel.windows import Window
from creditbase.ledger.domain.commands import (
    Charge,
    Deduct,
    FixedAmount,
    MeteredUsage,
    PlaceHold,
    Tidy,
)
from creditbase.ledger.domain.entries import Entry
from creditbase.ledger.domain.shadow import SwitchShadow
from creditbase.ledger.paths import WalletRef
from creditbase.ledger.use_cases import run
from creditbase.metering.domain import CatalogRate
from creditbase.runtime.clock import real_now
from dev.layout import ROOT
from tests.command_line.test_commands import customer
from tests.command_line.test_simulate import DEAR, MIXED, TIERS
from tests.command_line.typed import typed
from tests.ledger.builders import BARE, CUSTOMER, DAY, NOON, Story, a_story, hold_id_of

__all__ = ["customer"]

Capsys = pytest.CaptureFixture[str]
CREDIT, CENT = 1_000_000, 10_000_000
MARCH, APRIL = (
    Window(read(f"2026-0{month}-01T00:00Z"), read(f"2026-0{month + 1}-01T00:00Z"))
    for month in (3, 4)
)
USAGE = {"requests": 1, "input_tokens": 4_000, "output_tokens": 300}


class Kept(Sheet):
    """A sheet that keeps what it reads, by customer."""

    def __init__(self, months: list[Window]) -> None:
        super().__init__(months)
        self.entries: dict[str, list[Entry]] = {}

    def read(self, entries: Iterable[Entry]) -> None:
        """Keep the entries, and count them."""
        found = list(entries)
        self.entries.setdefault(self.who, []).extend(found)
        super().read(found)


def catalog_with(tmp_path: Path, **changes: Any) -> Path:
    """Return a file of the catalog with other rows."""
    rows = json.loads((ROOT / "catalog.json").read_text())
    file = tmp_path / "other.json"
    file.write_text(json.dumps({**rows, **changes}))
    return file


@pytest.fixture(scope="module")
def sold() -> Sold:
    """Return what the catalog of the tree sells."""
    return read_sold(ROOT / "catalog.json")


@pytest.fixture(scope="module")
def lives(sold: Sold) -> dict[str, list[Entry]]:
    """Return the ledgers of customers who lived from January to March."""
    months = months_of(read("2026-12-01T00:00Z"), 3)
    sheet = Kept(months)
    population = Population.model_validate({"segments": list(MIXED)})
    for person in people(population, months, seed=4):
        Living(person, sold.seller, dict(sold.catalog.packs), sheet).live(months)
    return sheet.entries


def told(
    ledgers: Iterable[Ledger], month: Window, change: Change
) -> tuple[dict[str, int], dict[str, int], int]:
    """Return the figures of a month as it was and told again, and what could not be told."""
    was, again = Sheet([month]), Sheet([month])
    stories = [Retelling(ledger, month, change, was, again) for ledger in ledgers]
    assert sum(story.tell() for story in stories) > 0
    untold = sum(story.untold for story in stories)
    return was.close()["totals"], again.close()["totals"], untold


def ledgers_of(lives: dict[str, list[Entry]]) -> list[Ledger]:
    """Return them as ledgers."""
    return [Ledger(name, tuple(entries)) for name, entries in lives.items()]


@pytest.mark.parametrize("number", range(3))
def test_a_month_told_again_at_its_own_prices_is_that_month(
    lives: dict[str, list[Entry]], sold: Sold, number: int
) -> None:
    """Every figure, to the nano: plans, changes of plan, packs, expiries, unpaid renewals."""
    month = months_of(read("2026-12-01T00:00Z"), 3)[number]

    was, again, untold = told(ledgers_of(lives), month, Change(sold.catalog, sold.catalog))

    assert was == again
    assert was["requests"] > 0
    assert untold == 0


def test_other_plans_are_what_the_same_payments_bring(
    lives: dict[str, list[Entry]], sold: Sold, tmp_path: Path
) -> None:
    """Twice the price and twice the credits: twice the money and twice the grants."""
    rows = json.loads((ROOT / "catalog.json").read_text())
    for row in (*rows["plans"], *rows["packs"]):
        row |= {"price_cents": 2 * row["price_cents"], "credits": 2 * row["credits"]}
    twice = read_sold(catalog_with(tmp_path, **rows)).catalog
    month = months_of(read("2026-12-01T00:00Z"), 1)[0]

    was, again, _ = told(ledgers_of(lives), month, Change(sold.catalog, twice))

    assert again["revenue_nanos"] == 2 * was["revenue_nanos"] > 0
    assert again["granted_nanos"] == 2 * was["granted_nanos"] > 0
    assert again["used_nanos"] == was["used_nanos"]
    assert again["cost_nanos"] == was["cost_nanos"]


def test_dearer_calls_use_more_and_some_are_refused(
    lives: dict[str, list[Entry]], sold: Sold, tmp_path: Path
) -> None:
    """Each call is priced anew; who cannot pay it is refused, and its provider is not paid."""
    dear = read_sold(catalog_with(tmp_path, markup={"default_bps": 90_000})).catalog
    month = months_of(read("2026-12-01T00:00Z"), 2)[1]

    was, again, _ = told(ledgers_of(lives), month, Change(sold.catalog, dear))

    assert again["requests"] + again["refused"] == was["requests"]
    assert again["refused"] > 0
    assert again["cost_nanos"] < was["cost_nanos"]
    tenfold, rounded = 10 * again["cost_nanos"], 10 * again["requests"]
    assert tenfold - rounded <= again["used_nanos"] <= tenfold
    assert again["revenue_nanos"] == was["revenue_nanos"]


@pytest.fixture
def story(sold: Sold) -> Story:
    """Return two months with everything that a wallet can go through."""
    rate = CatalogRate(sold.catalog)
    story = a_story(BARE)
    story.grant("topup:a", 500 * CREDIT, "topup", paid_nanos=50 * CENT)
    story.grant("promo", 20 * CREDIT, "promo", expires_at=NOON + 9 * DAY)
    story.do(Charge("op:1", "d", MeteredUsage(USAGE, rate, "gpt-5.1")))
    over = story.wait(12 * DAY).hold(30 * CREDIT, ttl_s=86_400)
    story.capture(over, 31 * CREDIT)
    pinned = story.wait(timedelta(days=9, hours=11)).next_key()
    cost = MeteredUsage({**USAGE, "output_tokens": 9_000}, rate, "gpt-5.1")
    pinned_id = hold_id_of(pinned)
    story.do(PlaceHold(f"op:{pinned}", pinned_id, "d", cost, 86_400))
    story.wait(DAY)
    story.capture(pinned_id, MeteredUsage(USAGE, rate))
    story.void(story.hold(7 * CREDIT))
    timed_out = story.hold(9 * CREDIT, ttl_s=60)
    story.wait(DAY).tidy()
    story.capture(timed_out, 8 * CREDIT)
    accrued = story.hold(9 * CREDIT, ttl_s=60)
    story.extend(accrued, story.now + timedelta(seconds=90), FixedAmount(5 * CREDIT))
    story.wait(DAY).tidy()
    story.grant("topup:b", 100 * CREDIT, "topup", paid_nanos=10 * CENT)
    story.take_back("topup:b", 60 * CREDIT)
    story.give_back("topup:b", 10 * CREDIT, "topup")
    story.do(Deduct("audit:1", 3 * CREDIT))
    story.capture(story.hold(2 * CREDIT), 900 * CREDIT)
    story.wait(3 * DAY).do(Tidy())
    return story


@pytest.mark.parametrize("month", [MARCH, APRIL], ids=["March", "April"])
def test_holds_refunds_and_corrections_are_told_as_they_were(
    story: Story, sold: Sold, month: Window
) -> None:
    """Held over the end of the month, captured late, beyond the hold, and beyond the wallet."""
    entries = sorted(story.entries.values(), key=lambda entry: entry.seq)

    was, again, untold = told(
        [Ledger(CUSTOMER, entries)], month, Change(sold.catalog, sold.catalog)
    )

    assert was == again
    assert untold == 0
    assert was["requests"] == {MARCH: 2, APRIL: 4}[month]
    assert (was["shortfall_nanos"] > 0) == (month == APRIL)


def test_who_was_not_obeyed_is_told_as_if_it_had_been(sold: Sold) -> None:
    """Of a wallet in shadow mode: what its refusals would have come to."""
    story = a_story(BARE)
    story.grant("topup:a", 10 * CREDIT, "topup")
    story.do(SwitchShadow(is_on=True))
    story.charge(8 * CREDIT)
    story.charge(8 * CREDIT)
    story.capture(story.hold(5 * CREDIT), 5 * CREDIT)
    entries = sorted(story.entries.values(), key=lambda entry: entry.seq)

    was, again, _ = told([Ledger(CUSTOMER, entries)], MARCH, Change(sold.catalog, sold.catalog))

    assert (was["used_nanos"], was["shortfall_nanos"]) == (21 * CREDIT, 11 * CREDIT)
    assert (again["used_nanos"], again["shortfall_nanos"]) == (8 * CREDIT, 0)
    assert (was["refused"], again["refused"]) == (0, 2)


def test_limits_of_tiers_are_not_applied_again(tmp_path: Path) -> None:
    """Calls are priced by the tier's markup; what its limit covered is covered without one."""
    (tmp_path / "tiers.json").write_text(json.dumps(TIERS))
    sold = read_sold(ROOT / "catalog.json", tmp_path / "tiers.json")
    months = months_of(read("2026-12-01T00:00Z"), 2)
    sheet = Kept(months)
    row = {"name": "all", "plan": "year", "customers": 2, "requests": [{"between": [9, 9]}]}
    population = Population.model_validate({"segments": [{**row, "calls": [DEAR]}]})
    for person in people(population, months, seed=1):
        Living(person, sold.seller, {}, sheet).live(months)
    dear = replace(sold.catalog, markup=replace(sold.catalog.markup, default_bps=9_000))
    tiers = sold.seller.rate.tiers

    same = Change(sold.catalog, sold.catalog, tiers)
    was, again, _ = told(ledgers_of(sheet.entries), months[1], same)
    _, dearer, _ = told(ledgers_of(sheet.entries), months[1], Change(sold.catalog, dear, tiers))

    assert was == again
    assert was["included_nanos"] == was["used_nanos"] > 0
    assert dearer["used_nanos"] > was["used_nanos"]
    assert dearer["cost_nanos"] == was["cost_nanos"]


@pytest.mark.firestore
def test_a_project_and_its_private_exports_tell_the_same(
    customer: CustomerRef, capsys: Capsys, tmp_path: Path
) -> None:
    """Out of the store, and out of a file on another machine."""
    rate, now = CatalogRate(load_catalog(HUB_PROJECT_ID)), real_now()
    ref = WalletRef(HUB_PROJECT_ID, customer.customer_id)
    for name in ("a", "b"):
        cost = MeteredUsage(USAGE, rate, "gpt-5.1")
        run(ref, Charge(f"op:{name}{uuid4().hex}", "d", cost), now=now)
    file = tmp_path / "ledger.json"
    typed(capsys, "export", ref.customer_id, "--private", "--out", str(file))
    month = ("--month", f"{now:%Y-%m}", "--json")

    told_of_file = typed(capsys, "simulate", "ledger", str(file), *month)
    told_of_store = typed(capsys, "simulate", "ledger", *month)

    assert told_of_file.status == told_of_store.status == 0, told_of_store
    for found in (told_of_file, told_of_store):
        was, again = (run["totals"] for run in found.result["runs"])
        assert was == again
    assert told_of_file.result["runs"][0]["totals"]["requests"] == 2
    assert told_of_store.result["customers"] >= 1
    typed(capsys, "export", ref.customer_id, "--out", str(file))
    refused = typed(capsys, "simulate", "ledger", str(file), "--json")
    assert refused.answer["error"]["code"] == "NO_LEDGER"
    assert "--private" in refused.answer["error"]["fix"]


def test_what_is_no_export_is_named(tmp_path: Path, capsys: Capsys) -> None:
    """Nothing is told of half a ledger."""
    for text in ("no json", "{}", '[{"format": "another"}]', "[]"):
        (tmp_path / "x.json").write_text(text)

        found = typed(capsys, "simulate", "ledger", str(tmp_path / "x.json"), "--json")

        assert found.status == 2
        assert found.answer["error"]["code"] == "NO_LEDGER"
