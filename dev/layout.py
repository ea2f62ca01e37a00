"""Where a stack lives: its ports, its project, its folder. All of it follows from one number.

`CREDITBASE_STACK=n` (0 unless set) moves everything by 100 ports and into a folder of its own,
so that stacks run side by side and share nothing.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = ROOT / ".venv" / "bin"
FUNCTIONS = ROOT / "functions"
FUNCTIONS_BIN = FUNCTIONS / "venv" / "bin"
SITE = ROOT / "web" / "dist"
"""The web app as it was built: what Hosting serves."""
REGION = json.loads((ROOT / "firebase.json").read_text())["hosting"]["rewrites"][0]["function"][
    "region"
]
"""Where the functions are: what Hosting is told of the first is so of all."""
PORT_BASE = 21_000
PORTS_PER_STACK = 100
NUMBER_MAX = 99
FIREBASE_PORTS = {
    "hosting": 0,
    "functions": 1,
    "hub": 2,
    "logging": 3,
    "eventarc": 4,
    "tasks": 5,
    "firestore": 80,
    "firestore.websocket": 81,
    "auth": 99,
}
OWN_PORTS = {"stripe": 10, "keys": 11, "meter": 20, "gateway": 21}


class BadNumber(Exception):
    """`CREDITBASE_STACK` is not a number that we can use."""


@dataclass(frozen=True)
class Layout:
    """The places of one stack."""

    number: int

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> "Layout":
        """Return the layout that `CREDITBASE_STACK` asks for.

        Raises: BadNumber.
        """
        text = environ.get("CREDITBASE_STACK", "") or "0"
        if not text.isdecimal() or int(text) > NUMBER_MAX:
            raise BadNumber(f"CREDITBASE_STACK is {text!r}; it must be 0 to {NUMBER_MAX}.")
        return cls(int(text))

    def port(self, name: str) -> int:
        """Return the port of one of the servers."""
        offset = {**FIREBASE_PORTS, **OWN_PORTS}[name]
        return PORT_BASE + PORTS_PER_STACK * self.number + offset

    @property
    def ports(self) -> dict[str, int]:
        """Return every port by the name of its server."""
        return {name: self.port(name) for name in (*FIREBASE_PORTS, *OWN_PORTS)}

    def address(self, name: str) -> str:
        """Return host and port of a server."""
        return f"127.0.0.1:{self.port(name)}"

    def url(self, name: str) -> str:
        """Return the address of a server for a client of HTTP."""
        return f"http://{self.address(name)}"

    @property
    def project(self) -> str:
        """Return the Firebase project; `demo-` tells every tool that it is not a real one."""
        return "demo-creditbase" + (f"-{self.number}" if self.number else "")

    @property
    def folder(self) -> Path:
        """Return the folder of everything that this stack writes."""
        return ROOT / ".run" / (str(self.number) if self.number else "")

    @property
    def env(self) -> Path:
        """Return the shell file with the addresses and keys of the running stack."""
        return self.folder / "env"

    @property
    def logs(self) -> Path:
        """Return the folder of the logs."""
        return self.folder / "logs"

    @property
    def state(self) -> Path:
        """Return the file that says which processes belong to the stack."""
        return self.folder / "stack.json"

    @property
    def clock(self) -> Path:
        """Return the file with the seconds by which business time is moved."""
        return self.folder / "clock"

    @property
    def functions_url(self) -> str:
        """Return the address under which each function has its name as its path."""
        return f"{self.url('functions')}/{self.project}/{REGION}"

    @property
    def prefix(self) -> str:
        """Return what to type before a command to mean this stack."""
        return f"CREDITBASE_STACK={self.number} " if self.number else ""
