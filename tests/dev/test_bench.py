"""The benchmark's own parts: what it counts, merges, judges, draws and writes."""

import json
import secrets
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from bs4 import BeautifulSoup

from creditbase.accounts.use_cases import HUB_PROJECT_ID, ensure_project
from creditbase.runtime.clock import real_now
from creditbase.runtime.settings import settings
from dev.bench import cases, charts, fleet, load, machine, page, targets
from dev.bench.boundary import REGION_MS, Boundary, Turns
from dev.bench.cases import ALL, COMMIT, NAIVE, OURS, Case
from dev.bench.designs import FUNDS_NANOS, MODEL, USAGE, Prices
from dev.bench.worker import Worker
from tests.sold import sell
from tests.wire import Wire

Json = dict[str, Any]


def played(*took_us: int, **more: Any) -> Json:
    """Return what a process says that charged so often, a nano each, of one customer."""
    return {
        "span_s": 2.0,
        "cpu_ms": 8,
        "took_us": list(took_us),
        "taken_nanos": {"ada": len(took_us)},
        "calls": {"ada": len(took_us)},
        "errors": {},
        "counts": {"rpcs": 2, "writes": 6},
        **more,
    }


def figures(**more: Any) -> Json:
    """Return good figures of a design in a case."""
    even = {"charges": 8, "cpu_us": 900, "rpcs": 1.0, "reads": 0.0, "writes": 2.0}
    return {
        **even,
        "per_s": 10.0,
        "p50_ms": 100.0,
        "p99_ms": 200.0,
        "errors": {},
        "least": 2,
        "most": 6,
        "commits": 1.0,
        "is_exact": True,
        **more,
    }


def report(*measured: tuple[Case, Json], **more: Any) -> Json:
    """Return a run's figures of some cases."""
    known = {
        "commit": "abc",
        "is_changed": False,
        "is_short": False,
        "started_at": "2026-11-23 07:00 UTC",
        "took_s": 60,
        "latency_ms": dict(REGION_MS),
        "machine": {
            **dict.fromkeys(("cpu", "load", "python", "client", "grpcio"), "1"),
            "cores": 2,
            "memory_gib": 8,
            "emulator": "1.19",
        },
    }
    found = [{**case.facts(), "designs": designs} for case, designs in measured]
    return {**known, "cases": found, **more}


def verdict_on(found: Json, words: str) -> targets.Verdict:
    """Return the one verdict whose name begins with these words."""
    (one,) = (it for it in targets.judged(found) if it.name.startswith(words))
    return one


class TestBoundary:
    """What stands between clients and the store."""

    def test_a_document_is_committed_at_most_so_often(self) -> None:
        """Each commit takes the next turn of the hottest of its documents."""
        turns = Turns(commits_hz=5)

        waits = [turns.wait_s(names, 100.0) for names in (["a", "x"], ["a", "y"], ["b"])]
        later = turns.wait_s(["a"], 107.0)

        assert waits == pytest.approx([0.0, 0.2, 0.0])
        assert later == 0.0

    def test_what_passes_is_counted_as_it_is_billed(self) -> None:
        """An RPC, with the documents that it asks for or writes."""
        boundary, sent = Boundary(), []
        commit = SimpleNamespace(writes=[1, 2])
        read = SimpleNamespace(documents=["a", "b", "c"])

        for name, request in (("Commit", commit), ("BatchGetDocuments", read)):
            details = SimpleNamespace(method=f"/google.firestore.v1.Firestore/{name}")
            boundary.intercept_unary_unary(lambda _, it: sent.append(it), details, request)

        assert sent == [commit, read]
        assert boundary.counts == {"rpcs": 2, "commits": 1, "writes": 2, "reads": 3}


class TestFigures:
    """What several processes did together."""

    def test_processes_are_put_together(self) -> None:
        """Rates add up, quantiles are of all charges, and who did least is told."""
        found = fleet.figures([played(1_000, 3_000, 2_000), played(9_000)])

        assert found["charges"] == 4
        assert found["per_s"] == 2.0
        assert (found["p50_ms"], found["p99_ms"]) == (3.0, 9.0)
        assert (found["least"], found["most"]) == (1, 3)
        assert (found["rpcs"], found["writes"]) == (1.0, 3.0)
        assert found["cpu_us"] == 4_000

    def test_where_nobody_got_on_there_is_no_quantile(self) -> None:
        """Transactions that end each other leave nothing to measure."""
        found = fleet.figures([played(errors={"ValueError": 3})])

        assert found["per_s"] == 0.0
        assert found["p50_ms"] is None
        assert found["errors"] == {"ValueError": 3}

    @pytest.mark.parametrize(
        ("taken_nanos", "calls", "is_exact"),
        [([3], [3], True), ([4], [3], False), ([2], [3], False), ([3], [4], False)],
    )
    def test_a_nano_or_an_entry_too_many_is_not_exact(
        self, taken_nanos: list[int], calls: list[int], *, is_exact: bool
    ) -> None:
        """What was answered, with the warming, is what the store has."""
        looked = {"taken_nanos": taken_nanos, "calls": calls}

        found = fleet.is_exact(["ada"], [played(1_000, 1_000)], {"ada": [1]}, looked)

        assert found is is_exact

    def test_a_price_is_rounded_up_once(self) -> None:
        """As the product does it."""
        prices = Prices({"input_tokens": 1, "output_tokens": 999_999})

        assert prices.of({"input_tokens": 1, "output_tokens": 1}) == 1
        assert prices.of({"input_tokens": 2, "output_tokens": 1}) == 2


class TestTargets:
    """What a run is held to."""

    def test_a_ratio_is_within_the_run(self) -> None:
        """Twenty times is twenty times, and nineteen is not."""
        case = Case(8)
        good = report((case, {NAIVE: figures(), OURS: figures(per_s=200.0)}))
        bad = report((case, {NAIVE: figures(), OURS: figures(per_s=199.0)}))

        assert verdict_on(good, "8 callers on one").is_met is True
        assert verdict_on(bad, "8 callers on one").is_met is False

    def test_what_was_not_measured_is_not_missed(self) -> None:
        """A short run has no thousand customers."""
        found = targets.judged(report())

        assert {it.is_met for it in found} == {None, True}
        assert [it.name for it in found if it.is_met] == [
            "ours is exact, without an error, in every case"
        ]

    @pytest.mark.parametrize(
        "flaw",
        [{"errors": {"Contention": 1}}, {"least": 0}, {"p99_ms": 2_000.0}, {"per_s": 9.0}],
    )
    def test_on_a_hot_customer_nobody_is_refused_or_starves(self, flaw: Json) -> None:
        """Any one of these is a failure."""
        case = Case(cases.HOT_CALLERS, instances=4)
        good = report((case, {NAIVE: figures(), OURS: figures(per_s=90.0)}))
        bad = report((case, {NAIVE: figures(), OURS: figures(**{"per_s": 90.0, **flaw})}))

        assert verdict_on(good, "4 processes").is_met is True
        assert verdict_on(bad, "4 processes").is_met is False

    def test_one_case_that_is_not_exact_fails_the_run(self) -> None:
        """Speed without exactness is nothing."""
        good, bad = figures(), figures(is_exact=False)
        found = report((Case(8), {OURS: good}), (Case(32), {OURS: bad}))

        assert verdict_on(found, "ours is exact").is_met is False

    def test_the_limit_is_a_commit_of_the_same_run(self) -> None:
        """A charge may take a fifth longer than a commit that decides nothing."""
        case = Case(1, space_ms=cases.SPACE_MS)
        bare = figures(p50_ms=20.0)
        good = report((case, {COMMIT: bare, NAIVE: figures(), OURS: figures(p50_ms=24.0)}))
        bad = report((case, {COMMIT: bare, NAIVE: figures(), OURS: figures(p50_ms=24.1)}))

        assert verdict_on(good, "one spaced caller: p50 against a bare").is_met is True
        assert verdict_on(bad, "one spaced caller: p50 against a bare").is_met is False


class TestPage:
    """What is written of a run."""

    def test_each_case_has_another_name(self) -> None:
        """Figures are looked up by it."""
        for all_cases in (list(cases.full()), list(cases.short())):
            assert len({it.case_id for it in all_cases}) == len(all_cases)

    def test_every_figure_that_a_target_needs_is_measured(self) -> None:
        """A target that no full run measures would never be missed."""
        measured = [(it, dict.fromkeys(it.designs, figures())) for it in cases.full()]
        elsewhere = ("CPU", "cold", "GET /usage/me", "gateway", "clients")

        silent = [it.name for it in targets.judged(report(*measured)) if it.is_met is None]

        assert [it for it in silent if not any(word in it for word in elsewhere)] == []

    def test_the_page_has_ratios_first_and_every_verdict(self) -> None:
        """A reader sees at once what it is about."""
        designs = {NAIVE: figures(), OURS: figures(per_s=250.0, is_exact=False)}
        text = page.page(report((Case(8), designs)))

        assert text.index("Ratios first") < text.index("Targets") < text.index("charges/s |")
        assert f"**25 {targets.TIMES}**" in text
        assert text.count("**FAIL**") == 1
        assert "**NO**" in text

    def test_only_what_is_between_the_marks_is_changed(self) -> None:
        """The rest of a document is written by people."""
        text = f"before\n{page.BEGIN}\nold\n{page.END}\nafter\n"

        assert page.with_lines(text, ["new", "lines"]) == (
            f"before\n{page.BEGIN}\nnew\nlines\n{page.END}\nafter\n"
        )

    def test_longer_bars_are_more(self) -> None:
        """Of what was not measured there is none."""
        some = [charts.Bar("a<b", 9.5, "red"), charts.Bar("c", 2_400.0, "blue")]
        drawn = charts.bars("T", "u", [charts.Group("g", [*some, charts.Bar("d", None, "x")])])

        soup = BeautifulSoup(drawn, "html.parser")
        wide = [float(str(it["width"])) for it in soup("rect")][1:]
        words = {it.text for it in soup("text")}
        assert 0 < wide[0] < wide[1]
        assert wide[2] == 0
        assert {"g · a<b", "9.5", "2,400", "not measured"} <= words

    def test_the_documents_are_of_the_figures_beside_them(self) -> None:
        """Nobody edits a figure by hand: a run that was published is written as it is now."""
        for file in page.FOLDER.glob(page.FIGURES):
            found = json.loads(file.read_text())

            assert (page.FOLDER / "README.md").read_text() == page.page(found)
            for name, drawn in page.drawings(found).items():
                assert (page.FOLDER / name).read_text() == drawn
            scale = page.SCALE.read_text()
            assert page.with_lines(scale, page.scale_lines(found)) == scale

    def test_a_run_is_written_whole(self, tmp_path: Path) -> None:
        """Page, charts, figures, and the lines of the other document."""
        case = Case(8)
        found = report((case, {NAIVE: figures(), OURS: figures(per_s=200.0)}))
        scale = tmp_path / "scale.md"
        scale.write_text(f"{page.BEGIN}\n{page.END}\n")

        page.write(found, tmp_path / "made", scale)

        names = {"README.md", page.FIGURES, *page.PICTURES}
        assert {it.name for it in (tmp_path / "made").iterdir()} == names
        assert json.loads((tmp_path / "made" / page.FIGURES).read_text()) == found
        assert f"| 200 | 100 | 200 | 2.00 | 20 {targets.TIMES} |" in scale.read_text()


class TestLoad:
    """What a long run is judged by."""

    def test_memory_is_flat_where_the_end_is_as_the_beginning(self) -> None:
        """The first fifth is warming; what comes after is compared with the end."""
        assert load.grown_percent([50, 60, *[100] * 14, *[100] * 4]) == 0
        assert load.grown_percent([50, 60, 90, 100, *[100] * 4, *[120] * 12]) == 20

    @pytest.mark.parametrize(
        ("flaw", "is_good"),
        [
            ({}, True),
            ({"failures": 1}, False),
            ({"is_exact": False}, False),
            ({"grown_percent": 10}, False),
        ],
    )
    def test_any_fault_fails_it(self, flaw: Json, *, is_good: bool) -> None:
        """A single 5xx, a nano, or a leak."""
        even = {"minutes": 10.0, "requests": 9, "failures": 0, "grown_percent": 1}
        found = report(load={**even, "is_exact": True, **flaw})

        assert verdict_on(found, "64 clients").is_met is is_good

    def test_only_faults_of_the_server_are_failures(self) -> None:
        """A refusal is an answer; a broken connection is none."""
        assert (
            load.failures({"200": 5, "402": 3, "500": 1, "503": 2, "ConnectionError": 4}) == 7
        )


def test_a_processor_and_an_emulator_are_named(tmp_path: Path) -> None:
    """Figures without a machine say nothing."""
    assert machine.cpu_name("vendor: x\nmodel name\t: Fast 9\n") == "Fast 9"
    assert (
        machine.emulator_version(tmp_path / "cloud-firestore-emulator-v1.19.8.jar") == "1.19.8"
    )
    (tmp_path / "VERSION").write_text("528.0.0\n")
    assert machine.emulator_version(tmp_path / "platform" / "e.jar") == "of Cloud SDK 528.0.0"


@pytest.fixture(scope="module")
def worker(one_wire: Wire) -> Worker:
    """Return a worker in this process, on a hub that sells."""
    one_wire.reset()
    ensure_project("hub", now=real_now())
    sell(HUB_PROJECT_ID)
    settings.cache_clear()
    return Worker(Boundary())


@pytest.mark.firestore
class TestDesigns:
    """The three on the store itself, a few charges each."""

    @pytest.mark.parametrize("design", [*ALL, COMMIT])
    def test_what_is_answered_is_what_is_taken(
        self, worker: Worker, design: str, one_wire: Wire
    ) -> None:
        """Two customers, two callers: to the nano, and at the wire as it is told."""
        names = [secrets.token_hex(4) for _ in range(2)]
        base = {"design": design, "names": names}
        worker.answer({**base, "do": "open"})
        warmed = worker.answer({**base, "do": "warm"})
        one_wire.reset()

        found = worker.answer(
            {
                **base,
                "do": "play",
                "callers": 2,
                "all_callers": 2,
                "first_caller": 0,
                "seconds": 0.1,
                "space_ms": 0,
                "latency_ms": {},
                "commits_hz": 0,
            }
        )
        rpcs, _, _ = one_wire.counts
        looked = worker.answer({**base, "do": "look"})

        charges = len(found["took_us"])
        assert charges > 0
        assert found["errors"] == {}
        by_name = {name: [nanos] for name, nanos in zip(names, warmed, strict=True)}
        assert fleet.is_exact(names, [found], by_name, looked)
        assert rpcs == charges * {"naive": 8, "tidy": 3, "ours": 1, "commit": 1}[design]

    def test_all_take_the_same_price(self, worker: Worker) -> None:
        """Whoever is compared does the same."""
        names = [secrets.token_hex(4)]
        taken = {
            worker.answer({"design": each, "names": names, "do": "warm"})[0]
            for each in ALL
            if worker.answer({"design": each, "names": names, "do": "open"}) is None
        }

        (nanos,) = taken
        assert 0 < nanos < FUNDS_NANOS
        assert MODEL
        assert USAGE
