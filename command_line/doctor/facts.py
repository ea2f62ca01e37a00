"""What the doctor knows before it judges. What could not be seen is None, never a guess."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Severity = Literal["error", "warning", "unseen"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is not as it should be, and the command that puts it right."""

    code: str
    """A stable word for scripts."""
    severity: Severity
    message: str
    fix: str
    """What to type, or where to click where nothing can be typed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What this release needs of a project, read from its own files."""

    indexes: frozenset[str]
    exemptions: frozenset[str]
    """`collection.field` that must not be indexed by itself."""
    ttls: frozenset[str]
    rules: str
    functions: frozenset[str]
    schedules: Mapping[str, int]
    """Minutes between two runs of each job."""
    events: frozenset[str]
    api_version: str
    book_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """An endpoint of Stripe's, as Stripe shows it."""

    webhook_id: str
    url: str
    events: frozenset[str]
    api_version: str
    """Empty: the account's own, which changes when somebody upgrades the account."""
    is_enabled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StripeFacts:
    """What Stripe said."""

    webhooks: tuple[Webhook, ...]
    sale_differences: tuple[str, ...] | None
    """What a push of the reviewed catalog would do at Stripe; None before there is one."""
    portals: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRun:
    """The last run of a job."""

    at: datetime
    failed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreFacts:
    """What Firestore said."""

    has_hub: bool
    book_version: str
    """Empty: the hub sells by none yet."""
    catalog_differences: tuple[str, ...]
    has_admin: bool
    is_open: bool | None
    """Whether a stranger may read documents; None where it was not tried."""
    events_given_up: int
    parked_wallets: int
    runs: Mapping[str, JobRun | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class GoogleFacts:
    """What Google's own interfaces said of a real project."""

    indexes: Mapping[str, str] | None = None
    """Their state by what they are: READY, CREATING."""
    exemptions: frozenset[str] | None = None
    ttls: frozenset[str] | None = None
    rules: str | None = None
    functions: frozenset[str] | None = None
    jobs: Mapping[str, str] | None = None
    """The state of each Cloud Scheduler job by its function: ENABLED, PAUSED."""
    secrets: frozenset[str] | None = None
    recovers_to_point: bool | None = None
    sign_in_methods: frozenset[str] | None = None
    """Firebase's own (email) and those of providers (google.com), where switched on."""
    authorized_domains: frozenset[str] | None = None
    app_check_store: str | None = None
    """How App Check guards Firestore itself: ENFORCED, UNENFORCED, OFF."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteFacts:
    """What this checkout would put beside the web app, and what its pages may call."""

    project: str
    """Empty where the file says none."""
    has_site_key: bool
    gateway_url: str
    policy: str
    """The pages' policy, as firebase.json has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that is judged, as of one instant."""

    project: str
    is_emulated: bool
    at: datetime
    settings: Mapping[str, str] = field(default_factory=dict)
    """Variables of the environment or, of a real project, of `functions/.env…`."""
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Values that this machine knows. None of them is ever shown."""
    wanted: Wanted
    stripe: StripeFacts | None
    store: StoreFacts | None
    google: GoogleFacts | None
    """None for the emulators, which have nothing of it."""
    site: SiteFacts | None = None
    """None where this checkout has no settings for the web app, or there is no real project."""
    skew_s: int | None
    """How far this machine's clock is ahead of Stripe's, in seconds."""
    unseen: Mapping[str, str] = field(default_factory=dict)
    """What could not be asked, and why."""

    @property
    def webhook_url(self) -> str:
        """Return where Stripe has to send its events; empty where the site is not known."""
        site = self.settings.get("CREDITBASE_SITE_URL", "")
        return f"{site.rstrip('/')}/billing/webhook" if site else ""
