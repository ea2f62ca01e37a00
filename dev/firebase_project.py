"""The folder that the Firebase emulators run in: links to the sources, with ports of its own.

One `firebase.json` has one set of ports, and one functions folder one `.secret.local`. So each
stack gets a folder under `.run` that links to the sources and has these two files to itself:
nothing of a developer's own secrets is touched, and stacks run side by side. The emulator does
not watch a folder whose path has a dot in it, so running functions keep the code they started
with.
"""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dev.layout import FUNCTIONS, ROOT, SITE, Layout

OWN_FILES = frozenset({".secret.local", ".env.local"})


SETTINGS = "settings.json"
"""What a deployment puts beside the site's own files."""
POLICY = "Content-Security-Policy"
CONNECTS = "connect-src 'self'"
LOCAL_SERVERS = ("auth", "firestore", "gateway")
"""What the page speaks to besides Hosting: in production Google's servers."""


def prepare(
    layout: Layout, secrets: Mapping[str, str], site_settings: Mapping[str, Any]
) -> Path:
    """Make the folder anew and return it."""
    folder = layout.folder / "firebase"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "functions").mkdir(parents=True)
    configuration = json.loads((ROOT / "firebase.json").read_text())
    (folder / "firebase.json").write_text(json.dumps(with_ports(configuration, layout)))
    for source in FUNCTIONS.iterdir():
        if source.name not in OWN_FILES:
            (folder / "functions" / source.name).symlink_to(source)
    secret_file = folder / "functions" / ".secret.local"
    secret_file.touch(mode=0o600)
    secret_file.write_text("".join(f"{name}={value}\n" for name, value in secrets.items()))
    for name in (configuration["firestore"]["rules"], configuration["firestore"]["indexes"]):
        (folder / name).symlink_to(ROOT / name)
    _prepare_site(folder / configuration["hosting"]["public"], site_settings)
    return folder


def _prepare_site(public: Path, settings: Mapping[str, Any]) -> None:
    """Make the folder that Hosting serves: the site as it was built, and its settings."""
    public.mkdir(parents=True)
    for source in SITE.iterdir():
        if source.name != SETTINGS and not source.name.startswith("."):
            (public / source.name).symlink_to(source)
    (public / SETTINGS).write_text(json.dumps(settings))


def with_ports(configuration: dict[str, Any], layout: Layout) -> dict[str, Any]:
    """Return the configuration with this stack's ports, and its servers in the policy."""
    emulators = dict(configuration["emulators"])
    for name, settings in emulators.items():
        if isinstance(settings, dict) and "port" in settings:
            emulators[name] = {**settings, "port": layout.port(name)}
    emulators["firestore"]["websocketPort"] = layout.port("firestore.websocket")
    headers = _with_local_servers(configuration, layout)
    hosting = {**configuration["hosting"], "headers": headers}
    return {**configuration, "hosting": hosting, "emulators": emulators}


def _with_local_servers(configuration: dict[str, Any], layout: Layout) -> list[dict[str, Any]]:
    """Return the headers with this stack's servers where the policy lists Google's."""
    servers = " ".join(layout.url(name) for name in LOCAL_SERVERS)
    rules: list[dict[str, Any]] = json.loads(json.dumps(configuration["hosting"]["headers"]))
    for header in (header for rule in rules for header in rule["headers"]):
        if header["key"] == POLICY:
            header["value"] = header["value"].replace(CONNECTS, f"{CONNECTS} {servers}")
    return rules
