"""An auditor that knows what clients wanted and what they were told, and nothing of our code.

It reads raw documents by docs/data-model.md. At every commit it looks at what is in it; at the
end it holds the ledger against the clients' own notes. Which entries should exist it takes
from those notes and never from the ledger's keys.
"""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.simulation.store import Change, Store

NOT_COVERED = frozenset({"hash", "metadata", "private"})
ENDS = frozenset({"capture", "void", "expire"})
Document = Mapping[str, Any]


class Flaw(AssertionError):
    """A promise that was broken, in words."""


@dataclass
class Intent:
    """What a client wanted once, and what it was told in the end."""

    number: int
    deed: str
    customer: str
    amount_nanos: int
    told: str = "unknown"
    """`done`, `refused`, or `unknown` where the client went away without an answer."""
    captured_nanos: int = 0
    hold: int = 0
    """The number of the hold that it ends."""
    refusal: str = ""
    begun_us: int = 0
    told_us: int = 0


@dataclass
class Chain:
    """What the auditor keeps of a wallet's ledger."""

    seq: int = 0
    head: str = ""
    pots: Counter[str] = field(default_factory=Counter)
    open_holds: dict[str, int] = field(default_factory=dict)
    entries: list[Document] = field(default_factory=list)
    free_nanos: int = 0
    has_had_plan: bool = False
    heights: list[tuple[int, int]] = field(default_factory=list)
    """What was free to spend, from which moment on."""


def expect(what: str, is_: object, should: object) -> None:
    """Hold one thing against another.

    Raises:
        Flaw: they differ.
    """
    if is_ != should:
        raise Flaw(f"{what} is {is_!r}, and should be {should!r}")


class Auditor:
    """Watches a store. Everything it finds wrong ends the run."""

    def __init__(self, now_us: Callable[[], int]) -> None:
        self._now_us = now_us
        self.chains: defaultdict[str, Chain] = defaultdict(Chain)
        self.intents: list[Intent] = []
        self.commits = 0
        self._records: dict[str, int] = {}

    # ---- at every commit -------------------------------------------------------------------

    def watch(self, changes: Sequence[Change]) -> None:
        """Look at a commit: only what it changed, so that every commit can be looked at."""
        self.commits += 1
        added: defaultdict[str, list[Document]] = defaultdict(list)
        wallets: dict[str, Change] = {}
        for change in changes:
            parts = change.path.split("/")
            if len(parts) == 6 and parts[4] == "entries":
                if change.before is not None or change.after is None:
                    raise Flaw(f"an entry was changed or removed: {change.path}")
                added["/".join(parts[:4])].append(change.after)
            elif len(parts) == 4 and parts[2] == "wallets":
                wallets[change.path] = change
            elif parts[0] == "audit":
                if change.before is not None or change.after is None:
                    raise Flaw(f"a record was changed or removed: {change.path}")
                self._records[parts[1]] = _number(change.after["reason"])
        for path, entries in added.items():
            if path not in wallets:
                raise Flaw(f"entries were written without their wallet: {path}")
            for entry in sorted(entries, key=lambda entry: entry["seq"]):
                self._append(self.chains[path], entry)
        for path, change in wallets.items():
            if change.after is None:
                raise Flaw(f"a wallet was removed: {path}")
            self._wallet(path, change.after["state"])

    def _append(self, chain: Chain, entry: Document) -> None:
        name = f"entry {entry['entry_id']}"
        expect(f"the number of {name}", entry["seq"], chain.seq + 1)
        expect(f"the predecessor of {name}", entry["prev"], chain.head)
        expect(f"the hash of {name}", entry["hash"], digest_of(entry))
        if not entry.get("seal"):
            raise Flaw(f"{name} is not sealed")
        expect(f"the sum of {name}", sum(entry["postings"].values()), 0)
        if any(type(nanos) is not int for nanos in entry["postings"].values()):
            raise Flaw(f"{name} is not in whole nanos")
        chain.pots.update(entry["postings"])
        chain.free_nanos += sum(
            nanos
            for account, nanos in entry["postings"].items()
            if account.startswith("grant:") or account == "receivable"
        )
        # Several are decided together: who was refused among them saw what was left between.
        chain.heights.append((self._now_us(), chain.free_nanos))
        if entry["kind"] == "hold":
            chain.open_holds[entry["hold_id"]] = entry["amount_nanos"]
        elif entry["kind"] in ENDS and chain.open_holds.pop(entry["hold_id"], None) is None:
            raise Flaw(f"{name} ends a hold that was not open")
        chain.has_had_plan |= "plan" in entry.get("cause", {})
        chain.seq, chain.head = entry["seq"], entry["hash"]
        chain.entries.append(entry)

    def _wallet(self, path: str, state: Document) -> None:
        chain = self.chains[path]
        expect(f"the count of {path}", state["seq"], chain.seq)
        expect(f"the head of {path}", state["head"], chain.head)
        expect(f"why {path} is parked", state["parked"], "")
        held: Counter[str] = Counter()
        for hold in state["holds"].values():
            for draw in hold["draws"]:
                held[draw["source"]] += draw["amount_nanos"]
        for grant_id, grant in state["grants"].items():
            if grant["remaining_nanos"] < 0 or grant["held_nanos"] < 0:
                raise Flaw(f"{grant_id} of {path} is below zero: {grant}")
            pot = chain.pots[f"grant:{grant_id}"]
            expect(f"what is left of {grant_id} of {path}", grant["remaining_nanos"], pot)
            expect(f"what is held of {grant_id} of {path}", grant["held_nanos"], held[grant_id])
        for account, nanos in chain.pots.items():
            name = account.removeprefix("grant:")
            if account.startswith("grant:") and nanos and name not in state["grants"]:
                raise Flaw(f"{path} has forgotten {nanos} of {name}")
        open_holds = {key: hold["amount_nanos"] for key, hold in state["holds"].items()}
        expect(f"the open holds of {path}", open_holds, chain.open_holds)
        expect(f"what {path} owes", state["receivable_nanos"], -chain.pots["receivable"])
        free = sum(grant["remaining_nanos"] for grant in state["grants"].values())
        expect(f"what is free in {path}", free - state["receivable_nanos"], chain.free_nanos)

    # ---- at the end ------------------------------------------------------------------------

    def close(self, store: Store, *, free_nanos: int, windows_max: int) -> None:
        """Hold the ledgers against the clients' notes, customer by customer.

        `free_nanos` is what everybody gets in each of at most `windows_max` windows.
        """
        by_customer: defaultdict[str, list[Intent]] = defaultdict(list)
        for intent in self.intents:
            by_customer[intent.customer].append(intent)
        for path, chain in self.chains.items():
            customer = path.rpartition("/")[2]
            if chain.open_holds:
                raise Flaw(f"{path} still has open holds: {sorted(chain.open_holds)}")
            self._intents(path, chain, by_customer.pop(customer, []))
            self._gifts(path, chain, free_nanos, windows_max)
            self._published(store, path, chain)
        for intent in (intent for left in by_customer.values() for intent in left):
            expect(f"what {intent} was told without a wallet", intent.told == "done", False)

    def _intents(self, path: str, chain: Chain, intents: Sequence[Intent]) -> None:
        found: defaultdict[int, list[Document]] = defaultdict(list)
        ends: dict[str, list[Document]] = defaultdict(list)
        for entry in chain.entries:
            number = self._number_of(entry)
            if number is not None:
                found[number].append(entry)
            if entry["kind"] in ENDS or entry["kind"] == "late":
                ends[entry["hold_id"]].append(entry)
        used = 0
        hold_ids: dict[int, str] = {}
        for intent in intents:
            mine = found.pop(intent.number, [])
            if intent.deed in {"capture", "void"}:
                continue
            self._once(path, intent, mine)
            _was_short(path, chain, intent)
            if mine and intent.deed == "charge":
                expect(f"what {intent} took", mine[0]["captured_nanos"], intent.amount_nanos)
                used += intent.amount_nanos
            if mine and intent.deed == "hold":
                hold_ids[intent.number] = mine[0]["hold_id"]
        if found:
            raise Flaw(f"{path} has entries that nobody asked for: {dict(found)}")
        by_hold: defaultdict[int, list[Intent]] = defaultdict(list)
        for intent in intents:
            if intent.deed in {"capture", "void"}:
                by_hold[intent.hold].append(intent)
        for number, hold_id in hold_ids.items():
            used += self._ended(path, hold_id, ends[hold_id], by_hold[number])
        paid = chain.pots["consumed"] + chain.pots["shortfall"]
        expect(f"what {path} has used in all", paid, used)

    def _number_of(self, entry: Document) -> int | None:
        """Return the number that a client left: in the metadata, the cause, or the record."""
        if entry["kind"] in {"charge", "hold"}:
            return _number(json.loads(entry["metadata"])["intent"])
        cause = entry.get("cause", {})
        if "audit" in cause:
            return self._records[cause["audit"]]
        said = cause.get("intent") or cause.get("request")
        return None if said is None else _number(said)

    @staticmethod
    def _once(path: str, intent: Intent, mine: Sequence[Document]) -> None:
        if len(mine) > 1:
            raise Flaw(f"{intent} was done {len(mine)} times in {path}")
        if intent.told == "done" and not mine:
            raise Flaw(f"{intent} was told to be done and is not in {path}")
        if intent.told == "refused" and mine:
            raise Flaw(f"{intent} was refused and is in {path} all the same: {mine[0]}")
        if mine and intent.deed != "charge":
            expect(f"the amount of {intent}", abs(_amount(mine[0])), abs(intent.amount_nanos))

    @staticmethod
    def _ended(
        path: str, hold_id: str, ends: Sequence[Document], intents: Sequence[Intent]
    ) -> int:
        """Hold the end of a hold against those who wanted to end it; return what it took."""
        expect(
            f"how often {hold_id} of {path} ended",
            len([end for end in ends if end["kind"] in ENDS]),
            1,
        )
        took: int = sum(end["captured_nanos"] for end in ends)
        captures = [i for i in intents if i.deed == "capture" and i.told == "done"]
        voids = [i for i in intents if i.deed == "void" and i.told == "done"]
        wanted = took + sum(end["shortfall_nanos"] for end in ends)
        for capture in captures:
            expect(f"what {capture} took", took, capture.captured_nanos)
            expect(f"what {capture} took or fell short of", wanted, capture.amount_nanos)
        # Of a hold that timed out both may be true: nothing was left to void, and work that
        # was done is charged late.
        is_late = any(end["kind"] == "late" for end in ends)
        if voids and not is_late:
            expect(f"what {hold_id} took, which was voided", took, 0)
        if not any(intent.told in {"done", "unknown"} for intent in intents):
            expect(f"what {hold_id} took, which nobody captured", took, 0)
        return took

    def _gifts(self, path: str, chain: Chain, free_nanos: int, windows_max: int) -> None:
        free = [e for e in chain.entries if e["kind"] == "grant" and _is_free(e)]
        if len(free) > windows_max or any(_amount(e) != free_nanos for e in free):
            raise Flaw(f"{path} was given the free credits of {len(free)} windows")
        pots = chain.pots
        left = sum(n for pot, n in pots.items() if pot.startswith("grant:"))
        away = pots["consumed"] + pots["shortfall"] + pots["expired"] + pots["refunded"]
        expect(f"all that {path} was given", -pots["granted"], left + away + pots["receivable"])

    @staticmethod
    def _published(store: Store, path: str, chain: Chain) -> None:
        balance = store.find(path.replace("/wallets/", "/balances/"))
        if balance is None:
            raise Flaw(f"{path} has no published balance")
        left = sum(n for pot, n in chain.pots.items() if pot.startswith("grant:"))
        shown = balance.fields["monthly_remaining_nanos"] + balance.fields["topup_nanos"]
        expect(f"the balance that {path} shows", shown, left + chain.pots["receivable"])
        expect(f"the entry that the balance of {path} knows", balance.fields["seq"], chain.seq)


def _was_short(path: str, chain: Chain, intent: Intent) -> None:
    """Who is refused for want of credits was short of them at some moment while asking."""
    if intent.refusal != "PaymentRequired" or chain.has_had_plan:
        # What a plan gave is over with its period, whether or not that was written yet.
        return
    least = min(
        height
        for number, (from_us, height) in enumerate(chain.heights)
        if from_us <= intent.told_us
        and (
            number + 1 == len(chain.heights) or chain.heights[number + 1][0] >= intent.begun_us
        )
    )
    if least >= intent.amount_nanos:
        raise Flaw(f"{intent} was refused, and {path} had {least} all the while")


def digest_of(entry: Document) -> str:
    """Return the hash of an entry, as docs/data-model.md says how."""
    covered = {name: value for name, value in entry.items() if name not in NOT_COVERED}
    return hashlib.sha256(_CANONICAL.encode(covered).encode()).hexdigest()


def _instant(value: object) -> str:
    assert isinstance(value, datetime)
    at = value.astimezone(UTC)
    return f"{at.replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


_CANONICAL = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_instant
)


def _number(text: str) -> int:
    return int(text.rpartition(" ")[2])


def _is_free(entry: Document) -> bool:
    return str(entry["entry_id"]).startswith("free:")


def _amount(entry: Document) -> int:
    amount: int = entry["amount_nanos"]
    return amount
