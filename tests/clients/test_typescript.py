"""The TypeScript client as it is installed: built, typed, and against the running stack."""

import os
import re
import secrets
import shutil
import subprocess
from pathlib import Path

import pytest

from dev.client import Customer
from dev.layout import ROOT

pytestmark = pytest.mark.stack

CLIENT = ROOT / "clients" / "typescript"
TESTS = ROOT / "tests" / "clients" / "typescript" / "stack.test.ts"
COMPILER = ROOT / "node_modules" / ".bin" / "tsc"
TIMEOUT_S = 240
PRELUDE = """
const { METER_URL, HUB_SECRET_KEY, CUSTOMER, answerId } = process.env as Record<string, string>;
const customer = CUSTOMER;
"""
"""What the page takes as known."""


def run(*command: str | Path, cwd: Path, env: dict[str, str] | None = None) -> str:
    """Return what a command printed; fail with it where the command fails."""
    told = subprocess.run(
        [str(one) for one in command],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert told.returncode == 0, told.stdout[-8000:]
    return told.stdout


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Return a project that has the client installed, the tests, and the page's code."""
    installed = tmp_path / "node_modules" / "creditbase-client"
    installed.mkdir(parents=True)
    shutil.copy(CLIENT / "package.json", installed)
    run(COMPILER, "-p", CLIENT, "--outDir", installed / "dist", cwd=ROOT)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    shutil.copy(TESTS, tmp_path)
    page = (ROOT / "docs" / "clients.md").read_text()
    (block,) = re.findall(r"```ts\n(.*?)```", page, re.DOTALL)
    (tmp_path / "page.ts").write_text(PRELUDE + block)
    strict = ["--strict", "--noUnusedLocals", "--target", "ES2022", "--module", "NodeNext"]
    known = ["--lib", "ES2023,ESNext.Disposable,DOM,DOM.Iterable", "--types", "node"]
    types = ["--typeRoots", str(ROOT / "node_modules" / "@types")]
    run(COMPILER, *strict, *known, *types, TESTS.name, "page.ts", cwd=tmp_path)
    return tmp_path


def test_the_client_does_what_it_says_and_so_does_its_page(
    place: Path, stack_env: dict[str, str]
) -> None:
    """One process each, by somebody who has just signed up."""
    signed_up = Customer.sign_up(stack_env, f"{secrets.token_hex(6)}@example.com", "secret-1")
    env = {
        **stack_env,
        "CUSTOMER": signed_up.uid,
        "ID_TOKEN": signed_up.headers["Authorization"].removeprefix("Bearer "),
        "answerId": secrets.token_hex(6),
    }

    told = run("node", "--test", "--test-reporter=tap", "stack.test.js", cwd=place, env=env)
    printed = run("node", "page.js", cwd=place, env=env)

    assert re.search(r"^# pass 11$", told, re.MULTILINE), told[-4000:]
    assert printed.startswith("captured ")
