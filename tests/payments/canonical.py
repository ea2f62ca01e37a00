"""What Stripe's events have made of a customer, in one text that can be compared.

Left out, because two right runs differ in them:

* instants (`*_at`, `at`, `valid_until`, `date`), and the index fields made of them (`shard`);
* versions and what counts writes: `mirrored`, `commits`, `seq`, `plans_over_seq`, `row`,
  `rows`, the terms' `revision`; the hashes (`head`, `hash`, `prev`,
  `seal`, and `standing`), which cover instants, and what is drawn for them (`salt`);
* an entry's running figures: they say what came before it, which is the order itself;
* how often Stripe was looked at: the steps of a payment's refunds are added up to one, and so
  are a plan's ways down and up within a period, and what is set aside of a free window and
  taken up again; gone are `returned_by`, which names such a
  step, and `is_settled`, which says whether anything was written since;
* the inbox: it counts deliveries, and finishes each event in its own time.

Names that chance gave are gone too, so that two customers who lived the same life have the
same text: Stripe's ids are numbered, the user's are left out.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from creditbase.runtime.firestore import Fields, get_all, query

DOCUMENTS_MAX = 10_000
MIRRORS = ("checkout_sessions", "payments", "stripe_customers")
"""Collections of Stripe's mirror whose documents name their customer."""
UNCOMPARED = frozenset(
    {
        *("at", "date", "valid_until", "shard"),
        *("mirrored", "commits", "seq", "row", "rows", "revision", "is_settled", "figures"),
        "plans_over_seq",
        *("head", "hash", "prev", "seal", "salt", "standing"),
        *("email", "external_id", "uid", "owner_uid", "returned_by"),
    }
)
CHANCE = re.compile(r"\b(?:cs_test|cus|sub|in|pi|ch|re|du)_[A-Za-z0-9]{12,}")
"""Stripe's ids."""
INSTANT = re.compile(r"(?<=:)\d{10}\b")
"""A period's start inside an entry's id."""
RETURNED = re.compile(r"(?:expire:.*:)?(return:.+)")
"""An entry that gives back what a free window had, and the one that takes it again."""
STEP = re.compile(
    r"(refund:.*?|downgrade:[^:]*:[^:]*)(?::\d+)+|(?:expire|return):(free:\d+)(?::.*)?"
)

Documents = Mapping[str, Fields]


def canonical(project: str, customer: str) -> str:
    """Return the one text of everything that is kept of a customer."""
    return canonical_of(documents_of(project, customer), customer)


def documents_of(project: str, customer: str) -> dict[str, Fields]:
    """Return the documents of a customer by path: ledger, balance, profile, mirror."""
    room = f"projects/{project}"
    own = [f"{room}/{kind}/{customer}" for kind in ("wallets", "customers", "balances")]
    whose = [("customer_id", "==", customer)]
    found = get_all(own)
    found += query(f"{own[0]}/entries", limit=DOCUMENTS_MAX)
    for mirror in (f"{room}/subscriptions", *MIRRORS):
        found += query(mirror, where=whose, limit=DOCUMENTS_MAX)
    return {each.path: each.fields for each in found if each.fields is not None}


def canonical_of(documents: Documents, customer: str) -> str:
    """Return the text of documents that were read before."""
    return _numbered(_texts(documents, customer))


def present_of(documents: Documents, customer: str) -> str:
    """Return the text of what is there now, without what has come and gone.

    Told while it happens, a customer may have had credits of a period that is over, and a
    refund that was undone; told late, they never were there. Names are kept, so this compares
    one life with itself.
    """
    wallet = documents[_wallet_of(documents)]["state"]["grants"]
    kept = {}
    by_id = {
        fields["entry_id"]: fields for fields in documents.values() if "entry_id" in fields
    }
    for path, fields in documents.items():
        if _is_undone(fields, by_id):
            continue
        grants = {fields["grant_id"]} if "grant_id" in fields else set()
        for account in fields.get("postings", ()):
            grants |= (
                {account.removeprefix("grant:")} if account.startswith("grant:") else set()
            )
        if "expired" in fields.get("postings", ()):
            # It came back too late for anybody to have it.
            grants.add(fields.get("cause", {}).get("grant_id", ""))
        is_spent = "consumed" in fields.get("postings", ())
        if not grants or is_spent or grants & {*wallet}:
            over = SERVED if fields.get("status") in ENDED else WAYS
            kept[path] = {name: value for name, value in fields.items() if name not in over}
    texts = _texts(kept, customer)
    return "\n".join(text for text in texts if '"postings": {}' not in text)


def _is_undone(entry: Fields, by_id: Mapping[str, Fields]) -> bool:
    """Return whether an entry tells of credits that came back and went again, all of them.

    Those of a free window do whenever a plan ends within it and another begins.
    """
    found = RETURNED.fullmatch(entry.get("entry_id", ""))
    if found is None:
        return False
    gone = f"expire:{entry['cause']['grant_id']}:{found[1]}"
    back_and_forth = [by_id[each]["postings"] for each in (found[1], gone) if each in by_id]
    sums: Counter[str] = Counter()
    for postings in back_and_forth:
        sums.update(postings)
    return len(back_and_forth) == 2 and not any(sums.values())


ENDED = frozenset({"canceled", "incomplete_expired"})
SERVED = frozenset({"served_plan_code", "downgrades", "cut_to_nanos", "dearest_nanos"})
"""What a subscription's record says of how it was served; over with the subscription."""
WAYS = frozenset({"downgrades", "cut_to_nanos"})
"""What it says of smaller plans that came and went, where they were seen."""


def _wallet_of(documents: Documents) -> str:
    return next(path for path in documents if re.fullmatch(r".*/wallets/[^/]+", path))


def _texts(documents: Documents, customer: str) -> list[str]:
    wallet = _wallet_of(documents)
    entries = [
        fields for path, fields in documents.items() if path.startswith(f"{wallet}/entries/")
    ]
    rest = {
        path.rpartition("projects/")[2].partition("/")[2] or path: fields
        for path, fields in documents.items()
        if not path.startswith(f"{wallet}/")
    }
    parts: list[Any] = [{"entry": entry} for entry in _folded(_compared(entries))]
    parts += [{path: _compared(_summed(fields))} for path, fields in rest.items()]
    return sorted(_text(part).replace(customer, "customer") for part in parts)


def _compared(value: Any) -> Any:
    """Return the value without what differs between right runs."""
    if isinstance(value, Mapping):
        return {
            name: _compared(inner)
            for name, inner in value.items()
            if not (name in UNCOMPARED or name.endswith("_at"))
        }
    return [_compared(inner) for inner in value] if isinstance(value, list) else value


def _folded(entries: Iterable[Fields]) -> list[Fields]:
    """Add up the steps of each payment's refunds: only where they lead is compared."""
    folded: dict[str, Fields] = {}
    for entry in entries:
        step = STEP.fullmatch(entry["entry_id"])
        name = (step[1] or f"aside {step[2]}") if step else entry["entry_id"]
        known = folded.get(name)
        if known is None:
            said = entry.get("cause", {})
            cause = {name: said[name] for name in ("grant_id",) if name in said}
            cause = cause if step else said
            folded[name] = {**entry, "entry_id": name, "cause": cause}
            continue
        known["amount_nanos"] += entry["amount_nanos"]
        accounts = sorted({*known["postings"], *entry["postings"]})
        sums = {
            account: known["postings"].get(account, 0) + entry["postings"].get(account, 0)
            for account in accounts
        }
        known["postings"] = {account: nanos for account, nanos in sums.items() if nanos}
    return list(folded.values())


def _summed(fields: Fields) -> Fields:
    """Keep of a payment's refunds where the last step led."""
    steps = fields.get("returns")
    if not isinstance(steps, list):
        return fields
    reached = {name: steps[-1][name] if steps else 0 for name in REACHED}
    return {**fields, "returns": reached}


REACHED = ("target_nanos", "refunded_cents", "disputed_cents")


def _numbered(texts: Iterable[str]) -> str:
    """Join the texts, with numbers in place of the names that chance gave.

    They are sorted without those names first, so that the numbers do not depend on them.
    """
    joined = "\n".join(sorted(texts, key=lambda text: (_masked(text), text)))
    starts = sorted(set(INSTANT.findall(joined)))
    joined = INSTANT.sub(lambda found: f"start{starts.index(found[0])}", joined)
    numbers: dict[str, str] = {}
    joined = CHANCE.sub(_naming(numbers), joined)
    return "\n".join(sorted(joined.split("\n")))


def _naming(numbers: dict[str, str]) -> Callable[[re.Match[str]], str]:
    def name(found: re.Match[str]) -> str:
        kind = found[0].partition("_")[0]
        return numbers.setdefault(found[0], f"{kind}#{len(numbers)}")

    return name


def _masked(text: str) -> str:
    return INSTANT.sub("start", CHANCE.sub("#", text))


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, default=repr)
