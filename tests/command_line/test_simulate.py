"""`creditbase simulate people`: whole numbers, the same for the same seed, and they add up."""

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup

from creditbase.catalog.domain import Usage, price_usage
from creditbase.catalog.domain.rates import PriceList
from creditbase.catalog.models import read_catalog
from creditbase.kernel.instants import read
from dev.layout import ROOT
from tests.command_line.typed import Typed, typed

Run = Callable[..., Typed]
Fields = Mapping[str, Any]
CREDIT, CENT = 1_000_000, 10_000_000
CALL = {
    "model": "gpt-5-mini",
    "usage": {"input_tokens": [100, 9000], "output_tokens": [1, 900]},
}
DEAR = {"model": "gpt-5.1", "usage": {"input_tokens": [99_000, 99_000]}}
BASE = {"name": "all", "customers": 3, "requests": [{"between": [0, 9]}], "calls": [CALL]}
MIXED = (
    {**BASE, "name": "free", "moves_to": "guru", "moves_bps": 4_000, "leaves_bps": 1_500},
    {**BASE, "name": "paid", "plan": "guru", "fails_bps": 3_000, "moves_to": "pro"}
    | {"moves_bps": 3_000, "joins": 1, "buys": "small", "buys_bps": 9_000, "calls": [DEAR]}
    | {"requests": [{"between": [10, 90]}]},
)
TIER = {"tier_code": "pro", "display_name": "Pro", "spend_limit_cents": 20}
TIERS = (
    {**TIER, "tier_code": "free", "models": [{"model_id": "gpt-5-mini"}]},
    {**TIER, "price_amount_cents": 900, "models": [{"model_id": "gpt-5.1"}]},
    {**TIER, "tier_code": "year", "price_amount_cents": 9_000, "price_interval": "year"}
    | {"models": [{"model_id": "gpt-5.1"}], "spend_limit_cents": 0},
)


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return what simulates segments and reads the answer."""

    def simulate(*segments: Fields, months: int = 3, words: tuple[str, ...] = ()) -> Typed:
        file = tmp_path / "population.json"
        file.write_text(json.dumps({"segments": segments}))
        given = ("--population", str(file), "--months", str(months), "--starts", "2027-01")
        return typed(capsys, "simulate", "people", *given, "--json", *words)

    return simulate


def months_of(found: Typed, number: int = 0) -> list[dict[str, int]]:
    """Return the months of a run."""
    months: list[dict[str, int]] = found.result["runs"][number]["months"]
    return months


def totals(found: Typed, number: int = 0) -> dict[str, int]:
    """Return the figures of a whole run."""
    whole: dict[str, int] = found.result["runs"][number]["totals"]
    return whole


def written(tmp_path: Path, name: str, rows: object) -> str:
    """Write a file of JSON and return its path."""
    (tmp_path / name).write_text(json.dumps(rows))
    return str(tmp_path / name)


def test_a_plan_that_nobody_uses_is_what_it_costs(run: Run) -> None:
    """Known by heart: three bills, the credits of each month, and those of the first day."""
    found = run({**BASE, "customers": 1, "plan": "guru", "requests": [{"between": [0, 0]}]})

    figures = [
        (it["revenue_nanos"], it["granted_nanos"], it["outstanding_nanos"])
        for it in months_of(found)
    ]
    assert found.status == 0, found
    assert figures[0] == (1_000 * CENT, 10_500 * CREDIT, 10_000 * CREDIT)
    assert figures[1] == figures[2] == (1_000 * CENT, 10_000 * CREDIT, 10_000 * CREDIT)
    assert totals(found)["expired_nanos"] == 20_500 * CREDIT
    assert totals(found)["margin_nanos"] == 3_000 * CENT


def test_a_call_costs_what_the_product_charges(run: Run) -> None:
    """One call of a known size, priced by the catalog's own function."""
    found = run({**BASE, "customers": 1, "requests": [{"between": [1, 1]}], "calls": [DEAR]})

    offer = read_catalog(ROOT / "catalog.json").to_offer("hub")
    usage = Usage(input_tokens=99_000)
    at = read("2027-01-05T00:00Z")
    priced = price_usage(PriceList(offer.book), "gpt-5.1", usage, offer.markup, at=at)
    assert totals(found)["requests"] == 3
    assert totals(found)["used_nanos"] == 3 * priced.amount_nanos
    assert totals(found)["cost_nanos"] == 3 * priced.cost_nanos


@pytest.mark.parametrize("seed", range(2))
def test_no_credit_is_made_or_lost(run: Run, seed: int) -> None:
    """What was granted was used, has expired, or is still there; in each month, to the nano."""
    found = run(*MIXED, words=("--seed", str(seed)))

    before = 0
    for month in months_of(found):
        used = month["used_nanos"] - month["included_nanos"]
        left = before + month["granted_nanos"] - used - month["expired_nanos"]
        assert month["outstanding_nanos"] == left
        before = left
    for name in ("revenue_nanos", "used_nanos", "requests", "refused", "outstanding_nanos"):
        of_segments = sum(it[name] for it in found.result["runs"][0]["segments"])
        assert of_segments == totals(found)[name], name
    assert all(type(value) is int for value in totals(found).values())


def test_the_same_seed_is_the_same_answer(run: Run) -> None:
    """To the letter; another seed is other customers."""
    first, again = run(*MIXED, months=1), run(*MIXED, months=1)

    assert first.out == again.out
    assert run(*MIXED, months=1, words=("--seed", "2")).out != first.out


def test_two_catalogs_meet_the_same_customers(run: Run, tmp_path: Path) -> None:
    """What somebody wants does not depend on what is sold: calls differ by refusals alone."""
    dear = json.loads((ROOT / "catalog.json").read_text())
    dear["markup"]["default_bps"] = 90_000
    words = ("--against", written(tmp_path, "dear.json", dear))
    still = ({**MIXED[0], "moves_bps": 0}, {**MIXED[1], "buys_bps": 0})

    found = run(*still, words=words)

    wanted = [totals(found, number) for number in (0, 1)]
    assert wanted[0]["requests"] + wanted[0]["refused"] == (
        wanted[1]["requests"] + wanted[1]["refused"]
    )
    assert wanted[0]["revenue_nanos"] == wanted[1]["revenue_nanos"]
    assert wanted[0]["refused"] < wanted[1]["refused"]
    assert wanted[1]["customers_at_limit"] > 0


def test_a_pack_is_bought_where_a_call_was_refused(run: Run) -> None:
    """Money comes in, and the call is made after all."""
    row = {**BASE, "customers": 1, "requests": [{"between": [40, 40]}], "calls": [DEAR]}

    left, bought = run(row), run({**row, "buys": "small", "buys_bps": 10_000})

    assert totals(left)["refused"] > totals(bought)["refused"] > 0
    assert totals(bought)["requests"] == 3 * 40
    assert totals(bought)["revenue_nanos"] % (500 * CENT) == 0
    assert totals(bought)["payers"] == 1


def test_a_bill_that_is_not_paid_ends_the_subscription(run: Run) -> None:
    """One bill was paid; after it the free plan is what is left."""
    row = {**BASE, "customers": 1, "plan": "pro", "fails_bps": 10_000}

    found = run(row, months=4)

    assert [it["revenue_nanos"] for it in months_of(found)] == [5_000 * CENT, 0, 0, 0]
    assert totals(found)["granted_nanos"] == (55_000 + 500 * 4) * CREDIT


def test_who_leaves_is_not_billed_again(run: Run) -> None:
    """Nobody comes back, and what was paid stays paid."""
    found = run({**BASE, "plan": "guru", "leaves_bps": 10_000}, months=4)

    assert [it["revenue_nanos"] for it in months_of(found)] == [3_000 * CENT, 0, 0, 0]
    assert [it["customers"] for it in months_of(found)] == [3, 0, 0, 0]


def test_a_limit_of_a_tier_is_kept_and_a_model_outside_is_refused(
    run: Run, tmp_path: Path
) -> None:
    """Tiers give no credits: what is within the limit is included, the rest refused."""
    calls = [{**DEAR, "weight": 3}, CALL]
    row = {**BASE, "plan": "pro", "requests": [{"between": [20, 20]}], "calls": calls}
    words = ("--tiers", written(tmp_path, "tiers.json", TIERS))

    found = run(row, {**row, "name": "yearly", "plan": "year"}, words=words)

    monthly, yearly = found.result["runs"][0]["segments"]
    assert monthly["granted_nanos"] == 0
    assert monthly["used_nanos"] == monthly["included_nanos"] <= 3 * 4 * 20 * CENT
    assert monthly["revenue_nanos"] == 3 * 3 * 900 * CENT
    assert monthly["refused"] > 0
    assert monthly["outside"] > 0
    assert yearly["refused"] == 0
    assert yearly["revenue_nanos"] == 3 * 9_000 * CENT


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"plan": "gold"}, "gold"),
        ({"moves_to": "free"}, "free costs nothing"),
        ({"buys": "huge"}, "huge"),
        ({"calls": [{**CALL, "model": "gpt-99"}]}, "gpt-99"),
        ({"calls": [{**CALL, "usage": {"tokens": [1, 2]}}]}, "tokens is no unit"),
        ({"requests": [{"between": [9, 1]}]}, "the smaller one first"),
        ({"leaves_bps": 0.5}, "leaves_bps"),
    ],
)
def test_what_is_not_sold_is_named(run: Run, change: Fields, text: str) -> None:
    """Before anybody lives, and without a trace of the program."""
    found = run({**BASE, **change})

    assert found.status in {1, 2}
    assert text in found.answer["error"]["message"]
    assert "Traceback" not in found.said


def test_the_report_is_one_file_that_shows_the_figures(run: Run, tmp_path: Path) -> None:
    """It opens anywhere, without a network, and a name in it is no markup."""
    report = tmp_path / "report.html"

    found = run({**BASE, "name": "<b>us</b>", "plan": "guru"}, words=("--report", str(report)))

    page = BeautifulSoup(report.read_text(), "html.parser")
    assert found.result["report"] == str(report)
    assert len(page.find_all("svg")) == 3
    assert len(page.find_all("rect")) == 3 * 3 * 3
    assert "$90.00" in page.get_text()
    assert "<b>us</b>" in page.get_text()
    assert "://" not in report.read_text()
    assert page.find_all(["script", "link", "img"]) == []


def test_the_first_population_lives_and_a_person_reads_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What comes with the command can be typed without an option, in 80 columns."""
    shutil.copy(ROOT / "command_line/simulation/population.json", tmp_path / "p.json")
    rows = json.loads((tmp_path / "p.json").read_text())
    for row in rows["segments"]:
        row |= {"customers": 2, "joins": 1, "requests": [{"between": [1, 5]}]}
    file = written(tmp_path, "p.json", rows)

    found = typed(capsys, "simulate", "people", "--months", "2", "--population", file)

    assert found.status == 0, found
    assert "lives on it" in found.out
    assert "Customers  At a limit" in found.out
    assert max(map(len, found.out.splitlines())) <= 80
