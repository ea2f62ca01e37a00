"""Taking a person out of what stays: document by document, each as often as one likes.

What is deleted here was about nobody else; of what others need, the figures stay. Each sweep
looks at what is there now, so that one that was cut off is simply made again.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import partial

from creditbase.accounts import customer_store
from creditbase.accounts.domain import ACCOUNT, CustomerRef
from creditbase.admin.audit_store import writes_to_hush
from creditbase.admin.personal_store import (
    PAGE,
    events_of,
    find_mails,
    find_told,
    owned_projects,
    records_of,
    sessions_of,
)
from creditbase.kernel.errors import Contention
from creditbase.ledger.paths import WalletRef
from creditbase.payments import inbox_store, stripe_gateway
from creditbase.payments import store as payments
from creditbase.payments.leaving import PAYERS_MAX
from creditbase.runtime.commit import Attempt, commit_or_retry, pause
from creditbase.runtime.firestore import (
    DELETE_FIELD,
    Ambiguous,
    Delete,
    Lost,
    Snapshot,
    Update,
    Write,
    commit,
    get_all,
    page_of,
)

BATCH = 100
TRIES_MAX = 8
ENTRIES_PER_RUN_MAX = 5_000
"""How many entries of a ledger one run looks through; the job goes on from there."""


def forget_payments(ref: CustomerRef, *, now: datetime) -> None:
    """Let go of a person's customers at Stripe, and of what was written down of them.

    They are deleted there before they are marked here: a mark says that it was done.

    Raises:
        Unavailable, Contention: not finished; to be repeated.
    """
    found = payments.find_payers(ref.customer_id, limit=PAYERS_MAX)
    unmarked = [one for one in found if "erased_at" not in (one.fields or {})]
    for one in unmarked:
        stripe_gateway.delete_customer(one.document_id)
    _apply(
        partial(payments.find_payers, ref.customer_id, limit=PAYERS_MAX),
        partial(payments.writes_to_mark_payers, at=now),
    )
    _apply(partial(sessions_of, ref.customer_id), payments.writes_to_empty_sessions)
    for one in found:
        _apply(partial(events_of, one.document_id), inbox_store.writes_to_empty)


def forget_mails(ref: CustomerRef) -> None:
    """Delete every mail to a person, sent or not."""
    while found := find_mails(ref.customer_id):
        _apply(partial(iter, found), _deletions)


def hush_records(ref: CustomerRef) -> None:
    """Take the reasons out of what operators did to a person: they may name it."""
    _apply(partial(records_of, ref.customer_id), writes_to_hush)


def forget_told(ref: CustomerRef) -> bool:
    """Delete what a project was told of a person; return whether nothing is on its way."""
    is_over = True
    for collection in ("events", "deliveries"):
        found = find_told(collection, ref.customer_id)
        done = [one for one in found if (one.fields or {}).get("due_at") is None]
        _apply(partial(iter, done), _deletions)
        is_over = is_over and len(done) == len(found) and len(found) < PAGE
    return is_over


def empty_entries(wallet: WalletRef, *, after: str) -> str | None:
    """Take the callers' own notes out of a ledger; return where to go on, None at the end.

    They are not covered by the hash: every entry's chain holds as before.
    """
    seen = 0
    while seen < ENTRIES_PER_RUN_MAX:
        page = page_of(f"{wallet.wallet}/entries", after=after, limit=PAGE)
        _apply(partial(get_all, [one.path for one in page]), _emptied)
        if len(page) < PAGE:
            return None
        seen += len(page)
        after = page[-1].document_id
    return after


def leave_projects(uid: str, email: str, *, now: datetime) -> None:
    """Take a user out of the owners of projects, and its address out of their accounts."""
    for project in owned_projects(uid):
        commit_or_retry(partial(_account_left, project.document_id, email, now))
    _apply(partial(owned_projects, uid), partial(_owners_left, uid=uid))


def _account_left(project_id: str, email: str, now: datetime) -> Attempt[None]:
    _, found = customer_store.find_by_name(project_id, ACCOUNT)
    if found is None or not email or found.customer.email.casefold() != email.casefold():
        return Attempt(None, ())
    nobody = f"account@{project_id}.invalid"
    return Attempt(None, customer_store.writes_for_address(found, nobody, now))


def _owners_left(found: Sequence[Snapshot], uid: str) -> list[Write]:
    return [
        Update(
            one.path,
            {("owners",): [name for name in (one.fields or {})["owners"] if name != uid]},
            unless_changed_since=one.version,
        )
        for one in found
        if one.version is not None
    ]


# ---- one way for all -------------------------------------------------------------------------


def _apply(
    find: Callable[[], Iterable[Snapshot]], change: Callable[[Sequence[Snapshot]], list[Write]]
) -> None:
    """Change everything that is found; look again where somebody was faster.

    Raises:
        Contention: always losing; to be repeated.
    """
    for number in range(TRIES_MAX):
        if number:
            pause(number)
        try:
            for batch in _batches(find()):
                writes = change(batch)
                if writes:
                    commit(writes)
        except (Lost, Ambiguous):
            continue
        return
    raise Contention


def _batches(found: Iterable[Snapshot]) -> Iterable[list[Snapshot]]:
    batch: list[Snapshot] = []
    for one in found:
        batch.append(one)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _deletions(found: Sequence[Snapshot]) -> list[Write]:
    return [Delete(one.path) for one in found]


def _emptied(found: Sequence[Snapshot]) -> list[Write]:
    return [
        Update(one.path, {("metadata",): DELETE_FIELD}, unless_changed_since=one.version)
        for one in found
        if one.version is not None and "metadata" in (one.fields or {})
    ]
