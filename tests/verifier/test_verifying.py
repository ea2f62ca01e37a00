"""The stand-alone verifier: good ledgers hold, and whatever was tampered with is found."""

import ast
import copy
import json
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from creditbase.ledger import exporting
from creditbase.ledger.paths import WalletRef
from tests.ledger.conftest import NOON
from tests.verifier import lives
from tests.verifier.lives import Exported
from tests.verifier.tamperings import TAMPERINGS
from verifier import creditbase_verify

PROGRAM = Path(creditbase_verify.__file__)
FIRST = NOON + timedelta(days=60)


@pytest.fixture(scope="module")
def lived(_session_wire: object) -> tuple[Exported, Exported]:
    """Return a ledger for its customer, and for an operator; two days are anchored."""
    first = lives.next_day(FIRST)
    project_id = lives.a_project()
    others = [lives.open_in(project_id, NOON) for _ in range(2)]
    wallet = lives.live(lives.open_in(project_id, NOON))
    lives.anchor(first)
    wallet.later(hours=1).charge("later", 5)
    wallet.later(hours=1).hold("open", 5)
    others[0].charge("x", 1)
    lives.anchor(first + timedelta(days=1))
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


@pytest.mark.parametrize("name", TAMPERINGS)
def test_tampering_is_found(
    name: str, mine: Exported, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever edits a line, a balance or a proof is found out, whatever else he makes fit."""
    root = mine.all("proof")[-1]["anchor"]["root"]
    TAMPERINGS[name](mine)

    status, printed = told(mine, tmp_path, "--root", root, capsys=capsys)

    assert (status, "BROKEN" in printed) == (1, True), printed


def test_a_private_part_that_was_changed_does_not_fit_its_seal(
    lived: tuple[Exported, Exported], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An auditor who is shown the costs sees whether they were changed afterwards."""
    ours = copy.deepcopy(lived[1])
    costly = next(it for it in ours.all("entry") if it.get("private", {}).get("cost_nanos"))
    costly["private"]["cost_nanos"] -= 1

    status, printed = told(ours, tmp_path, capsys=capsys)

    assert status == 1
    assert "the seal of entry" in printed


HOSTILE = {
    "nothing": b"",
    "no array": b"{}\n",
    "cut off": b'[\n{"record":"ledger"},\n',
    "not UTF-8": b'[\n{"record":"\xff"}\n]\n',
    "half a character": b'[\n{"record":"\\ud800"}\n]\n',
    "NaN": b'[\n{"record":NaN}\n]\n',
    "a fraction": b'[\n{"record":1.5}\n]\n',
    "a number of a mile": b'[\n{"record":' + b"9" * 5_000 + b"}\n]\n",
    "a key twice": b'[\n{"record":"end","record":"end"}\n]\n',
    "deep": b'[\n{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}\n]\n",
    "a long line": b"[\n" + b" " * 4_000_001 + b"\n]\n",
    "a list": b"[\n[]\n]\n",
    "no ledger": b'[\n{"record":"entry"}\n]\n',
    "another format": b'[\n{"record":"ledger","format":"x","version":1}\n]\n',
    "an unknown record": b'[\n{"record":"x"}\n]\n',
    "wrong types": b'[\n{"record":7}\n]\n',
    "no comma": b'[\n{"record":"x"}\n{"record":"x"}\n]\n',
    "more behind": b"[\n]\nmore\n",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_gets_a_clear_word(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No trace, no endless wait: one line says why it cannot be read."""
    path = tmp_path / "export.json"
    path.write_bytes(HOSTILE[name])

    status = creditbase_verify.main([str(path)])

    printed = capsys.readouterr().out
    assert (status, printed.count("UNREADABLE")) == (2, 1), printed


def test_it_runs_alone_in_an_empty_folder(mine: Exported, tmp_path: Path) -> None:
    """One file and a Python without any package are enough, against published anchors."""
    export = mine.write(tmp_path / "export.json")
    anchors = [it["anchor"] for it in mine.all("proof")][::-1]
    (tmp_path / "anchors.json").write_text(json.dumps({"anchors": anchors}))
    program = shutil.copy(PROGRAM, tmp_path / "verify.py")
    command = [sys.executable, "-I", "-S", program, export, "--anchors", "anchors.json"]

    done = subprocess.run(
        [*command, "--json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    said = json.loads(done.stdout)
    assert (done.returncode, said["verdict"], said["fault"]) == (0, "verified", "")
    assert said["checked"][-1] == "2 published anchors, 1 links; 2 prove this ledger"


def test_another_root_than_the_published_one_is_no_proof(
    mine: Exported, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What counts is what somebody noted down, not what the export brings with it."""
    first, last = (it["anchor"] for it in mine.all("proof"))

    for asked, expected in (
        (["--root", last["root"], "--date", last["date"]], 0),
        (["--root", last["root"], "--date", first["date"]], 1),
        (["--root", "ab" * 32], 1),
    ):
        assert told(mine, tmp_path, *asked, capsys=capsys)[0] == expected


def test_an_export_comes_in_parts(
    mine: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A ledger of any length can be had; a missing part is missed."""
    monkeypatch.setattr(exporting, "ENTRIES_MAX", 8)
    project_id, _, customer_id = mine.records[0]["path"].split("/")[1:]
    ref = WalletRef(project_id, customer_id)
    paths: list[str] = []
    next_seq: int | None = 1
    while next_seq is not None:
        part = Exported.of(ref, from_seq=next_seq, anchors=0)
        paths.append(str(part.write(tmp_path / f"{next_seq}.json")))
        next_seq = part.records[-1]["next_seq"]

    assert len(paths) > 2
    assert creditbase_verify.main(paths) == 0
    assert creditbase_verify.main(paths[:-1]) == 2
    assert creditbase_verify.main([paths[0], *paths[2:]]) == 1
    assert creditbase_verify.main(paths[1:]) == 1


@pytest.mark.usefixtures("_session_wire")
def test_a_chain_that_began_in_clear_is_shown_without_what_could_be_tried_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of lines of before the seals no hash is shown, nor what the first one behind hides."""
    wallet = lives.open_in_clear(NOON)
    lives.live(wallet)
    mine, ours = Exported.of(wallet.ref), Exported.of(wallet.ref, is_private=True)

    assert [it["record"] for it in mine.records if "seq" in it][:2] == ["told", "bridge"]
    assert not {"hash", "prev", "seal", "private"} & mine.all("told")[0].keys()
    assert not {"prev", "seal", "private"} & mine.all("bridge")[0].keys()
    for exported in (mine, ours):
        status, printed = told(exported, tmp_path, capsys=capsys)
        assert status == 0, printed


def test_it_shares_no_code_with_the_product() -> None:
    """A verifier that imports what it verifies would repeat its mistakes."""
    imported = {
        name.name
        for node in ast.walk(ast.parse(PROGRAM.read_text()))
        if isinstance(node, ast.Import)
        for name in node.names
    }

    assert imported <= set(sys.stdlib_module_names)
    assert "import creditbase" not in PROGRAM.read_text()
    assert "from creditbase" not in PROGRAM.read_text()
