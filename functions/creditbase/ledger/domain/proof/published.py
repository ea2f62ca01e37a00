"""The published balance, held against the wallet that it was worked out from."""

from collections.abc import Mapping
from typing import Any

from creditbase.ledger.domain.balance import RECHECK_AFTER
from creditbase.ledger.domain.proof.reading import Broken, Doc, is_same

PATH = "the published balance"
FIGURES = ("available_nanos", "held_nanos", "receivable_nanos", "balance_nanos")


def check_published(
    fields: object,
    state: Doc,
    *,
    expected: Mapping[str, Any],
    figures: Mapping[str, Any] | None,
    shard: int,
) -> None:
    """Hold a published balance against the wallet: it agrees, or says that it is not settled.

    `expected` is what a settled one must say; `figures` are those of the entry that it knows
    as the newest, None where that is not known.

    Raises:
        Broken: it is missing, says something else, or claims to be settled and is not.
    """
    if not isinstance(fields, Mapping):
        raise Broken(PATH, "the balance", "a document", "nothing")
    balance = Doc(PATH, fields)
    balance.has_only(frozenset(expected))
    balance.expect("is_settled", state.flag("is_settled"))
    balance.expect("published_at", state.instant("published_at"))
    balance.expect("shard", shard)
    if balance.flag("is_settled"):
        for name in sorted(expected):
            if not is_same(fields[name], expected[name]):
                raise balance.broken(name, expected[name], fields[name])
        return
    if balance.whole("seq") > state.whole("seq"):
        raise balance.broken("seq", f"at most {state.whole('seq')}", fields["seq"])
    balance.expect("owner_uid", state.text("owner_uid"))
    balance.expect("recheck_at", balance.instant("published_at") + RECHECK_AFTER)
    free_nanos = balance.whole("monthly_remaining_nanos") + balance.signed("topup_nanos")
    balance.expect("available_nanos", max(0, free_nanos))
    balance.expect(
        "balance_nanos", balance.whole("available_nanos") + balance.whole("pinned_nanos")
    )
    for name in FIGURES if figures is not None else ():
        assert figures is not None
        balance.expect(name, figures[name])
