"""Deciding several commands of one wallet together, and what they have each come to.

Source: DESIGN section 4, step 7: in order of arrival, each with its own entry and its own
answer; the same key twice is a replay of the first; a refusal harms no other.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from creditbase.kernel.errors import BillingError, Forbidden
from creditbase.kernel.records import changed, dataclass
from creditbase.ledger.domain.commands import Command
from creditbase.ledger.domain.decide import Decision, decide
from creditbase.ledger.domain.entries import Entry
from creditbase.ledger.domain.invariants import breach
from creditbase.ledger.domain.wallet import Published, Wallet
from creditbase.ledger.paths import WalletRef
from creditbase.ledger.salts import new_salt
from creditbase.ledger.store import Loaded, publication, writes_for
from creditbase.runtime.firestore import Version, Write

Outcome = Decision | BillingError
"""What a command came to: a decision (maybe a replay), or its refusal."""


@dataclass(frozen=True, slots=True)
class DecidedBatch:
    """The outcomes in order, and the wallet after all of them."""

    before: Wallet
    after: Wallet
    outcomes: Sequence[Outcome]
    broken: str = ""

    @property
    def accepted(self) -> list[Decision]:
        """Return the decisions that have something to write."""
        return [o for o in self.outcomes if isinstance(o, Decision) and not o.is_replay]

    @property
    def is_doubled(self) -> bool:
        """Return whether two of its entries have one id: an old key placed a hold again."""
        ids = [entry.entry_id for decision in self.accepted for entry in decision.entries]
        return len(set(ids)) < len(ids)

    @property
    def has_refusals(self) -> bool:
        """Return whether a command was refused: never to be told from a stale snapshot."""
        return any(isinstance(outcome, BillingError) for outcome in self.outcomes)


def decide_batch(loaded: Loaded, commands: Sequence[tuple[Command, datetime]]) -> DecidedBatch:
    """Decide the commands one after another, each on what the ones before it left."""
    wallet = loaded.wallet
    if not wallet.salt:
        # Opened before entries were sealed: from here on they are.
        wallet = changed(wallet, salt=new_salt())
    known: dict[str, Entry | None] = dict(loaded.known)
    outcomes: list[Outcome] = []
    entries: list[Entry] = []
    for command, now in commands:
        try:
            decision = decide(wallet, known, command, now=now)
        except BillingError as refusal:
            outcomes.append(refusal)
            continue
        outcomes.append(decision)
        wallet = decision.wallet
        entries += decision.entries
        known.update({entry.entry_id: entry for entry in decision.entries})
    broken = breach(loaded.wallet, wallet, entries)
    return DecidedBatch(loaded.wallet, wallet, tuple(outcomes), broken)


def writes_of(
    ref: WalletRef, batch: DecidedBatch, version: Version, *, publish_interval_s: int
) -> tuple[Wallet, list[Write]]:
    """Return the wallet as it will stand and the writes of one atomic commit.

    The balance is published in the same commit where a decision asks for it, where the
    last publication said that nothing had changed since, or where it is old.
    """
    accepted = batch.accepted
    after = changed(batch.after, commits=batch.before.commits + 1)
    is_old = after.at - after.published.at >= timedelta(seconds=publish_interval_s)
    is_due = is_old or after.published.is_settled or any(d.must_publish for d in accepted)
    settles = bool(accepted) and all(decision.settles for decision in accepted)
    if is_due:
        after = changed(after, published=Published(after.at, is_settled=settles))
    writes = writes_for(ref, batch.before, after, version, accepted)
    if is_due:
        writes.append(publication(ref, after, is_settled=settles))
    return after, writes


def writes_to_park(
    ref: WalletRef, before: Wallet, version: Version, reason: str
) -> tuple[Wallet, list[Write]]:
    """Return the writes that park a wallet instead of writing what broke a rule."""
    after = changed(before, commits=before.commits + 1, parked=reason)
    return after, writes_for(ref, before, after, version, [])


def writes_to_touch(ref: WalletRef, before: Wallet, version: Version) -> list[Write]:
    """Return a write that changes nothing but the version.

    After it, no commit that was conditioned on the old version can still be applied.
    """
    after = changed(before, commits=before.commits + 1)
    return writes_for(ref, before, after, version, [])


def parked_refusal() -> Forbidden:
    """Return what every command of a broken batch is told."""
    return Forbidden("This wallet is parked until it has been checked")
