"""The day's anchor: made once, page by page, whoever is killed or overlaps; shown to all."""

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest

import main
from creditbase.admin import command
from creditbase.jobs.by_name import run_job
from creditbase.kernel.errors import InvalidRequest, NotFound
from creditbase.ledger import anchor_store, anchoring
from creditbase.ledger.export_reply import export_reply
from creditbase.ledger.paths import WalletRef
from creditbase.runtime import firestore
from creditbase.runtime.firestore import Lost
from tests.ledger.conftest import NOON
from tests.runtime.wiring import client_of
from tests.verifier import lives
from tests.verifier.lives import Exported
from verifier import creditbase_verify

DAY = NOON + timedelta(days=90)
pytestmark = pytest.mark.usefixtures("_session_wire")


@pytest.fixture
def day(_session_wire: object) -> datetime:
    """Return a day that is not anchored yet."""
    return lives.next_day(DAY)


@pytest.fixture
def wallets(monkeypatch: pytest.MonkeyPatch) -> list[WalletRef]:
    """Return five wallets of a project, where a page has two."""
    for module in (anchoring, anchor_store):
        monkeypatch.setattr(module, "PAGE_LEAVES", 2)
    project_id = lives.a_project()
    return [lives.open_in(project_id, NOON).ref for _ in range(5)]


def proves(ref: WalletRef, root: str, folder: Path) -> bool:
    """Return whether the verifier finds a wallet under a root."""
    path = Exported.of(ref).write(folder / f"{ref.customer_id}.json")
    return creditbase_verify.main([str(path), "--root", root]) == 0


def test_a_sweep_of_many_runs_gives_one_root_for_all(
    wallets: list[WalletRef], day: datetime, tmp_path: Path
) -> None:
    """Each run takes one page, another run is in its way, and nothing is counted twice."""
    runs = 0
    while True:
        runs += 1
        made = lives.anchor(day, limit=1)
        if made.anchor is not None:
            break
        assert not made.is_complete

    assert runs > 3
    assert all(proves(ref, made.anchor.root, tmp_path) for ref in wallets)
    firestore.commit([firestore.Delete(anchor_store.JOB)])  # whoever loses it begins no twin
    again = lives.anchor(day)
    assert (again.anchor, again.is_complete, again.wallets) == (None, True, 0)


def test_of_two_runs_at_once_one_takes_each_step(
    wallets: list[WalletRef], day: datetime, tmp_path: Path
) -> None:
    """The second finds that the first was there, and goes on from where that is."""
    assert lives.anchor(day, limit=1).anchor is None
    stale = anchor_store.load_progress()
    made = lives.anchor(day)

    assert made.anchor is not None
    assert stale.sweep is not None
    with pytest.raises(Lost):
        anchoring._commit(stale, stale.sweep)
    assert proves(wallets[0], made.anchor.root, tmp_path)


def test_a_project_that_cannot_be_read_at_its_instant_any_more_is_begun_again(
    wallets: list[WalletRef], day: datetime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All heads of a project are of one instant, or the root would prove none of them."""
    assert lives.anchor(day, limit=1).anchor is None
    with monkeypatch.context() as patch:
        patch.setattr(anchoring, "READABLE", timedelta(days=-1))
        stale = anchor_store.load_progress()
        assert stale.sweep is not None
        assert anchoring._page(stale, stale.sweep)[0] == 0

    made = lives.anchor(day)

    assert made.anchor is not None
    assert all(proves(ref, made.anchor.root, tmp_path) for ref in wallets)


def test_the_job_says_the_root_and_everybody_may_read_it(
    wallets: list[WalletRef], day: datetime, caplog: pytest.LogCaptureFixture
) -> None:
    """Without any credential, and whoever passes it on may keep it."""
    with caplog.at_level("INFO"):
        assert run_job("anchor-ledger", now=day).is_complete
        assert run_job("anchor-ledger", now=day + timedelta(days=1)).is_complete
    client = client_of(main.anchors)

    listed = client.get("/anchors?limit=1")
    one = client.get(f"/anchors/{day:%Y-%m-%d}")

    newest = listed.json["anchors"][0]  # type: ignore[index]
    assert newest["previous_digest"] == one.json["digest"]  # type: ignore[index]
    assert listed.json["next_before"] == newest["date"]  # type: ignore[index]
    assert "immutable" in one.headers["Cache-Control"]
    assert not {"secret", "wallets_count", "roots", "firsts"} & set(one.json)  # type: ignore[arg-type]
    said = [it.anchor for it in caplog.records if it.message == "ledger anchored"]  # type: ignore[attr-defined]
    assert said[0]["root"] == one.json["root"]  # type: ignore[index]
    older = client.get(f"/anchors?before={day:%Y-%m-%d}&limit=400")
    assert f"{day:%Y-%m-%d}" not in older.text
    assert client.get("/anchors/2001-01-01").status_code == 404
    assert client.get("/anchors/20010101").status_code == 400
    assert client.get("/anchors?limit=0").status_code == 400


def test_the_command_writes_an_export_that_verifies(
    wallets: list[WalletRef], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What an operator hands over is a file that anyone can check."""
    ref = wallets[0]
    asked = ["export", ref.customer_id, "--project", ref.project_id, "--anchors", "1"]

    assert command.main(asked) == 0

    path = tmp_path / "export.json"
    path.write_text(capsys.readouterr().out, encoding="utf-8")
    assert creditbase_verify.main([str(path)]) == 0
    assert command.main([*asked, "--from-seq", "0"]) == 1


def test_an_answer_of_an_export_is_strict_about_what_is_asked(
    wallets: list[WalletRef],
) -> None:
    """A number that is none is refused, and a wallet that is none not found."""
    reply = export_reply(wallets[0], {"anchors": "0"})
    assert reply.stream is not None
    assert json.loads(b"".join(reply.stream))[0]["record"] == "ledger"
    reply.stream.close()
    for query in ({"from_seq": "0"}, {"from_seq": "99"}, {"anchors": "401"}, {"anchors": "x"}):
        with pytest.raises(InvalidRequest):
            export_reply(wallets[0], query)
    with pytest.raises(NotFound):
        export_reply(WalletRef("p", "nobody"), {})
