"""The files of an environment: what is there, what it would become, and the difference.

They are those that docs/deploying.md has a person write. Nothing here writes.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path
from typing import Any

from command_line.doctor.gathering import deployed_settings
from command_line.setup.questions import QUESTIONS, Answers, Question
from creditbase.runtime.settings import REGION

FUNCTIONS_FOLDER = "functions"
RC = ".firebaserc"
HOSTING = "firebase.json"
SITE_SETTINGS = "web/public/settings.json"
SETTINGS_SOURCE = "functions/creditbase/runtime/settings.py"
CONNECTS = "connect-src 'self'"
PLAIN = re.compile(r"[\w.,:/@+-]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Planned:
    """A file as it is, and as it shall be."""

    path: str
    before: str | None
    """None where it is not there yet."""
    after: str

    @property
    def action(self) -> str:
        """Return what becomes of it: made, changed, or same."""
        if self.before is None:
            return "made"
        return "same" if self.before == self.after else "changed"

    @property
    def diff(self) -> str:
        """Return the difference as `diff -u` shows it."""
        old, new = (self.before or "").splitlines(), self.after.splitlines()
        name = "/dev/null" if self.before is None else self.path
        return "\n".join(unified_diff(old, new, name, self.path, n=0, lineterm=""))


def text_of(root: Path, path: str) -> str | None:
    """Return a file's text, or nothing where there is none."""
    file = root / path
    return file.read_text(encoding="utf-8") if file.is_file() else None


def known_answers(root: Path, project: str) -> dict[str, str]:
    """Return what an environment's files already say, by question."""
    settings = deployed_settings(root / FUNCTIONS_FOLDER, project)
    known = {it.key: settings[it.variable] for it in QUESTIONS if settings.get(it.variable, "")}
    aliases = _projects(text_of(root, RC))
    mine = next((alias for alias, named in aliases.items() if named == project), "")
    known["alias"] = mine or (project if "default" in aliases else "default")
    known["region"] = region_of(root)
    site = json.loads(text_of(root, SITE_SETTINGS) or "{}")
    if site.get("firebase", {}).get("projectId") == project:
        web = site["firebase"]
        known |= {"api_key": web.get("apiKey", ""), "app_id": web.get("appId", "")}
        known["site_key"] = site.get("appCheckSiteKey", "")
        known["gateway_url"] = site.get("gatewayUrl", "")
    return known


def region_of(root: Path) -> str:
    """Return the region that the functions of this tree are in."""
    source = text_of(root, SETTINGS_SOURCE) or ""
    found = re.search(r'^REGION = "([\w-]+)"$', source, re.MULTILINE)
    return found[1] if found else REGION


def plan_files(root: Path, project: str, answers: Answers) -> list[Planned]:
    """Return every file that the answers decide, whether or not it changes."""
    planned = [
        _settings_file(root, project, answers),
        Planned(RC, before := text_of(root, RC), _rc(before, answers["alias"], project)),
    ]
    site = text_of(root, SITE_SETTINGS)
    if answers.get("api_key"):
        planned.append(Planned(SITE_SETTINGS, site, _site(site, project, answers)))
    hosting, source = text_of(root, HOSTING), text_of(root, SETTINGS_SOURCE)
    if hosting is not None and source is not None:
        moved = _in_region(hosting, source, answers["region"])
        gateway = answers.get("gateway_url", "") if answers.get("api_key") else ""
        former = json.loads(site or "{}").get("gatewayUrl", "")
        admitted = _admitting(moved[0], gateway, former) if gateway else moved[0]
        planned.append(Planned(HOSTING, hosting, admitted))
        planned.append(Planned(SETTINGS_SOURCE, source, moved[1]))
    return planned


def _settings_file(root: Path, project: str, answers: Answers) -> Planned:
    path = f"{FUNCTIONS_FOLDER}/.env.{project}"
    before = text_of(root, path)
    text = before
    if text is None:
        text = (
            f"# What {project} has of its own; functions/.env holds for all "
            "(docs/deploying.md).\n# Secrets do not belong here.\n"
        )
    effective = deployed_settings(root / FUNCTIONS_FOLDER, project)
    offered = {"project": project, "mail": answers["mail"]}
    for it in QUESTIONS:
        if it.variable and it.key in answers:
            usual = "" if it.key == "site" else it.offered(offered)
            if effective.get(it.variable, usual) != answers[it.key]:
                text = with_variable(text, it, answers[it.key])
    return Planned(path, before, text)


def with_variable(text: str, question: Question, value: str) -> str:
    """Return the text of a file of settings with one of them set, in its place or at the end.

    What has no value is not in it.
    """
    line = f"{question.variable}={_quoted(value)}\n"
    own = re.compile(rf"^(export )?{question.variable}=.*(\n|\Z)", re.MULTILINE)
    if own.search(text):
        first = True

        def put(_: re.Match[str]) -> str:
            nonlocal first
            kept, first = (line if first and value else ""), False
            return kept

        return own.sub(put, text)
    if not value:
        return text
    return f"{text}{'' if text.endswith(chr(10)) or not text else chr(10)}{line}"


def _quoted(value: str) -> str:
    return value if PLAIN.fullmatch(value) else f"'{value}'"


def _projects(text: str | None) -> dict[str, str]:
    found: dict[str, str] = json.loads(text or "{}").get("projects", {})
    return found


def _rc(text: str | None, alias: str, project: str) -> str:
    if _projects(text).get(alias) == project:
        return text or ""
    whole = json.loads(text or "{}")
    whole["projects"] = {**_projects(text), alias: project}
    return _json(whole)


def _site(text: str | None, project: str, answers: Answers) -> str:
    whole: dict[str, Any] = json.loads(text or "{}")
    firebase = {
        **whole.get("firebase", {}),
        "apiKey": answers["api_key"],
        "authDomain": f"{project}.firebaseapp.com",
        "projectId": project,
        "appId": answers["app_id"],
    }
    named: Mapping[str, str] = {
        "appCheckSiteKey": answers["site_key"],
        "gatewayUrl": answers["gateway_url"],
    }
    kept = {key: value for key, value in whole.items() if key not in {*named, "firebase"}}
    given = {key: value for key, value in named.items() if value}
    after = {"firebase": firebase, **given, **kept}
    return text if text is not None and whole == after else _json(after)


def _in_region(hosting: str, source: str, region: str) -> tuple[str, str]:
    rewrites = re.sub(r'("region": )"[\w-]+"', rf'\g<1>"{region}"', hosting)
    constant = re.sub(
        r'^REGION = "[\w-]+"$', f'REGION = "{region}"', source, flags=re.MULTILINE
    )
    return rewrites, constant


def _admitting(hosting: str, gateway: str, former: str) -> str:
    """Return the policy of the pages with the gateway's address among what they may call."""
    if former and former != gateway:
        hosting = hosting.replace(f"{CONNECTS} {former}", CONNECTS)
    if f"{CONNECTS} {gateway}" in hosting:
        return hosting
    return hosting.replace(CONNECTS, f"{CONNECTS} {gateway}")


def _json(whole: Mapping[str, Any]) -> str:
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"
