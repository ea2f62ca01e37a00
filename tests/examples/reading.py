"""What an example's README says to type, typed on the stack; what it shows, compared."""

import itertools
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from dev import blocks
from dev.layout import BIN, ROOT
from tests.servers import free_port

WITHIN_S = 120
ENDED = "=== end of a block ==="


def read(readme: str) -> tuple[str, dict[str, int]]:
    """Return what a README says, with ports that nobody else has, and these by those in it.

    So two runs on one machine do not meet.
    """
    text = (ROOT / readme).read_text()
    ports = {port: free_port() for port in sorted(set(re.findall(r"\b187\d\d\b", text)))}
    for port, free in ports.items():
        text = text.replace(port, str(free))
    return text, ports


@dataclass
class Place:
    """A folder that looks like the repository after `make up`."""

    folder: Path
    env: dict[str, str]

    @classmethod
    def at(cls, folder: Path, stack_env: dict[str, str]) -> "Place":
        """Make it."""
        (folder / ".run").mkdir()
        (folder / ".run/env").symlink_to(os.environ["CREDITBASE_STACK_ENV"])
        for name in ("examples", "clients", "node_modules"):
            (folder / name).symlink_to(ROOT / name)
        path = f"{BIN}:{os.environ['PATH']}"
        env = {**os.environ, **stack_env, "PATH": path, "PYTHONPATH": "clients/python"}
        return cls(folder, env)

    def type(self, readme: str) -> None:
        """Type all that a README says, from top to bottom, in one shell."""
        text, _ = read(readme)
        told = list(blocks.blocks_of(readme, text))
        typed = [block for block in told if block.kind == "run"]
        script = "".join(f"{block.text}\necho '{ENDED}'\n" for block in typed)
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self.folder,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=WITHIN_S,
            check=False,
        )
        assert done.returncode == 0, f"{readme}: {done.stdout}\n{done.stderr}"
        printed = dict(
            zip([one.place for one in typed], done.stdout.split(ENDED), strict=False)
        )
        for block, following in itertools.pairwise(told):
            if following.kind == "printed":
                said = printed[block.place]
                assert blocks.fits(following.text, said), f"{following.place}: {said}"
