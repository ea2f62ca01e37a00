"""What we stand on, and what we must not give away: pins, lock file, bill, secrets.

`make sbom` writes `.run/sbom.json`: what is deployed, as CycloneDX 1.6. The rest are rules
that `tests/dev/test_supply_chain.py` holds against every file under version control.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from creditbase.kernel.ids import (
    API_KEY_PREFIX,
    CUSTOMER_TOKEN_PREFIX,
    SECRET_KEY_PREFIX,
    is_well_formed,
)

ROOT = Path(__file__).resolve().parent.parent
DEPLOYED = "functions/requirements.txt"
REQUIREMENTS = (DEPLOYED, "requirements-dev.txt", "requirements-prices.txt")
PIN = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)==([0-9][A-Za-z0-9.+!-]*)")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
IMPORTED = re.compile(r"""(?:from|import)\s*\(?\s*["']([^."'/][^"']*)["']""")
STYLES = re.compile(r"""@import\s+["']([^."'/][^"']*)["']""")

SECRETS: Mapping[str, re.Pattern[str]] = {
    "a Stripe key": re.compile(r"\b[sr]k_live_[A-Za-z0-9]{16,}|\b[sr]k_test_[A-Za-z0-9]{24,}"),
    "a webhook's secret": re.compile(r"\bwhsec_[A-Za-z0-9+/]{32,}"),
    "a Google key": re.compile(r"\bAIza[A-Za-z0-9_-]{35}\b"),
    "a private key": re.compile(
        r"-----BEGIN [A-Z ]*PRIVATE KEY-----(?:\\n|\s)+[A-Za-z0-9+/]{40}"
    ),
    "a GitHub token": re.compile(r"\bgh[pousr]_[A-Za-z0-9]{36}\b"),
    "an AWS key": re.compile(r"\bAKIA[A-Z0-9]{16}\b"),
    "a provider's key": re.compile(r"\bsk-(?:ant|proj)-[A-Za-z0-9_-]{32,}"),
}
"""What keys of others look like."""
OUR_PREFIXES = (API_KEY_PREFIX, SECRET_KEY_PREFIX, CUSTOMER_TOKEN_PREFIX)
OURS = re.compile(rf"\b(?:{'|'.join(OUR_PREFIXES)})[A-Za-z0-9_-]{{49}}")


def tracked() -> Iterator[tuple[str, str]]:
    """Yield every file under version control that is text, with its path."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        path = ROOT / name
        if path.is_file():
            raw = path.read_bytes()
            if b"\0" not in raw[:8_000]:
                yield name, raw.decode(errors="replace")


def secrets_in(name: str, text: str) -> Iterator[str]:
    """Yield where a text has what looks like a secret; of ours only what could be real."""
    for number, line in enumerate(text.splitlines(), start=1):
        found = [what for what, look in SECRETS.items() if look.search(line)]
        ours = (mine for mine in OURS.findall(line) if _is_ours(mine))
        found += ["a credential of our own" for _ in ours]
        yield from (f"{name}:{number}: {what}" for what in found)
    if SECRETS["a private key"].search(text):
        yield f"{name}: a private key"


def _is_ours(text: str) -> bool:
    return any(is_well_formed(text, prefix) for prefix in OUR_PREFIXES)


def pins_of(text: str) -> dict[str, str]:
    """Return the packages of a requirements file with their versions.

    Raises:
        ValueError: a line is no exact pin, has no digest, names a host, or sets an option.
    """
    found: dict[str, str] = {}
    for line in text.replace("\\\n", " ").splitlines():
        asked, *digests = line.partition("#")[0].strip().split("--hash=")
        if not asked and not digests:
            continue
        pin = PIN.fullmatch(asked.partition(";")[0].strip())
        if pin is None:
            raise ValueError(f"this is no exact pin: {asked}")
        if not digests or not all(DIGEST.fullmatch(digest.strip()) for digest in digests):
            raise ValueError(f"this has no digest, or more than digests: {asked}")
        found[pin[1]] = pin[2]
    return found


def flaws_of_lock(lock: Mapping[str, Any]) -> Iterator[str]:
    """Yield what npm would install unseen: without a digest, or from a host of its own."""
    for path, package in lock["packages"].items():
        if path and not package.get("link"):
            if not str(package.get("integrity", "")).startswith("sha512-"):
                yield f"{path}: no sha512"
            if "resolved" in package:
                yield f"{path}: from {package['resolved']}"


def bundled(lock: Mapping[str, Any], sources: Iterable[str]) -> dict[str, str]:
    """Return the npm packages that go into the site: what its sources import, and theirs."""
    pending = [("", name) for text in sources for name in _imported(text)]
    found: dict[str, str] = {}
    while pending:
        inside, name = pending.pop()
        path = _path_of(lock, inside, name)
        if path is None or path in found:
            continue
        package = lock["packages"][path]
        found[path] = f"{path.rpartition('node_modules/')[2]}@{package['version']}"
        pending += [(path, needed) for needed in package.get("dependencies", {})]
    return found


def _imported(text: str) -> set[str]:
    names = {*IMPORTED.findall(text), *STYLES.findall(text)}
    return {"/".join(name.split("/")[: 2 if name.startswith("@") else 1]) for name in names}


def _path_of(lock: Mapping[str, Any], inside: str, name: str) -> str | None:
    """Return where npm finds a package for another: in its own folder, or in one above."""
    while True:
        path = f"{inside}/node_modules/{name}" if inside else f"node_modules/{name}"
        if path in lock["packages"]:
            return path
        if not inside:
            return None
        inside = inside.rpartition("/node_modules/")[0] if "/node_modules/" in inside else ""


def bill(pins: Mapping[str, str], lock: Mapping[str, Any], npm: Mapping[str, str]) -> Any:
    """Return the bill of materials of what is deployed, the same for the same pins."""
    parts: list[dict[str, Any]] = [
        {
            "type": "library",
            "name": name,
            "version": version,
            "purl": f"pkg:pypi/{name.lower().replace('_', '-')}@{version}",
        }
        for name, version in pins.items()
    ]
    for path, named in npm.items():
        name, _, version = named.rpartition("@")
        package = lock["packages"][path]
        parts.append(
            {
                "type": "library",
                "name": name,
                "version": version,
                "purl": f"pkg:npm/{name.replace('@', '%40')}@{version}",
                **(
                    {"licenses": [{"expression": it}]} if (it := package.get("license")) else {}
                ),
            }
        )
    for part in parts:
        part["bom-ref"] = part["purl"]
    unique = {part["bom-ref"]: part for part in parts}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "application", "name": "creditbase"}},
        "components": [unique[ref] for ref in sorted(unique)],
    }


def written_bill() -> Any:
    """Return the bill of this checkout."""
    lock = json.loads((ROOT / "package-lock.json").read_text())
    kinds = {".ts", ".tsx", ".css"}
    found = (path for path in sorted((ROOT / "web" / "src").rglob("*")) if path.suffix in kinds)
    texts = [path.read_text() for path in found if ".test." not in path.name]
    return bill(pins_of((ROOT / DEPLOYED).read_text()), lock, bundled(lock, texts))


def main() -> int:
    """Write the bill; return the exit status."""
    target = ROOT / ".run" / "sbom.json"
    target.parent.mkdir(exist_ok=True)
    found = written_bill()
    target.write_text(json.dumps(found, indent=2) + "\n")
    print(f"{target.relative_to(ROOT)}: {len(found['components'])} packages are deployed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
