"""`creditbase init` in a checkout of its own: what it writes, what it leaves, what it says."""

import io
import json
import re
import shlex
import shutil
import sys
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import pytest
import typer

from command_line.app import app
from command_line.doctor.gathering import deployed_settings, load_site
from command_line.doctor.judgement import judge
from command_line.setup.files import HOSTING, RC, SETTINGS_SOURCE, SITE_SETTINGS
from command_line.setup.questions import QUESTIONS
from command_line.setup.tools import look
from creditbase.runtime.settings import GATEWAY_WARM, PAYMENTS_WARM, REGION, Settings
from dev.layout import ROOT
from tests.command_line.seeds import SOUND
from tests.command_line.typed import Typed, typed

Capsys = pytest.CaptureFixture[str]
Init = Callable[..., Typed]
OWN = "functions/.env.acme-prod"
VERSIONS = {"node": "v22.1.0", "gcloud": "Google Cloud SDK 528.0.0", "firebase": "15.1.0"}
WEB = ("--api-key", "AIzaX", "--app-id", "1:2:web:3", "--site-key", "6LdX")


class Keyboard(io.StringIO):
    """A person who types lines."""

    def isatty(self) -> bool:
        """Return yes."""
        return True


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put programs with known versions where programs are looked for."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, says in VERSIONS.items():
        (folder / name).write_text(f"#!/bin/sh\necho '{says}'\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    return folder


@pytest.fixture
def checkout(tmp_path: Path, programs: Path) -> Path:
    """Return a fresh checkout, as far as `init` sees it."""
    folder = tmp_path / "checkout"
    for name in ("firebase.json", "functions/.env", SETTINGS_SOURCE):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.fixture
def init(checkout: Path, capsys: Capsys) -> Init:
    """Return what types `init` in that checkout."""
    where = ("--project", "acme-prod", "--folder", str(checkout))
    return lambda *words: typed(capsys, "init", *where, *words)


def texts(folder: Path) -> dict[str, str]:
    """Return every file of a folder."""
    return {
        str(it.relative_to(folder)): it.read_text() for it in folder.rglob("*") if it.is_file()
    }


def test_the_doctor_finds_nothing_wrong_in_what_it_wrote(init: Init, checkout: Path) -> None:
    """Every setting that is asked for, and the least of them."""
    whole = (
        *("--site", "https://app.example", "--origins", "https://a.example, https://b.example"),
        *("--mail", "smtp", "--mail-from", "Acme <billing@acme.example>"),
        *("--operator-mail", "ops@acme.example", "--trial-days", "7", "--gateway-warm", "1"),
        *("--upstreams", '{"openai": {"kind": "openai", "base_url": "https://o.example/v1"}}'),
        *("--plan-claims", "plan and stripeRole", "--app-name", "Acme & Sons"),
    )

    gateway = ("--gateway-url", "https://gateway-x.a.run.app")
    for words in ((), (*whole, *gateway)):
        done = init("--yes", "--json", *WEB, *words)
        settings = deployed_settings(checkout / "functions", "acme-prod")

        assert done.status == 0, done
        host = settings["CREDITBASE_SITE_URL"].removeprefix("https://")
        assert SOUND.google is not None
        assert SOUND.stripe is not None
        google = replace(SOUND.google, authorized_domains=frozenset({host}))
        hook = replace(SOUND.stripe.webhooks[0], url=f"https://{host}/billing/webhook")
        stripe = replace(SOUND.stripe, webhooks=(hook,))
        site = load_site(checkout)
        facts = replace(SOUND, project="acme-prod", settings=settings, site=site)
        assert judge(replace(facts, google=google, stripe=stripe)) == ()
    assert settings["CREDITBASE_APP_NAME"] == "Acme & Sons"
    assert settings["CREDITBASE_MAIL_FROM"] == "Acme <billing@acme.example>"
    assert "CREDITBASE_LOCKOUT" not in settings


def test_the_doctor_sees_settings_of_the_web_app_that_nobody_can_read(checkout: Path) -> None:
    """A file that was broken by hand is of no project; one that is not there is not seen."""
    assert load_site(checkout) is None
    (checkout / SITE_SETTINGS).parent.mkdir(parents=True)
    (checkout / SITE_SETTINGS).write_text('{"firebase": ')

    site = load_site(checkout)

    found = judge(replace(SOUND, site=site))
    assert [it.code for it in found] == ["site_settings_differ"]


def test_typed_again_it_changes_nothing(init: Init, checkout: Path) -> None:
    """What the files say is what is offered: nothing has to be said twice."""
    init("--yes", *WEB, "--mail", "log", "--trial-days", "3", "--alias", "staging")
    before = texts(checkout)

    again = init("--yes", "--json")

    assert again.result["written"] == []
    assert {it["action"] for it in again.result["files"]} == {"same"}
    assert texts(checkout) == before


def test_writes_what_the_web_app_reads_and_admits_the_gateway(
    init: Init, checkout: Path
) -> None:
    """A page may call only what its policy lists; a former address is taken out of it."""
    init("--yes", *WEB, "--gateway-url", "https://old.a.run.app")
    init("--yes", "--gateway-url", "https://new.a.run.app")

    site = json.loads((checkout / SITE_SETTINGS).read_text())
    assert site["firebase"]["authDomain"] == "acme-prod.firebaseapp.com"
    assert site["appCheckSiteKey"] == "6LdX"
    assert site["gatewayUrl"] == "https://new.a.run.app"
    policy = (checkout / HOSTING).read_text()
    assert policy.count("https://new.a.run.app") == 1
    assert "old.a.run.app" not in policy


def test_another_region_is_another_region_everywhere(init: Init, checkout: Path) -> None:
    """Functions elsewhere than where Hosting looks for them are found by nobody."""
    done = init("--yes", "--json", "--region", "europe-west1")

    hosting = (checkout / HOSTING).read_text()
    assert set(re.findall(r'"region": "([\w-]+)"', hosting)) == {"europe-west1"}
    assert 'REGION = "europe-west1"' in (checkout / SETTINGS_SOURCE).read_text()
    made = [text for step in done.result["next"] for text in step["commands"]]
    assert any("--location=europe-west1" in text for text in made)


@pytest.mark.parametrize(
    "words",
    [
        ("--api-key", "sk_live_51abc"),
        ("--app-name", "rk_test_51abc"),
        ("--operator-mail", "whsec_abc"),
        ("--site", "https://me:word@app.example"),
        ("--upstreams", '{"openai": {"kind": "openai", "base_url": "https://o/?k=sk-abc"}}'),
        ("--trial-days", "soon"),
        ("--site", "app.example"),
        ("--mail", "pigeon"),
        ("--region", "Iowa"),
        ("--app-name", "a'b\"c"),
        ("--mail", "smtp"),
    ],
    ids=" ".join,
)
def test_what_cannot_be_used_or_is_a_secret_is_written_nowhere(
    init: Init, checkout: Path, words: tuple[str, ...]
) -> None:
    """It is refused before the first file, and its value is not repeated."""
    before = texts(checkout)

    found = init("--yes", "--json", *words)

    assert found.status == 2
    assert found.answer["error"]["code"] == "NOT_USABLE"
    assert texts(checkout) == before
    assert "51abc" not in found.out + found.said


def test_a_file_that_is_there_is_not_overwritten_unasked(init: Init, checkout: Path) -> None:
    """Its own lines stay; the one that changes is shown first, and nothing half is left."""
    own = checkout / OWN
    own.write_text("# mine\nCREDITBASE_TRIAL_DAYS=7\nCREDITBASE_DEADLINE_S=8")
    before = texts(checkout)

    refused = init("--trial-days", "14")

    assert refused.status == 1
    assert "-CREDITBASE_TRIAL_DAYS=7\n+CREDITBASE_TRIAL_DAYS=14" in refused.said
    assert texts(checkout) == before

    assert init("--trial-days", "14", "--yes").status == 0
    site = "CREDITBASE_SITE_URL=https://acme-prod.web.app"
    assert own.read_text() == (
        f"# mine\nCREDITBASE_TRIAL_DAYS=14\nCREDITBASE_DEADLINE_S=8\n{site}\n"
    )


def test_a_dry_run_shows_and_writes_nothing(init: Init, checkout: Path) -> None:
    """Its status tells a script that something would be written."""
    before = texts(checkout)

    shown = init("--dry-run", "--json")

    assert shown.status == 3
    assert [it["path"] for it in shown.result["files"] if it["action"] == "made"] == [OWN, RC]
    assert texts(checkout) == before


def test_asks_a_person_and_asks_again(
    init: Init, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be used is said; an empty line takes what is offered; no means no."""
    (checkout / RC).write_text('{"projects": {"default": "acme-test"}}')
    asked = len([it for it in QUESTIONS if it.is_asked({"mail": "", "api_key": ""})])
    lines = [*("prod", REGION, "live", "nowhere"), *[""] * (asked - 3), "n"]
    monkeypatch.setattr(sys, "stdin", Keyboard("\n".join(lines) + "\n"))

    done = init()

    assert done.status == 0, done
    assert "--site: an origin is a scheme and a host" in done.said
    assert (checkout / OWN).is_file()
    assert json.loads((checkout / RC).read_text()) == {"projects": {"default": "acme-test"}}
    assert "rk_live_" in done.out
    assert sys.stdin.read() == ""


def test_asks_for_nothing_that_the_product_does_not_read() -> None:
    """A question whose answer nobody reads is a riddle."""
    known = {it.metadata["variable"] for it in fields(Settings)}
    known |= {GATEWAY_WARM.name, PAYMENTS_WARM.name}

    assert {it.variable for it in QUESTIONS if it.variable} <= known


def test_what_is_to_be_typed_next_is_understood(init: Init) -> None:
    """Flags of other tools are those of the checked-in list; ours are taken by our parser."""
    listed = json.loads((ROOT / "tests/documents/cloud_commands.json").read_text())
    ours = typer.main.get_command(app)
    done = init("--yes", "--json", "--admins", "ada@acme.example")

    for text in [text for step in done.result["next"] for text in step["commands"]]:
        words = shlex.split(text.rpartition(" | ")[2], comments=True)
        if words[0] == "creditbase":
            assert words[1] in getattr(ours, "commands", {})
            continue
        if words[0] == "export" or "creditbase.admin" in text:
            continue
        words = words[1:] if words[0] == "npx" else words
        name = next((it for it in listed if words[: len(it.split())] == it.split()), "")
        assert name, text
        flags = {word.partition("=")[0] for word in words if word.startswith("--")}
        assert flags <= set(listed[name]), text
    assert "ada@acme.example" in done.out


def test_names_a_tool_that_is_missing_or_too_old_with_its_remedy(programs: Path) -> None:
    """Each is said before somebody stumbles over it."""
    (programs / "node").write_text("#!/bin/sh\necho v18.19.0\n")
    (programs / "firebase").write_text("#!/bin/sh\nexit 1\n")
    (programs / "gcloud").unlink()

    found = {it.name: it for it in look(programs, {"PATH": str(programs)})}

    assert {name for name, it in found.items() if not it.is_good} == {
        *("node", "firebase", "gcloud")
    }
    assert found["node"].found == "18.19.0"
    assert all(it.fix and it.name in str(it) for it in found.values())


def test_is_refused_outside_of_a_checkout(tmp_path: Path, capsys: Capsys) -> None:
    """There is nothing to configure, and nothing is written there."""
    words = ("--project", "acme-prod", "--folder", str(tmp_path), "--json")

    assert typed(capsys, "init", *words).answer["error"]["code"] == "NO_CHECKOUT"
    assert list(tmp_path.iterdir()) == []


def test_needs_a_project_that_firebase_would_take(checkout: Path, capsys: Capsys) -> None:
    """Its name becomes the name of a file."""
    for name in ("", "../x", "Acme"):
        found = typed(capsys, "init", "--project", name, "--folder", str(checkout), "--json")

        assert found.answer["error"]["code"] == "PROJECT_MISSING"
