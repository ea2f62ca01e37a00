"""Rules about settings and secrets: what a process would start with."""

import json
from collections.abc import Iterator

from command_line.doctor.facts import Facts, Finding
from creditbase.accounts.tokens import KEY as TOKEN_KEY
from creditbase.accounts.tokens import KEYS_MAX
from creditbase.runtime.emulator import LIVE_KEY_PREFIXES
from creditbase.runtime.settings import (
    CUSTOMER_TOKEN_KEYS,
    EMULATED_DEFAULTS,
    SMTP_URL,
    STRIPE_SECRET_KEY,
    STRIPE_WEBHOOK_SECRET,
    UPSTREAM_KEYS,
    UPSTREAMS,
    read_texts,
)

DEVELOPMENT_ONLY = ("APP_CHECK_JWKS_URL", "CREDITBASE_CLOCK_FILE", "STRIPE_API_BASE")
NEEDED = (
    STRIPE_SECRET_KEY,
    STRIPE_WEBHOOK_SECRET,
    UPSTREAM_KEYS,
    CUSTOMER_TOKEN_KEYS,
    SMTP_URL,
)


def unusable_settings(facts: Facts) -> Iterator[Finding]:
    """A value that cannot be used stops every function at its start."""
    given = {name: value for name, value in facts.settings.items() if value}
    defaults = EMULATED_DEFAULTS if facts.is_emulated else {}
    _, faults = read_texts({**defaults, **given})
    for name, text in faults.items():
        yield _error("setting_unusable", f"{name}: {text}", _set(facts, name, "…"))


def missing_site(facts: Facts) -> Iterator[Finding]:
    """Stripe's pages have to know where to send people back to."""
    if not facts.is_emulated and not facts.settings.get("CREDITBASE_SITE_URL"):
        site = f"https://{facts.project}.web.app"
        yield _error(
            "site_missing",
            "CREDITBASE_SITE_URL is not set: Checkout and the portal cannot be opened",
            _set(facts, "CREDITBASE_SITE_URL", site),
        )


def development_settings(facts: Facts) -> Iterator[Finding]:
    """Beside these a process in production refuses to start."""
    if facts.is_emulated:
        return
    for name in sorted(facts.settings):
        if name.endswith("_EMULATOR_HOST") or name in DEVELOPMENT_ONLY:
            text = f"{name} is for development: every function would refuse to start"
            yield _error("development_setting", text, f"sed -i '/^{name}=/d' {_file(facts)}")


def open_doors(facts: Facts) -> Iterator[Finding]:
    """What keeps strangers at bay is on in production."""
    if facts.is_emulated:
        return
    for name, what in (
        ("CREDITBASE_RATE_LIMITS", "callers may ask as often as they like"),
        ("CREDITBASE_LOCKOUT", "keys may be guessed without end"),
        ("CREDITBASE_REDEEM_LIMIT", "voucher codes may be guessed without end"),
    ):
        if facts.settings.get(name, "on").lower() in {"off", "false", "0", "no"}:
            yield _warning("guard_off", f"{name} is off: {what}", _set(facts, name, "on"))


def mail_without_sender(facts: Facts) -> Iterator[Finding]:
    """A mail server takes no mail from nobody."""
    is_ours = facts.settings.get("CREDITBASE_MAIL") == "smtp"
    if is_ours and not facts.settings.get("CREDITBASE_MAIL_FROM"):
        yield _error(
            "mail_sender_missing",
            "CREDITBASE_MAIL is smtp, and CREDITBASE_MAIL_FROM names no sender",
            _set(facts, "CREDITBASE_MAIL_FROM", "'Creditbase <billing@app.example>'"),
        )


def missing_secrets(facts: Facts) -> Iterator[Finding]:
    """A function is not deployed without the secrets that it names."""
    if facts.google is None or facts.google.secrets is None:
        return
    for secret in NEEDED:
        if secret.name not in facts.google.secrets:
            yield _error(
                "secret_missing",
                f"the secret {secret.name} is not there: what needs it is not deployed",
                f"npx firebase functions:secrets:set {secret.name} --project {facts.project}",
            )


def malformed_secrets(facts: Facts) -> Iterator[Finding]:
    """A secret that cannot be read is a secret that is missing. No value is shown."""
    webhook = facts.secrets.get(STRIPE_WEBHOOK_SECRET.name, "")
    if webhook and not all(it.strip().startswith("whsec_") for it in webhook.split(",")):
        yield _secret(facts, STRIPE_WEBHOOK_SECRET.name, "is no list of whsec_…")
    tokens = facts.secrets.get(CUSTOMER_TOKEN_KEYS.name, "")
    parts = [part.strip() for part in tokens.split(",")]
    if tokens and (len(parts) > KEYS_MAX or not all(map(TOKEN_KEY.fullmatch, parts))):
        text = "is not one or two of name:secret, each secret of 32 characters or more"
        yield _secret(facts, CUSTOMER_TOKEN_KEYS.name, text)
    yield from _upstream_keys(facts)


def _upstream_keys(facts: Facts) -> Iterator[Finding]:
    text = facts.secrets.get(UPSTREAM_KEYS.name, "")
    if not text:
        return
    try:
        keys = json.loads(text)
    except ValueError:
        keys = None
    if not isinstance(keys, dict):
        yield _secret(facts, UPSTREAM_KEYS.name, 'is no JSON as in {"openai": "sk-…"}')
        return
    try:
        named = json.loads(facts.settings.get("CREDITBASE_UPSTREAMS") or "null") or UPSTREAMS
    except ValueError:
        return  # the setting itself was told of
    for name in sorted(set(named) - set(keys)):
        yield _secret(facts, UPSTREAM_KEYS.name, f"has no key for {name}")


def wrong_kind_of_key(facts: Facts) -> Iterator[Finding]:
    """Real money and play money do not meet."""
    key = facts.secrets.get(STRIPE_SECRET_KEY.name, "")
    is_live = key.startswith(LIVE_KEY_PREFIXES)
    if is_live and facts.is_emulated:
        yield _error(
            "live_key_in_emulator",
            "STRIPE_SECRET_KEY is a live key, and this is an emulator",
            "unset STRIPE_SECRET_KEY",
        )
    if key.startswith("pk_"):
        text = "is a publishable key, which may do nothing"
        yield _secret(facts, STRIPE_SECRET_KEY.name, text)
    elif key and not facts.is_emulated and not is_live:
        yield _warning(
            "test_key",
            f"STRIPE_SECRET_KEY is a test key: {facts.project} takes no real money",
            f"npx firebase functions:secrets:set STRIPE_SECRET_KEY --project {facts.project}",
        )


RULES = (
    unusable_settings,
    missing_site,
    development_settings,
    open_doors,
    mail_without_sender,
    missing_secrets,
    malformed_secrets,
    wrong_kind_of_key,
)


def _file(facts: Facts) -> str:
    return f"functions/.env.{facts.project}"


def _set(facts: Facts, name: str, value: str) -> str:
    if facts.is_emulated:
        return f"export {name}={value}"
    return f"echo {name}={value} >> {_file(facts)}"


def _secret(facts: Facts, name: str, text: str) -> Finding:
    fix = f"npx firebase functions:secrets:set {name} --project {facts.project}"
    return _error(
        "secret_unusable", f"{name} {text}", f"export {name}=…" if facts.is_emulated else fix
    )


def _error(code: str, message: str, fix: str) -> Finding:
    return Finding(code=code, severity="error", message=message, fix=fix)


def _warning(code: str, message: str, fix: str) -> Finding:
    return Finding(code=code, severity="warning", message=message, fix=fix)
