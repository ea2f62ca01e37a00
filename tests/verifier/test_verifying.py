"""The stand-alone verifier: good ledgers hold, and whatever was tampered with is found."""

import copy
import json
from datetime import timedelta
from pathlib import Path

import pytest

from tests.ledger.conftest import NOON
from tests.verifier import lives
from tests.verifier.lives import Exported
from verifier import creditbase_verify

PROGRAM = Path(creditbase_verify.__file__)
FIRST = NOON + timedelta(days=60)


@pytest.fixture(scope="module")
def lived(_session_wire: object) -> tuple[Exported, Exported]:
    """Return a ledger for its customer, and for an operator; two days are anchored."""
    lives.forget_anchors()
    project_id = lives.a_project()
    others = [lives.open_in(project_id, NOON) for _ in range(2)]
    wallet = lives.live(lives.open_in(project_id, NOON))
    lives.anchor(FIRST)
    wallet.later(hours=1).charge("later", 5)
    others[0].charge("x", 1)
    lives.anchor(FIRST + timedelta(days=1))
    return Exported.of(wallet.ref), Exported.of(wallet.ref, is_private=True)


@pytest.fixture
def mine(lived: tuple[Exported, Exported]) -> Exported:
    """Return the customer's export, to be done with as one likes."""
    return copy.deepcopy(lived[0])


def told(
    exported: Exported, folder: Path, *arguments: str, capsys: pytest.CaptureFixture[str]
) -> tuple[int, str]:
    """Return the exit status and what was printed."""
    path = exported.write(folder / "export.json")
    status = creditbase_verify.main([str(path), *arguments])
    return status, capsys.readouterr().out


def test_a_real_ledger_holds_in_every_line(
    mine: Exported, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No false alarm, and it says what was looked at."""
    root = mine.all("proof")[-1]["anchor"]["root"]

    status, printed = told(mine, tmp_path, "--root", root, capsys=capsys)

    assert (status, printed.splitlines()[-1]) == (0, "  VERIFIED"), printed
    assert f"{len(mine.all('entry'))} entries" in printed
    assert "2 anchored days have a proof, 1 of them follow another" in printed


def test_what_a_call_cost_us_is_not_in_a_customers_export(
    lived: tuple[Exported, Exported], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither the cost nor what it could be tried out against; the operator sees both."""
    mine, ours = (json.dumps(it.records) for it in lived)
    words = ("cost_nanos", "provider", "pricing", "request_digest", "4242", "a@b.c", '"salt"')

    assert [word for word in words if word in mine] == []
    assert [word for word in words if word not in ours] == ["a@b.c"]
    status, printed = told(lived[1], tmp_path, capsys=capsys)
    assert status == 0, printed
    assert "seals opened" in printed
