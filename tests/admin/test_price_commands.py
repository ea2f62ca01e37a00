"""Commands about rates and markups, as they are typed."""

import json
import uuid
from pathlib import Path

import pytest

from creditbase.accounts.use_cases import ensure_project
from creditbase.admin.command import main
from creditbase.catalog.use_cases import push_catalog, shared_cache
from creditbase.runtime.clock import now
from tests.catalog.test_rates import a_file
from tests.sold import CATALOG

pytestmark = [pytest.mark.firestore, pytest.mark.usefixtures("firestore_host", "project")]


@pytest.fixture
def name() -> str:
    """Return the name of a project that sells by the catalog."""
    shared_cache().forget()
    fresh = f"prices-{uuid.uuid4().hex}"
    push_catalog(ensure_project(fresh, now=now()).project_id, CATALOG)
    return fresh


def test_rates_are_compared_pushed_and_signed_for(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A price that falls to nearly nothing is a slip until somebody signs for it."""
    values = a_file()
    values["negotiated"][0]["prices"][0]["nanos_per_million"]["input_tokens"] = 1
    file = tmp_path / "rates.json"
    file.write_text(json.dumps(values), encoding="utf-8")
    words = [str(file), "--project", name]

    statuses = [
        main(["rates", "diff", *words]),
        main(["rates", "push", *words]),
        main(["rates", "push", *words, "--sign-off"]),
        main(["rates", "diff", *words]),
    ]

    said = capsys.readouterr()
    assert statuses == [0, 1, 0, 0]
    assert "gpt-5: negotiated" in said.out
    assert "to be signed for: gpt-5 input_tokens: 1250000000 -> 1" in said.err
    assert "refused: gpt-5 input_tokens" in said.err
    assert f"{name} now prices by its rates 2026-04-01" in said.err
    assert said.err.endswith("nothing differs\n")


def test_rules_are_set_one_by_one_and_shown(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is not said stays."""
    for words in (
        ["--bps", "450", "--fee-nanos", "3"],
        ["--provider", "openai", "--bps", "500"],
        ["--model", "gpt-5", "--minimum-nanos", "7"],
        ["--plan", "pro", "--bps", "-100", "--below-cost", "yes"],
    ):
        assert main(["markup", "set", "--project", name, *words]) == 0
    capsys.readouterr()

    assert main(["markup", "show", "--project", name]) == 0

    assert capsys.readouterr().out.splitlines() == [
        "default: 450 basis points",
        "fee_nanos: 3, minimum_nanos: 0",
        "provider openai: bps 500",
        "model gpt-5: minimum_nanos 7",
        "plan pro: bps -100, allows_below_cost True",
    ]


def test_only_a_plan_goes_below_cost(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither by a flag nor by a sign; and what is no number is not understood."""
    assert main(["markup", "set", "--project", name, "--below-cost", "yes"]) == 1
    assert main(["markup", "set", "--project", name, "--bps", "-1"]) == 1
    for wrong in ("x", "-10001"):
        with pytest.raises(SystemExit):
            main(["markup", "set", "--project", name, f"--bps={wrong}"])
    assert "Only a plan" in capsys.readouterr().err
