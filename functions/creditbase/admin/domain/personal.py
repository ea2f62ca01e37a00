"""What is known of a person, collection by collection. Pure.

Every collection of docs/data-model.md has its line here, or a test fails: who adds one says
whether it is about a person, whether it is exported, and what an erasure leaves of it.
"""

import json
from collections.abc import Mapping
from datetime import datetime

from creditbase.kernel.instants import write_exact
from creditbase.kernel.records import dataclass


@dataclass(frozen=True, slots=True)
class Holding:
    """What a collection holds of a person: whether it is exported, and what is left of it."""

    left: str
    """After an erasure, in a few words; of what is not personal, why it is not."""
    is_exported: bool = True
    is_named: bool = True
    """Whether the ids of its documents may be shown: digests of secrets are not."""


def _not_personal(why: str) -> Holding:
    return Holding(why, is_exported=False)


HOLDINGS: Mapping[str, Holding] = {
    "users/{uid}": Holding("deleted"),
    "projects/{p}": Holding("its owners, without the user"),
    "projects/{p}/plans/{uuid}": _not_personal("what is sold"),
    "projects/{p}/plan_codes/{code}": _not_personal("what is sold"),
    "projects/{p}/price_books/{version}": _not_personal("prices"),
    "projects/{p}/rates/{version}": _not_personal("prices"),
    "projects/{p}/customers/{c}": Holding("ids of subscription and Stripe, and when"),
    "projects/{p}/customer_names/{sha256(external_id)}": Holding(
        "the generation, and when it was erased", is_named=False
    ),
    "projects/{p}/identities/{sha256}": Holding("deleted", is_named=False),
    "projects/{p}/wallets/{c}": Holding("all but the owner, under the customer's id"),
    "projects/{p}/wallets/{c}/entries/{id}": Holding("all but `metadata`; the chain holds"),
    "projects/{p}/wallets/{c}/usage/{YYYY-MM-DD}": Holding("all: it names nobody"),
    "projects/{p}/wallets/{c}/periods/{start}": Holding("all: it names nobody"),
    "projects/{p}/balances/{c}": Holding("all but the owner"),
    "api_keys/{digest}": Holding("deleted", is_named=False),
    "secret_keys/{digest}": _not_personal("a project's, not a person's"),
    "projects/{p}/subscriptions/{sub}": Holding("all: figures and ids of Stripe's"),
    "projects/{p}/trial_claims/{digest}": Holding(
        "all: that somebody has had a trial; it names nobody", is_named=False
    ),
    "stripe_customers/{cus}": Holding("all, and that its person was erased"),
    "checkout_sessions/{cs}": Holding("all but the user"),
    "payments/{pi}": Holding("all: what was paid, for the books"),
    "vouchers/{digest}": _not_personal("a code that is given out"),
    "vouchers/{digest}/uses/{slot}": Holding("all, under the customer's id", is_named=False),
    "vouchers/{digest}/redeemers/{customer_id}": Holding(
        "all, under the customer's id", is_named=False
    ),
    "audit/{id}": Holding("all but the reasons of what was done to the customer"),
    "rate/{sha256(bucket)}": _not_personal("a count under a digest, for an hour"),
    "stripe_events/{evt}": Holding("all but the payload"),
    "crossings/{customer}:{level}:{number}": Holding("all: figures; goes after 30 days"),
    "mail/{id}": Holding("deleted"),
    "projects/{p}/webhooks/{id}": _not_personal("where a project is told"),
    "events/{id}": Holding("deleted, once the project was told"),
    "deliveries/{id}": Holding("deleted, once the project was told"),
    "jobs/{name}": _not_personal("how far a job has come"),
    "job_runs/{name}": _not_personal("what a job did"),
    "job_runs/{name}:trouble": _not_personal("what a job did"),
    "projects/{p}/usage_marks/{c}": _not_personal("how far days were counted"),
    "projects/{p}/usage_months/{YYYY-MM}:{c}": _not_personal("sums of the days, for margins"),
    "platform_days/{p}:{YYYY-MM-DD}": _not_personal("sums of everybody's days"),
    "platform_ordinals/{p}": _not_personal("a count"),
    "projects/{p}/proofs/{c}": _not_personal("how far a ledger was proved: its own sums"),
    "anchors/{date}": _not_personal("a hash of all ledgers"),
    "anchors/{date}/trees/{p}": _not_personal("hashes of a project's ledgers"),
    "anchors/{date}/pages/{p:n}": _not_personal("hashes of ledgers, under customers' ids"),
    "anchors/{date}/tops/{n}": _not_personal("hashes of projects' ledgers"),
    "erasures/{c}": _not_personal("that somebody was erased; the uid only until it is done"),
}

LEFT_OUT = frozenset(
    {
        *("digest", "request_digest", "key_digest", "identities", "made_by"),
        *("hash", "prev", "head", "seal", "salt", "private", "cost_nanos", "pricing"),
        *("actor", "reason", "client_secret", "url", "shard"),
    }
)
"""Names of fields that are no part of an export, at every level: digests, what calls cost us,
who of us did something and why, and what would let its finder act."""
WRITTEN_AS_JSON = frozenset({"payload", "body"})


def shown(fields: Mapping[str, object]) -> dict[str, object]:
    """Return what of a document is exported, as JSON has it."""
    return {
        name: _shown(_read(value) if name in WRITTEN_AS_JSON else value)
        for name, value in fields.items()
        if name not in LEFT_OUT
    }


def _shown(value: object) -> object:
    if isinstance(value, datetime):
        return write_exact(value)
    if isinstance(value, Mapping):
        return shown(value)
    if isinstance(value, list | tuple):
        return [_shown(inner) for inner in value]
    return value


def _read(value: object) -> object:
    try:
        return json.loads(value) if isinstance(value, str) and value else value
    except ValueError:
        return value
