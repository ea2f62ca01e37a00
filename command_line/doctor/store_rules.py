"""Rules about what Firestore holds: projects, catalog, people, jobs, and who may read it."""

from collections.abc import Iterator
from datetime import timedelta

from command_line.doctor.facts import Facts, Finding

LATE_RUNS = 3
LATE_LEAST = timedelta(hours=1)


def seeded(facts: Facts) -> Iterator[Finding]:
    """Without a catalog nobody can sign up, and without an admin nobody can look."""
    if facts.store is None:
        return
    if not facts.store.has_hub:
        yield Finding(
            code="hub_missing",
            severity="error",
            message="there is no project hub: nothing is sold yet",
            fix="cd functions && python -m creditbase.admin projects create hub",
        )
        return
    if not facts.store.book_version:
        yield Finding(
            code="catalog_missing",
            severity="error",
            message="the hub sells nothing yet: no catalog was ever pushed",
            fix="creditbase catalog push",
        )
    elif facts.store.book_version != facts.wanted.book_version:
        yield Finding(
            code="price_book_old",
            severity="warning",
            message=f"the hub prices by book {facts.store.book_version}, and this release "
            f"brings {facts.wanted.book_version}",
            fix="creditbase catalog push",
        )
    if facts.store.book_version:
        for line in facts.store.catalog_differences:
            yield Finding(
                code="catalog_drift",
                severity="warning",
                message=f"the store and catalog.json differ: {line}",
                fix="creditbase catalog push",
            )
    if not facts.store.has_admin:
        yield Finding(
            code="admin_missing",
            severity="warning",
            message="nobody is an admin: the admin's pages refuse everybody",
            fix="cd functions && python -m creditbase.admin users make-admin UID "
            "--reason 'the first one'",
        )


def open_to_strangers(facts: Facts) -> Iterator[Finding]:
    """The rules deny everything but a person's own balance; it is tried, not only compared."""
    if facts.store is not None and facts.store.is_open:
        yield Finding(
            code="rules_open",
            severity="error",
            message="a stranger may read documents: the rules are not ours",
            fix=f"npx firebase deploy --only firestore:rules --project {facts.project}",
        )


def jobs(facts: Facts) -> Iterator[Finding]:
    """Each job ran when it should have; the emulators run none by themselves."""
    if facts.store is None:
        return
    for name, run in sorted(facts.store.runs.items()):
        fix = f"cd functions && python -m creditbase.admin jobs run {name.replace('_', '-')}"
        if run is None:
            if not facts.is_emulated:
                yield _job("job_never_ran", f"the job {name} never ran", fix)
            continue
        every = timedelta(minutes=facts.wanted.schedules.get(name, 60))
        if not facts.is_emulated and facts.at - run.at > max(LATE_RUNS * every, LATE_LEAST):
            text = f"the job {name} last ran at {run.at:%Y-%m-%d %H:%M} UTC"
            yield _job("job_late", text, fix)
        if run.failed:
            text = f"{run.failed} failed in the last run of the job {name}"
            yield _job("job_failing", text, fix)


def waiting(facts: Facts) -> Iterator[Finding]:
    """Money that was paid and not booked, and wallets that stand still."""
    if facts.store is None:
        return
    if facts.store.events_given_up:
        yield Finding(
            code="events_given_up",
            severity="error",
            message=f"{facts.store.events_given_up} events of Stripe's were given up",
            fix="creditbase replay --state failed",
        )
    if facts.store.parked_wallets:
        yield Finding(
            code="wallets_parked",
            severity="error",
            message=f"{facts.store.parked_wallets} wallets are parked: they do not add up",
            fix="creditbase verify (and docs/runbooks/broken-wallet.md)",
        )


def _job(code: str, message: str, fix: str) -> Finding:
    return Finding(code=code, severity="warning", message=message, fix=fix)


RULES = (seeded, open_to_strangers, jobs, waiting)
