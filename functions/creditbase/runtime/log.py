"""Logs: one JSON object a line, joined by trace and request id, scrubbed of secrets.

Rooms write `log.info("what happened", extra={...})`; the fields become fields of the line.
Whatever calls for a person goes through `alert`.
Cloud Logging reads `severity`, `message` and the trace; all lines of a request share them.
Scrubbing is the second line of defence: the first is that nobody logs a secret.
"""

import contextvars
import json
import logging
import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from types import MappingProxyType

from creditbase.runtime.cards import has_check_digit
from creditbase.runtime.rehearsal import is_rehearsing

ROOT = "creditbase"
LINE_CHARACTERS_MAX = 16_000

ALERTS: Mapping[str, int] = MappingProxyType(
    {
        "call_not_captured": logging.CRITICAL,
        "catalog_not_pushed": logging.ERROR,
        "crossing_failed": logging.ERROR,
        "customer_below_cost": logging.ERROR,
        "erasure_stuck": logging.CRITICAL,
        "keys_unavailable": logging.ERROR,
        "mail_failed": logging.ERROR,
        "mail_not_taken": logging.ERROR,
        "model_below_cost": logging.ERROR,
        "receiver_failed": logging.ERROR,
        "secret_missing": logging.ERROR,
        "site_url_missing": logging.ERROR,
        "stripe_customer_gone": logging.ERROR,
        "stripe_drift": logging.ERROR,
        "stripe_endpoint": logging.ERROR,
        "stripe_event_dead": logging.CRITICAL,
        "stripe_event_quarantined": logging.ERROR,
        "stripe_refused_request": logging.ERROR,
        "tier_not_priced": logging.ERROR,
        "two_subscriptions": logging.ERROR,
        "upstream_refuses": logging.ERROR,
        "usage_beyond_bound": logging.ERROR,
        "usage_not_counted": logging.ERROR,
        "wallet_parked": logging.CRITICAL,
        "wallet_refuses": logging.ERROR,
        "webhook_disabled": logging.ERROR,
    }
)
"""Everything that calls for a person, and how loudly."""
RUNBOOK = "docs/runbooks/alerts.md"

_context: contextvars.ContextVar[Mapping[str, str]] = contextvars.ContextVar(
    "creditbase_log_context", default=MappingProxyType({})
)

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

_SECRET_NAMES = frozenset(
    {"authorization", "cookie", "email", "password", "secret", "token", "x-api-key"}
)

_SECRETS = re.compile(
    r"""
      eyJ[\w-]{4,}\.[\w-]+\.?[\w-]*                              # a JSON web token
    | \b(?:mr_ct_|mr_sk_|mr_pk_|inf_)[\w.-]{8,}                  # our own credentials
    | \b(?:sk|rk|pk)_(?:live|test)_\w+ | \bwhsec_[\w+/]+=*       # Stripe's
    | (?i:\bbearer\s+[\w.~+/-]+=*)                               # whatever a bearer carries
    | [\w.!\#$%&'*+/=?^`{|}~-]+@[\w-]+(?:\.[\w-]+)+              # an e-mail address
    """,
    re.VERBOSE,
)
_DIGITS = re.compile(r"(?<![\w.-])\d(?:[ -]?\d){12,18}(?![\w-])")
_TRACE = re.compile(r"[0-9a-f]{32}")


def scrub(text: str) -> str:
    """Return the text with everything that looks like a credential, address or card gone."""
    text = _SECRETS.sub("[removed]", text)
    return _DIGITS.sub(
        lambda found: "[removed]" if has_check_digit(found[0]) else found[0], text
    )


def _clean(value: object) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return dict(_clean_field(str(name), inner) for name, inner in value.items())
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(inner) for inner in value]
    return scrub(str(value))


def _clean_field(name: str, value: object) -> tuple[str, object]:
    shown, is_secret = _shown_name(name)
    return shown, "[removed]" if is_secret else _clean(value)


@lru_cache(maxsize=256)
def _shown_name(name: str) -> tuple[str, bool]:
    """Return a field's name without what it must not say, and whether its value is a secret.

    Kept, because nearly all names are of our own code, the same in every line.
    """
    return scrub(name), name.lower() in _SECRET_NAMES


class JsonLines(logging.Formatter):
    """Writes a record as one JSON object, with the fields of the request around it."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line. Lone surrogates and line breaks are escaped by JSON."""
        extra = {name: value for name, value in vars(record).items() if name not in _STANDARD}
        line: dict[str, object] = {
            "severity": record.levelname,
            "message": record.getMessage(),
            "logger": record.name,
            **_context.get(),
            **extra,
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)[-LINE_CHARACTERS_MAX:]
        return json.dumps(_clean(line), separators=(",", ":"))


class _StandardOutput(logging.Handler):
    """Writes to whatever standard output is at the moment, also where tests replace it."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record as one line. A broken pipe must not fail the request."""
        try:
            sys.stdout.write(f"{self.format(record)}\n")
            sys.stdout.flush()
        except (OSError, ValueError):
            self.handleError(record)


def configure() -> None:
    """Send our rooms' records to standard output as JSON lines. Repeating it is harmless."""
    logger = logging.getLogger(ROOT)
    if any(isinstance(handler, _StandardOutput) for handler in logger.handlers):
        return
    handler = _StandardOutput()
    handler.setFormatter(JsonLines())
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False


def alert(name: str, message: str, **facts: object) -> None:
    """Call for a person: a line with `alert` and `runbook`, which a log-based alert looks for.

    The name is one of `ALERTS`, and a heading of the runbook says what to do.
    """
    if is_rehearsing():
        return  # nothing has happened
    runbook = f"{RUNBOOK}#{name}"
    logging.getLogger(f"{ROOT}.alerts").log(
        ALERTS[name], message, extra={"alert": name, "runbook": runbook, **facts}
    )


@contextmanager
def fields(**named: str) -> Iterator[None]:
    """Give every record written inside these fields, such as request id and trace."""
    held = _context.set({**_context.get(), **named})
    try:
        yield
    finally:
        _context.reset(held)


def trace_fields(header: str) -> dict[str, str]:
    """Return the fields that join a record to Cloud Trace, from `X-Cloud-Trace-Context`.

    Cloud Logging looks for the long name; the short one is for everybody else.
    """
    trace_id = header.partition("/")[0].lower()
    if not _TRACE.fullmatch(trace_id):
        return {}
    trace = f"projects/{os.environ.get('GCLOUD_PROJECT', '')}/traces/{trace_id}"
    return {"trace": trace, "logging.googleapis.com/trace": trace}
