"""One cell of the fault matrix: something breaks once, the same request comes again.

What is left must be what is left where nothing breaks: the same entries, balances, documents
and objects at Stripe, whatever the operation is.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from werkzeug.test import TestResponse

from creditbase.catalog.tier_use_cases import shared_tiers
from creditbase.catalog.use_cases import shared_cache
from creditbase.ledger.use_cases import lanes
from creditbase.metering.names import customer_names
from creditbase.metering.rates import tiered_projects
from creditbase.metering.telling import listeners
from creditbase.payments import stripe_billing
from creditbase.runtime import firestore
from creditbase.subscriptions.paces import plans
from tests.ledger.wallets import LiveWallet
from tests.proof.doors import Doors
from tests.proof.staging import DONE, Operation, Staged
from tests.wire import Rpc, Wire

TRIES_MAX = 4
NOT_COMPARED = frozenset({"jobs", "rate"})
"""Documents that count tries and runs: there are more of them where there were more."""
PAGES = frozenset({"event", "billing_portal.session"})
"""What Stripe has more of when it is asked more often, and which moves no money."""
RETRYABLE = frozenset({500, 503})

KEPT = (
    *(shared_cache, shared_tiers, lanes, customer_names, tiered_projects, listeners, plans),
    stripe_billing.load_marked_price,
)
"""What a process remembers."""

Break = Callable[[], None]


class Picture(NamedTuple):
    """What there is after an operation, without the names of whom it is about."""

    wallets: tuple[object, ...]
    documents: Counter[str]
    at_stripe: Counter[str]


@dataclass(frozen=True)
class Before:
    """What there was before the request: at Stripe, and until which instant in the store."""

    at_stripe: Counter[str]
    at: datetime


@dataclass(frozen=True)
class Clean:
    """An operation where nothing breaks: what it leaves, and what it asks on the way."""

    picture: Picture
    status: int
    commits: int
    reads: int
    asked: tuple[str, ...]


@dataclass
class Bench:
    """Where cells are tried, one after the other."""

    doors: Doors
    wire: Wire
    clean: dict[str, Clean] = field(default_factory=dict)

    def try_clean(self, operation: Operation) -> Clean:
        """Do an operation, and again, with nothing broken; return what came of it."""
        if operation.name not in self.clean:
            staged, before = self._stage(operation)
            first = staged.ask()
            assert first.status_code in DONE, (operation.name, first.status_code, first.text)
            rpcs, asked = list(self.wire.rpcs), tuple(self.doors.seam.asked)
            if not operation.once:
                self._check_repeat(operation, first, staged.ask())
            commits = sum(rpc.name == "Commit" for rpc in rpcs)
            picture = self._look(staged, before)
            self.clean[operation.name] = Clean(
                picture, first.status_code, commits, len(rpcs) - commits, asked
            )
        return self.clean[operation.name]

    def try_broken(self, operation: Operation, break_: Break) -> None:
        """Do an operation of which something breaks, until it is done, and then again.

        Raises:
            AssertionError: an answer was untrue, or something else is left than without it.
        """
        clean = self.try_clean(operation)
        staged, before = self._stage(operation)
        break_()
        told = [staged.ask()]
        while told[-1].status_code in RETRYABLE and len(told) < TRIES_MAX:
            assert "Retry-After" in told[-1].headers or operation.is_for_machines, told[-1].text
            told.append(staged.ask())
        first = told[-1]
        expected = {clean.status} if len(told) == 1 else {clean.status, *operation.again, *DONE}
        assert first.status_code in expected, (first.status_code, first.text)
        if not operation.once:
            self._check_repeat(operation, first, staged.ask())
        self.wire.wait_for_late()
        assert not self.wire.aims, "the fault must really have happened"
        picture = self._look(staged, before)
        for is_, should in zip(picture, clean.picture, strict=True):
            assert is_ == should, (is_, should)

    # ---- on the way ------------------------------------------------------------------------

    def _stage(self, operation: Operation) -> tuple[Staged, Before]:
        self.wire.reset()
        self.doors.seam.reset()
        self.doors.begin_anew()
        staged = operation.stage(self.doors)
        read_at = firestore.get_all(["time/now"])[0].read_at
        assert read_at is not None
        before = Before(self._objects(), read_at)
        self._go_cold()
        self.wire.reset()
        self.doors.seam.reset()
        return staged, before

    @staticmethod
    def _go_cold() -> None:
        """Be a process that knows nothing of wallets, names, prices and tiers."""
        for kept in KEPT:
            kept.cache_clear()

    @staticmethod
    def _check_repeat(operation: Operation, first: TestResponse, again: TestResponse) -> None:
        allowed = {*DONE, *operation.again}
        assert again.status_code in allowed, (again.status_code, again.text)
        if operation.keyed:
            assert again.get_json() == first.get_json(), (again.text, first.text)

    # ---- looking ---------------------------------------------------------------------------

    def _look(self, staged: Staged, before: Before) -> Picture:
        paths = _written(list(self.wire.rpcs))
        self._go_cold()
        wallets = [self.doors.wallet_of(whose()) for whose in staged.whose]
        for wallet in wallets:
            wallet.audit()
        found = firestore.get_all(sorted(paths)) if paths else []
        kinds = Counter(
            _kind(each.path)
            for each in found
            if each.version is not None and each.version > before.at
        )
        return Picture(
            tuple(_contents(wallet, self._plan_of(wallet)) for wallet in wallets),
            Counter({kind: n for kind, n in kinds.items() if kind not in NOT_COMPARED}),
            self._objects() - before.at_stripe,
        )

    def _plan_of(self, wallet: LiveWallet) -> str:
        """Return the plan's code, or the tier's without what tells it from others alike."""
        code = str(wallet.state()["terms"]["plan_code"])
        return (self.doors.tenant.code_of(code) or code).partition("-")[0]

    def _objects(self) -> Counter[str]:
        counts = self.doors.world.account.store.counts()
        return Counter({kind: n for kind, n in counts.items() if kind not in PAGES})


def _written(rpcs: list[Rpc]) -> set[str]:
    return {path for rpc in rpcs if rpc.name == "Commit" for path in rpc.paths}


def _kind(path: str) -> str:
    """Return what documents of a path's kind are called: `projects/wallets/entries`."""
    return "/".join(path.split("/")[::2])


def _contents(wallet: LiveWallet, plan: str) -> object:
    """Return what a wallet's raw documents say, without names and instants."""
    state = wallet.state()
    entries = [
        (entry["kind"], sorted(_by_account(entry["postings"]).items()))
        for entry in wallet.entries()
    ]
    grants = sorted(
        (grant["kind"], grant["remaining_nanos"], grant["held_nanos"])
        for grant in state["grants"].values()
    )
    holds = sorted(hold["amount_nanos"] for hold in state["holds"].values())
    facts: dict[str, Any] = {
        "receivable": state["receivable_nanos"],
        "plan": plan,
        "frozen": bool(state["frozen"]),
        "parked": state["parked"],
    }
    return entries, grants, holds, sorted(facts.items())


def _by_account(postings: dict[str, int]) -> Counter[str]:
    """Add postings up by what kind of account they are on."""
    sums: Counter[str] = Counter()
    for account, nanos in postings.items():
        sums[account.partition(":")[0]] += nanos
    return sums
