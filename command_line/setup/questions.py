"""What is asked of a new environment, in order: settings that the product reads, no more."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields

from creditbase.runtime.settings import (
    ADDRESS_OR_NONE,
    GATEWAY_WARM,
    PAYMENTS_WARM,
    Settings,
)

Answers = Mapping[str, str]
PROJECT = re.compile(r"[a-z][a-z0-9-]{4,28}[a-z0-9]")
REGION_NAME = re.compile(r"[a-z]+-[a-z]+[0-9]{1,2}")
SECRET = re.compile(r"\b(sk|rk|whsec)_\w|\bsk-\w|://[^/\s]*:[^/\s]*@|PRIVATE KEY")
"""What a secret looks like: keys of Stripe's and of providers', an address with a password."""
UNQUOTABLE = re.compile(r"[\\\r\n\"']")
READERS: dict[str, Callable[[str], object]] = {
    it.metadata["variable"]: it.metadata["read"] for it in fields(Settings)
}


class NotUsable(Exception):
    """An answer that cannot be used, and why; the answer itself is not repeated."""


@dataclass(frozen=True, slots=True)
class Question:
    """One thing that is asked."""

    key: str
    """Its option, with `-` for `_`."""
    text: str
    variable: str = ""
    """The setting that it is, if it is one."""
    check: Callable[[str], object] | None = None
    """Raises ValueError for what cannot be used; a setting's own reader where left out."""
    offered: Callable[[Answers], str] = lambda _: ""
    """What is offered where nothing is set yet: the product's default, mostly."""
    is_asked: Callable[[Answers], bool] = lambda _: True

    @property
    def option(self) -> str:
        """Return how it is typed."""
        return f"--{self.key.replace('_', '-')}"

    def read(self, answer: str) -> str:
        """Return an answer as it is written.

        Raises:
            NotUsable: it cannot be used, or it is a secret.
        """
        text = answer.strip()
        if SECRET.search(text):
            raise NotUsable(
                f"{self.option}: this is a secret, and belongs into Secret Manager: "
                "npx firebase functions:secrets:set"
            )
        check = self.check or READERS[self.variable]
        try:
            check(text)
        except ValueError as fault:
            raise NotUsable(f"{self.option}: {fault}") from None
        if self.key != "upstreams" and UNQUOTABLE.search(text):
            raise NotUsable(f"{self.option}: no quotes, backslashes or line ends")
        return text


def _matching(pattern: re.Pattern[str], fault: str) -> Callable[[str], object]:
    def check(text: str) -> None:
        if not pattern.fullmatch(text):
            raise ValueError(fault)

    return check


def _or_nothing(check: Callable[[str], object]) -> Callable[[str], object]:
    return lambda text: check(text) if text else None


def _addresses(text: str) -> None:
    if not all(ADDRESS_OR_NONE.fullmatch(part.strip()) for part in text.split(",")):
        raise ValueError("e-mail addresses, separated by commas")


def _fixed(text: str) -> Callable[[Answers], str]:
    return lambda _: text


def _has_site_key(given: Answers) -> bool:
    return bool(given.get("api_key"))


check_project = _matching(
    PROJECT, "6 to 30 small letters, digits and hyphens, a letter first, no hyphen last"
)
_whole = _matching(re.compile(r"[0-9]{1,3}"), "a whole number is needed")
_word = _matching(re.compile(r"[\w.:-]*"), "letters, digits, dots, colons and hyphens")
_origin = READERS["CREDITBASE_SITE_URL"]

QUESTIONS: tuple[Question, ...] = (
    Question("alias", "Name of this environment in .firebaserc", check=_word),
    Question(
        "region",
        "Region of functions and database (a database can never be moved)",
        check=_matching(REGION_NAME, "a region is needed, as in us-central1"),
    ),
    Question(
        "stripe_mode",
        "Keys of Stripe's: test or live",
        check=_matching(re.compile("test|live"), "test or live is needed"),
        offered=_fixed("test"),
    ),
    Question(
        "site",
        "The web app's origin, where Stripe's pages lead back to",
        "CREDITBASE_SITE_URL",
        offered=lambda given: f"https://{given['project']}.web.app",
    ),
    Question(
        "origins",
        "Other origins that may call, separated by commas",
        "CREDITBASE_ALLOWED_ORIGINS",
    ),
    Question(
        "app_name",
        "What customers know the product by, in mails",
        "CREDITBASE_APP_NAME",
        offered=_fixed("Creditbase"),
    ),
    Question(
        "mail",
        "Who sends mail: extension (Trigger Email), smtp or log (nobody)",
        "CREDITBASE_MAIL",
        offered=_fixed("extension"),
    ),
    Question(
        "mail_from",
        "The sender of mails, as in Acme <billing@acme.example>",
        "CREDITBASE_MAIL_FROM",
        check=_matching(re.compile(r"[^@]*[^\s@<]@[^\s@]+"), "a sender with its address"),
        is_asked=lambda given: given["mail"] == "smtp",
    ),
    Question(
        "operator_mail",
        "Who hears of models and customers that are sold below cost (an address, or nobody)",
        "CREDITBASE_OPERATOR_MAIL",
    ),
    Question("admins", "E-mail addresses of the first admins", check=_addresses),
    Question(
        "trial_days",
        "Days of free trial where a plan names none",
        "CREDITBASE_TRIAL_DAYS",
        offered=_fixed("0"),
    ),
    Question(
        "payments_warm",
        "Instances kept warm of each function that asks Stripe (each is paid for)",
        PAYMENTS_WARM.name,
        check=_whole,
        offered=_fixed("0"),
    ),
    Question(
        "gateway_warm",
        "The same of the gateway and metering",
        GATEWAY_WARM.name,
        check=_whole,
        offered=_fixed("0"),
    ),
    Question(
        "upstreams",
        "APIs that models are called through, as JSON (OpenAI's and Anthropic's own)",
        "CREDITBASE_UPSTREAMS",
        check=_or_nothing(READERS["CREDITBASE_UPSTREAMS"]),
    ),
    Question(
        "plan_claims",
        "Plans as custom claims of users: off, plan, or plan and stripeRole",
        "CREDITBASE_PLAN_CLAIMS",
        offered=_fixed("off"),
    ),
    Question(
        "eventarc_channel",
        "Eventarc channel that every event is published to (or none)",
        "CREDITBASE_EVENTARC_CHANNEL",
        check=_or_nothing(READERS["CREDITBASE_EVENTARC_CHANNEL"]),
    ),
    Question(
        "replay_protection",
        "App Check tokens taken once where money moves: on or off",
        "CREDITBASE_APP_CHECK_REPLAY_PROTECTION",
        offered=_fixed("off"),
    ),
    Question("api_key", "The web app's apiKey (public; or nothing: later)", check=_word),
    Question("app_id", "The web app's appId", check=_word, is_asked=_has_site_key),
    Question(
        "site_key",
        "App Check: the reCAPTCHA Enterprise site key (public)",
        check=_word,
        is_asked=_has_site_key,
    ),
    Question(
        "gateway_url",
        "The gateway's own address, known after the first deployment (or nothing)",
        check=_or_nothing(_origin),
        is_asked=_has_site_key,
    ),
)
