"""Two checkers of the bank: they know what clients wanted and heard, and raw documents.

*Total*: no money comes or goes but as somebody wanted, and no pot is ever below nothing.
*Once*: what was heard to be done is in a ledger once, what was refused is not, and what is
unknown is there once or not at all. The third one is `bank_order`. None calls the product.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from tests.simulation.auditor import ENDS, Flaw, digest_of, expect

Facts = Mapping[str, Any]
NEVER_NS = 1 << 62
END_DEEDS = frozenset({"capture", "void"})
GIVING = frozenset({"grant", "gift"})
LOOKING = frozenset({"read", "terms"})


@dataclass
class Intent:
    """What a client wanted, from when on, and everything that it heard of it."""

    op: str
    what: str
    wallet: int
    amount: int
    hold: str
    begun_ns: int
    told: list[Facts] = field(default_factory=list)
    refused: list[Facts] = field(default_factory=list)
    unknown: int = 0

    @property
    def heard_ns(self) -> int:
        """Return when it was known to be done; never, if it was not."""
        return self.told[0]["at_ns"] if self.told else NEVER_NS


@dataclass
class History:
    """All that clients wrote down."""

    intents: dict[str, Intent] = field(default_factory=dict)
    faults: Counter[str] = field(default_factory=Counter)
    deaths: int = 0

    @classmethod
    def read(cls, lines: Iterable[Facts]) -> "History":
        """Return the history in a journal."""
        history = cls()
        for line in lines:
            match line["event"]:
                case "begun":
                    named = ("op", "what", "wallet", "amount", "hold")
                    facts = {name: line[name] for name in named}
                    intent = Intent(**facts, begun_ns=line["at_ns"])
                    history.intents[intent.op] = intent
                case "done":
                    history.intents[line["op"]].told.append(line)
                case "refused":
                    history.intents[line["op"]].refused.append(line)
                case "unknown":
                    history.intents[line["op"]].unknown += 1
                case "lived":
                    history.faults.update(line["faults"])
                case "died":
                    history.deaths += 1
        return history

    @property
    def unanswered(self) -> list[Intent]:
        """Return what nobody ever heard anything definite of."""
        found = self.intents.values()
        return [intent for intent in found if not intent.told and not intent.refused]


@dataclass
class Book:
    """A wallet as it stands, and its entries in their order: raw documents."""

    name: int
    state: Facts
    entries: Sequence[Facts]

    @cached_property
    def heights(self) -> list[tuple[int, int, int]]:
        """Return what was available, held and owed after so many entries, recomputed.

        A gift that is over is available no more, whether or not its end is written yet.
        """
        ends = {
            f"grant:{entry['entry_id']}": datetime.fromisoformat(entry["cause"]["ends_at"])
            for entry in self.entries
            if "ends_at" in entry.get("cause", {})
        }
        pots: Counter[str] = Counter()
        heights = [(0, 0, 0)]
        for entry in self.entries:
            pots.update(entry["postings"])
            over = {pot: 0 for pot, ends_at in ends.items() if ends_at <= entry["at"]}
            owed = -pots["receivable"]
            heights.append((max(0, _lying({**pots, **over}) - owed), pots["held"], owed))
        return heights

    @cached_property
    def by_intent(self) -> dict[str, list[Facts]]:
        """Return the entries by the mark that clients left in them."""
        found: defaultdict[str, list[Facts]] = defaultdict(list)
        for entry in self.entries:
            noted = json.loads(entry.get("metadata", "{}")) or entry.get("cause", {})
            if "intent" in noted:
                found[noted["intent"]].append(entry)
        return found

    @cached_property
    def ends(self) -> dict[str, list[Facts]]:
        """Return how each hold ended, and what was captured late."""
        found: defaultdict[str, list[Facts]] = defaultdict(list)
        for entry in self.entries:
            if entry["kind"] in ENDS or entry["kind"] == "late":
                found[entry["hold_id"]].append(entry)
        return found


def _lying(postings: Mapping[str, int]) -> int:
    return sum(nanos for account, nanos in postings.items() if account.startswith("grant:"))


# ---- total -----------------------------------------------------------------------------------


def check_total(history: History, books: Sequence[Book]) -> None:
    """P01 to P03: at each entry of each wallet, and over the household."""
    sums: Counter[str] = Counter()
    for book in books:
        sums.update(_chain(book))
    given = used = adjusted = 0
    for book in books:
        for op, entries in book.by_intent.items():
            intent = history.intents[op]
            given += sum(intent.amount for _ in entries if intent.what in GIVING)
            used += sum(intent.amount for _ in entries if intent.what == "charge")
            adjusted += sum(e["amount_nanos"] for e in entries if intent.what == "adjust")
        used += sum(end["captured_nanos"] for ends in book.ends.values() for end in ends)
    opening = sum(_opening(book) for book in books)
    expect("all that was given", -sums["granted"], given + opening)
    expect("all that was used", sums["consumed"] + sums["shortfall"], used)
    expect("all that was taken back", sums["refunded"], adjusted)
    lying = _lying(sums)
    away = sums["consumed"] + sums["shortfall"] + sums["expired"] + sums["refunded"]
    away += sums["included"]
    expect("all money", lying + sums["held"] + away + sums["receivable"], given + opening)


def _opening(book: Book) -> int:
    nobodys = [e for e in book.entries if e["kind"] == "grant" and "intent" not in e["cause"]]
    return sum(entry["amount_nanos"] for entry in nobodys)


def _chain(book: Book) -> Counter[str]:
    """Follow a wallet from its first entry to the state in which it stands."""
    pots: Counter[str] = Counter()
    open_holds: dict[str, int] = {}
    prev = ""
    for seq, entry in enumerate(book.entries, start=1):
        name = f"entry {seq} of wallet {book.name}"
        expect(f"the number of {name}", entry["seq"], seq)
        expect(f"the predecessor of {name}", entry["prev"], prev)
        expect(f"the hash of {name}", entry["hash"], digest_of(entry))
        expect(f"the sum of {name}", sum(entry["postings"].values()), 0)
        pots.update(entry["postings"])
        _not_below_nothing(name, pots)
        if entry["kind"] == "hold":
            open_holds[entry["hold_id"]] = entry["amount_nanos"]
        elif entry["kind"] in ENDS and open_holds.pop(entry["hold_id"], None) is None:
            raise Flaw(f"{name} ends a hold that was not open")
        expect(f"what is held after {name}", pots["held"], sum(open_holds.values()))
        figures = entry["figures"]
        told = tuple(figures[f"{name}_nanos"] for name in ("available", "held", "receivable"))
        expect(f"the figures of {name}", told, book.heights[seq])
        prev = entry["hash"]
    state = book.state
    expect(f"the count of wallet {book.name}", state["seq"], len(book.entries))
    expect(f"the head of wallet {book.name}", state["head"], prev)
    expect(f"why wallet {book.name} is parked", state["parked"], "")
    left = {f"grant:{key}": grant["remaining_nanos"] for key, grant in state["grants"].items()}
    lying = {pot: n for pot, n in pots.items() if pot.startswith("grant:") and n}
    expect(f"the grants of wallet {book.name}", {k: n for k, n in left.items() if n}, lying)
    holds = {key: hold["amount_nanos"] for key, hold in state["holds"].items()}
    expect(f"the holds of wallet {book.name}", holds, open_holds)
    expect(f"what wallet {book.name} owes", state["receivable_nanos"], -pots["receivable"])
    return pots


def _not_below_nothing(name: str, pots: Mapping[str, int]) -> None:
    for pot, nanos in pots.items():
        sign = -1 if pot in {"receivable", "shortfall", "granted", "included"} else 1
        if sign * nanos < 0:
            raise Flaw(f"{pot} is {nanos} after {name}")


# ---- once ------------------------------------------------------------------------------------


def check_once(history: History, books: Sequence[Book]) -> None:
    """P07 and P10: what was heard of each key is what is in the ledger, once."""
    for book in books:
        for op in book.by_intent:
            if op not in history.intents or history.intents[op].wallet != book.name:
                raise Flaw(f"wallet {book.name} has {op}, which nobody wanted of it")
    for intent in history.intents.values():
        if intent.what not in LOOKING:
            _once(intent, entries_of(intent, books[intent.wallet], history))
    for book in books:
        for hold_id, ends in book.ends.items():
            count = sum(end["kind"] in ENDS for end in ends)
            expect(f"how often {hold_id} of wallet {book.name} ended", count, 1)


def _once(intent: Intent, mine: Sequence[Facts]) -> None:
    if len(mine) > 1:
        raise Flaw(f"{intent} was done {len(mine)} times")
    if not mine and intent.told:
        raise Flaw(f"{intent} was told to be done, and is nowhere")
    if mine and any(refusal["sure"] for refusal in intent.refused):
        raise Flaw(f"{intent} was refused, and is done: {mine[0]}")
    for told in intent.told:
        expect(f"the number of {intent}", told["seq"], mine[0]["seq"])
        expect(f"what {intent} took", told["captured"], mine[0]["captured_nanos"])
    if mine:
        _as_wanted(intent, mine[0])


def entries_of(intent: Intent, book: Book, history: History) -> list[Facts]:
    """Return the entries that an intent has made, if it has made any."""
    if intent.what not in END_DEEDS:
        return book.by_intent.get(intent.op, [])
    ends = book.ends.get(hold_id_of(history.intents[intent.hold]), [])
    if intent.what == "capture":
        digest = f"capture {intent.op}"
        return [e for e in ends if e.get("private", {}).get("request_digest") == digest]
    # Whoever voids what was voided or has timed out is told so: the end is everybody's.
    return [end for end in ends if end["kind"] in {"void", "expire"}] if intent.told else []


def hold_id_of(intent: Intent) -> str:
    """Return the hold that an intent has made, as its client heard."""
    hold_id: str = intent.told[0]["hold_id"]
    return hold_id


def _as_wanted(intent: Intent, entry: Facts) -> None:
    asked = entry["amount_nanos"]
    match intent.what:
        case "charge":
            asked = entry["captured_nanos"]
        case "capture":
            asked = entry["captured_nanos"] + entry["shortfall_nanos"]
        case "adjust":
            asked = entry["cause"]["asked_nanos"]
            is_owed = intent.amount % 2 == 1
            if asked < entry["amount_nanos"] or (is_owed and asked != entry["amount_nanos"]):
                raise Flaw(f"{intent} took {entry['amount_nanos']}")
        case "void":
            return
    expect(f"the amount of {intent}", asked, intent.amount)
