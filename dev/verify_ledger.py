"""Verify one wallet's ledger from its raw documents, by a reading of its own.

    python -m dev.verify_ledger PROJECT_ID CUSTOMER_ID

Imports nothing of the product: what it knows stands in docs/data-model.md. Needs
GCLOUD_PROJECT, and FIRESTORE_EMULATOR_HOST for an emulated store. Exits 0 if every line
holds, 1 with the first that does not.
"""

import hashlib
import hmac
import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from google.cloud import firestore

NOT_COVERED = frozenset({"hash", "metadata", "private"})
"""Fields of an entry that its hash does not cover."""
ENDS = frozenset({"capture", "void", "expire"})
TAKES = frozenset({"charge", "capture", "expire", "late"})
NANOS_PER_CREDIT = 1_000_000

Document = dict[str, Any]


class Broken(Exception):
    """A line of the ledger that does not hold, in words."""


@dataclass(frozen=True)
class Ledger:
    """A wallet as it lies in the store: the hot state, the entries, what was closed."""

    state: Document
    entries: list[Document]
    days: list[Document]
    periods: list[Document]


def load(project_id: str, customer_id: str) -> Ledger:
    """Return the wallet's raw documents, all of one instant."""
    client = firestore.Client()
    wallet = client.document(f"projects/{project_id}/wallets/{customer_id}")
    found = wallet.get()
    if not found.exists:
        raise Broken(f"there is no wallet of customer {customer_id} in project {project_id}")
    at = found.read_time

    def documents(collection: str) -> list[Document]:
        stream = wallet.collection(collection).stream(read_time=at)
        return [document.to_dict() or {} for document in stream]

    entries = sorted(documents("entries"), key=lambda entry: entry["seq"])
    return Ledger(
        (found.to_dict() or {})["state"], entries, documents("usage"), documents("periods")
    )


def verify(ledger: Ledger) -> Iterator[str]:
    """Yield a sentence for each thing that holds; raise at the first that does not.

    Raises:
        Broken: with the entry or the pot, what it says and what it should say.
    """
    yield _chain(ledger)
    yield _postings(ledger)
    yield _pots(ledger)
    yield _holds(ledger)
    yield _usage(ledger)
    yield _budgets(ledger)
    yield _prices(ledger)


def _chain(ledger: Ledger) -> str:
    prev = ""
    for number, entry in enumerate(ledger.entries, start=1):
        _expect(f"the number of entry {entry['entry_id']}", entry["seq"], number)
        _expect(f"the predecessor of entry {number}", entry["prev"], prev)
        if "seal" in entry:
            salt = _salt(ledger.state["salt"], entry["entry_id"])
            sealed = _digest({**entry.get("private", {}), "salt": salt})
            _expect(f"the seal of entry {number}", entry["seal"], sealed)
        elif "private" in entry:
            raise Broken(f"entry {number} has private fields that nothing seals")
        covered = {name: value for name, value in entry.items() if name not in NOT_COVERED}
        prev = _digest(covered)
        _expect(f"the hash of entry {number}", entry["hash"], prev)
    _expect("the count of entries", ledger.state["seq"], len(ledger.entries))
    _expect("the wallet's head", ledger.state["head"], prev)
    return f"{len(ledger.entries)} entries, numbered without a gap, chained by their hashes"


def _salt(salt: str, entry_id: str) -> str:
    return hmac.new(bytes.fromhex(salt), entry_id.encode(), "sha256").hexdigest()


def _digest(fields: Document) -> str:
    text = json.dumps(
        fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_instant
    )
    return hashlib.sha256(text.encode()).hexdigest()


def _postings(ledger: Ledger) -> str:
    pots: Counter[str] = Counter()
    for entry in ledger.entries:
        _expect(
            f"the sum of the postings of entry {entry['seq']}",
            sum(entry["postings"].values()),
            0,
        )
        pots.update(entry["postings"])
        for pot, nanos in pots.items():
            if nanos < 0 and (pot == "held" or pot.startswith("grant:")):
                raise Broken(f"{pot} is {nanos} after entry {entry['seq']}, below zero")
    return "the postings of each entry sum to zero, and no pot was ever below zero"


def _pots(ledger: Ledger) -> str:
    pots: Counter[str] = Counter()
    for entry in ledger.entries:
        pots.update(entry["postings"])
    grants = ledger.state["grants"]
    named = {pot for pot in pots if pot.startswith("grant:")}
    for pot in sorted(named | {f"grant:{grant_id}" for grant_id in grants}):
        grant = grants.get(pot.removeprefix("grant:"), {"remaining_nanos": 0})
        _expect(f"what is left of {pot}", grant["remaining_nanos"], pots[pot])
    _recalls(ledger)
    _expect("what is owed", ledger.state["receivable_nanos"], -pots["receivable"])
    left = sum(grant["remaining_nanos"] for grant in grants.values())
    given, used = -pots["granted"], pots["consumed"]
    return (
        f"granted {_credits(given)}, used {_credits(used)}, "
        f"lapsed {_credits(pots['expired'])}, refunded {_credits(pots['refunded'])}, "
        f"left {_credits(left)} credits: the wallet says the same as its entries"
    )


def _recalls(ledger: Ledger) -> None:
    """What was wanted of held credits has gone, is still held, or was used instead."""
    recalled, redeemed, cut = (_told(ledger, name) for name in ("recall", "redeemed", "cut"))
    recalled.subtract(_told(ledger, "recalled"))
    grants = ledger.state["grants"]
    for grant_id in sorted({*recalled, *redeemed, *cut, *grants}):
        grant = grants.get(grant_id)
        _expect(f"what is cut of {grant_id}", (grant or {}).get("cut_nanos", 0), cut[grant_id])
        if grant is None:
            if recalled[grant_id] < 0 or redeemed[grant_id] < 0:
                raise Broken(f"more of {grant_id} came back from holds than was recalled")
            continue
        waiting = grant.get("recalled_nanos", 0)
        said = waiting + grant.get("forgone_nanos", 0)
        _expect(f"what is recalled of {grant_id}", said, recalled[grant_id])
        _expect(
            f"what of {grant_id} paid its debt",
            grant.get("redeemed_nanos", 0),
            redeemed[grant_id],
        )
        waiting += grant.get("pledged_nanos", 0) + grant.get("cutting_nanos", 0)
        if waiting > grant["held_nanos"]:
            raise Broken(f"{grant_id} recalls {waiting}, and holds {grant['held_nanos']}")


def _told(ledger: Ledger, name: str) -> Counter[str]:
    """Add up what entries say under a name, by grant."""
    told: Counter[str] = Counter()
    for entry in ledger.entries:
        told.update(entry.get("cause", {}).get(name, {}))
    return told


def _holds(ledger: Ledger) -> str:
    open_nanos: dict[str, int] = {}
    ended = 0
    for entry in ledger.entries:
        if entry["kind"] == "hold":
            open_nanos[entry["hold_id"]] = entry["amount_nanos"]
        elif entry["kind"] in ENDS:
            if open_nanos.pop(entry["hold_id"], None) is None:
                raise Broken(f"entry {entry['seq']} ends a hold that was not open")
            ended += 1
    held = {key: hold["amount_nanos"] for key, hold in ledger.state["holds"].items()}
    _expect("the open holds", held, open_nanos)
    return f"{ended} holds ended once each, {len(held)} open"


def _usage(ledger: Ledger) -> str:
    taken = sum(entry["captured_nanos"] for entry in ledger.entries if entry["kind"] in TAKES)
    days = [*ledger.days, ledger.state["today"]]
    windows = [*ledger.periods, *ledger.state["closing"], ledger.state["window"]]
    _expect("the sum of all days", sum(map(_amount, days)), taken)
    _expect("the sum of all windows", sum(map(_amount, windows)), taken)
    _expect("what each day says", _by_day(days), _by_date(ledger.entries))
    requests = sum(t.get("requests", 0) for day in days for t in day["models"].values())
    return f"{requests} requests for {_credits(taken)} credits, by day and by window alike"


def _by_day(days: list[Document]) -> Document:
    """What was used on each day, and what was received for it, as the days say."""
    sums: dict[str, list[int]] = {}
    for day in days:
        for tally in day["models"].values():
            sum_ = sums.setdefault(day["date"], [0, 0])
            sum_[0] += tally.get("amount_nanos", 0)
            sum_[1] += tally.get("received_nanos", 0)
    return {date: sum_ for date, sum_ in sums.items() if any(sum_)}


def _by_date(entries: list[Document]) -> Document:
    """The same as the entries say."""
    sums: dict[str, list[int]] = {}
    for entry in entries:
        if entry["kind"] in TAKES:
            sum_ = sums.setdefault(f"{entry['at']:%Y-%m-%d}", [0, 0])
            sum_[0] += entry["captured_nanos"]
            sum_[1] += entry.get("received_nanos", 0)
    return {date: sum_ for date, sum_ in sums.items() if any(sum_)}


def _budgets(ledger: Ledger) -> str:
    counted: Counter[tuple[datetime, str, str]] = Counter()
    for entry in ledger.entries:
        counter = entry.get("cause", {}).get("budget")
        if counter is None:
            continue
        place = (entry["window_start_at"], counter)
        if entry["kind"] == "hold":
            counted[(*place, "held_nanos")] += entry["amount_nanos"]
        if entry["kind"] in ENDS:
            counted[(*place, "held_nanos")] -= entry["amount_nanos"]
        if entry["kind"] in TAKES:
            counted[(*place, "spent_nanos")] += entry["captured_nanos"]
    told: Counter[tuple[datetime, str, str]] = Counter()
    for window in (*ledger.periods, *ledger.state["closing"], ledger.state["window"]):
        for counter, count in window.get("budgets", {}).items():
            for name, nanos in count.items():
                told[window["start_at"], counter, name] += nanos
    _expect("what credentials with a budget spent and hold", +told, +counted)
    return f"{len({key[:2] for key in +counted})} budgets counted as their entries say"


def _prices(ledger: Ledger) -> str:
    """Compute every metered price again, from quantities, prices and markup."""
    priced = 0
    for entry in ledger.entries:
        metered = entry.get("metered", {})
        pricing = {**metered, **entry.get("private", {})}.get("pricing", {})
        if "nanos_per_million" not in pricing:
            continue
        price = _price(pricing, metered["quantities"])
        before = entry.get("cause", {}).get("before", {})
        already = before.get("captured_nanos", 0) + before.get("shortfall_nanos", 0)
        taken = already + entry["captured_nanos"] + entry["shortfall_nanos"]
        asked = entry["amount_nanos"] if entry["kind"] == "hold" else taken
        _expect(f"the price of entry {entry['seq']}", asked, max(price, already))
        priced += 1
    return f"{priced} metered prices computed again, to the nano"


def _price(pricing: Document, quantities: Mapping[str, int]) -> int:
    """Return what an entry says that its usage costs: rounded up once, then fee and floors."""
    prices = pricing["nanos_per_million"]
    total: int = sum(quantities[unit] * nanos for unit, nanos in prices.items())
    cost = -(-total // 10**6)
    price: int = -(-total * (10_000 + pricing["markup_bps"]) // 10**10)
    price += pricing.get("fee_nanos", 0) * quantities.get("requests", 0)
    if cost:
        price = max(price, pricing.get("minimum_nanos", 0))
    return price if pricing.get("below_cost") else max(price, cost)


def _amount(counted: Document) -> int:
    return sum(tally.get("amount_nanos", 0) for tally in counted["models"].values())


def _expect(what: str, is_: object, should: object) -> None:
    if is_ != should:
        raise Broken(f"{what} is {is_!r}, and should be {should!r}")


def _instant(value: object) -> str:
    if not isinstance(value, datetime):
        raise Broken(f"{value!r} has no canonical form")
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _credits(nanos: int) -> str:
    sign = "-" if nanos < 0 else ""
    whole, rest = divmod(abs(nanos), NANOS_PER_CREDIT)
    return f"{sign}{whole:,}" + (f".{rest:06d}".rstrip("0") if rest else "")


def main(arguments: list[str]) -> int:
    """Verify the named wallet, print what holds, and return the exit code."""
    if len(arguments) != 2:
        print(__doc__)
        return 2
    try:
        for sentence in verify(load(*arguments)):
            print(f"  ok  {sentence}")
    except Broken as line:
        print(f"  BROKEN  {line}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
