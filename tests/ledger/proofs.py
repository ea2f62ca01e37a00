"""Ledgers in memory: a story's documents as they would lie in the store, to be proved."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from creditbase.kernel.instants import write_exact
from creditbase.kernel.windows import Window
from creditbase.ledger.domain.balance import balance_of
from creditbase.ledger.domain.commands import Deduct, FixedAmount, SetLevel
from creditbase.ledger.domain.decide import Decision
from creditbase.ledger.domain.proof.tale import Tale
from creditbase.ledger.domain.proof.walk import finish, walk_entries
from creditbase.ledger.domain.wallet import Metered, Published, Wallet
from creditbase.ledger.encoding import (
    read_wallet,
    write_balance,
    write_closed_day,
    write_closed_window,
    write_entry,
    write_wallet,
)
from creditbase.ledger.paths import WalletRef
from creditbase.ledger.store import _top_level
from creditbase.ledger.used import used_bucket
from tests.ledger.builders import (
    CUSTOMER,
    FREE,
    PERIOD,
    WALLET_ID,
    Story,
    a_charge,
    a_hold,
    a_story,
    tier,
)

REF = WalletRef("project", CUSTOMER)
Fields = dict[str, Any]
PAGE = 7


@dataclass
class Kept(Story):
    """A story of which everything is kept that a store would keep."""

    days: dict[str, Fields] = field(default_factory=dict)
    periods: dict[str, Fields] = field(default_factory=dict)

    def _check_days(self, decided: Decision) -> None:
        super()._check_days(decided)
        for day in decided.closed_days:
            self.days[day.date] = write_closed_day(day)
        for window in decided.closed_windows:
            self.periods[write_exact(window.span.start_at)] = write_closed_window(window)


@dataclass
class Ledger:
    """The raw documents of a wallet. It answers what a walk reads."""

    wallet: Fields
    balance: Fields
    documents: dict[str, dict[str, Fields]]

    def entries(self, after: int) -> Sequence[tuple[str, Mapping[str, Any]]]:
        """Return a page of entries: those that say a number beyond that one, in order."""
        beyond = [
            (name, fields)
            for name, fields in self.documents["entries"].items()
            if type(fields.get("seq")) is int and fields["seq"] > after
        ]
        return sorted(beyond, key=lambda entry: entry[1]["seq"])[:PAGE]

    def named(self, paths: Sequence[str]) -> dict[str, Mapping[str, Any] | None]:
        """Return documents by their paths."""
        parts = {path: path.split("/", 1) for path in paths}
        return {path: self.documents[kind].get(name) for path, (kind, name) in parts.items()}

    def count(self, collection: str) -> int:
        """Return how many documents there are."""
        return len(self.documents[collection])


def ledger_of(story: Kept, *, is_settled: bool = True) -> Ledger:
    """Return the documents of a story, its balance published at its last instant."""
    wallet = replace(story.wallet, published=Published(story.wallet.at, is_settled=is_settled))
    balance = balance_of(wallet, now=wallet.at, is_settled=is_settled)
    fields = {"state": write_wallet(wallet), **_top_level(REF, wallet)}
    if story.entries:
        fields["used_at"] = used_bucket(wallet.at)
    found = Ledger(
        fields,
        write_balance(balance, shard=REF.shard),
        {
            "entries": {name: write_entry(entry) for name, entry in story.entries.items()},
            "usage": story.days,
            "periods": story.periods,
        },
    )
    return copy.deepcopy(found)


def expect_balance(state: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a settled balance of a state says."""
    wallet: Wallet = read_wallet(WALLET_ID, state)
    balance = balance_of(wallet, now=wallet.at, is_settled=wallet.published.is_settled)
    return write_balance(balance, shard=REF.shard)


def salt_of(ledger: Ledger) -> str:
    """Return the salt of a wallet, whatever lies there."""
    state = ledger.wallet.get("state") if isinstance(ledger.wallet, dict) else None
    salt = state.get("salt", "") if isinstance(state, dict) else ""
    return salt if isinstance(salt, str) else ""


def prove(ledger: Ledger, tale: Tale | None = None) -> Tale:
    """Prove a ledger from its beginning, or from where a tale ended.

    Raises:
        Broken: a line does not hold.
    """
    tale = Tale(WALLET_ID) if tale is None else tale
    tale.salt = salt_of(ledger)
    watched = ledger.balance.get("seq", 0) if isinstance(ledger.balance, dict) else 0
    figures = walk_entries(tale, ledger, most=10_000, watched=watched)
    finish(
        tale,
        ledger,
        (ledger.wallet, ledger.balance),
        shard=REF.shard,
        expect_balance=expect_balance,
        figures=figures,
    )
    return tale


def kept(*args: Any, **named: Any) -> Kept:
    """Return the story of a new wallet of which everything is kept."""
    story = a_story(*args, **named)
    return Kept(story.wallet, story.now, story.entries)


GPT = Metered("gpt-5", "openai", 7, {"input_tokens": 30, "output_tokens": 4, "images": 1})
OPUS = Metered("opus", "anthropic", 3, {"input_tokens": 11, "cached_input_tokens": 2})


def a_long_life() -> Kept:
    """Return a story with something of everything, open holds and a closed window among it."""
    story = kept(FREE)
    story.grant("topup:pi_1", 400, "topup", paid_nanos=300, cause={"payment": "pi_1"})
    story.charge(30, GPT)
    story.charge(20)
    first = story.hold(40, model="opus")
    story.capture(first, FixedAmount(25, OPUS))
    story.void(story.hold(10))
    late = story.hold(60, ttl_s=60)
    story.extend(late, story.now + timedelta(seconds=90), FixedAmount(15, OPUS))
    story.wait(timedelta(hours=1)).tidy()
    story.capture(late, FixedAmount(33, OPUS))
    story.wait(timedelta(days=1)).charge(12, GPT)
    story.do(SetLevel("low", 300))
    story.grant("promo:x", 50, "promo", expires_at=story.now + timedelta(days=9))
    story.take_back("topup:pi_1", 90, n=1)
    story.wait(timedelta(days=40)).charge(17, OPUS)
    story.do(a_charge(9, "with a budget", metered=GPT, budget=("key_1", 100)))
    story.do(a_hold(21, "held with a budget", budget=("key_1", 100)))
    story.do(Deduct("adjust:1", 5, owes_rest=False, cause={"audit": "1"}))
    story.wait(timedelta(days=1)).charge(3, GPT)
    story.grant("topup:pi_2", 900, "topup", paid_nanos=800)
    story.hold(535, model="opus")
    story.take_back("topup:pi_1", 30, n=2, owes_rest=False)
    return story


def a_plan_life() -> Kept:
    """Return a story of a tier with a limit, entered in a free window with a hold open."""
    story = kept(FREE)
    held, stays = story.hold(30), story.hold(11, ttl_s=80_000)
    story.terms(tier(100), PERIOD)
    story.charge(20, GPT)
    story.capture(story.hold(40), 55)
    story.void(held)
    ends_at = PERIOD.end_at + timedelta(days=1)
    story.grant("cycle:s:1", 200, "plan", expires_at=ends_at, paid_nanos=100)
    story.hold(70, ttl_s=80_000)
    story.take_back("cycle:s:1", 170, owes_rest=False)
    story.wait(timedelta(hours=13)).charge(0, OPUS)
    story.extend(stays, story.now + timedelta(hours=10))
    story.do(SetLevel("low", 3))
    story.terms(tier(100), Window(PERIOD.start_at, ends_at))
    return story
