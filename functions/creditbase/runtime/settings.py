"""Settings: one frozen object read from the environment on first use, and the secrets.

Every setting is a variable named below with its unit and default; nothing else in the
product reads a setting from the environment. A wrong value stops the process with the
variable's name. A secret is read where it is used, and a missing one is a refusal. What is
decided at deployment is a parameter of Firebase's own.

Every function loads this before it answers anything, so values are read by plain functions:
a schema library would be a tenth of a cold start.
"""

import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import field, fields
from functools import cache
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit

from firebase_functions.params import IntParam

from creditbase.kernel.errors import Unavailable
from creditbase.kernel.records import dataclass
from creditbase.runtime.emulator import is_emulated
from creditbase.runtime.log import alert

REGION = "us-central1"
"""Where every function is deployed; `firebase.json` names the same in its rewrites."""

PAYMENTS_WARM = IntParam(
    "CREDITBASE_PAYMENTS_MIN_INSTANCES",
    default=0,
    description="Instances that each function with a page or a change of Stripe's keeps warm.",
)
"""Read at deployment, from `functions/.env`: idle instances are paid for. 0."""

GATEWAY_WARM = IntParam(
    "CREDITBASE_GATEWAY_MIN_INSTANCES",
    default=0,
    description="Instances that the gateway and metering keep warm.",
)
"""The same, of the functions `gateway` and `meter`. 0."""

EMULATED_DEFAULTS = {
    "CREDITBASE_SITE_URL": "http://127.0.0.1:5000",
    "CREDITBASE_RATE_LIMITS": "off",
    "CREDITBASE_LOCKOUT": "off",
    "CREDITBASE_MAIL": "log",
    "CREDITBASE_WEBHOOK_TARGETS": "loopback",
}
"""What differs where the store is an emulator, unless the variable is set."""


T = TypeVar("T")
ADDRESS_OR_NONE = re.compile(
    r"""([^\s@,;:<>()\[\]\\"]{1,64}@[^\s@,;:<>()\[\]\\"]{1,253})?""", re.ASCII
)
"""One e-mail address, as `runtime/mail.py` takes it, or nothing."""

SWITCH = {
    **dict.fromkeys(("1", "on", "t", "true", "y", "yes"), True),
    **dict.fromkeys(("0", "off", "f", "false", "n", "no"), False),
}


class BadSettings(RuntimeError):
    """A variable has a value that cannot be used. The message names it."""


# ---- how a variable's text is read; whatever is wrong is a ValueError without the text ------


def _switch(text: str) -> bool:
    if text.lower() not in SWITCH:
        raise ValueError("on or off is needed")
    return SWITCH[text.lower()]


def _at_least(least: int, most: int | None = None) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,15}", text):
            raise ValueError("a whole number is needed")
        number = int(text)
        if number < least or (most is not None and number > most):
            raise ValueError(
                f"at least {least}" + ("" if most is None else f", at most {most}")
            )
        return number

    return read


def _one_of(*words: str) -> Callable[[str], Any]:
    def read(text: str) -> str:
        if text not in words:
            raise ValueError("one of these is needed: " + ", ".join(words))
        return text

    return read


def _address_or_none(text: str) -> str:
    if not ADDRESS_OR_NONE.fullmatch(text):
        raise ValueError("one e-mail address is needed")
    return text


def _channel(text: str) -> str:
    if not re.fullmatch(r"projects/[^/\s]+/locations/[^/\s]+/channels/[^/\s]+", text):
        raise ValueError("projects/…/locations/…/channels/… is needed")
    return text


def _origin(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.path not in {"", "/"}:
        raise ValueError("an origin is a scheme and a host, as in https://app.example")
    return text.rstrip("/")


def _origins(text: str) -> tuple[str, ...]:
    return tuple(_origin(part.strip()) for part in text.split(",") if part.strip())


def _base_url(text: object) -> str:
    parts = urlsplit(text if isinstance(text, str) else "")
    is_own = parts.hostname in {"127.0.0.1", "localhost"} and is_emulated()
    if parts.scheme != "https" and not (parts.scheme == "http" and is_own):
        raise ValueError("a base address begins with https://")
    if not parts.hostname or parts.query or parts.fragment or parts.username:
        raise ValueError("a base address is a host and a path")
    return str(text).rstrip("/")


LimitName = Literal["max_completion_tokens", "max_tokens"]
LIMIT_NAMES = ("max_completion_tokens", "max_tokens")


@dataclass(frozen=True, slots=True)
class UpstreamSettings:
    """An API that models are called through."""

    kind: Literal["openai", "anthropic"]
    """Which API it speaks: OpenAI's chat completions, or Anthropic's messages."""
    base_url: str
    limit_name: LimitName = "max_completion_tokens"
    """How an OpenAI-compatible API calls the limit of the output."""


def _upstream(given: object) -> UpstreamSettings:
    if not isinstance(given, dict) or not given.keys() <= {"kind", "base_url", "limit_name"}:
        raise ValueError("each API is an object of kind, base_url and perhaps limit_name")
    if given.get("kind") not in {"openai", "anthropic"}:
        raise ValueError("kind is openai or anthropic")
    limit_name = given.get("limit_name", LIMIT_NAMES[0])
    if limit_name not in LIMIT_NAMES:
        raise ValueError("limit_name is " + " or ".join(LIMIT_NAMES))
    return UpstreamSettings(given["kind"], _base_url(given.get("base_url")), limit_name)


def _upstreams(text: str) -> Mapping[str, UpstreamSettings]:
    try:
        given = json.loads(text)
    except json.JSONDecodeError:
        raise ValueError("this is no JSON") from None
    if not isinstance(given, dict):
        raise ValueError("an object of APIs by their names is needed")  # noqa: TRY004 - as all
    return {name: _upstream(value) for name, value in given.items()}


UPSTREAMS = {
    "openai": UpstreamSettings("openai", "https://api.openai.com/v1"),
    "anthropic": UpstreamSettings("anthropic", "https://api.anthropic.com/v1"),
}


def _setting(variable: str, default: T, read: Callable[[str], T]) -> T:
    """Return the field of a setting: the variable that holds it, and how its text is read."""
    known = {"variable": variable, "read": read}
    return field(default_factory=lambda: default, metadata=known)


def _name(text: str) -> str:
    return text


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that an operator may set. The first word of each is its variable."""

    project_id: str = _setting("GCLOUD_PROJECT", "", _name)
    """The Firebase project. Cloud Functions and the emulator set it."""

    site_url: str | None = _setting("CREDITBASE_SITE_URL", None, _origin)
    """Origin of the web app: where Stripe's pages return to. Needed for Checkout."""

    allowed_origins: tuple[str, ...] = _setting("CREDITBASE_ALLOWED_ORIGINS", (), _origins)
    """Browser origins that may call us, separated by commas, beside the site itself."""

    rate_limits: bool = _setting("CREDITBASE_RATE_LIMITS", True, _switch)
    """Whether requests are limited per caller. On; off under the emulator."""

    metering_per_minute: int = _setting("CREDITBASE_METERING_PER_MINUTE", 60_000, _at_least(1))
    """Metering requests a project may make each minute, per process. 60,000."""

    project_founders: Literal["owners", "anyone"] = _setting(
        "CREDITBASE_PROJECT_FOUNDERS", "owners", _one_of("owners", "anyone")
    )
    """Who may make another project in the browser: owners of one, or whoever is signed in.
    Owners; anyone under the emulator."""

    relay_per_minute: int = _setting("CREDITBASE_RELAY_PER_MINUTE", 6_000, _at_least(1))
    """Other relay requests a project, or an owner, may make each minute, per process. 6,000."""

    customer_per_minute: int = _setting("CREDITBASE_CUSTOMER_PER_MINUTE", 300, _at_least(1))
    """Requests a customer may make each minute with its own tokens, per process. 300."""

    stranger_per_minute: int = _setting("CREDITBASE_STRANGER_PER_MINUTE", 60, _at_least(1))
    """Requests that show no credential, from one address each minute, per process. 60."""

    lockout: bool = _setting("CREDITBASE_LOCKOUT", True, _switch)
    """Whether addresses with many failed sign-ins are blocked. On; off under the emulator."""

    lockout_failures: int = _setting("CREDITBASE_LOCKOUT_FAILURES", 10, _at_least(1))
    """Failed authentications of one address that lead to a block. 10."""

    lockout_window_s: int = _setting("CREDITBASE_LOCKOUT_WINDOW_S", 300, _at_least(1))
    """Seconds in which those failures are counted. 300."""

    lockout_block_s: int = _setting("CREDITBASE_LOCKOUT_BLOCK_S", 900, _at_least(1))
    """Seconds that a block lasts. 900."""

    redeem_limit: bool = _setting("CREDITBASE_REDEEM_LIMIT", True, _switch)
    """Whether a user and an address may try only five voucher codes an hour. On; on under
    the emulator too."""

    trusted_proxies: int = _setting("CREDITBASE_TRUSTED_PROXIES", 1, _at_least(0, 5))
    """How many entries at the end of `X-Forwarded-For` our own proxies wrote: 1 on Cloud
    Run, 2 where all traffic comes through Hosting, 0 to believe only the connection."""

    app_check_replay_protection: bool = _setting(
        "CREDITBASE_APP_CHECK_REPLAY_PROTECTION", False, _switch
    )
    """Whether sensitive routes take each App Check token once: a call to Google each. Off."""

    secret_key_cache_s: int = _setting("CREDITBASE_SECRET_KEY_CACHE_S", 10, _at_least(0, 10))
    """Seconds a process may believe a secret key without reading it again. 10, the most."""

    publish_interval_s: int = _setting("CREDITBASE_PUBLISH_INTERVAL_S", 5, _at_least(0))
    """Seconds after which a charge publishes the balance again. 5."""

    deadline_s: int = _setting("CREDITBASE_DEADLINE_S", 10, _at_least(1))
    """Seconds after which a waiting command is withdrawn before it is decided. 10."""

    trial_days: int = _setting("CREDITBASE_TRIAL_DAYS", 0, _at_least(0, 365))
    """Days of free trial of a plan for which the catalog names none. 0: no trial."""

    app_name: str = _setting("CREDITBASE_APP_NAME", "Creditbase", _name)
    """What customers know the product by, in mails."""

    mail: Literal["extension", "smtp", "log"] = _setting(
        "CREDITBASE_MAIL", "extension", _one_of("extension", "smtp", "log")
    )
    """Who sends the mails of `mail/`: the Trigger Email extension, `deliver_outbox` by the
    server of the secret `SMTP_URL`, or nobody but the log. The extension; the log under the
    emulator."""

    mail_from: str = _setting("CREDITBASE_MAIL_FROM", "", _name)
    """The sender of mails, as in `Creditbase <billing@app.example>`. Needed for `smtp`; the
    extension has a default of its own."""

    operator_mail: str = _setting("CREDITBASE_OPERATOR_MAIL", "", _address_or_none)
    """The address that hears of models and customers that are sold below cost, once a day.
    Nobody: the log alone."""

    upstreams: Mapping[str, UpstreamSettings] = _setting(
        "CREDITBASE_UPSTREAMS", UPSTREAMS, _upstreams
    )
    """The APIs that the gateway calls, by the provider's name in the price book, as JSON:
    `{"openai": {"kind": "openai", "base_url": "https://api.openai.com/v1"}}`. OpenAI's and
    Anthropic's own."""

    upstream_silence_s: int = _setting("CREDITBASE_UPSTREAM_SILENCE_S", 60, _at_least(1, 600))
    """Seconds that a provider may be silent in the middle of an answer. 60."""

    gateway_call_s: int = _setting("CREDITBASE_GATEWAY_CALL_S", 500, _at_least(1, 530))
    """Seconds after which a call to a model is ended, with what it answered so far. 500."""

    gateway_report_s: int = _setting("CREDITBASE_GATEWAY_REPORT_S", 20, _at_least(1, 60))
    """Seconds between two notes of what a running call has used, which is what it costs if
    its process dies. 20."""

    webhook_targets: Literal["public", "loopback"] = _setting(
        "CREDITBASE_WEBHOOK_TARGETS", "public", _one_of("public", "loopback")
    )
    """Where projects' webhooks may be: at public addresses by HTTPS, or, only under the
    emulator, on this very machine too. Public; loopback under the emulator."""

    plan_claims: Literal["off", "plan", "plan and stripeRole"] = _setting(
        "CREDITBASE_PLAN_CLAIMS", "off", _one_of("off", "plan", "plan and stripeRole")
    )
    """Whether a user's plan and its features are custom claims of the user's tokens, for
    rules; with `stripeRole` too, as the extension "Run Payments with Stripe" had it. Off."""

    eventarc_channel: str = _setting("CREDITBASE_EVENTARC_CHANNEL", "", _channel)
    """The Eventarc channel that every event is published to, as in
    `projects/p/locations/us-central1/channels/firebase`. None."""

    threads: int = _setting("THREADS", 80, _at_least(1))
    """Threads of the server process, which functions-framework reads too. 80."""

    @property
    def announces(self) -> bool:
        """Return whether somebody hears of plans and credits of the hub's users."""
        return self.plan_claims != "off" or bool(self.eventarc_channel)

    def origins(self) -> frozenset[str]:
        """Return every origin that a browser may call us from."""
        return frozenset(self.allowed_origins) | ({self.site_url} if self.site_url else set())


def read_texts(texts: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the settings that variables hold, by field, and what is wrong, by variable."""
    values: dict[str, Any] = {}
    faults: dict[str, str] = {}
    for known in fields(Settings):
        variable = known.metadata["variable"]
        if variable in texts:
            try:
                values[known.name] = known.metadata["read"](texts[variable])
            except ValueError as fault:
                faults[variable] = str(fault)
    return values, faults


@cache
def settings() -> Settings:
    """Return this process's settings, read on first use. Tests call `cache_clear`.

    Raises:
        BadSettings: a variable cannot be used; the message names it, not its value.
    """
    given = {name: value for name, value in os.environ.items() if value}
    values, faults = read_texts({**(EMULATED_DEFAULTS if is_emulated() else {}), **given})
    if faults:
        raise BadSettings("; ".join(f"{name}: {fault}" for name, fault in faults.items()))
    found = Settings(**values)
    if found.webhook_targets == "loopback" and not is_emulated():
        raise BadSettings("CREDITBASE_WEBHOOK_TARGETS: loopback is for the emulator only")
    return found


class SecretMissing(Unavailable):
    """A secret is not set: a caller hears of trouble of ours, an operator hears its name."""

    def __init__(self, secret_name: str) -> None:
        super().__init__()
        self.secret_name = secret_name


class Secret:
    """A secret that functions declare, and that is read only when it is needed."""

    def __init__(self, name: str) -> None:
        self.name = name

    def value(self) -> str:
        """Return the secret.

        Raises:
            SecretMissing: it is missing or empty. There is no default for a secret.
        """
        found = os.environ.get(self.name, "")
        if not found:
            alert("secret_missing", "a secret is not set", secret_name=self.name)
            raise SecretMissing(self.name)
        return found


STRIPE_SECRET_KEY = Secret("STRIPE_SECRET_KEY")
"""The key of our Stripe account. Only functions that call Stripe declare it."""

STRIPE_WEBHOOK_SECRET = Secret("STRIPE_WEBHOOK_SECRET")
"""Signing secrets of the webhook, separated by commas while one is being rolled."""

UPSTREAM_KEYS = Secret("UPSTREAM_KEYS")
"""Our keys at the providers that models are called through, by name: an object of JSON."""

SMTP_URL = Secret("SMTP_URL")
"""The server that sends mail where `CREDITBASE_MAIL` is `smtp`; any text where it is not."""

CUSTOMER_TOKEN_KEYS = Secret("CUSTOMER_TOKEN_KEYS")
"""Signing keys of customer tokens, `name:secret` each and at most two, separated by commas:
the first signs, both verify, so that a key is changed without ending anybody's token."""
