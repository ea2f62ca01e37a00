#!/usr/bin/env python3
"""Check an exported Creditbase ledger, with nothing but this file and Python 3.9 or newer.

    python creditbase_verify.py export.json [part2.json ...] --root HEX [--date YYYY-MM-DD]
    python creditbase_verify.py export.json --anchors anchors.json [--json]

Written from docs/data-model.md alone; it imports nothing of the product. Note the root of a
day from `GET /anchors` while the day is young, or take it from somebody who did: what this
program cannot tell is whether the roots you give it were published when they say.

Exit status: 0 everything holds, 1 something does not (the first is named), 2 not readable.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

Json = dict[str, Any]
LINE_BYTES_MAX = 4_000_000
DIGITS_MAX = 19
SYSTEM = {"held", "receivable", "included", "granted", "consumed"}
SYSTEM |= {"expired", "refunded", "shortfall"}
TAKES = {"charge", "capture", "expire", "late"}
ENDS = {"capture", "void", "expire"}
KINDS = TAKES | ENDS | {"hold", "grant", "lapse", "refund"}
NOT_COVERED = {"record", "hash", "metadata", "private", "salt"}
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
DATE = re.compile(r"\d{4}-\d\d-\d\d")
HEX = re.compile(r"[0-9a-f]{64}")
ANCHOR_FIELDS = {"version", "date", "root", "from_at", "until_at", "previous_date"}
ANCHOR_FIELDS |= {"previous_digest"}


class Broken(Exception):
    """Something does not hold."""


class Unreadable(Exception):
    """This is no export, or not all of one."""


# ---- reading, strictly -------------------------------------------------------------------


def strict(text: bytes, where: str) -> Json:
    """Parse one JSON object: no key twice, no fraction, no NaN, no number of a mile."""

    def pairs(found: list[tuple[str, Any]]) -> Json:
        made = dict(found)
        if len(made) < len(found):
            raise Unreadable(where + ": a key occurs twice")
        return made

    def number(digits: str) -> int:
        if len(digits) > DIGITS_MAX:
            raise Unreadable(where + ": a number is too long")
        return int(digits)

    def refuse(word: str) -> Any:
        raise Unreadable(f"{where}: {word[:20]} is no whole number")

    try:
        value = json.loads(
            text.decode("utf-8"),
            object_pairs_hook=pairs,
            parse_int=number,
            parse_float=refuse,
            parse_constant=refuse,
        )
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as fault:
        raise Unreadable(f"{where}: no JSON ({type(fault).__name__})") from None
    if not isinstance(value, dict):
        raise Unreadable(where + ": no object")
    return value


def lines_of(file: BinaryIO, name: str) -> Iterator[tuple[bytes, str]]:
    """Yield the records of a file, one a line, the brackets around them taken off."""
    number, ended, needs_comma = 0, False, False
    while True:
        line = file.readline(LINE_BYTES_MAX + 1)
        if not line:
            break
        number += 1
        where = f"{name}, line {number}"
        if len(line) > LINE_BYTES_MAX:
            raise Unreadable(where + ": the line is too long for a record")
        line = line.strip()
        if number == 1:
            if line != b"[":
                raise Unreadable(where + ": an export begins with [ on a line of its own")
        elif ended:
            if line:
                raise Unreadable(where + ": there is more behind the end")
        elif line == b"]":
            ended = True
        else:
            if number > 2 and not needs_comma:
                raise Unreadable(where + ": a comma is missing before it")
            needs_comma = line.endswith(b",")
            yield (line[:-1] if needs_comma else line), where
    if not ended:
        raise Unreadable(f"{name}: the file is cut off")


def records_of(names: list[str]) -> Iterator[tuple[Json, str]]:
    """Yield the records of all parts."""
    for name in names:
        try:
            with Path(name).open("rb") as file:
                for line, where in lines_of(file, name):
                    yield strict(line, where), where
        except OSError as fault:
            raise Unreadable(f"{name}: {fault.strerror}") from None


class Fields:
    """An object whose fields are read with their types."""

    def __init__(self, value: Any, where: str) -> None:
        if not isinstance(value, dict):
            raise Unreadable(f"{where}: no object")
        self.value, self.where = value, where

    def _get(self, name: str, kind: type, default: Any) -> Any:
        found = self.value.get(name, default)
        if type(found) is not kind:
            raise Unreadable(f"{self.where}: {name} is missing, or no {kind.__name__}")
        return found

    def number(self, name: str, default: Any = None) -> int:
        """Return a whole number."""
        return int(self._get(name, int, default))

    def text(self, name: str, form: Any = None, default: Any = None) -> str:
        """Return a text, of a form where one is given."""
        found = str(self._get(name, str, default))
        if form is not None and not form.fullmatch(found):
            raise Unreadable(f"{self.where}: {name} is not written as it should be")
        return found

    def part(self, name: str, default: Any = None) -> Fields:
        """Return an object inside."""
        return Fields(self._get(name, dict, default), f"{self.where}, {name}")

    def parts(self, name: str, default: Any = None) -> list[Fields]:
        """Return the objects of a list."""
        return [Fields(it, self.where) for it in self._get(name, list, default)]

    def numbers(self, name: str, default: Any = None) -> dict[str, int]:
        """Return an object of whole numbers."""
        found = self.part(name, default)
        return {key: found.number(key) for key in found.value}

    def named(self, name: str, default: Any = None) -> dict[str, Fields]:
        """Return an object of objects."""
        found = self.part(name, default)
        return {key: found.part(key) for key in found.value}


def digest_of(fields: Json) -> str:
    """Return the SHA-256 of the canonical JSON."""
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def expect(what: str, is_: Any, should: Any) -> None:
    """Compare.

    Raises:
        Broken: they differ.
    """
    if is_ != should:
        raise Broken(f"{what} is {str(is_)[:200]}, and should be {str(should)[:200]}")


# ---- the entries ---------------------------------------------------------------------------


class Ledger:
    """What the entries come to, added up as they are read."""

    def __init__(self) -> None:
        self.path = self.wallet_id = self.prev = self.at = ""
        self.seq = self.told = self.rows = self.rowed = self.ended = self.opened = 0
        self.is_sealed = self.has_bridge = False
        self.hashes = bytearray()
        self.pots: Counter[Any] = Counter()
        self.holds: dict[str, tuple[int, dict[str, int], str]] = {}
        self.days: dict[str, Counter[Any]] = defaultdict(Counter)
        self.windows: dict[str, Counter[Any]] = defaultdict(Counter)
        self.budgets: Counter[Any] = Counter()
        self.causes: dict[str, Counter[Any]] = defaultdict(Counter)
        self.priced = 0

    def take(self, kind: str, entry: Fields) -> None:
        """Check an entry against everything before it."""
        self.seq += 1
        name = f"entry {self.seq}"
        entry.where = name
        expect(f"the number of {name}", entry.number("seq"), self.seq)
        expect(f"the wallet of {name}", entry.text("wallet_id"), self.wallet_id)
        if entry.text("at", INSTANT) < self.at:
            raise Broken(f"{name} is older than the one before it")
        self.at = entry.text("at", INSTANT)
        self._chain(kind, entry, name)
        self._postings(entry, name)
        self._kind(entry, name)
        self._figures(entry, name)
        self._count(entry, name)

    def _chain(self, kind: str, entry: Fields, name: str) -> None:
        if kind == "told":
            if self.is_sealed or "hash" in entry.value:
                raise Broken(f"{name} has no hash, and comes behind some that have")
            self.told += 1
            self.hashes += bytes(32)
            return
        told = entry.text("hash", HEX)
        if kind == "bridge":
            if self.has_bridge or not self.told or self.seq != self.told + 1:
                raise Broken(f"{name} hides what it is chained to, and should not")
            self.has_bridge = self.is_sealed = True
        else:
            if self.told and not self.has_bridge:
                raise Broken(f"{name} follows lines without a hash, and says to which")
            self._seal(entry, name)
            expect(f"the predecessor of {name}", entry.text("prev"), self.prev)
            covered = {k: v for k, v in entry.value.items() if k not in NOT_COVERED}
            expect(f"the hash of {name}", told, digest_of(covered))
        self.prev = told
        self.hashes += bytes.fromhex(told)

    def _seal(self, entry: Fields, name: str) -> None:
        """Check that what is private is sealed, and the seal itself where it is open."""
        if "seal" not in entry.value:
            if self.is_sealed or "private" in entry.value:
                raise Broken(f"{name} has no seal")
            return
        self.is_sealed = True
        seal = entry.text("seal", HEX)
        if "salt" in entry.value:
            private = entry.part("private", {}).value
            opened = digest_of({**private, "salt": entry.text("salt", HEX)})
            expect(f"the seal of {name}", seal, opened)
            self.opened += 1
        elif "private" in entry.value:
            raise Broken(f"{name} shows what is private, and not what its seal is opened with")

    def _postings(self, entry: Fields, name: str) -> None:
        postings = entry.numbers("postings")
        expect(f"the sum of the postings of {name}", sum(postings.values()), 0)
        for account, nanos in postings.items():
            if account not in SYSTEM and not account.startswith("grant:"):
                raise Broken(f"{name} posts to {account[:80]}, and there is no such account")
            self.pots[account] += nanos
            is_pot = account == "held" or account.startswith("grant:")
            if is_pot and self.pots[account] < 0:
                raise Broken(f"{account} is {self.pots[account]} after {name}")
            if account in {"receivable", "granted", "shortfall"} and self.pots[account] > 0:
                raise Broken(f"{account} is above zero after {name}")

    def _kind(self, entry: Fields, name: str) -> None:
        kind, postings = entry.text("kind"), entry.numbers("postings")
        if kind not in KINDS:
            raise Broken(f"{name} is of no known kind")
        drawn: Counter[Any] = Counter()
        for draw in entry.parts("draws", []):
            source = draw.text("source")
            drawn["included" if source == "included" else f"grant:{source}"] += draw.number(
                "amount_nanos"
            )
        amount, captured = entry.number("amount_nanos"), entry.number("captured_nanos")
        short, total = entry.number("shortfall_nanos"), sum(drawn.values())
        if min(captured, short, *drawn.values(), 0) < 0:
            raise Broken(f"{name} takes less than nothing")
        held = 0
        if kind in TAKES:
            expect(f"the sum of the draws of {name}", total, captured)
            expect(f"what {name} consumes", postings.get("consumed", 0), captured + short)
        elif kind != "void" or captured or short:
            expect(f"what {name} consumes", postings.get("consumed", 0), 0)
        expect(f"the shortfall of {name}", -postings.get("shortfall", 0), short)
        if kind == "hold":
            expect(f"the sum of the draws of {name}", total, amount)
            if entry.text("hold_id") in self.holds:
                raise Broken(f"{name} places a hold that is open already")
            self.holds[entry.text("hold_id")] = (
                amount,
                dict(drawn),
                entry.text("window_start_at", INSTANT),
            )
            held = amount
        if kind in ENDS:
            was = self.holds.pop(entry.text("hold_id"), None)
            if was is None:
                raise Broken(f"{name} ends a hold that is not open")
            expect(f"what {name} held", amount, was[0])
            held, self.ended = -amount, self.ended + 1
        if kind in {"charge", "hold"}:
            for account in set(drawn) | {a for a in postings if a.startswith("grant:")}:
                is_ = -postings.get(account, 0)
                expect(f"what {name} takes of {account}", is_, drawn[account])
        expect(f"what {name} holds", postings.get("held", 0), held)

    def _figures(self, entry: Fields, name: str) -> None:
        figures = entry.part("figures")
        expect(f"held after {name}", figures.number("held_nanos"), self.pots["held"])
        owed = figures.number("receivable_nanos")
        expect(f"what is owed after {name}", owed, -self.pots["receivable"])
        left = sum(n for account, n in self.pots.items() if account.startswith("grant:"))
        available = figures.number("available_nanos")
        if not 0 <= available <= max(0, left - owed):
            raise Broken(f"{available} are available after {name}, of {left} less {owed} owed")
        pinned = sum(
            nanos
            for _, draws, _ in self.holds.values()
            for account, nanos in draws.items()
            if account != "included"
        )
        balance = figures.number("balance_nanos")
        expect(f"the balance after {name}", balance, available + pinned)
        is_row = entry.text("kind") in {"grant", "refund"} or balance != self.rowed
        row = entry.number("row", 0)
        expect(f"the row of {name}", row, self.rows + 1 if is_row else 0)
        if is_row:
            self.rows, self.rowed = row, balance

    def _count(self, entry: Fields, name: str) -> None:
        kind, window = entry.text("kind"), entry.text("window_start_at", INSTANT)
        cause, captured = entry.part("cause", {}), entry.number("captured_nanos")
        for word in ("recall", "recalled", "redeemed", "cut"):
            self.causes[word].update(cause.numbers(word, {}))
        budget = cause.text("budget", default="")
        if kind == "hold" and budget:
            self.budgets[window, budget, "held_nanos"] += entry.number("amount_nanos")
        if kind in ENDS and budget:
            self.budgets[window, budget, "held_nanos"] -= entry.number("amount_nanos")
        if kind in TAKES:
            if budget:
                self.budgets[window, budget, "spent_nanos"] += captured
            day, model = self.days[self.at[:10]], _model(entry)
            day["received_nanos"] += entry.number("received_nanos", 0)
            day["amount_nanos"] += captured
            day["model:" + model] += captured
            self.windows[window]["amount_nanos"] += captured
            self.windows[window]["model:" + model] += captured
            self.windows[window]["included"] += sum(
                draw.number("amount_nanos")
                for draw in entry.parts("draws", [])
                if draw.text("source") == "included"
            )
        if kind == "charge":  # only in shadow mode is anything beyond what there was
            beyond = cause.part("shadow", {}).number("beyond_nanos", 0)
            expect(f"what {name} takes", captured, entry.number("amount_nanos") - beyond)
        self._price(entry, name)

    def _price(self, entry: Fields, name: str) -> None:
        """Compute a metered price again, where what is private was opened."""
        metered = {**entry.part("metered", {}).value, **entry.part("private", {}).value}
        pricing = Fields(metered.get("pricing", {}), name)
        if "nanos_per_million" not in pricing.value or entry.text("kind") == "void":
            return
        quantities = Fields(metered, name).numbers("quantities", {})
        prices = pricing.numbers("nanos_per_million")
        total = sum(quantities.get(unit, 0) * nanos for unit, nanos in prices.items())
        cost = -(-total // 10**6)
        price = -(-total * (10_000 + pricing.number("markup_bps", 0)) // 10**10)
        price += pricing.number("fee_nanos", 0) * quantities.get("requests", 0)
        price = max(price, pricing.number("minimum_nanos", 0)) if cost else price
        price = price if pricing.value.get("below_cost") else max(price, cost)
        before = entry.part("cause", {}).part("before", {})
        already = before.number("captured_nanos", 0) + before.number("shortfall_nanos", 0)
        taken = already + entry.number("captured_nanos") + entry.number("shortfall_nanos")
        asked = entry.number("amount_nanos") if entry.text("kind") == "hold" else taken
        if entry.text("kind") == "hold":  # in shadow mode it holds what there is of it
            shadow = entry.part("cause", {}).part("shadow", {})
            asked += shadow.number("undrawn_nanos", 0)
        expect(f"the price of {name}", asked, max(price, already))
        self.priced += 1


def _model(entry: Fields) -> str:
    return entry.part("metered", {}).text("model", default="") or "unspecified"


# ---- what the wallet says --------------------------------------------------------------------


def compare(ledger: Ledger, state: Fields, days: list[Fields], periods: list[Fields]) -> None:
    """Hold what the wallet, its days and its windows say against the entries."""
    expect("the number of the wallet's newest entry", state.number("seq"), ledger.seq)
    for name, is_, should in (
        ("what is owed", state.number("receivable_nanos"), -ledger.pots["receivable"]),
        ("the count of rows", state.number("rows"), ledger.rows),
        ("the balance of the newest row", state.number("rowed_nanos"), ledger.rowed),
    ):
        expect(f"{name}, says the wallet,", is_, should)
    if state.text("at", INSTANT) < ledger.at:
        raise Broken("the wallet is older than its newest entry")
    holds = state.named("holds")
    expect("the open holds", sorted(holds), sorted(ledger.holds))
    pinned: Counter[Any] = Counter()
    for key, (amount, draws, window) in ledger.holds.items():
        expect(f"hold {key[:80]}", holds[key].number("amount_nanos"), amount)
        for source, nanos in draws.items():
            pinned[window if source == "included" else source] += nanos
    _grants(ledger, state.named("grants"), pinned)
    windows = [*periods, *state.parts("closing"), state.part("window")]
    _windows(ledger, windows, pinned)
    _days(ledger, [*days, state.part("today")])


def _grants(ledger: Ledger, grants: dict[str, Fields], pinned: Counter[Any]) -> None:
    pots = {a[6:]: n for a, n in ledger.pots.items() if a.startswith("grant:")}
    recalled = Counter(ledger.causes["recall"])
    recalled.subtract(ledger.causes["recalled"])
    for key in sorted({*pots, *grants, *recalled}):
        grant = grants.get(key, Fields({"remaining_nanos": 0, "held_nanos": 0}, key))
        where = f"of grant {key[:80]}"
        expect(f"what is left {where}", grant.number("remaining_nanos"), pots.get(key, 0))
        held = grant.number("held_nanos")
        expect(f"what holds keep {where}", held, pinned[f"grant:{key}"])
        expect(
            f"what is cut {where}",
            grant.number("cut_nanos", 0),
            _kept(ledger, "cut", key, grants),
        )
        if key not in grants:
            if recalled[key] < 0 or ledger.causes["redeemed"][key] < 0:
                raise Broken(f"more {where} came back than was recalled")
            continue
        waiting = grant.number("recalled_nanos", 0)
        said = waiting + grant.number("forgone_nanos", 0)
        expect(f"what is recalled {where}", said, recalled[key])
        redeemed = ledger.causes["redeemed"][key]
        expect(f"what paid its debt {where}", grant.number("redeemed_nanos", 0), redeemed)
        waiting += grant.number("pledged_nanos", 0) + grant.number("cutting_nanos", 0)
        if waiting > held:
            raise Broken(f"more {where} is recalled than is held")


def _kept(ledger: Ledger, word: str, key: str, grants: dict[str, Fields]) -> int:
    return ledger.causes[word][key] if key in grants or ledger.causes[word][key] else 0


def _windows(ledger: Ledger, windows: list[Fields], pinned: Counter[Any]) -> None:
    starts: set[str] = set()
    told: Counter[Any] = Counter()
    for window in windows:
        start = window.text("start_at", INSTANT)
        if start in starts:
            raise Broken(f"the window of {start} is there twice")
        starts.add(start)
        counted = ledger.windows.get(start, Counter())
        _counted(f"the window of {start}", window, counted)
        spent, held = (
            window.number("included_spent_nanos"),
            window.number("included_held_nanos"),
        )
        expect(f"the limit held in the window of {start}", held, pinned[start])
        expect(f"the limit spent in the window of {start}", spent, counted["included"])
        for name, count in window.named("budgets", {}).items():
            for word in ("spent_nanos", "held_nanos"):
                told[start, name, word] += count.number(word)
    for start, counted in ledger.windows.items():
        if counted["amount_nanos"] and start not in starts:
            raise Broken(f"there is no window of {start}, and entries count in it")
    expect("what budgets count", +told, +ledger.budgets)


def _days(ledger: Ledger, days: list[Fields]) -> None:
    dates: set[str] = set()
    for day in days:
        date = day.text("date", DATE)
        if date in dates:
            raise Broken(f"the day {date} is there twice")
        dates.add(date)
        counted = ledger.days.get(date, Counter())
        _counted(f"the day {date}", day, counted)
        tallies = day.named("models").values()
        received = sum(tally.number("received_nanos", 0) for tally in tallies)
        expect(f"what was received on the day {date}", received, counted["received_nanos"])
    for date, counted in ledger.days.items():
        if counted["amount_nanos"] and date not in dates:
            raise Broken(f"there is no day {date}, and entries were written on it")


def _counted(what: str, span: Fields, counted: Counter[Any]) -> None:
    models = {m: tally.number("amount_nanos", 0) for m, tally in span.named("models").items()}
    expect(f"what was used in {what}", sum(models.values()), counted["amount_nanos"])
    if "other" not in models:
        for model in sorted({*models, *(k[6:] for k in counted if k.startswith("model:"))}):
            is_ = models.get(model, 0)
            expect(f"{model[:80]} in {what}", is_, counted["model:" + model])


# ---- anchors and proofs ----------------------------------------------------------------------


def leaf_of(*parts: str) -> bytes:
    """Return the hash of a leaf."""
    return hashlib.sha256(b"\x00" + "\n".join(parts).encode("utf-8")).digest()


def climb(node: bytes, siblings: list[Fields]) -> bytes:
    """Return the root that a node and its siblings come to."""
    for sibling in siblings:
        other, side = bytes.fromhex(sibling.text("hash", HEX)), sibling.text("side")
        if side not in {"left", "right"}:
            raise Unreadable("a sibling stands left or right")
        pair = other + node if side == "left" else node + other
        node = hashlib.sha256(b"\x01" + pair).digest()
    return node


def anchor_of(anchor: Fields) -> Fields:
    """Return an anchor whose digest is right."""
    date = anchor.text("date", DATE)
    expect(f"the version of the anchor of {date}", anchor.number("version"), 1)
    covered = {name: anchor.value.get(name) for name in ANCHOR_FIELDS}
    digest = digest_of(covered)
    expect(f"the digest of the anchor of {date}", anchor.text("digest", HEX), digest)
    anchor.text("root", HEX)
    return anchor


def chained(anchors: dict[str, Fields]) -> int:
    """Check that each anchor names the one before it, where both are known; count them."""
    links = 0
    for date in sorted(anchors):
        before = anchors[date].text("previous_date")
        if before >= date:
            raise Broken(f"the anchor of {date} names a later one as the one before it")
        between = [other for other in anchors if before < other < date]
        if between:
            raise Broken(f"the anchor of {date} leaves out that of {max(between)}")
        if before in anchors:
            is_ = anchors[date].text("previous_digest")
            expect(f"what the anchor of {date} follows", is_, anchors[before].text("digest"))
            links += 1
    return links


def prove(ledger: Ledger, proof: Fields) -> Fields | None:
    """Return the anchor that the ledger is proved to be under; None where it was in clear."""
    anchor = anchor_of(proof.part("anchor"))
    date, seq = anchor.text("date"), proof.number("seq")
    if not 0 <= seq <= ledger.seq:
        raise Broken(f"the proof of {date} is of entry {seq}, and there is none")
    if 0 < seq <= ledger.told:
        return None
    head = ledger.hashes[32 * seq - 32 : 32 * seq].hex() if seq else ""
    leaf = leaf_of(ledger.path, str(seq), head, proof.text("blind", HEX))
    root = climb(leaf, proof.parts("siblings"))
    project = ledger.path.split("/wallets/")[0]
    leaf = leaf_of(project, root.hex(), proof.text("project_blind", HEX))
    root = climb(leaf, proof.parts("project_siblings"))
    expect(f"the root of {date} by its proof", root.hex(), anchor.text("root"))
    return anchor


def published(name: str) -> dict[str, Fields]:
    """Return the anchors of a file as `GET /anchors` answers it."""
    try:
        with Path(name).open("rb") as file:
            text = file.read(LINE_BYTES_MAX * 16 + 1)
    except OSError as fault:
        raise Unreadable(f"{name}: {fault.strerror}") from None
    if len(text) > LINE_BYTES_MAX * 16:
        raise Unreadable(f"{name}: too large for anchors")
    found = Fields(strict(text, name), name)
    anchors: dict[str, Fields] = {}
    for anchor in found.parts("anchors"):
        if anchors.setdefault(anchor_of(anchor).text("date"), anchor) is not anchor:
            raise Broken(f"{name} has the anchor of {anchor.text('date')} twice")
    if not anchors:
        raise Unreadable(f"{name}: it has no anchors")
    return anchors


# ---- all of it -------------------------------------------------------------------------------


def verify(given: argparse.Namespace) -> Iterator[str]:
    """Yield a sentence for each thing that holds; raise at the first that does not."""
    ledger, head, days, periods, proofs = read_export(given.export)
    chain = f"{ledger.seq} entries, numbered without a gap, each chained to the one before it"
    if ledger.told:
        chain += f"; the first {ledger.told} are of before the seals, and told without a hash"
    yield chain
    yield "the postings of each sum to zero, no pot was ever below zero, and each balance fits"
    yield f"{ledger.ended} holds ended once each, {len(ledger.holds)} are open"
    compare(ledger, head.part("state"), days, periods)
    yield "grants, debts and open holds of the wallet are what the entries come to"
    yield f"{len(ledger.days)} days and {len(ledger.windows)} windows count what was used"
    if ledger.opened:
        yield f"{ledger.opened} seals opened, {ledger.priced} prices computed again"
    yield from _anchored(given, ledger, proofs)


def read_export(
    names: list[str],
) -> tuple[Ledger, Fields, list[Fields], list[Fields], list[Fields]]:
    """Read all parts, check entry by entry, and return what is to be compared at the end."""
    ledger, is_ended = Ledger(), True
    head: Fields | None = None
    next_seq: Any = 1
    days: list[Fields] = []
    periods: list[Fields] = []
    proofs: list[Fields] = []
    for record, where in records_of(names):
        fields = Fields(record, where)
        kind = fields.text("record")
        if kind == "ledger":
            if not is_ended:
                raise Unreadable(where + ": the part before it has no end")
            head, is_ended = _opened(ledger, head, fields, next_seq), False
            days, periods = [], []
        elif head is None or is_ended:
            raise Unreadable(where + ": an export begins with its ledger")
        elif kind in {"entry", "told", "bridge"}:
            ledger.take(kind, fields)
        elif kind in {"day", "period", "proof"}:
            {"day": days, "period": periods, "proof": proofs}[kind].append(fields)
        elif kind == "end":
            is_ended, next_seq = True, record.get("next_seq")
            expect("the last entry of this part", ledger.seq, head.number("last_seq"))
        else:
            raise Unreadable(where + ": no known record")
    if head is None or not is_ended:
        raise Unreadable("the export has no end")
    if next_seq is not None:
        raise Unreadable(f"the part from entry {str(next_seq)[:20]} on is missing")
    return ledger, head, days, periods, proofs


def _opened(ledger: Ledger, head: Fields | None, fields: Fields, next_seq: Any) -> Fields:
    if fields.text("format") != "creditbase-ledger" or fields.number("version") != 1:
        raise Unreadable(fields.where + ": another format than this program knows")
    expect("the first entry of this part", fields.number("first_seq"), next_seq)
    path = fields.text("path")
    if head is None:
        names = path.split("/")
        if len(names) != 4 or (names[0], names[2]) != ("projects", "wallets"):
            raise Unreadable(fields.where + ": no wallet's path")
        ledger.path, ledger.wallet_id = path, f"{names[1]}/{names[3]}"
    expect("the wallet of this part", path, ledger.path)
    return fields


def _anchored(given: argparse.Namespace, ledger: Ledger, proofs: list[Fields]) -> Iterator[str]:
    proved: dict[str, Fields] = {}
    seqs: dict[str, int] = {}
    for proof in proofs:
        anchor = prove(ledger, proof)
        if anchor is None:
            continue
        date = anchor.text("date")
        known = proved.setdefault(date, anchor)
        expect(f"the anchor of {date}", anchor.text("digest"), known.text("digest"))
        seqs[date] = proof.number("seq")
    numbers = [seqs[date] for date in sorted(seqs)]
    if numbers != sorted(numbers):
        raise Broken("the ledger was longer on an earlier day than on a later one")
    links = chained(proved)
    yield f"{len(proved)} anchored days have a proof, {links} of them follow another"
    if given.anchors:
        others = published(given.anchors)
        links = chained(others)
        same = sorted(set(others) & set(proved))
        for date in same:
            expect(f"the anchor of {date}", proved[date].value, others[date].value)
        if not same:
            raise Broken("the export has no proof for any of the published days")
        yield f"{len(others)} published anchors, {links} links; {len(same)} prove this ledger"
    if given.root:
        fitting = [d for d in sorted(proved) if given.date in (None, d)]
        if not any(proved[date].text("root") == given.root for date in fitting):
            when = f" of {given.date}" if given.date else ""
            raise Broken(f"no proof leads to the published root{when}")
        yield f"the published root {given.root[:16]}... is that of this ledger's proof"
    if not given.root and not given.anchors:
        yield "no published root was given: that nothing was written anew is not shown"


def _root(text: str) -> str:
    if not HEX.fullmatch(text.lower()):
        raise argparse.ArgumentTypeError("a root is 64 hexadecimal digits")
    return text.lower()


def _date(text: str) -> str:
    if not DATE.fullmatch(text):
        raise argparse.ArgumentTypeError("a date is written like 2026-01-31")
    return text


def main(arguments: list[str]) -> int:
    """Check what is named, print what holds, and return the exit status."""
    parser = argparse.ArgumentParser(
        description="Check an exported Creditbase ledger.", allow_abbrev=False
    )
    parser.add_argument("export", nargs="+", help="the export; several parts in their order")
    parser.add_argument("--root", type=_root, help="a root that was published")
    parser.add_argument("--date", type=_date, help="the day of --root")
    parser.add_argument("--anchors", help="a file of anchors, as GET /anchors answers")
    parser.add_argument("--json", action="store_true", help="say it in one JSON object")
    given = parser.parse_args(arguments)
    if given.date and not given.root:
        parser.error("--date says of which day --root is")
    checked: list[str] = []
    status, fault = 0, ""
    try:
        for sentence in verify(given):
            checked.append(sentence)
            if not given.json:
                print(f"  ok  {sentence}")
    except Broken as broken:
        status, fault = 1, str(broken)
    except Unreadable as unreadable:
        status, fault = 2, str(unreadable)
    verdict = ("verified", "broken", "unreadable")[status]
    if given.json:
        print(json.dumps({"verdict": verdict, "fault": fault, "checked": checked}))
    elif status:
        print(f"  {verdict.upper()}  {fault}".encode("ascii", "replace").decode())
    else:
        print("  VERIFIED")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
