"""`projects` and `keys`: what an operator types about a project."""

from uuid import uuid4

import pytest

from creditbase.accounts.domain import ACCOUNT
from creditbase.accounts.use_cases import find_customer_by_name, find_secret_key_holder
from creditbase.admin.command import main
from creditbase.kernel.ids import project_uuid, sha256_hex
from creditbase.runtime.clock import real_now
from tests.wire import Wire
from tests.wired import _session_wire, wire

__all__ = ["_session_wire", "wire"]
pytestmark = pytest.mark.firestore


@pytest.fixture
def name(wire: Wire, capsys: pytest.CaptureFixture[str]) -> str:
    """Return a project that was made by its command."""
    name = f"app-{uuid4().hex}"
    assert main(["projects", "create", name]) == 0
    assert capsys.readouterr().out.strip() == project_uuid(name)
    return name


def typed(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Return what a command prints."""
    assert main(words) == 0
    return capsys.readouterr().out


def test_a_project_is_shown_as_it_was_set(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """By its name, or by its id; what was not said stays."""
    origins = "https://App.Example, http://localhost:3000"
    said = ["--description", "For all", "--origins", origins, "--markup", "20"]
    typed(capsys, "projects", "set", name, *said)
    typed(capsys, "projects", "own", name, "ada")
    typed(capsys, "projects", "set", name, "--low-balance", "300", "--topup-min", "200")

    shown = typed(capsys, "projects", "show", project_uuid(name))

    lines = dict(line.split(": ", 1) for line in shown.splitlines())
    assert lines.pop("created_at").endswith("Z")
    assert lines == {
        "id": project_uuid(name),
        "name": name,
        "description": "For all",
        "owners": "ada",
        "origins": "https://app.example, http://localhost:3000",
        "markup": "2000 basis points",
        "low_balance_threshold_cents": "300",
        "topup_min_cents": "200",
        "archived_at": "-",
    }
    assert f"{project_uuid(name)} live {name}" in typed(capsys, "projects", "list")


def test_a_project_has_its_own_account(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Made once, however often the command is typed."""
    typed(capsys, "projects", "create", name)

    account = find_customer_by_name(project_uuid(name), ACCOUNT)

    assert account is not None
    assert account.email.endswith(".invalid")


def test_keys_are_listed_and_revoked(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Without their secrets, which are shown once."""
    secret = typed(capsys, "keys", "create", "--project", name, "--budget", "5").strip()
    listed = typed(capsys, "keys", "list", "--project", name)
    key_id = listed.split()[0]
    holder = find_secret_key_holder(sha256_hex(secret), real_now())
    assert holder is not None
    assert (holder.key_id, holder.budget_nanos) == (key_id, 50_000_000)
    assert secret not in listed

    typed(capsys, "keys", "revoke", "--project", name, key_id)

    assert find_secret_key_holder(sha256_hex(secret), real_now()) is None
    assert typed(capsys, "keys", "list", "--project", name) == ""


@pytest.mark.parametrize(
    "said", [["--origins", "http://app.example"], ["--markup", "101"], ["--markup", "x"]]
)
def test_what_cannot_be_is_not_understood(
    name: str, said: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Status 2, and what is wrong."""
    with pytest.raises(SystemExit) as ended:
        main(["projects", "set", name, *said])

    assert ended.value.code == 2
    assert "argument --" in capsys.readouterr().err


def test_a_project_that_is_not_there_is_refused(
    wire: Wire, capsys: pytest.CaptureFixture[str]
) -> None:
    """Status 1, in one line."""
    for words in (["projects", "show", "nowhere"], ["projects", "set", "nowhere"]):
        assert main(words) == 1
        assert capsys.readouterr().err.startswith("refused: ")
