"""Which project is meant: the local stack, an emulator, or a real one that was named."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dev import env_file
from dev.layout import ROOT, BadNumber, Layout

EMULATOR = "FIRESTORE_EMULATOR_HOST"
LOCAL_KEY = "sk_test_local"
"""What the local Stripe takes; it is no secret."""


class NoTarget(Exception):
    """It was not said which project is meant, or two were."""


@dataclass(frozen=True, slots=True)
class Target:
    """The project that a command is about."""

    project: str
    emulator: str
    """Where the emulator is; empty for a real project."""

    @property
    def is_real(self) -> bool:
        """Return whether real customers may be behind it."""
        return not self.emulator

    def fields(self) -> dict[str, str]:
        """Return it as it stands in an answer."""
        return {"project": self.project, "emulator": self.emulator}

    def __str__(self) -> str:
        return f"{self.project}, {'REAL' if self.is_real else f'emulator {self.emulator}'}"


def find_target(
    project: str, environ: Mapping[str, str], stack: Path
) -> tuple[Target, dict[str, str]]:
    """Return what is meant, and the variables that it takes to reach it.

    An emulator that the environment names comes first, then a real project that was named,
    then the local stack. A real project is never taken from the environment: it is named.

    Raises:
        NoTarget: nothing was said, or an emulator of another project.
    """
    if environ.get(EMULATOR):
        return _emulated(project, environ), {}
    values = env_file.read(stack) if stack.is_file() else {}
    if values and project in {"", values.get("GCLOUD_PROJECT", "")}:
        local = {
            "STRIPE_API_BASE": values["STRIPE_URL"],
            "STRIPE_SECRET_KEY": LOCAL_KEY,
            "CREDITBASE_SITE_URL": values["HUB_URL"],
        }
        return _emulated(project, values), {**values, **local}
    if project:
        return Target(project, ""), {"GCLOUD_PROJECT": project}
    raise NoTarget("no project is meant: nothing runs here, and --project names none")


def _emulated(project: str, values: Mapping[str, str]) -> Target:
    found = values.get("GCLOUD_PROJECT", "")
    if project and found and project != found:
        raise NoTarget(f"the emulator at {values[EMULATOR]} has project {found}, not {project}")
    if not (project or found):
        raise NoTarget(f"the emulator at {values[EMULATOR]} needs --project")
    return Target(project or found, values[EMULATOR])


def take_target(project: str) -> Target:
    """Find what is meant and set the environment of this process to it.

    Raises:
        NoTarget: nothing was said, or an emulator of another project.
    """
    try:
        stack = Layout.from_environment().env
    except BadNumber as problem:
        raise NoTarget(str(problem)) from problem
    target, values = find_target(project, os.environ, stack)
    os.environ.update({"GCLOUD_PROJECT": target.project, **values})
    return target


CATALOG_FILE = ROOT / "catalog.json"
