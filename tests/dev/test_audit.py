"""The audit says "good" of nothing that it has not asked about, by the real programs."""

import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dev import audit
from dev.audit import Finding, audit_npm, audit_python, pins_here, read_npm_audit
from dev.layout import ROOT
from tests.together import join_all

DIGEST = "sha256:" + "0a" * 32
PINS = f"idna==3.20 --hash={DIGEST}\nsix==1.17.0 ; python_version > '3' --hash={DIGEST}\n"
LOCK = {
    "name": "x",
    "lockfileVersion": 3,
    "packages": {
        "": {"name": "x", "dependencies": {"left": "1.0.0"}},
        "node_modules/left": {"version": "1.0.0", "integrity": "sha512-eA=="},
    },
}


class Advisories(http.server.ThreadingHTTPServer):
    """Stands in for OSV and for npm's registry; `status` and what it knows can be set."""

    status = 200
    known: dict[str, Any]
    asked: list[Any]

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.server_port}"


class _Answers(http.server.BaseHTTPRequestHandler):
    server: Advisories

    def do_POST(self) -> None:
        """Answer with what is known of a package, or of a registry's list of them."""
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/v1/query":
            asked = json.loads(raw)["package"]["name"]
            body = self.server.known.get(asked, {})
        else:
            asked, body = self.path, self.server.known.get("npm", {})
        self.server.asked.append(asked)
        text = json.dumps(body).encode()
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def advisories(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Advisories]:
    """Return a service of advisories that both programs ask."""
    server = Advisories(("127.0.0.1", 0), _Answers)
    server.known, server.asked = {}, []
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    monkeypatch.setenv(audit.OSV_URL, f"{server.url}/v1/query")
    monkeypatch.setenv("npm_config_registry", server.url)
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "cache"))
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    yield server
    server.shutdown()
    join_all([thread])
    server.server_close()


@pytest.fixture
def pinned(tmp_path: Path) -> Path:
    """Return a file of two pins, and a lock file of one package beside it."""
    (tmp_path / "package-lock.json").write_text(json.dumps(LOCK))
    (tmp_path / "package.json").write_text(json.dumps(LOCK["packages"][""]))  # type: ignore[index]
    file = tmp_path / "requirements.txt"
    file.write_text(PINS)
    return file


def test_what_nobody_knows_anything_against_is_good(
    advisories: Advisories, pinned: Path
) -> None:
    """And each package was asked about."""
    found = audit_python(pinned), audit_npm(pinned.parent)

    assert [(it.status, it.looked_at, it.gaps) for it in found] == [(0, 2, ()), (0, 1, ())]
    assert {"idna", "six"} <= set(advisories.asked)
    assert any("advisories/bulk" in asked for asked in advisories.asked)


def test_a_known_flaw_is_named(advisories: Advisories, pinned: Path) -> None:
    """With its package, version and number."""
    flaw = {"id": "PYSEC-2099-1", "affected": [], "aliases": [], "references": []}
    flaw["published"] = "2099-01-01T00:00:00Z"
    advisories.known["six"] = {"vulns": [{**flaw, "summary": "x", "details": "x"}]}
    row = {"id": 1, "url": "x", "title": "x", "severity": "high", "vulnerable_versions": "<2"}
    advisories.known["npm"] = {"left": [row]}

    python, npm = audit_python(pinned), audit_npm(pinned.parent)

    assert (python.status, python.flaws) == (audit.FLAWED, ("six 1.17.0: PYSEC-2099-1",))
    assert (npm.status, npm.flaws) == (audit.FLAWED, ("left: high",))


@pytest.mark.parametrize("is_there", [True, False], ids=["refusing", "absent"])
def test_a_service_that_does_not_answer_is_no_good_news(
    advisories: Advisories, pinned: Path, monkeypatch: pytest.MonkeyPatch, is_there: bool
) -> None:
    """Nothing known and nobody asked look alike to both programs; not to us."""
    advisories.status = 503
    if not is_there:
        monkeypatch.setenv(audit.OSV_URL, "http://127.0.0.1:1/v1/query")
        monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:1")

    for found in (audit_python(pinned), audit_npm(pinned.parent)):
        assert found.status == audit.UNKNOWN
        (line,) = found.lines()
        assert "NOT CHECKED anything: " in line


def test_a_package_that_was_left_out_is_named() -> None:
    """pip-audit alone says that no vulnerabilities are known, and ends with 0."""
    rows = [{"name": "idna", "version": "3.20", "vulns": []}, {"name": "six"}]
    rows.append({"name": "odd", "skip_reason": "not to be found"})
    pins = {"idna": "3.20", "six": "1.17.0", "odd": "1", "absent": "2"}

    found = audit.read_pip_audit("r.txt", pins, json.dumps({"dependencies": rows}), "")

    assert found.gaps == (
        "six 1.17.0: no word of it",
        "odd 1: not to be found",
        "absent 2: it is not in the answer",
    )


@pytest.mark.parametrize(
    "said",
    [
        *("", "[]", "{}", "Not found", '{"error": {"code": "ENOAUDIT"}}'),
        '{"vulnerabilities": {}, "metadata": {"dependencies": {"total": 2}}}',
    ],
)
def test_an_answer_that_is_none_is_a_gap(said: str) -> None:
    """A registry without advisories says so in many ways; or speaks of fewer packages."""
    assert read_npm_audit("npm", 3, said, "it says nothing").status == audit.UNKNOWN


def test_pins_of_other_systems_are_not_asked_for() -> None:
    """What is never installed here cannot be looked at here, and is no gap."""
    text = f"{PINS}odd==1 ; sys_platform == 'win32' --hash={DIGEST}\n"

    assert pins_here(text) == {"idna": "3.20", "six": "1.17.0"}


def test_the_command_ends_as_its_worst_part(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A gap outweighs a flaw, and both outweigh what is good."""
    parts = {audit.PINNED[0]: Finding("a", 1), audit.PINNED[1]: Finding("b", 1, ("x",))}
    other = Finding("c", 0, gaps=("anything: nobody answers",))
    monkeypatch.setattr(audit, "audit_npm", lambda folder: Finding(folder.name, 1))
    monkeypatch.setattr(
        audit,
        "audit_python",
        lambda file: parts.get(str(file.relative_to(ROOT)), Finding("d", 1)),
    )
    assert audit.main() == audit.FLAWED

    monkeypatch.setattr(audit, "audit_npm", lambda _: other)
    assert audit.main() == audit.UNKNOWN
    assert "nothing is said to be good" in capsys.readouterr().out
