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
        """Type all that a README says, from top to bottom, in one shell.

        Only ports are others, so that two runs on one machine do not meet.
        """
        text = (ROOT / readme).read_text()
        for port in set(re.findall(r"\b187\d\d\b", text)):
            text = text.replace(port, str(free_port()))
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
