"""Settings: one frozen object read from the environment on first use, and the secrets.

Every setting is a variable named below with its unit and default; nothing else in the
product reads a setting from the environment. A wrong value stops the process with the
variable's name. A secret is read where it is used, and a missing one is a refusal. What is
decided at deployment is a parameter of Firebase's own.
"""

import json
import os
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Literal
from urllib.parse import urlsplit

from firebase_functions.params import IntParam
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
)

from creditbase.kernel.errors import Unavailable
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


ADDRESS_OR_NONE = r"""^([^\s@,;:<>()\[\]\\"]{1,64}@[^\s@,;:<>()\[\]\\"]{1,253})?$"""
"""One e-mail address, as `runtime/mail.py` takes it, or nothing."""


class BadSettings(RuntimeError):
    """A variable has a value that cannot be used. The message names it."""


def _origins(value: object) -> object:
    if not isinstance(value, str):
        return value
    return tuple(part.strip().rstrip("/") for part in value.split(",") if part.strip())


def _origin(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.path not in {"", "/"}:
        raise ValueError("an origin is a scheme and a host, as in https://app.example")
    return value.rstrip("/")


Origin = Annotated[str, BeforeValidator(_origin)]


def _base_url(value: str) -> str:
    parts = urlsplit(value)
    is_own = parts.hostname in {"127.0.0.1", "localhost"} and is_emulated()
    if parts.scheme != "https" and not (parts.scheme == "http" and is_own):
        raise ValueError("a base address begins with https://")
    if not parts.hostname or parts.query or parts.fragment or parts.username:
        raise ValueError("a base address is a host and a path")
    return value.rstrip("/")


class UpstreamSettings(BaseModel):
    """An API that models are called through."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    kind: Literal["openai", "anthropic"]
    """Which API it speaks: OpenAI's chat completions, or Anthropic's messages."""
    base_url: Annotated[str, AfterValidator(_base_url)]
    limit_name: Literal["max_completion_tokens", "max_tokens"] = "max_completion_tokens"
    """How an OpenAI-compatible API calls the limit of the output."""


def _upstreams(value: object) -> object:
    return json.loads(value) if isinstance(value, str) else value


UPSTREAMS = {
    "openai": UpstreamSettings(kind="openai", base_url="https://api.openai.com/v1"),
    "anthropic": UpstreamSettings(kind="anthropic", base_url="https://api.anthropic.com/v1"),
}


class Settings(BaseModel):
    """Everything that an operator may set. The variable is each field's alias."""

    model_config = ConfigDict(
        frozen=True, extra="ignore", use_attribute_docstrings=True, hide_input_in_errors=True
    )

    project_id: str = Field(default="", alias="GCLOUD_PROJECT")
    """The Firebase project. Cloud Functions and the emulator set it."""

    site_url: Origin | None = Field(default=None, alias="CREDITBASE_SITE_URL")
    """Origin of the web app: where Stripe's pages return to. Needed for Checkout."""

    allowed_origins: Annotated[tuple[Origin, ...], BeforeValidator(_origins)] = Field(
        default=(), alias="CREDITBASE_ALLOWED_ORIGINS"
    )
    """Browser origins that may call us, separated by commas, beside the site itself."""

    rate_limits: bool = Field(default=True, alias="CREDITBASE_RATE_LIMITS")
    """Whether requests are limited per caller. On; off under the emulator."""

    metering_per_minute: int = Field(
        default=60_000, ge=1, alias="CREDITBASE_METERING_PER_MINUTE"
    )
    """Metering requests a project may make each minute, per process. 60,000."""

    project_founders: Literal["owners", "anyone"] = Field(
        default="owners", alias="CREDITBASE_PROJECT_FOUNDERS"
    )
    """Who may make another project in the browser: owners of one, or whoever is signed in.
    Owners; anyone under the emulator."""

    relay_per_minute: int = Field(default=6_000, ge=1, alias="CREDITBASE_RELAY_PER_MINUTE")
    """Other relay requests a project, or an owner, may make each minute, per process. 6,000."""

    customer_per_minute: int = Field(default=300, ge=1, alias="CREDITBASE_CUSTOMER_PER_MINUTE")
    """Requests a customer may make each minute with its own tokens, per process. 300."""

    stranger_per_minute: int = Field(default=60, ge=1, alias="CREDITBASE_STRANGER_PER_MINUTE")
    """Requests that show no credential, from one address each minute, per process. 60."""

    lockout: bool = Field(default=True, alias="CREDITBASE_LOCKOUT")
    """Whether addresses with many failed sign-ins are blocked. On; off under the emulator."""

    lockout_failures: int = Field(default=10, ge=1, alias="CREDITBASE_LOCKOUT_FAILURES")
    """Failed authentications of one address that lead to a block. 10."""

    lockout_window_s: int = Field(default=300, ge=1, alias="CREDITBASE_LOCKOUT_WINDOW_S")
    """Seconds in which those failures are counted. 300."""

    lockout_block_s: int = Field(default=900, ge=1, alias="CREDITBASE_LOCKOUT_BLOCK_S")
    """Seconds that a block lasts. 900."""

    redeem_limit: bool = Field(default=True, alias="CREDITBASE_REDEEM_LIMIT")
    """Whether a user and an address may try only five voucher codes an hour. On; on under
    the emulator too."""

    trusted_proxies: int = Field(default=1, ge=0, le=5, alias="CREDITBASE_TRUSTED_PROXIES")
    """How many entries at the end of `X-Forwarded-For` our own proxies wrote: 1 on Cloud
    Run, 2 where all traffic comes through Hosting, 0 to believe only the connection."""

    app_check_replay_protection: bool = Field(
        default=False, alias="CREDITBASE_APP_CHECK_REPLAY_PROTECTION"
    )
    """Whether sensitive routes take each App Check token once: a call to Google each. Off."""

    secret_key_cache_s: int = Field(
        default=10, ge=0, le=10, alias="CREDITBASE_SECRET_KEY_CACHE_S"
    )
    """Seconds a process may believe a secret key without reading it again. 10, the most."""

    publish_interval_s: int = Field(default=5, ge=0, alias="CREDITBASE_PUBLISH_INTERVAL_S")
    """Seconds after which a charge publishes the balance again. 5."""

    deadline_s: int = Field(default=10, ge=1, alias="CREDITBASE_DEADLINE_S")
    """Seconds after which a waiting command is withdrawn before it is decided. 10."""

    trial_days: int = Field(default=0, ge=0, le=365, alias="CREDITBASE_TRIAL_DAYS")
    """Days of free trial of a plan for which the catalog names none. 0: no trial."""

    app_name: str = Field(default="Creditbase", min_length=1, alias="CREDITBASE_APP_NAME")
    """What customers know the product by, in mails."""

    mail: Literal["extension", "smtp", "log"] = Field(
        default="extension", alias="CREDITBASE_MAIL"
    )
    """Who sends the mails of `mail/`: the Trigger Email extension, `deliver_outbox` by the
    server of the secret `SMTP_URL`, or nobody but the log. The extension; the log under the
    emulator."""

    mail_from: str = Field(default="", alias="CREDITBASE_MAIL_FROM")
    """The sender of mails, as in `Creditbase <billing@app.example>`. Needed for `smtp`; the
    extension has a default of its own."""

    operator_mail: str = Field(
        default="", pattern=ADDRESS_OR_NONE, alias="CREDITBASE_OPERATOR_MAIL"
    )
    """The address that hears of models and customers that are sold below cost, once a day.
    Nobody: the log alone."""

    upstreams: Annotated[Mapping[str, UpstreamSettings], BeforeValidator(_upstreams)] = Field(
        default=UPSTREAMS, alias="CREDITBASE_UPSTREAMS"
    )
    """The APIs that the gateway calls, by the provider's name in the price book, as JSON:
    `{"openai": {"kind": "openai", "base_url": "https://api.openai.com/v1"}}`. OpenAI's and
    Anthropic's own."""

    upstream_silence_s: int = Field(
        default=60, ge=1, le=600, alias="CREDITBASE_UPSTREAM_SILENCE_S"
    )
    """Seconds that a provider may be silent in the middle of an answer. 60."""

    gateway_call_s: int = Field(default=500, ge=1, le=530, alias="CREDITBASE_GATEWAY_CALL_S")
    """Seconds after which a call to a model is ended, with what it answered so far. 500."""

    gateway_report_s: int = Field(default=20, ge=1, le=60, alias="CREDITBASE_GATEWAY_REPORT_S")
    """Seconds between two notes of what a running call has used, which is what it costs if
    its process dies. 20."""

    webhook_targets: Literal["public", "loopback"] = Field(
        default="public", alias="CREDITBASE_WEBHOOK_TARGETS"
    )
    """Where projects' webhooks may be: at public addresses by HTTPS, or, only under the
    emulator, on this very machine too. Public; loopback under the emulator."""

    plan_claims: Literal["off", "plan", "plan and stripeRole"] = Field(
        default="off", alias="CREDITBASE_PLAN_CLAIMS"
    )
    """Whether a user's plan and its features are custom claims of the user's tokens, for
    rules; with `stripeRole` too, as the extension "Run Payments with Stripe" had it. Off."""

    eventarc_channel: str = Field(
        default="",
        pattern=r"^(projects/[^/\s]+/locations/[^/\s]+/channels/[^/\s]+)?$",
        alias="CREDITBASE_EVENTARC_CHANNEL",
    )
    """The Eventarc channel that every event is published to, as in
    `projects/p/locations/us-central1/channels/firebase`. None."""

    threads: int = Field(default=80, ge=1, alias="THREADS")
    """Threads of the server process, which functions-framework reads too. 80."""

    @property
    def announces(self) -> bool:
        """Return whether somebody hears of plans and credits of the hub's users."""
        return self.plan_claims != "off" or bool(self.eventarc_channel)

    def origins(self) -> frozenset[str]:
        """Return every origin that a browser may call us from."""
        return frozenset(self.allowed_origins) | ({self.site_url} if self.site_url else set())


@cache
def settings() -> Settings:
    """Return this process's settings, read on first use. Tests call `cache_clear`.

    Raises:
        BadSettings: a variable cannot be used; the message names it, not its value.
    """
    given = {name: value for name, value in os.environ.items() if value}
    defaults = EMULATED_DEFAULTS if is_emulated() else {}
    try:
        found = Settings.model_validate({**defaults, **given})
    except ValidationError as failure:
        wrong = "; ".join(f"{error['loc'][0]}: {error['msg']}" for error in failure.errors())
        raise BadSettings(wrong) from None
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
