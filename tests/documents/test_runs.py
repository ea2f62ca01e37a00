"""What a page says to type is typed, page by page, on the stack; what it shows is compared."""

import os
import subprocess
from pathlib import Path

import pytest

from command_line.target import LOCAL_KEY
from dev import blocks
from dev.blocks import Block
from dev.layout import BIN, ROOT
from tests.documents.scene import Scene, prepared

ALL = blocks.all_blocks()
PAGES = sorted({block.page for block in ALL if block.kind == "run"})
WITHIN_S = 120
ENDED = "=== end of a block ==="
PROLOGUE = f"""set -euo pipefail
make() {{ :; }}
python() {{
  if [ "${{2:-}}" = creditbase.admin ]; then (cd "{ROOT}/functions"; venv/bin/python "$@")
  else command python "$@"; fi
}}
"""
"""The stack is up already. Who types `python -m creditbase.admin` is in functions/."""
VERIFIER = "verifier/creditbase_verify.py"
CLIENT = str(ROOT / "clients/python")
"""Where Python finds it, as after `pip install ./clients/python`."""


@pytest.fixture(scope="module")
def scene(stack_env: dict[str, str]) -> Scene:
    """Return whom the pages speak of."""
    return prepared(stack_env)


@pytest.mark.stack
@pytest.mark.parametrize("page", PAGES)
def test_a_page_does_what_it_says(
    page: str, stack_env: dict[str, str], scene: Scene, tmp_path: Path
) -> None:
    """A reader who types a page from top to bottom sees what stands there."""
    told = [block for block in ALL if block.page == page]
    (tmp_path / ".run").mkdir()
    (tmp_path / ".run/env").symlink_to(os.environ["CREDITBASE_STACK_ENV"])
    for name in ("functions", "catalog.json", "verifier", VERIFIER):
        (tmp_path / Path(name).name).symlink_to(ROOT / name)
    typed = "".join(f"{script(it)}\necho '{ENDED}'\n" for it in told if it.kind == "run")
    path = f"{BIN}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", f"{PROLOGUE}{scene.put_into(typed)}"],
        cwd=tmp_path,
        env={
            **stack_env,
            **scene.variables,
            "STRIPE_API_BASE": stack_env["STRIPE_URL"],
            "STRIPE_SECRET_KEY": LOCAL_KEY,
            "CREDITBASE_SITE_URL": stack_env["HUB_URL"],
            "PATH": path,
            "HOME": str(tmp_path),
            "PYTHONPATH": CLIENT,
        },
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )
    assert done.returncode == 0, f"{page}: {done.stdout}\n{done.stderr}"

    printed = done.stdout.split(ENDED)
    number = 0
    for block, following in zip(told, [*told[1:], None], strict=True):
        if block.kind != "run":
            continue
        if following is not None and following.kind == "printed":
            assert blocks.fits(following.text, printed[number]), (
                f"{following.place}: {printed[number]}"
            )
        number += 1


def script(block: Block) -> str:
    """Return what a shell does of a block."""
    if block.language == "python":
        return f"python - <<'END OF PYTHON'\n{block.text}END OF PYTHON"
    return block.text
