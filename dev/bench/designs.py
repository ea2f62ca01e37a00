"""Three ways of taking credits for a model call: as most projects write it, tidily, and ours.

All price the same call by the same prices and come to the same amount. The two of the library
are given their best case: callers of one customer queue in front of the transaction, because
without a queue they end each other's (on the emulator nobody gets on at all).
"""

import contextlib
import fcntl
import threading
import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from google.cloud import firestore as library

from creditbase.kernel import ids
from creditbase.ledger.domain.opening import open_wallet
from creditbase.ledger.domain.wallet import Terms
from creditbase.ledger.paths import WalletRef
from creditbase.ledger.salts import new_salt
from creditbase.ledger.store import writes_to_open
from creditbase.metering.models import ChargeRequest
from creditbase.metering.use_cases import Request, charge
from creditbase.runtime import firestore

FUNDS_NANOS = 10**15
MODEL = "gpt-5-mini"
USAGE = {"input_tokens": 1_200, "output_tokens": 350}
"""One call, of which all designs take the price."""
PER_MILLION = 1_000_000
OPENED_AT_ONCE = 100
READ_AT_ONCE = 200
QUEUES_MAX = 512
"""Files that processes queue at, where several share customers; names share them."""


class Withdrawn(Exception):
    """The turn came after the end of the measurement: nothing was asked of the store."""


class Design(Protocol):
    """A way of taking credits."""

    def open(self, names: Sequence[str]) -> None:
        """Make customers with `FUNDS_NANOS` each."""

    def charge(self, name: str, key: str, until_s: float) -> int:
        """Take the price of one call; return it.

        Raises: Withdrawn, if its turn comes after `until_s`, by the monotonic clock.
        """

    def taken_nanos(self, names: Sequence[str]) -> list[int]:
        """Return what the store says was taken of each customer."""

    def calls(self, name: str) -> int:
        """Return how many calls the store has of a customer."""


def made(name: str, *, queues: Path | None = None) -> Design:
    """Return a design by its name; `queues` is where processes queue, if there are several."""
    if name == "ours":
        return Ours()
    return BareCommit() if name == "commit" else Library(name, queues)


@dataclass
class Prices:
    """What a million tokens cost, as a document of the library's designs has it."""

    nanos_per_million: dict[str, int]

    def of(self, usage: dict[str, int]) -> int:
        """Return the price of a call in nanos, rounded up once."""
        return -(
            -sum(self.nanos_per_million[pool] * count for pool, count in usage.items())
            // PER_MILLION
        )


class Library:
    """A deduction by `@firestore.transactional`, behind a queue for each customer."""

    def __init__(self, name: str, queues: Path | None) -> None:
        self._act = {"naive": self._naive, "tidy": self._tidy}[name.partition(" ")[0]]
        self._has_queue = name != "naive unqueued"
        self._queues = queues
        self._locks: dict[str, threading.Lock] = {}
        self._guard = threading.Lock()
        self._cached: Prices | None = None

    def open(self, names: Sequence[str]) -> None:
        """Make customers, the plan and the prices."""
        store = firestore.client()
        prices = Ours().prices()
        store.document("bench_plans/free").set({"models": [MODEL]})
        store.document(f"bench_prices/{MODEL}").set(prices.nanos_per_million)
        for page in _pages(names, OPENED_AT_ONCE):
            batch = store.batch()
            for name in page:
                fields = {"balance_nanos": FUNDS_NANOS, "used_nanos": 0, "plan": "free"}
                batch.set(store.document(f"bench_users/{name}"), fields)
            batch.commit()

    def charge(self, name: str, key: str, until_s: float) -> int:
        """Take the price of one call when it is this caller's turn."""
        if not self._has_queue:
            return self._act(name, key)
        with self._guard:
            lock = self._locks.setdefault(name, threading.Lock())
        with lock, self._turn_among_processes(name):
            if time.monotonic() > until_s:
                raise Withdrawn
            return self._act(name, key)

    @contextlib.contextmanager
    def _turn_among_processes(self, name: str) -> Iterator[None]:
        if self._queues is None:
            yield
            return
        number = zlib.crc32(name.encode()) % QUEUES_MAX
        with (self._queues / f"queue-{number}").open("w") as queue:
            fcntl.flock(queue, fcntl.LOCK_EX)
            yield

    def _naive(self, name: str, key: str) -> int:
        """Read six documents one by one, write five: what is found in most projects."""
        store = firestore.client()
        user = store.document(f"bench_users/{name}")
        usage, dedupe = user.collection("usage").document(key), user.collection("keys")
        day, model = user.collection("days").document("d"), user.collection("models")

        @library.transactional
        def act(transaction: Any) -> int:
            account = user.get(transaction=transaction).to_dict() or {}
            plan = store.document(f"bench_plans/{account['plan']}").get(transaction=transaction)
            price = store.document(f"bench_prices/{MODEL}").get(transaction=transaction)
            if dedupe.document(key).get(transaction=transaction).exists:
                return 0
            nanos = Prices(price.to_dict() or {}).of(USAGE)
            of_day = day.get(transaction=transaction).to_dict() or {}
            of_model = model.document(MODEL).get(transaction=transaction).to_dict() or {}
            if MODEL not in plan.get("models") or account["balance_nanos"] < nanos:
                return 0
            account["balance_nanos"] -= nanos
            account["used_nanos"] += nanos
            transaction.set(user, account)
            transaction.set(usage, {"nanos": nanos, "model": MODEL, **USAGE})
            transaction.set(dedupe.document(key), {"nanos": nanos})
            transaction.set(day, {"nanos": of_day.get("nanos", 0) + nanos})
            transaction.set(model.document(MODEL), {"nanos": of_model.get("nanos", 0) + nanos})
            return nanos

        return int(act(store.transaction()))

    def _tidy(self, name: str, key: str) -> int:
        """Read two documents at once, write four: prices are kept, counters are increments."""
        store = firestore.client()
        user = store.document(f"bench_users/{name}")
        usage = user.collection("usage").document(key)
        if self._cached is None:
            price = store.document(f"bench_prices/{MODEL}").get()
            self._cached = Prices(price.to_dict() or {})
        nanos = self._cached.of(USAGE)
        more = {"nanos": library.Increment(nanos)}

        @library.transactional
        def act(transaction: Any) -> int:
            read = store.get_all([user, usage], transaction=transaction)
            found = {each.reference.path: each for each in read}
            account = found[user.path].to_dict() or {}
            if found[usage.path].exists or account["balance_nanos"] < nanos:
                return 0
            taken = {
                "balance_nanos": library.Increment(-nanos),
                "used_nanos": library.Increment(nanos),
            }
            transaction.update(user, taken)
            transaction.create(usage, {"nanos": nanos, "model": MODEL, **USAGE})
            transaction.set(user.collection("days").document("d"), more, merge=True)
            transaction.set(user.collection("models").document(MODEL), more, merge=True)
            return nanos

        return int(act(store.transaction()))

    def taken_nanos(self, names: Sequence[str]) -> list[int]:
        """Return what users, days and models have, which must be one figure."""
        found = []
        for page in _pages(names, READ_AT_ONCE):
            users = [f"bench_users/{name}" for name in page]
            accounts = firestore.get_all(users)
            days = firestore.get_all([f"{user}/days/d" for user in users])
            models = firestore.get_all([f"{user}/models/{MODEL}" for user in users])
            for documents in zip(accounts, days, models, strict=True):
                account, day, model = (each.fields or {} for each in documents)
                nanos = FUNDS_NANOS - account["balance_nanos"]
                assert nanos == account["used_nanos"]
                assert nanos == day.get("nanos", 0) == model.get("nanos", 0)
                found.append(nanos)
        return found

    def calls(self, name: str) -> int:
        """Return how many calls were noted."""
        return firestore.count_documents(f"bench_users/{name}/usage")


class Ours:
    """`POST /charges` without HTTP: the use case that it calls, with what it calls it with."""

    def __init__(self) -> None:
        self._project = ids.project_uuid("hub")
        self._ids: dict[str, str] = {}

    def open(self, names: Sequence[str]) -> None:
        """Make wallets on the free plan."""
        now = datetime.now(UTC)
        terms = Terms("free", allocation_nanos=FUNDS_NANOS)
        for page in _pages(names, OPENED_AT_ONCE):
            writes: list[firestore.Write] = []
            for name in page:
                ref = self._ref(name)
                opened = open_wallet(
                    ref.wallet_id, owner_uid="", terms=terms, now=now, salt=new_salt()
                )
                writes += writes_to_open(ref, opened)
            firestore.commit(writes)

    def customer_id(self, name: str) -> str:
        """Return the id by which the product knows a customer; its callers keep it."""
        found = self._ids.get(name)
        if found is None:
            found = self._ids[name] = ids.customer_uuid(self._project, name, 1)
        return found

    def _ref(self, name: str) -> WalletRef:
        return WalletRef(self._project, self.customer_id(name))

    def charge(self, name: str, key: str, until_s: float) -> int:
        """Charge the call to the wallet."""
        del until_s
        return self.priced(name, key, USAGE)

    def priced(self, name: str, key: str, usage: dict[str, int]) -> int:
        """Charge some usage; return what it cost."""
        body = {"customer_id": self.customer_id(name), "model": MODEL, "usage": usage}
        request = Request(self._project, "POST /api/v1/charges", body, key, datetime.now(UTC))
        entry = charge(request, ChargeRequest.model_validate(body)).entry
        assert entry is not None
        return entry.amount_nanos

    def prices(self) -> Prices:
        """Return the catalog's prices, from charges of a million each."""
        name = f"prices-{ids.sha256_hex(str(time.time_ns()))}"
        self.open([name])
        return Prices(
            {
                pool: self.priced(name, f"a million {pool}", {pool: PER_MILLION})
                for pool in USAGE
            }
        )

    def taken_nanos(self, names: Sequence[str]) -> list[int]:
        """Return what the grants have lost."""
        found = []
        for page in _pages(names, READ_AT_ONCE):
            for wallet in firestore.get_all([self._ref(name).wallet for name in page]):
                assert wallet.fields is not None
                grants = wallet.fields["state"]["grants"].values()
                left_nanos = sum(grant["remaining_nanos"] for grant in grants)
                found.append(FUNDS_NANOS - left_nanos)
        return found

    def calls(self, name: str) -> int:
        """Return how many charges the ledger has."""
        where = [("kind", "==", "charge")]
        return firestore.count_documents(f"{self._ref(name).wallet}/entries", where=where)


class BareCommit:
    """The limit: one commit of two documents, as a warm charge makes it, and no decision."""

    def __init__(self) -> None:
        self._fields = {"state": {f"count_{number}": number for number in range(120)}}

    def open(self, names: Sequence[str]) -> None:
        """Make the documents."""
        for name in names:
            firestore.commit([firestore.Put(f"bench_wallets/{name}", self._fields)])

    def charge(self, name: str, key: str, until_s: float) -> int:
        """Commit once."""
        del until_s
        wallet = firestore.Put(f"bench_wallets/{name}", self._fields)
        entry = firestore.Create(f"bench_wallets/{name}/entries/{key}", {"nanos": 1})
        firestore.commit([wallet, entry])
        return 1

    def taken_nanos(self, names: Sequence[str]) -> list[int]:
        """Return how many commits there were: each takes one."""
        return [self.calls(name) for name in names]

    def calls(self, name: str) -> int:
        """Return how many commits there were."""
        return firestore.count_documents(f"bench_wallets/{name}/entries")


def _pages(names: Sequence[str], count: int) -> Iterator[Sequence[str]]:
    return (names[start : start + count] for start in range(0, len(names), count))
