"""CPU by layer, with the pure decision: what `dev.bench.cpu` measures, and what is no I/O."""

import json
import secrets
import sys
from dataclasses import replace
from datetime import UTC, datetime

from creditbase.kernel import ids
from creditbase.ledger.batch import decide_batch, writes_of
from creditbase.ledger.domain.commands import Charge, FixedAmount
from creditbase.ledger.domain.opening import open_wallet
from creditbase.ledger.domain.wallet import Terms
from creditbase.ledger.paths import WalletRef
from creditbase.ledger.salts import new_salt
from creditbase.ledger.store import Loaded
from dev.bench import cpu

CALLS = 500
PUBLISH_INTERVAL_S = 5


def pure_us() -> dict[str, int]:
    """Return microseconds of CPU of deciding one charge, without and with its writes."""
    now = datetime.now(UTC)
    ref = WalletRef("bench", secrets.token_hex(8))
    terms = Terms("free", allocation_nanos=10**9)
    wallet = open_wallet(
        ref.wallet_id, owner_uid="", terms=terms, now=now, salt=new_salt()
    ).wallet
    published = replace(wallet.published, at=now, is_settled=False)
    loaded = Loaded(replace(wallet, published=published), now, {})
    command = Charge(ids.operation_entry_id("call"), "a digest", FixedAmount(1))

    def decide() -> object:
        return decide_batch(loaded, [(command, now)])

    def decide_and_write() -> object:
        decided = decide_batch(loaded, [(command, now)])
        return writes_of(ref, decided, now, publish_interval_s=PUBLISH_INTERVAL_S)

    return {
        "the pure decision": cpu.cpu_us(decide, CALLS),
        "the pure decision, with its writes": cpu.cpu_us(decide_and_write, CALLS),
    }


def main() -> int:
    """Measure; print one line of JSON."""
    cpu.load_as_deployed()
    print(json.dumps({**cpu.run(), **pure_us()}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
