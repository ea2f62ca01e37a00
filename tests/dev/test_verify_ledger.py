"""The verifier of the demo: it agrees with real ledgers, and finds what was tampered with."""

import copy
import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest

from creditbase.ledger.domain.commands import (
    Budget,
    Charge,
    FixedAmount,
    MeteredUsage,
    PlaceHold,
    TakeBack,
)
from dev import verify_ledger
from dev.verify_ledger import Broken, Ledger
from tests.ledger.builders import FlatRate
from tests.ledger.conftest import _many_threads, _session_wire, wallet, wire
from tests.ledger.wallets import LiveWallet

__all__ = ["_many_threads", "_session_wire", "wallet", "wire"]


@pytest.fixture
def ledger(wallet: LiveWallet) -> Ledger:
    """Return the raw ledger of a wallet that has lived."""
    wallet.charge("a", 7)
    wallet.hold("b", 5)
    wallet.capture("b", 9)
    wallet.hold("c", 4, ttl_s=60)
    wallet.topup("pi", 100)
    budget = Budget("key", 50)
    wallet.run(
        Charge("op:f", "d", MeteredUsage({"input_tokens": 6}, FlatRate(), "m"), {}, budget)
    )
    wallet.run(PlaceHold("op:g", wallet.hold_id("g"), "d", FixedAmount(3), 900, {}, budget))
    late = wallet.later(days=40)
    late.charge("d", 3)
    late.hold("e", 2)
    late.run(TakeBack("refund:x:1", "free:1", 1_000_000_000, owes_rest=False))
    return verify_ledger.load(wallet.ref.project_id, wallet.ref.customer_id)


def test_a_real_ledger_holds_in_every_line(ledger: Ledger) -> None:
    """Seven sentences, none of them broken."""
    sentences = list(verify_ledger.verify(ledger))

    assert len(sentences) == 7
    assert sentences[0].startswith(f"{len(ledger.entries)} entries")
    assert sentences[3] == "3 holds ended once each, 1 open"
    assert sentences[5] == "1 budgets counted as their entries say"
    assert sentences[6] == "1 metered prices computed again, to the nano"


def _set(path: str, value: Any) -> Callable[[Ledger], None]:
    def tamper(ledger: Ledger) -> None:
        names = path.split(".")
        found: Any = getattr(ledger, names[0])
        for name in names[1:-1]:
            found = found[int(name)] if isinstance(found, list) else found[name]
        found[names[-1]] = value

    tamper.__name__ = path
    return tamper


def drop_an_entry(ledger: Ledger) -> None:
    """Take a line out of the middle."""
    del ledger.entries[2]


def swap_two(ledger: Ledger) -> None:
    """Turn the order of two lines."""
    ledger.entries[1], ledger.entries[2] = ledger.entries[2], ledger.entries[1]


def rechained(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the entries with hashes that fit what they say now."""
    prev = ""
    for entry in entries:
        entry["prev"] = prev
        covered = {k: v for k, v in entry.items() if k not in {"hash", "metadata", "private"}}
        text = json.dumps(
            covered,
            sort_keys=True,
            separators=(",", ":"),
            ensure_ascii=False,
            default=lambda at: at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        )
        prev = entry["hash"] = hashlib.sha256(text.encode()).hexdigest()
    return entries


def cheapen(ledger: Ledger) -> None:
    """Tell that something cost less than its price, and seal and chain it anew."""
    entry = next(entry for entry in ledger.entries if "pricing" in entry.get("private", {}))
    entry["private"]["pricing"]["nanos_per_million"]["input_tokens"] -= 1_000_000
    salt = verify_ledger._salt(ledger.state["salt"], entry["entry_id"])
    entry["seal"] = verify_ledger._digest({**entry["private"], "salt": salt})
    ledger.entries[:] = rechained(ledger.entries)
    ledger.state["head"] = ledger.entries[-1]["hash"]


def reprice(ledger: Ledger) -> None:
    """Tell another price where the hash does not reach."""
    entry = next(entry for entry in ledger.entries if "pricing" in entry.get("private", {}))
    entry["private"]["pricing"]["nanos_per_million"]["input_tokens"] -= 1_000_000


def unseal(ledger: Ledger) -> None:
    """Leave the seal away."""
    ledger.entries[0].pop("seal")


TAMPERINGS: list[Callable[[Ledger], None]] = [
    drop_an_entry,
    swap_two,
    _set("entries.1.amount_nanos", 1),
    _set("entries.1.postings", {"grant:free:0": -1, "consumed": 1}),
    _set("entries.1.hash", "0" * 64),
    _set("entries.1.status", "voided"),
    _set("state.seq", 99),
    _set("state.head", "0" * 64),
    _set("state.receivable_nanos", 5),
    _set("state.holds", {}),
    _set("state.grants.free:1.recalled_nanos", 1),
    _set("state.grants.free:1.held_nanos", 1),
    _set("state.grants", {}),
    _set("state.today.models", {}),
    _set("state.window.models", {}),
    _set("periods.0.budgets", {}),
    cheapen,
    reprice,
    unseal,
]


@pytest.mark.parametrize("tamper", TAMPERINGS, ids=lambda tamper: tamper.__name__)
def test_tampering_is_found(tamper: Callable[[Ledger], None], ledger: Ledger) -> None:
    """Whoever edits a balance in the console is found out by anybody who looks."""
    broken = copy.deepcopy(ledger)
    tamper(broken)

    with pytest.raises(Broken):
        list(verify_ledger.verify(broken))


def test_the_command_tells_by_its_exit_code(
    wallet: LiveWallet, capsys: pytest.CaptureFixture[str]
) -> None:
    """A script can rely on it."""
    wallet.charge("a", 7)

    assert verify_ledger.main([wallet.ref.project_id, wallet.ref.customer_id]) == 0
    assert "used 0.000007" in capsys.readouterr().out
    assert verify_ledger.main([wallet.ref.project_id, "nobody"]) == 1
    assert "there is no wallet" in capsys.readouterr().err
    assert verify_ledger.main([]) == 2


def test_the_verifier_shares_no_code_with_the_product() -> None:
    """A verifier that imports what it verifies would repeat its mistakes."""
    with open(verify_ledger.__file__) as source:  # noqa: PTH123 - one line is enough
        assert "creditbase" not in source.read()
