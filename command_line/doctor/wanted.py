"""What this release needs of a project, read from the files that it is deployed from."""

import json
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from command_line.doctor.facts import Wanted
from creditbase.catalog.shipped import shipped_book
from creditbase.payments.stripe_gateway import API_VERSION
from creditbase.payments.use_cases import HANDLERS
from dev.layout import ROOT

SCHEDULES = (
    *("anchors_schedule", "outbox_schedule", "rollup_schedule", "schedules"),
    *("stripe_schedules", "verify_schedule", "webhook_schedule"),
)
MINUTES = {"minutes": 1, "hours": 60}
DAILY = 24 * 60


def load_wanted() -> Wanted:
    """Return what the files of this tree say."""
    firestore = json.loads((ROOT / "firestore.indexes.json").read_text(encoding="utf-8"))
    hosting = json.loads((ROOT / "firebase.json").read_text(encoding="utf-8"))["hosting"]
    overrides = firestore["fieldOverrides"]
    schedules = dict(_schedules())
    called = {
        rule["function"]["functionId"] for rule in hosting["rewrites"] if "function" in rule
    }
    return Wanted(
        indexes=frozenset(map(index_name, firestore["indexes"])),
        exemptions=frozenset(_field(it) for it in overrides if not it["indexes"]),
        ttls=frozenset(_field(it) for it in overrides if it.get("ttl")),
        rules=(ROOT / "firestore.rules").read_text(encoding="utf-8"),
        functions=frozenset({*called, *schedules}),
        schedules=schedules,
        events=frozenset(HANDLERS),
        api_version=API_VERSION,
        book_version=shipped_book().version,
    )


def index_name(index: dict[str, Any]) -> str:
    """Return an index as one line: its collection and its fields."""
    fields = ", ".join(
        f"{it['fieldPath']} {it.get('order') or it.get('arrayConfig')}"
        for it in index["fields"]
        if it["fieldPath"] != "__name__"
    )
    return f"{index['collectionGroup']} ({fields})"


def _field(override: dict[str, Any]) -> str:
    return f"{override['collectionGroup']}.{override['fieldPath']}"


def _schedules() -> Iterator[tuple[str, int]]:
    for name in SCHEDULES:
        module = import_module(f"creditbase.jobs.{name}")
        for function, found in vars(module).items():
            endpoint = getattr(found, "__firebase_endpoint__", None)
            if endpoint is not None:
                yield function, minutes_of(str(endpoint.scheduleTrigger["schedule"]))


def minutes_of(schedule: str) -> int:
    """Return how often a schedule comes round: `every 5 minutes`; all others are daily."""
    words = schedule.split()
    if len(words) == 3 and words[0] == "every" and words[2] in MINUTES:
        return int(words[1]) * MINUTES[words[2]]
    return DAILY
