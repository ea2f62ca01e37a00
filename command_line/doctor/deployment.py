"""Rules about a real project at Google: indexes, rules, functions, schedules, sign-in."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from command_line.doctor.facts import Facts, Finding
from creditbase.runtime.settings import REGION


def indexes(facts: Facts) -> Iterator[Finding]:
    """A query without its index fails, and a map without its exemption costs at every write."""
    google = facts.google
    if google is None:
        return
    deploy = f"npx firebase deploy --only firestore:indexes --project {facts.project}"
    if google.indexes is not None:
        for index in sorted(facts.wanted.indexes):
            state = google.indexes.get(index)
            if state is None:
                yield _error("index_missing", f"there is no index {index}", deploy)
            elif state != "READY":
                text = f"the index {index} is not ready: {state}"
                yield _warning("index_building", text, "wait, then: creditbase doctor")
    for code, what, wanted, found in (
        (
            "exemption_missing",
            "indexed, and should not be",
            facts.wanted.exemptions,
            google.exemptions,
        ),
        ("ttl_missing", "not deleted when its time is over", facts.wanted.ttls, google.ttls),
    ):
        if found is not None:
            for name in sorted(wanted - found):
                yield _error(code, f"{name} is {what}", deploy)


def rules(facts: Facts) -> Iterator[Finding]:
    """What is released is the file, to the letter."""
    if facts.google is None or facts.google.rules is None:
        return
    if facts.google.rules.strip() != facts.wanted.rules.strip():
        yield _error(
            "rules_differ",
            "the released rules of Firestore are not firestore.rules",
            f"npx firebase deploy --only firestore:rules --project {facts.project}",
        )


def functions(facts: Facts) -> Iterator[Finding]:
    """Every function is there, and every job is called."""
    google = facts.google
    if google is None:
        return
    if google.functions is not None:
        for name in sorted(facts.wanted.functions - google.functions):
            fix = f"npx firebase deploy --only functions:{name} --project {facts.project}"
            yield _error("function_missing", f"the function {name} is not deployed", fix)
    if google.jobs is not None:
        for name in sorted(facts.wanted.schedules):
            state = google.jobs.get(name)
            if state is None:
                fix = f"npx firebase deploy --only functions:{name} --project {facts.project}"
                yield _error("schedule_missing", f"nothing calls the job {name}", fix)
            elif state != "ENABLED":
                fix = (
                    f"gcloud scheduler jobs resume firebase-schedule-{name}-{REGION} "
                    f"--location {REGION} --project {facts.project}"
                )
                yield _error("schedule_paused", f"the job {name} is {state.lower()}", fix)


def sign_in(facts: Facts) -> Iterator[Finding]:
    """People have to be able to sign in, at the site's own address."""
    google = facts.google
    if google is None:
        return
    page = f"https://console.firebase.google.com/project/{facts.project}/authentication"
    if google.sign_in_methods is not None and not google.sign_in_methods:
        text = "no way of signing in is switched on"
        yield _error("sign_in_missing", text, f"switch one on: {page}/providers")
    host = urlsplit(facts.settings.get("CREDITBASE_SITE_URL", "")).hostname
    domains = google.authorized_domains
    if domains is not None and host and host not in domains:
        text = f"nobody can sign in at {host}: it is no authorized domain"
        yield _error("domain_missing", text, f"add it: {page}/settings")


def guards(facts: Facts) -> Iterator[Finding]:
    """App Check at the store, and a way back from a mistake."""
    google = facts.google
    if google is None:
        return
    if google.app_check_store not in {None, "ENFORCED"}:
        page = f"https://console.firebase.google.com/project/{facts.project}/appcheck"
        text = "App Check is not enforced for Firestore: any client may read its balance"
        yield _warning("app_check_off", text, f"enforce it: {page}")
    if google.recovers_to_point is False:
        yield _warning(
            "recovery_off",
            "Firestore cannot be brought back to a minute of the last seven days",
            "gcloud firestore databases update --enable-pitr "
            f"--database='(default)' --project {facts.project}",
        )


def web_app(facts: Facts) -> Iterator[Finding]:
    """The web app is told of this project, of App Check, and may call the gateway."""
    if facts.is_emulated:
        return
    mend = f"creditbase init --project {facts.project}"
    site = facts.site
    if site is None:
        text = "web/public/settings.json is not here: the web app would show nothing"
        yield _warning("site_settings_missing", text, f"{mend} --api-key … --app-id …")
        return
    if site.project != facts.project:
        text = f"web/public/settings.json is of {site.project or 'no project'}"
        yield _error("site_settings_differ", text, f"{mend} --api-key … --app-id …")
    elif not site.has_site_key:
        text = "web/public/settings.json has no appCheckSiteKey: pages are refused"
        yield _error("site_key_missing", text, f"{mend} --site-key …")
    elif site.gateway_url and site.gateway_url.rstrip("/") not in re.split(
        r"[\s;]+", site.policy
    ):
        text = f"the pages' policy in firebase.json does not let them call {site.gateway_url}"
        yield _error("gateway_not_admitted", text, f"{mend} --gateway-url {site.gateway_url}")


RULES = (indexes, rules, functions, sign_in, guards, web_app)


def _error(code: str, message: str, fix: str) -> Finding:
    return Finding(code=code, severity="error", message=message, fix=fix)


def _warning(code: str, message: str, fix: str) -> Finding:
    return Finding(code=code, severity="warning", message=message, fix=fix)
