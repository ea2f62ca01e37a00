"""What Google's own interfaces say of a real project. Each may refuse by itself."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import google.auth
import requests
from google.auth.exceptions import GoogleAuthError
from google.auth.transport.requests import AuthorizedSession

from command_line.doctor.facts import GoogleFacts
from command_line.doctor.wanted import index_name
from creditbase.runtime.settings import REGION

T = TypeVar("T")
TIMEOUT_S = 10
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
FIRESTORE = "https://firestore.googleapis.com/v1/projects/{project}/databases/(default)"
OFF = "OFF"


class Refused(Exception):
    """Google does not say it: the status, and what it was asked for."""


def load(project: str, unseen: dict[str, str]) -> GoogleFacts | None:
    """Ask everything; what is refused is noted with why."""
    try:
        credentials, _ = google.auth.default(scopes=[SCOPE])
    except GoogleAuthError as failure:
        unseen["google"] = type(failure).__name__
        return None
    wire: requests.Session = AuthorizedSession(credentials)  # type: ignore[no-untyped-call]

    def get(url: str) -> dict[str, Any]:
        answered = wire.get(url.format(project=project), timeout=TIMEOUT_S)
        if answered.status_code != requests.codes.ok:
            raise Refused(f"{answered.status_code} of {answered.url.partition('?')[0]}")
        found: dict[str, Any] = answered.json()
        return found

    def seen(what: str, ask: Callable[[], T]) -> T | None:
        try:
            return ask()
        except (Refused, requests.RequestException, GoogleAuthError) as failure:
            unseen[what] = (
                str(failure) if isinstance(failure, Refused) else type(failure).__name__
            )
            return None

    return ask_all(get, seen)


Get = Callable[[str], dict[str, Any]]


def ask_all(get: Get, seen: Callable[[str, Callable[[], Any]], Any]) -> GoogleFacts:
    """Return what the answers say; `seen` takes a question that may be refused."""
    fields = seen("field_overrides", lambda: _overrides(get))
    sign_in = seen("sign_in", lambda: get(_identity() + "/config"))
    providers = seen("sign_in_providers", lambda: _providers(get))
    return GoogleFacts(
        indexes=seen("indexes", lambda: _indexes(get)),
        exemptions=None if fields is None else fields[0],
        ttls=None if fields is None else fields[1],
        rules=seen("rules", lambda: _rules(get)),
        functions=seen("functions", lambda: _functions(get)),
        jobs=seen("schedules", lambda: _jobs(get)),
        secrets=seen("secrets", lambda: _secrets(get)),
        recovers_to_point=seen("recovery", lambda: _recovers(get(FIRESTORE))),
        sign_in_methods=ways_in(None if sign_in is None else methods_of(sign_in), providers),
        authorized_domains=None
        if sign_in is None
        else frozenset(sign_in.get("authorizedDomains", ())),
        app_check_store=seen("app_check", lambda: _app_check(get)),
    )


def _every(get: Get, url: str, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    token = ""
    while True:
        mark = "&" if "?" in url else "?"
        page = get(url + (f"{mark}pageToken={token}" if token else ""))
        found += page.get(name, [])
        token = page.get("nextPageToken", "")
        if not token:
            return found


def _indexes(get: Get) -> Mapping[str, str]:
    rows = _every(get, FIRESTORE + "/collectionGroups/-/indexes", "indexes")
    return {index_name({**it, "collectionGroup": _group(it)}): it["state"] for it in rows}


def _group(row: Mapping[str, Any]) -> str:
    return str(row["name"]).split("/collectionGroups/")[1].partition("/")[0]


def _overrides(get: Get) -> tuple[frozenset[str], frozenset[str]]:
    url = FIRESTORE + "/collectionGroups/-/fields?filter=indexConfig.usesAncestorConfig=false"
    rows = _every(get, url, "fields")
    also = _every(get, url.partition("=")[0] + "=ttlConfig:*", "fields")
    exempt = {_field(it) for it in rows if not it.get("indexConfig", {}).get("indexes")}
    return frozenset(exempt), frozenset(_field(it) for it in also if "ttlConfig" in it)


def _field(row: Mapping[str, Any]) -> str:
    return f"{_group(row)}.{str(row['name']).rpartition('/fields/')[2]}"


def _rules(get: Get) -> str:
    base = "https://firebaserules.googleapis.com/v1/"
    release = get(base + "projects/{project}/releases/cloud.firestore")
    files = get(base + release["rulesetName"])["source"]["files"]
    return str(files[0]["content"])


def _functions(get: Get) -> frozenset[str]:
    url = "https://cloudfunctions.googleapis.com/v2/projects/{project}/locations/-/functions"
    rows = _every(get, url, "functions")
    return frozenset(it["name"].rpartition("/")[2] for it in rows if it["state"] == "ACTIVE")


def _jobs(get: Get) -> Mapping[str, str]:
    url = (
        f"https://cloudscheduler.googleapis.com/v1/projects/{{project}}/locations/{REGION}/jobs"
    )
    rows = _every(get, url, "jobs")
    return {job_name(it["name"]): it["state"] for it in rows}


def job_name(path: str) -> str:
    """Return the function of a job that Firebase made: `firebase-schedule-NAME-REGION`."""
    name = path.rpartition("/")[2]
    return name.removeprefix("firebase-schedule-").removesuffix(f"-{REGION}")


def _secrets(get: Get) -> frozenset[str]:
    url = "https://secretmanager.googleapis.com/v1/projects/{project}/secrets"
    return frozenset(it["name"].rpartition("/")[2] for it in _every(get, url, "secrets"))


def _recovers(database: Mapping[str, Any]) -> bool:
    found = database.get("pointInTimeRecoveryEnablement")
    return bool(found == "POINT_IN_TIME_RECOVERY_ENABLED")


def _identity() -> str:
    return "https://identitytoolkit.googleapis.com/admin/v2/projects/{project}"


def _providers(get: Get) -> frozenset[str]:
    name = "defaultSupportedIdpConfigs"
    rows = _every(get, f"{_identity()}/{name}", name)
    return frozenset(it["name"].rpartition("/")[2] for it in rows if it.get("enabled"))


def ways_in(
    own: frozenset[str] | None, providers: frozenset[str] | None
) -> frozenset[str] | None:
    """Return every way of signing in; None where one may be on that was not seen."""
    found = (own or frozenset()) | (providers or frozenset())
    return None if not found and (own is None or providers is None) else found


def methods_of(config: Mapping[str, Any]) -> frozenset[str]:
    """Return the ways of signing in of Firebase's own that a configuration switches on."""
    ways = config.get("signIn", {})
    return frozenset(
        name
        for name in ("email", "phoneNumber", "anonymous")
        if ways.get(name, {}).get("enabled")
    )


def _app_check(get: Get) -> str:
    url = "https://firebaseappcheck.googleapis.com/v1/projects/{project}/services/"
    return str(get(url + "firestore.googleapis.com").get("enforcementMode", OFF))
