"""The bank's third checker: one order explains everything that anybody heard of a wallet.

The numbers of the entries are an order in which all of it could have happened one after the
other, each thing between its question and its answer, and every answer is what was true at its
place. One pass over sorted events, so that it takes any length.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from tests.proof.bank_checks import (
    LOOKING,
    NEVER_NS,
    Book,
    Facts,
    History,
    Intent,
    entries_of,
    hold_id_of,
)
from tests.simulation.auditor import Flaw, expect


@dataclass
class Event:
    """Something that happened at a place in a wallet's order, between two moments."""

    seq: int
    begun_ns: int
    heard_ns: int
    is_entry: bool
    text: str


def check_order(history: History, books: Sequence[Book], *, lively: int = 0) -> None:
    """The entries' numbers are an order that explains every answer.

    In the first `lively` wallets things end by themselves, which shows when the next command
    is decided: there a refusal is not held against the entries.
    """
    by_wallet: defaultdict[int, list[Intent]] = defaultdict(list)
    for intent in history.intents.values():
        by_wallet[intent.wallet].append(intent)
    for book in books:
        events = _events(book, by_wallet[book.name], history)
        _in_real_time(events)
        line = Line.of(events)
        for intent in by_wallet[book.name]:
            for told in intent.told:
                _true_at_its_place(book, intent, told)
                _not_from_the_future(intent, told, line)
            for refusal in intent.refused:
                if refusal["why"] == "PaymentRequired":
                    _was_short(book, intent, refusal, line, is_lively=book.name < lively)
                else:
                    _had_ended(book, intent, refusal, history)


def _events(book: Book, intents: Sequence[Intent], history: History) -> list[Event]:
    """Return what has a place: entries by who asked for them, and looks at the wallet."""
    events: list[Event] = []
    voids: dict[int, Event] = {}
    for intent in intents:
        if intent.what in LOOKING:
            events += [
                Event(told["seq"], intent.begun_ns, told["at_ns"], False, str(intent))
                for told in intent.told
                # Terms that are in force already are answered from what a process remembers.
                if not told["replay"]
            ]
            continue
        for entry in entries_of(intent, book, history):
            if entry["kind"] == "expire":
                continue  # nobody's doing
            event = Event(entry["seq"], intent.begun_ns, intent.heard_ns, True, str(intent))
            if intent.what != "void":
                events.append(event)
                continue
            # Of several who voided it nobody knows who did: the first question to the first
            # answer is when.
            known = voids.setdefault(event.seq, event)
            known.begun_ns = min(known.begun_ns, event.begun_ns)
            known.heard_ns = min(known.heard_ns, event.heard_ns)
    return events + list(voids.values())


def _in_real_time(events: list[Event]) -> None:
    """Nothing comes after what was begun only when it had been answered: in one pass."""
    latest: Event | None = None
    for event in sorted(events, key=lambda e: (e.seq, not e.is_entry, e.begun_ns)):
        if latest is not None and event.heard_ns < latest.begun_ns:
            raise Flaw(f"{event.text} was over before {latest.text} began, and comes after it")
        if latest is None or event.begun_ns > latest.begun_ns:
            latest = event


@dataclass
class Line:
    """Which places an answer may have that was asked and given at certain moments."""

    heard: list[int]
    seqs_heard: list[int]
    begun: list[int]
    seqs_begun: list[int]

    @classmethod
    def of(cls, events: Sequence[Event]) -> "Line":
        """Return the line of a wallet's events."""
        by_answer = sorted((e for e in events if e.heard_ns < NEVER_NS), key=_heard)
        highest: list[int] = []
        for event in by_answer:
            highest.append(max(event.seq, highest[-1] if highest else 0))
        by_question = sorted((e for e in events if e.is_entry), key=lambda e: e.begun_ns)
        lowest: list[int] = []
        for event in reversed(by_question):
            lowest.append(min(event.seq, lowest[-1] if lowest else event.seq))
        return cls(
            [event.heard_ns for event in by_answer],
            highest,
            [event.begun_ns for event in by_question],
            lowest[::-1],
        )

    def first(self, begun_ns: int) -> int:
        """Return the place before which nothing can be that began then."""
        place = bisect_left(self.heard, begun_ns)
        return self.seqs_heard[place - 1] if place else 0

    def last(self, heard_ns: int, most: int) -> int:
        """Return the place after which nothing can be that was heard then."""
        place = bisect_right(self.begun, heard_ns)
        return self.seqs_begun[place] - 1 if place < len(self.begun) else most


def _heard(event: Event) -> int:
    return event.heard_ns


def _true_at_its_place(book: Book, intent: Intent, told: Facts) -> None:
    if told["seq"] > len(book.entries):
        raise Flaw(f"{intent} was told of entry {told['seq']}, which there is not")
    expect(f"what {intent} was told", tuple(told["figures"]), book.heights[told["seq"]])


def _not_from_the_future(intent: Intent, told: Facts, line: Line) -> None:
    if told["seq"] > line.last(told["at_ns"], told["seq"]):
        raise Flaw(f"{intent} was told of entry {told['seq']} before that was wanted")


def _was_short(
    book: Book, intent: Intent, refusal: Facts, line: Line, *, is_lively: bool
) -> None:
    """Who is refused was short of what it wanted at some place that its answer may have."""
    available = refusal["facts"]["available_nanos"]
    if available >= intent.amount:
        raise Flaw(f"{intent} was refused with {available} available")
    if is_lively:
        return
    first = line.first(intent.begun_ns)
    last = line.last(refusal["at_ns"], len(book.entries))
    heights = {book.heights[place][0] for place in range(first, last + 1)}
    if available not in heights:
        raise Flaw(f"{intent} was refused with {available}, and there were {sorted(heights)}")


def _had_ended(book: Book, intent: Intent, refusal: Facts, history: History) -> None:
    """Who may not end a hold comes after somebody else who has."""
    expect(f"why {intent} was refused", refusal["why"], "Conflict")
    if not book.ends.get(hold_id_of(history.intents[intent.hold])):
        raise Flaw(f"{intent} was refused, and nobody ended the hold")
