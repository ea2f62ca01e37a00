"""Make what the commands need: two Python environments, the npm packages, the web app.

Runs on a bare Python 3.11 with nothing but the standard library. What is made carries a stamp
with the digest of its requirement files, so that a second run installs nothing. A half-made
environment (the machine was switched off, Ctrl-C) has no stamp and is made again.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOGS = ROOT / ".run" / "logs"
STAMP = ".creditbase-installed.json"
BEGUN = ".creditbase-begun"
NEWS_EVERY_S = 10
NODE_MAJOR_MIN = 20


class Missing(Exception):
    """The machine lacks something that only its owner can install."""


@dataclass
class Part:
    """One thing to install: what it is made from, where it goes, and what it must contain.

    `commands` gives the command lines that make it; `is_fresh` tells them whether the target
    has to be made from nothing.
    """

    title: str
    target: Path
    sources: tuple[str, ...]
    must_have: tuple[str, ...]
    commands: Callable[[bool], list[list[str]]]
    started_at: float = 0.0
    process: subprocess.Popen[bytes] | None = None
    waiting: list[list[str]] = field(default_factory=list)

    @property
    def log(self) -> Path:
        """Where the installer's own words go."""
        return LOGS / f"install-{self.target.name.strip('.')}-{self.target.parent.name}.log"

    @property
    def digest(self) -> str:
        """What the target is made from, as one word."""
        digest = hashlib.sha256()
        for source in files_of(self.sources):
            name = source.relative_to(ROOT).as_posix()
            digest.update(name.encode() + b"\0" + source.read_bytes() + b"\0")
        return digest.hexdigest()

    def stamp(self) -> dict[str, str]:
        """Return what the target says it was made from; nothing if it is not whole."""
        if not all((self.target / name).exists() for name in self.must_have):
            return {}
        with contextlib.suppress(OSError, ValueError):
            found: dict[str, str] = json.loads((self.target / STAMP).read_text())
            return found
        return {}

    def is_current(self) -> bool:
        """Whether there is nothing to do."""
        return self.stamp() == {"digest": self.digest, "path": str(self.target)}

    def must_start_fresh(self) -> bool:
        """Whether what is there cannot be built upon: begun and not ended, moved, or broken."""
        if (self.target / BEGUN).exists():
            return True
        if not all((self.target / name).exists() for name in self.must_have[:1]):
            return True
        return self.stamp().get("path", str(self.target)) != str(self.target)


def files_of(sources: tuple[str, ...]) -> Iterator[Path]:
    """Yield the files that are named, and all below the folders that are but what is made."""
    for source in sources:
        path = ROOT / source
        if not path.is_dir():
            yield path
            continue
        for found in sorted(path.rglob("*")):
            if found.is_file() and ".gen." not in found.name:
                yield found


def virtualenv(target: Path, requirements: str, *programs: str) -> Part:
    """Describe a Python environment made from a requirements file."""
    python = target / "bin" / "python"

    def commands(is_fresh: bool) -> list[list[str]]:
        make = [[sys.executable, "-m", "venv", str(target)]] if is_fresh else []
        pip = [str(python), "-m", "pip", "install", "--disable-pip-version-check"]
        whole = ["--no-input", "--require-hashes", "-r", str(ROOT / requirements)]
        return [*make, [*pip, *whole]]

    return Part(
        title=f"Python packages for {target.relative_to(ROOT)}",
        target=target,
        sources=(requirements,),
        must_have=("bin/python", *(f"bin/{name}" for name in programs)),
        commands=commands,
    )


def development() -> Part:
    """Describe the environment of the tools and tests.

    With it come packages that are read and never run, as they were published: what they need
    to run is not installed.
    """
    requirements = "requirements-prices.txt"
    tools = ("pytest", "ruff", "mypy", "lint-imports")
    part = virtualenv(ROOT / ".venv", "requirements-dev.txt", *tools)
    install_all = part.commands

    def commands(is_fresh: bool) -> list[list[str]]:
        pip = [str(part.target / "bin" / "python"), "-m", "pip", "download"]
        quiet = ["--disable-pip-version-check", "--no-input", "--no-deps", "--require-hashes"]
        place = ["-d", str(part.target / "prices"), "-r", str(ROOT / requirements)]
        return [*install_all(is_fresh), [*pip, *quiet, *place]]

    part.commands = commands
    part.sources = (*part.sources, requirements)
    part.must_have = (*part.must_have, "prices")
    return part


def parts() -> list[Part]:
    """Return all that is to be installed, the longest first."""
    return [
        Part(
            title="npm packages (Firebase emulators, web app)",
            target=ROOT / "node_modules",
            sources=("package.json", "package-lock.json"),
            must_have=(".bin/firebase", ".bin/vite", "firebase/package.json"),
            commands=lambda _: [["npm", "ci", "--ignore-scripts"]],
        ),
        development(),
        virtualenv(
            ROOT / "functions" / "venv", "functions/requirements.txt", "functions-framework"
        ),
    ]


def site() -> Part:
    """Describe the web app, which the npm packages build."""
    builds = ("vite.config.ts", "vite.embed.config.ts", "tsconfig.json")
    configuration = ("index.html", *builds, "public")
    return Part(
        title="web app",
        target=ROOT / "web" / "dist",
        sources=(
            "web/src",
            *(f"web/{name}" for name in configuration),
            "docs/openapi.yaml",
            "package-lock.json",
        ),
        must_have=("index.html", "assets", "embed/creditbase.js"),
        commands=lambda _: [["npm", "run", "--silent", "web:build"]],
    )


def write_script() -> None:
    """Put the command `creditbase` beside the other tools: `.venv/bin/creditbase`.

    It is a script and no installed package, so that it always runs what is in this folder.
    """
    script = ROOT / ".venv" / "bin" / "creditbase"
    trees = [str(ROOT / "functions"), str(ROOT)]
    text = (
        f"#!{script.with_name('python')}\nimport sys\n\nsys.path[:0] = {trees!r}\n\n"
        "from command_line.app import main\n\nsys.exit(main())\n"
    )
    if not script.is_file() or script.read_text() != text:
        script.write_text(text)
        script.chmod(0o755)


def check_machine() -> None:
    """Name the first missing tool with its remedy.

    Raises: Missing.
    """
    if sys.version_info[:2] != (3, 11):
        version = ".".join(map(str, sys.version_info[:3]))
        raise Missing(
            f"Python 3.11 is needed (the functions run on it), and this is {version}.\n"
            "Install it (Debian 12: apt-get install python3.11 python3.11-venv; macOS: brew "
            "install python@3.11; any: pyenv install 3.11), or say where it is: "
            "make PYTHON=/path/to/python3.11"
        )
    try:
        import ensurepip  # noqa: F401, PLC0415  # only to see whether it is there
        import venv  # noqa: F401, PLC0415  # as above
    except ImportError:
        raise Missing(
            "This Python cannot make virtual environments. Debian and Ubuntu ship that part "
            "apart: apt-get install python3.11-venv"
        ) from None
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        raise Missing(
            f"Node {NODE_MAJOR_MIN} or newer with npm is needed for the Firebase emulators, "
            f"and {'node' if node is None else 'npm'} was not found. Install it from "
            "nodejs.org, with nvm, or with the system's packages."
        )
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    major = said.stdout.strip().lstrip("v").split(".")[0]
    if not major.isdigit() or int(major) < NODE_MAJOR_MIN:
        raise Missing(
            f"Node {NODE_MAJOR_MIN} or newer is needed, and {node} is "
            f"{said.stdout.strip() or 'broken'}. Install a newer one (for example: nvm install "
            f"{NODE_MAJOR_MIN})."
        )


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Keep a second installer in this folder waiting, so that they do not mix their files."""
    LOGS.mkdir(parents=True, exist_ok=True)
    with (LOGS.parent / "install.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another command is installing here; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def say(text: str) -> None:
    """Print one line of progress."""
    print(f"[install] {text}", flush=True)


def begin(part: Part) -> None:
    """Start the first command of a part."""
    is_fresh = part.must_start_fresh()
    part.started_at = time.monotonic()
    part.waiting = part.commands(is_fresh)
    part.log.write_bytes(b"")
    say(f"{part.title}: {'installing' if is_fresh else 'bringing up to date'}")
    if is_fresh and part.target.exists():
        say(f"{part.title}: what is there is not whole, making it again")
        shutil.rmtree(part.target)
    part.target.mkdir(exist_ok=True)
    (part.target / BEGUN).touch()
    _next(part)


def _next(part: Part) -> None:
    with part.log.open("ab") as log:
        part.process = subprocess.Popen(
            part.waiting.pop(0),
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def has_ended(part: Part) -> bool:
    """Take a part one step on; return whether it is done.

    Raises: RuntimeError, with the last lines of the log, if a command failed.
    """
    assert part.process is not None
    status = part.process.poll()
    if status is None:
        return False
    if status != 0:
        lines = part.log.read_text(errors="replace").strip().splitlines()[-20:]
        raise RuntimeError(
            f"{part.title}: failed with status {status}. The last lines of {part.log}:\n  "
            + "\n  ".join(lines)
        )
    if part.waiting:
        _next(part)
        return False
    absent = [name for name in part.must_have if not (part.target / name).exists()]
    if absent:
        raise RuntimeError(f"{part.title}: installed, but without {', '.join(absent)}")
    (part.target / BEGUN).unlink(missing_ok=True)
    stamp = {"digest": part.digest, "path": str(part.target)}
    (part.target / STAMP).write_text(json.dumps(stamp))
    say(f"{part.title}: done in {time.monotonic() - part.started_at:.0f} s")
    return True


def stop(running: list[Part]) -> None:
    """End what is still installing, by process group."""
    for part in running:
        if part.process is not None and part.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(part.process.pid, signal.SIGTERM)
            part.process.wait()


def install(todo: list[Part]) -> None:
    """Install the parts side by side, saying now and then what is still going on."""
    running: list[Part] = []
    try:
        for part in todo:
            running.append(part)
            begin(part)
        news_at = time.monotonic() + NEWS_EVERY_S
        while running:
            running = [part for part in running if not has_ended(part)]
            if time.monotonic() > news_at and running:
                news_at += NEWS_EVERY_S
                took_s = time.monotonic() - min(part.started_at for part in running)
                say(f"{took_s:.0f} s so far; still: {', '.join(p.title for p in running)}")
            time.sleep(0.1)
    finally:
        stop(running)


def main() -> int:
    """Install what is missing; return the exit status."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        # The web app is built by what comes with the first round.
        rounds = (parts(), [site()])
        if all(part.is_current() for group in rounds for part in group):
            write_script()
            return 0
        check_machine()
        with alone():
            started_at = time.monotonic()
            for group in rounds:
                install([part for part in group if not part.is_current()])
            write_script()
            say(f"all there after {time.monotonic() - started_at:.0f} s")
    except KeyboardInterrupt:
        say("stopped; the next run goes on from here")
        return 130
    except (Missing, RuntimeError, OSError) as problem:
        print(f"[install] {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
