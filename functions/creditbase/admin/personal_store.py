"""Where a person's documents are found, collection by collection, in pages.

Reads alone, by the ids that the person's own documents name, or by the customer's id: so
nothing of anybody else's can be among them. The keys are those of `HOLDINGS`.
"""

from collections.abc import Callable, Iterator, Mapping

from creditbase.accounts.domain import CustomerRef
from creditbase.accounts.store import (
    API_KEYS,
    customer_path,
    find_ring,
    key_path,
    name_path,
    user_path,
)
from creditbase.accounts.use_cases import HUB_PROJECT_ID
from creditbase.kernel.records import dataclass
from creditbase.ledger.paths import WalletRef
from creditbase.payments import inbox_store
from creditbase.payments import store as payments
from creditbase.runtime.firestore import Fields, Snapshot, get_all, page_of, query

PAGE = 200
OWNED_MAX = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Whose documents are meant: a customer, by every name it has."""

    ref: CustomerRef
    external_id: str
    uid: str
    """Of a customer of the hub: its Firebase user."""
    payers: tuple[str, ...]
    """Its customers at Stripe."""
    identities: tuple[str, ...]

    @property
    def wallet(self) -> WalletRef:
        """Return its wallet."""
        return WalletRef(self.ref.project_id, self.ref.customer_id)

    def below(self, collection: str) -> str:
        """Return a collection of the person's project."""
        return f"projects/{self.ref.project_id}/{collection}"


def find_person(ref: CustomerRef) -> Person | None:
    """Return whose documents a customer's are, if there is one."""
    fields = get_all([customer_path(ref.project_id, ref.customer_id)])[0].fields
    if fields is None or fields.get("deleted_at") is not None:
        return None
    known = payments.find_payers(ref.customer_id, limit=PAGE)
    linked = fields.get("stripe_customer_id", "")
    payers = {*(one.document_id for one in known), *([linked] if linked else [])}
    return Person(
        ref=ref,
        external_id=fields["external_id"],
        uid=fields["external_id"] if ref.project_id == HUB_PROJECT_ID else "",
        payers=tuple(sorted(payers)),
        identities=tuple(fields.get("identities", ())),
    )


# ---- pages -----------------------------------------------------------------------------------


def paged(find: Callable[[str], list[Snapshot]]) -> Iterator[Snapshot]:
    """Yield documents, page by page; `find` returns at most `PAGE` beyond an id."""
    after = ""
    while page := find(after):
        yield from page
        if len(page) < PAGE:
            return
        after = page[-1].document_id


def _there(*paths: str) -> list[Snapshot]:
    return [one for one in get_all(paths) if one.exists] if paths else []


def find_mails(customer_id: str) -> list[Snapshot]:
    """Return mails to a customer, by id; deleted, they make room for the next."""
    return query("mail", where=[("customer_id", "==", customer_id)], limit=PAGE)


def find_told(collection: str, customer_id: str) -> list[Snapshot]:
    """Return what a project is, or was, told of a customer."""
    assert collection in {"events", "deliveries"}
    return query(collection, where=[("customer_id", "==", customer_id)], limit=PAGE)


def _after(collection: str, customer_id: str, after: str) -> list[Snapshot]:
    assert collection in {"mail", "events", "deliveries", "crossings"}
    return query(
        collection,
        where=[("customer_id", "==", customer_id)],
        order_by="customer_id",
        limit=PAGE,
        after=(customer_id, f"{collection}/{after}") if after else None,
    )


# ---- the collections -------------------------------------------------------------------------


def _user(person: Person) -> list[Snapshot]:
    return _there(user_path(person.uid)) if person.uid else []


def owned_projects(uid: str) -> list[Snapshot]:
    """Return every project that a user owns, those that were put away too."""
    if not uid:
        return []
    return query("projects", where=[("owners", "array_contains", uid)], limit=OWNED_MAX)


def _projects(person: Person) -> Iterator[Snapshot]:
    for one in owned_projects(person.uid):
        kept = one.fields or {}
        own: Fields = {"name": kept.get("name"), "created_at": kept.get("created_at")}
        yield Snapshot(one.path, own, one.version)


def _api_keys(person: Person) -> list[Snapshot]:
    ring = find_ring(user_path(person.uid), API_KEYS) if person.uid else None
    held = ring.keys.values() if ring is not None else ()
    return _there(*(key_path(API_KEYS, key.digest) for key in held))


def _identities(person: Person) -> list[Snapshot]:
    return _there(*(f"{person.below('identities')}/{it}" for it in person.identities))


def _subscriptions(person: Person) -> list[Snapshot]:
    return query(
        f"projects/{person.ref.project_id}/subscriptions",
        where=[("customer_id", "==", person.ref.customer_id)],
        limit=PAGE,
    )


def _claims(person: Person) -> list[Snapshot]:
    return query(
        f"projects/{person.ref.project_id}/trial_claims",
        where=[("customer_id", "==", person.ref.customer_id)],
        limit=PAGE,
    )


def _redeemed(person: Person) -> Iterator[Snapshot]:
    """Yield what vouchers keep of a redeemer: the ledger says which they were."""
    entries = page_of_prefix(person.wallet, "voucher:")
    paths = [
        f"vouchers/{one.document_id.partition(':')[2]}/redeemers/{person.ref.customer_id}"
        for one in entries
    ]
    yield from _there(*paths)


def _uses(person: Person) -> Iterator[Snapshot]:
    for one in _redeemed(person):
        slot = (one.fields or {}).get("slot")
        if slot is not None:
            voucher = one.path.rpartition("/redeemers/")[0]
            yield from _there(f"{voucher}/uses/{slot}")


def page_of_prefix(wallet: WalletRef, prefix: str) -> list[Snapshot]:
    """Return the entries of a wallet whose ids begin so, the first page of them."""
    found = page_of(f"{wallet.wallet}/entries", after=prefix, limit=PAGE)
    return [one for one in found if one.document_id.startswith(prefix)]


def find_records(customer_id: str, *, below: str) -> list[Snapshot]:
    """Return records of what was done to a customer, newest first, below a place."""
    return query(
        "audit",
        where=[("customer_id", "==", customer_id), ("place", "<", below)],
        order_by="place",
        is_newest_first=True,
        limit=PAGE,
    )


def records_of(customer_id: str) -> Iterator[Snapshot]:
    """Yield every record of what was done to a customer, newest first."""
    below = "~"
    while page := find_records(customer_id, below=below):
        yield from page
        below = (page[-1].fields or {})["place"]


def _stripe_events(person: Person) -> Iterator[Snapshot]:
    for payer in person.payers:
        yield from events_of(payer)


def events_of(payer: str) -> Iterator[Snapshot]:
    """Yield the events about a Stripe customer."""
    yield from paged(lambda after: inbox_store.find_events_of(payer, after=after, limit=PAGE))


def _below_wallet(name: str) -> Callable[[Person], Iterator[Snapshot]]:
    def find(person: Person) -> Iterator[Snapshot]:
        collection = f"{person.wallet.wallet}/{name}"
        return paged(lambda after: page_of(collection, after=after, limit=PAGE))

    return find


def _of_customer(collection: str) -> Callable[[Person], Iterator[Snapshot]]:
    def find(person: Person) -> Iterator[Snapshot]:
        return paged(lambda after: _after(collection, person.ref.customer_id, after))

    return find


def sessions_of(customer_id: str) -> Iterator[Snapshot]:
    """Yield a customer's sessions at Stripe's pages."""
    return paged(lambda after: payments.find_sessions_of(customer_id, after=after, limit=PAGE))


def _payments(person: Person) -> Iterator[Snapshot]:
    customer_id = person.ref.customer_id
    return paged(lambda after: payments.find_payments_of(customer_id, after=after, limit=PAGE))


READERS: Mapping[str, Callable[[Person], list[Snapshot] | Iterator[Snapshot]]] = {
    "users/{uid}": _user,
    "projects/{p}": _projects,
    "projects/{p}/customers/{c}": lambda it: _there(customer_path(*_names(it))),
    "projects/{p}/customer_names/{sha256(external_id)}": lambda it: _there(
        name_path(it.ref.project_id, it.external_id)
    ),
    "projects/{p}/identities/{sha256}": _identities,
    "projects/{p}/wallets/{c}": lambda it: _there(it.wallet.wallet),
    "projects/{p}/wallets/{c}/entries/{id}": _below_wallet("entries"),
    "projects/{p}/wallets/{c}/usage/{YYYY-MM-DD}": _below_wallet("usage"),
    "projects/{p}/wallets/{c}/periods/{start}": _below_wallet("periods"),
    "projects/{p}/balances/{c}": lambda it: _there(it.wallet.balance),
    "api_keys/{digest}": _api_keys,
    "projects/{p}/subscriptions/{sub}": _subscriptions,
    "projects/{p}/trial_claims/{digest}": _claims,
    "stripe_customers/{cus}": lambda it: payments.find_payers(it.ref.customer_id, limit=PAGE),
    "checkout_sessions/{cs}": lambda it: sessions_of(it.ref.customer_id),
    "payments/{pi}": _payments,
    "vouchers/{digest}/uses/{slot}": _uses,
    "vouchers/{digest}/redeemers/{customer_id}": _redeemed,
    "audit/{id}": lambda it: records_of(it.ref.customer_id),
    "stripe_events/{evt}": _stripe_events,
    "crossings/{customer}:{level}:{number}": _of_customer("crossings"),
    "mail/{id}": _of_customer("mail"),
    "events/{id}": _of_customer("events"),
    "deliveries/{id}": _of_customer("deliveries"),
}
"""How each collection that is exported is read."""


def _names(person: Person) -> tuple[str, str]:
    return person.ref.project_id, person.ref.customer_id
