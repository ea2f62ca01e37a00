"""What to type after `init`: docs/deploying.md with this environment's names in it."""

from dataclasses import dataclass

from command_line.setup.questions import Answers
from creditbase.payments.stripe_gateway import API_VERSION
from creditbase.runtime.settings import (
    CUSTOMER_TOKEN_KEYS,
    SMTP_URL,
    STRIPE_SECRET_KEY,
    STRIPE_WEBHOOK_SECRET,
    UPSTREAM_KEYS,
)

PUT = "npx firebase functions:secrets:set"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do: what for, and the commands."""

    title: str
    commands: tuple[str, ...]


def next_steps(project: str, answers: Answers) -> list[Step]:
    """Return what is left to do. No command carries a secret: each is asked for."""
    mode = answers["stripe_mode"]
    site = answers["site"]
    of = f"--project={project}"
    make = (
        "gcloud firestore databases create --database='(default)' "
        f"--location={answers['region']} --type=firestore-native "
        f"--delete-protection --enable-pitr {of}"
    )
    token_key = (
        f"printf 'k1:%s' $(openssl rand -hex 32) | {PUT} {CUSTOMER_TOKEN_KEYS.name} "
        f"--data-file=- {of}"
    )
    smtp = (
        f"{PUT} {SMTP_URL.name} {of}"
        if answers["mail"] == "smtp"
        else f"printf unused | {PUT} {SMTP_URL.name} --data-file=- {of}"
    )
    steps = [
        Step("Sign in", ("npx firebase login", "gcloud auth application-default login")),
        Step("Make the database, once", (make,)),
        Step(
            f"Put the secrets where they belong (Stripe in {mode} mode: a restricted key, "
            f"rk_{mode}_…; a webhook at {site}/billing/webhook, version {API_VERSION})",
            (
                f"{PUT} {STRIPE_SECRET_KEY.name} {of}",
                f"{PUT} {STRIPE_WEBHOOK_SECRET.name} {of}",
                token_key,
                f"{PUT} {UPSTREAM_KEYS.name} {of}",
                smtp,
            ),
        ),
    ]
    if not answers.get("api_key"):
        steps.append(
            Step(
                "Tell the web app where it is: type init again with what this prints",
                (f"npx firebase apps:sdkconfig web {of}",),
            )
        )
    sold = f"creditbase catalog push --project {project}"
    steps += [
        Step(
            "Deploy",
            (
                f"npx firebase deploy --only firestore {of}",
                f"npx firebase deploy --only functions,hosting {of}",
            ),
        ),
        Step("Sell what catalog.json says", (f"export {STRIPE_SECRET_KEY.name}=…", sold)),
    ]
    admins = [it.strip() for it in answers.get("admins", "").split(",") if it.strip()]
    if admins:
        made = [_admin(project, address) for address in admins]
        steps.append(
            Step(f"Make the first admins, once they have signed up at {site}", tuple(made))
        )
    return [*steps, Step("See that nothing is missing", (f"creditbase doctor {of}",))]


def _admin(project: str, address: str) -> str:
    return (
        f"(cd functions && GCLOUD_PROJECT={project} ../.venv/bin/python -m creditbase.admin "
        f'users make-admin UID --reason "first operator")  # the uid of {address}: '
        "Authentication, Users"
    )
