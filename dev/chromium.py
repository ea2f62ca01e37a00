"""The browser of the browser test: one of the machine, or the one that Playwright fetched."""

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from dev.background import Failed
from dev.layout import BIN

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FETCHED = ("chrome-linux*/chrome", "chrome-linux*/headless_shell")
"""Where `playwright install chromium` puts it, in a folder for each version."""


def find(environ: Mapping[str, str] = os.environ) -> str:
    """Return the program to start.

    Raises: Failed.
    """
    if chosen := environ.get("CHROMIUM", ""):
        if shutil.which(chosen, path=environ.get("PATH")) is None:
            raise Failed(f"CHROMIUM is {chosen!r}, and that is no program.")
        return chosen
    for name in NAMES:
        if found := shutil.which(name, path=environ.get("PATH", "")):
            return found
    cache = Path(environ.get("HOME", "/nowhere")) / ".cache" / "ms-playwright"
    for pattern in FETCHED:
        if fetched := sorted(cache.glob(f"chromium*/{pattern}")):
            return str(fetched[-1])
    raise Failed(
        "The browser test needs Chromium, and there is none. Debian, Ubuntu: apt-get install "
        "chromium; anywhere else: .venv/bin/playwright install chromium; or say where it is: "
        "CHROMIUM=/path/to/chrome make test"
    )


def ensure(say: Callable[[str], None]) -> None:
    """See to it that there is a browser: install one where none is found.

    Debian's own where we are root and may install packages, else the one that Playwright
    fetches for the user alone.

    Raises: Failed: there is none, and none could be had.
    """
    try:
        find()
    except Failed:
        if os.environ.get("CHROMIUM"):
            raise
        for command in _installs():
            say(f"no Chromium here; installing it: {' '.join(command)}")
            if subprocess.run(command, check=False, stdout=subprocess.DEVNULL).returncode != 0:
                break
        find()


def _installs() -> list[list[str]]:
    """Return the commands that bring a browser, one after the other."""
    if os.geteuid() == 0 and shutil.which("apt-get") is not None:
        packages = ["chromium", "fonts-dejavu-core"]
        return [
            ["apt-get", "update", "-qq"],
            ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages],
        ]
    return [[str(BIN / "playwright"), "install", "chromium"]]


def options() -> list[str]:
    """Return what it is started with: root has no sandbox, and a container little memory."""
    as_root = ["--no-sandbox"] if os.geteuid() == 0 else []
    return [*as_root, "--disable-dev-shm-usage"]
