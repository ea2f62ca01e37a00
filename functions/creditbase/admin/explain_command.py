"""The command `explain`: a charge computed again, for whoever asks why it was that much."""

import argparse
import sys
from collections.abc import Iterator

from creditbase.accounts.use_cases import find_customer_by_name
from creditbase.admin.command_frame import CommandFailed, Group, add_command
from creditbase.admin.explaining import explain_entry, explain_ledger
from creditbase.kernel.errors import NotFound
from creditbase.kernel.ids import project_uuid
from creditbase.kernel.instants import write_exact
from creditbase.kernel.money import UNITS_PER_PRICE, ceil_div
from creditbase.ledger.exporting import ANCHORS, ANCHORS_MAX, Asked, export_ledger
from creditbase.ledger.paths import WalletRef
from creditbase.metering.receipts import Explanation

BPS_PER_PERCENT = 100
NEWS_EVERY = 1_000
"""Entries after which a long run says how far it is."""


def take_explain(groups: Group) -> None:
    """Add what may be typed."""
    command = add_command(groups, "explain", _explain, "compute a ledger's entries again")
    command.add_argument("--project", default="hub", help="name or id of the project (hub)")
    command.add_argument("customer", help="the customer's id, or its name: a Firebase uid")
    command.add_argument("entry", nargs="?", help="id of one entry (all of them, in short)")
    command = add_command(groups, "export", _export, "write a ledger with its proofs as JSON")
    command.add_argument("--project", default="hub", help="name or id of the project (hub)")
    command.add_argument("customer", help="the customer's id, or its name: a Firebase uid")
    command.add_argument(
        "--private", action="store_true", help="with costs, and what opens their seals"
    )
    command.add_argument("--from-seq", type=int, default=1, help="first entry of this part (1)")
    command.add_argument(
        "--anchors", type=int, default=ANCHORS, help=f"how many days to prove ({ANCHORS})"
    )


def _export(given: argparse.Namespace) -> None:
    asked = Asked(from_seq=given.from_seq, anchors=given.anchors, is_private=given.private)
    if asked.from_seq < 1 or not 0 <= asked.anchors <= ANCHORS_MAX:
        raise CommandFailed(f"entries begin at 1, and at most {ANCHORS_MAX} days are proved")
    export = export_ledger(wallet_named(given.project, given.customer), asked)
    for piece in export.pieces:
        print(piece.decode(), end="")
    if export.next_seq is not None:
        print(f"the next part: --from-seq {export.next_seq}", file=sys.stderr)


def _explain(given: argparse.Namespace) -> None:
    ref = wallet_named(given.project, given.customer)
    if given.entry:
        found = explain_entry(ref, given.entry)
        for line in lines_of(found):
            print(line)
        if not found.agrees:
            raise CommandFailed(f"entry {given.entry} is not what it should be")
        return
    count = broken = 0
    for found in explain_ledger(ref):
        count += 1
        broken += not found.agrees
        for line in () if found.agrees else lines_of(found):
            print(line)
        if count % NEWS_EVERY == 0:
            print(f"{count:,} entries so far", file=sys.stderr)
    if broken:
        raise CommandFailed(f"{broken} of {count} entries are not what they should be")
    print(f"{count} entries computed again: all agree, to the nano")


def wallet_named(project: str, customer: str) -> WalletRef:
    """Return the wallet of a customer that is given by id or by name."""
    for project_id in (project_uuid(project), project):
        named = find_customer_by_name(project_id, customer)
        if named is not None:
            return WalletRef(project_id, named.customer_id)
    if not customer or "/" in customer or "/" in project:
        raise NotFound(f"there is no customer {customer}")
    is_id = len(project) == len(project_uuid("hub"))
    return WalletRef(project if is_id else project_uuid(project), customer)


def lines_of(found: Explanation) -> Iterator[str]:
    """Yield how an entry's figures come about, and in what they differ if they do."""
    entry = found.entry
    yield f"{entry.entry_id}: {entry.kind}, number {entry.seq}, {write_exact(entry.at)}"
    if entry.metered.model:
        yield f"  model {entry.metered.model} of {entry.metered.provider or 'nobody named'}"
    for line in found.lines:
        cost_nanos = ceil_div(line.quantity * line.nanos_per_million, UNITS_PER_PRICE)
        yield (
            f"  {line.quantity:>14,} {line.unit} x {line.nanos_per_million:,} nanos a million"
            f" = {cost_nanos:,}"
        )
    if found.margin is not None:
        percent, rest = divmod(found.margin.bps, BPS_PER_PERCENT)
        yield f"  cost {found.cost_nanos:,} nanos"
        yield f"  markup {percent}.{rest:02d} % by the rule {found.margin.rule}"
        if found.margin.fee_nanos or found.margin.minimum_nanos:
            fee, least = found.margin.fee_nanos, found.margin.minimum_nanos
            yield f"  fee {fee:,} nanos a request, at least {least:,}"
        yield f"  price {found.price_nanos:,} nanos, rounded up once"
    for draw in entry.draws:
        yield f"  {draw.amount_nanos:>14,} nanos from {draw.source} ({draw.kind})"
    if entry.shortfall_nanos:
        yield f"  {entry.shortfall_nanos:>14,} nanos that nothing could pay"
    for difference in found.differences:
        yield f"  DIFFERS: {difference.what} is {difference.said}, not {difference.computed}"
    if found.agrees:
        by = "the entry and the price book" if found.is_book_checked else "the entry"
        yield f"  agrees, computed again from {by}"
