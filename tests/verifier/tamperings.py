"""Ways to tamper with an export, each by its name; `rechained` also makes the hashes fit."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

from tests.verifier.lives import Exported, Record

Tampering = Callable[[Exported], None]
ZEROS = "0" * 64


def rechain(exported: Exported) -> None:
    """Make all hashes fit what the lines say now, as a forger would."""
    prev = ""
    for entry in exported.all("entry"):
        entry["prev"] = prev
        covered = {k: v for k, v in entry.items() if k not in {"record", "hash"}}
        text = json.dumps(covered, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        prev = entry["hash"] = hashlib.sha256(text.encode()).hexdigest()


def entry_of(exported: Exported, kind: str) -> Record:
    """Return the first entry of a kind."""
    return next(it for it in exported.all("entry") if it["kind"] == kind)


def edit(kind: str, path: str, value: Any, *, and_rechain: bool = False) -> Tampering:
    """Write something else into the first entry of a kind."""

    def tamper(exported: Exported) -> None:
        _write(entry_of(exported, kind), path, value)
        if and_rechain:
            rechain(exported)

    return tamper


def forge(kind: str, path: str, value: Any) -> Tampering:
    """Write something else, and make all hashes fit."""
    return edit(kind, path, value, and_rechain=True)


def state(path: str, value: Any) -> Tampering:
    """Let the wallet say something else."""
    return lambda exported: _write(exported.state, path, value)


def proof(path: str, value: Any) -> Tampering:
    """Write something else into the newest proof."""
    return lambda exported: _write(exported.all("proof")[-1], path, value)


def _write(found: Any, path: str, value: Any) -> None:
    *names, last = path.split("/")
    for name in names:
        found = found[int(name)] if isinstance(found, list) else found[name]
    now = found[last]
    found[last] = value(now) if callable(value) else value
    assert found[last] != now, path


def _plus_one(number: int) -> int:
    return number + 1


def _first_grant(exported: Exported) -> Record:
    grant: Record = next(iter(exported.state["grants"].values()))
    return grant


def drop(exported: Exported) -> None:
    """Take a line out of the middle."""
    exported.records.remove(exported.all("entry")[3])


def drop_newest(exported: Exported) -> None:
    """Leave the newest line away, and say that it was never there."""
    last = exported.all("entry")[-1]
    exported.records.remove(last)
    exported.records[0]["last_seq"] -= 1
    exported.state["seq"] -= 1


def swap(exported: Exported) -> None:
    """Turn the order of two lines."""
    at = exported.records.index(exported.all("entry")[3])
    records = exported.records
    records[at], records[at + 1] = records[at + 1], records[at]


def twice(exported: Exported) -> None:
    """Write a line twice."""
    at = exported.records.index(exported.all("entry")[3])
    exported.records.insert(at, exported.records[at])


def unseal(exported: Exported) -> None:
    """Leave a seal away, and make the hashes fit."""
    exported.all("entry")[2].pop("seal")
    rechain(exported)


def call_it_told(exported: Exported) -> None:
    """Say of a line that it is of before the seals."""
    exported.all("entry")[3]["record"] = "told"


def call_it_bridge(exported: Exported) -> None:
    """Hide what a line is chained to."""
    exported.all("entry")[3]["record"] = "bridge"


def grow_a_grant(exported: Exported) -> None:
    """Let a grant have more left."""
    _first_grant(exported)["remaining_nanos"] += 1


def pin_a_grant(exported: Exported) -> None:
    """Let holds keep more of a grant."""
    _first_grant(exported)["held_nanos"] += 1


def forget_a_day(exported: Exported) -> None:
    """Leave a closed day away."""
    exported.records.remove(exported.all("day")[0])


def double_a_day(exported: Exported) -> None:
    """Count a closed day twice."""
    day = exported.all("day")[0]
    exported.records.insert(exported.records.index(day), day)


def grow_a_day(exported: Exported) -> None:
    """Let a day have used more."""
    model = next(iter(exported.all("day")[0]["models"].values()))
    model["amount_nanos"] += 1


def rename_in_a_day(exported: Exported) -> None:
    """Say that another model was used."""
    models = exported.all("day")[0]["models"]
    models["x"] = models.pop(next(iter(models)))


def forget_a_period(exported: Exported) -> None:
    """Leave a closed window away."""
    exported.records.remove(exported.all("period")[0])


def grow_a_period(exported: Exported) -> None:
    """Let a window have used more."""
    model = next(iter(exported.all("period")[0]["models"].values()))
    model["amount_nanos"] += 1


def shrink_a_budget(exported: Exported) -> None:
    """Let a credential have spent less."""
    budget = next(iter(exported.all("period")[0]["budgets"].values()))
    budget["spent_nanos"] -= 1


def rewrite_history(exported: Exported) -> None:
    """Say that something cost less, and make everything fit: only the anchors tell."""
    entry = entry_of(exported, "charge")
    entry["amount_nanos"] += 1  # what was asked; what was taken stays
    rechain(exported)


def older_proof_of_more(exported: Exported) -> None:
    """Say that the ledger was longer once."""
    first, last = exported.all("proof")[0], exported.all("proof")[-1]
    first["anchor"]["date"], last["anchor"]["date"] = (
        last["anchor"]["date"],
        first["anchor"]["date"],
    )


TAMPERINGS: dict[str, Tampering] = {
    "a line is gone": drop,
    "the newest line is gone": drop_newest,
    "two lines are swapped": swap,
    "a line is there twice": twice,
    "an amount": edit("charge", "amount_nanos", _plus_one),
    "a captured amount": edit("charge", "captured_nanos", _plus_one),
    "an instant": edit("charge", "at", "2026-03-10T12:00:00.000001Z"),
    "a kind": edit("charge", "kind", "late"),
    "an id": edit("charge", "entry_id", "op:00"),
    "a hash": edit("charge", "hash", ZEROS),
    "a predecessor": edit("charge", "prev", ZEROS),
    "a seal": edit("charge", "seal", ZEROS),
    "another wallet": edit("charge", "wallet_id", "p/c"),
    "a status": edit("charge", "status", "voided"),
    "a window": edit("charge", "window_start_at", "2026-03-01T00:00:00.000000Z"),
    "a draw": edit("charge", "draws/0/amount_nanos", _plus_one),
    "a cause": edit("grant", "cause", {"x": 1}),
    "postings, forged": forge("charge", "postings/consumed", _plus_one),
    "an account, forged": forge("charge", "postings", {"gift": 7, "consumed": -7}),
    "a captured amount, forged": forge("charge", "captured_nanos", _plus_one),
    "a draw, forged": forge("charge", "draws/0/amount_nanos", _plus_one),
    "a source, forged": forge("charge", "draws/0/source", "topup:x"),
    "a row, forged": forge("charge", "row", _plus_one),
    "available, forged": forge("charge", "figures/available_nanos", _plus_one),
    "a balance, forged": forge("charge", "figures/balance_nanos", _plus_one),
    "held, forged": forge("charge", "figures/held_nanos", _plus_one),
    "a debt, forged": forge("charge", "figures/receivable_nanos", _plus_one),
    "a hold, forged": forge("hold", "amount_nanos", _plus_one),
    "a hold's end, forged": forge("capture", "hold_id", "other"),
    "a void, forged": forge("void", "amount_nanos", _plus_one),
    "a shortfall, forged": forge("capture", "shortfall_nanos", _plus_one),
    "time, forged": forge("charge", "at", "2026-01-01T00:00:00.000000Z"),
    "a seal left away, forged": unseal,
    "a kind unknown, forged": forge("charge", "kind", "gift"),
    "a line called told": call_it_told,
    "a line called bridge": call_it_bridge,
    "history rewritten whole": rewrite_history,
    "more left of a grant": grow_a_grant,
    "more held of a grant": pin_a_grant,
    "no grants": state("grants", {}),
    "no holds": state("holds", {}),
    "a debt": state("receivable_nanos", _plus_one),
    "a longer ledger": state("seq", _plus_one),
    "more rows": state("rows", _plus_one),
    "another last row": state("rowed_nanos", _plus_one),
    "an older wallet": state("at", "2026-01-01T00:00:00.000000Z"),
    "nothing used in the window": state("window/models", {}),
    "more limit spent": state("window/included_spent_nanos", _plus_one),
    "more limit held": state("window/included_held_nanos", _plus_one),
    "a day is gone": forget_a_day,
    "a day is there twice": double_a_day,
    "a day used more": grow_a_day,
    "a day used another model": rename_in_a_day,
    "a window is gone": forget_a_period,
    "a window used more": grow_a_period,
    "a budget spent less": shrink_a_budget,
    "a root": proof("anchor/root", ZEROS),
    "a digest": proof("anchor/digest", ZEROS),
    "a previous digest": proof("anchor/previous_digest", ZEROS),
    "another day before": proof("anchor/previous_date", "2020-01-01"),
    "another entry in a proof": proof("seq", lambda seq: seq - 1),
    "an entry beyond the ledger": proof("seq", 10**6),
    "a blind": proof("blind", ZEROS),
    "a project's blind": proof("project_blind", ZEROS),
    "a sibling": proof("siblings/0/hash", ZEROS),
    "days exchanged": older_proof_of_more,
}
