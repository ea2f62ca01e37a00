"""CPU of a commit by layer: what gRPC takes, what the generated client, and what we do.

One commit of two documents, as a warm charge makes it, sent again and again by one thread:
as bytes (the floor), as the messages of protobuf, through the public client, as we send it
(ADR-0043), and as a whole charge without HTTP. Process CPU, so that a busy machine changes
ratios little.
"""

import itertools
import secrets
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime

import grpc
from google.cloud.firestore import Client
from google.cloud.firestore_v1.types import firestore as messages

from creditbase.kernel import ids
from creditbase.ledger.domain.commands import Charge, FixedAmount
from creditbase.ledger.domain.opening import open_wallet
from creditbase.ledger.domain.wallet import Terms
from creditbase.ledger.paths import WalletRef
from creditbase.ledger.salts import new_salt
from creditbase.ledger.store import writes_to_open
from creditbase.ledger.use_cases import run as run_command
from creditbase.runtime import firestore, garbage

COMMIT = "/google.firestore.v1.Firestore/Commit"
WALLETS = 100
TERMS = Terms("free", allocation_nanos=10**9)
WALLET = "bench/wallet"
"""A document that every call puts again; what is in it is as large as a usual wallet."""


def run(*, calls: int = 100, rounds: int = 3) -> dict[str, int]:
    """Measure each layer on the store that `FIRESTORE_EMULATOR_HOST` names.

    Return microseconds of CPU for a commit, the median of some rounds, by layer.
    """
    store = firestore.client()
    fields = {"state": {f"count_{number}": number for number in range(120)}}
    writes = [firestore.Put(WALLET, fields), firestore.Put("bench/entry", {"amount": 1})]
    batch = store.batch()
    for write in writes:
        batch.set(store.document(write.path), dict(write.fields))
    request = messages.CommitRequest(
        database=store._database_string,  # noqa: SLF001 - no public name
        writes=batch._write_pbs,  # noqa: SLF001 - as above
    )
    message = messages.CommitRequest.pb(request)
    sent = message.SerializeToString()
    reply = messages.CommitResponse.pb()
    with grpc.insecure_channel(str(store._emulator_host)) as channel:  # noqa: SLF001 - as above
        prefix = (
            ("google-cloud-resource-prefix", request.database),
            ("authorization", "Bearer owner"),
        )
        as_bytes = channel.unary_unary(COMMIT, None, None)
        as_messages = channel.unary_unary(
            COMMIT,
            request_serializer=type(message).SerializeToString,
            response_deserializer=reply.FromString,
        )
        layers: dict[str, Callable[[], object]] = {
            "gRPC, bytes": lambda: as_bytes(sent, metadata=prefix),
            "gRPC, messages": lambda: as_messages(message, metadata=prefix),
            "public client": lambda: commit_by_library(store, writes),
            "our messages": lambda: firestore.commit(writes),
            "a charge, without HTTP": a_charge(),
        }
        found: dict[str, list[int]] = {name: [] for name in layers}
        for _ in range(rounds):
            for name, act in layers.items():
                found[name].append(cpu_us(act, calls))
    return {name: int(statistics.median(times)) for name, times in found.items()}


def load_as_deployed() -> None:
    """Set Python's collector as `main.py` does once it has loaded a function.

    With its default it looks at every 700 new objects, which no deployed function pays for.
    """
    with garbage.loading():
        pass


def commit_by_library(store: Client, writes: list[firestore.Put]) -> None:
    """Commit as the library does it."""
    batch = store.batch()
    for write in writes:
        batch.set(store.document(write.path), dict(write.fields))
    batch.commit()


def a_charge() -> Callable[[], object]:
    """Return what charges the next of many new wallets, each of which was charged before.

    Of one alone each commit would wait for its turn (pacing), and after each such pause the
    same work takes a third more CPU, which the layers below are spared.
    """
    now = datetime.now(UTC)
    numbers = itertools.count()
    refs = [WalletRef("bench", secrets.token_hex(8)) for _ in range(WALLETS)]
    for ref in refs:
        opened = open_wallet(ref.wallet_id, owner_uid="", terms=TERMS, now=now, salt=new_salt())
        firestore.commit(writes_to_open(ref, opened))

    def charge() -> object:
        number = next(numbers)
        key = ids.operation_entry_id(f"call {number}")
        command = Charge(key, "a digest", FixedAmount(1))
        return run_command(refs[number % WALLETS], command, now=now)

    for _ in refs:
        charge()
    return charge


def cpu_us(act: Callable[[], object], calls: int) -> int:
    """Return the microseconds of CPU that this process needs for one call."""
    act()
    began_ns = time.process_time_ns()
    for _ in range(calls):
        act()
    return (time.process_time_ns() - began_ns) // calls // 1000


def main() -> int:
    """Measure; print a table."""
    load_as_deployed()
    for name, took_us in run().items():
        print(f"{name:20}{took_us:8} µs")
    return 0


if __name__ == "__main__":
    sys.exit(main())
