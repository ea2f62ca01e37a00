"""Finding a customer, and what an operator sees of one.

Every search is exact and by an index: a document of its own, or one field. Nothing is listed
that would have to be read to be left out.
"""

import uuid
from datetime import datetime

from creditbase.accounts import customer_store, store
from creditbase.accounts.domain import Customer, CustomerRef
from creditbase.accounts.use_cases import HUB_PROJECT_ID, find_customer_by_name
from creditbase.kernel.errors import InvalidRequest, NotFound
from creditbase.kernel.records import dataclass
from creditbase.ledger.domain.balance import Balance, balance_of
from creditbase.ledger.domain.wallet import Wallet
from creditbase.ledger.paths import WalletRef
from creditbase.ledger.store import find_wallet
from creditbase.payments.domain import Payment, SessionRecord
from creditbase.payments.store import find_owner, find_payment, find_session
from creditbase.runtime.firestore import page_of
from creditbase.runtime.sign_ins import uid_at

PAGE = 50
QUERY_CHARACTERS_MAX = 320
"""As long as an e-mail address may be."""


@dataclass(frozen=True, slots=True)
class CustomerPage:
    """Customers, and where the next page begins; empty at the end."""

    customers: tuple[Customer, ...]
    next_cursor: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """A customer with its wallet, as it stands now; a customer may have none yet."""

    customer: Customer
    wallet: Wallet | None
    balance: Balance | None


def search_customers(project_id: str, text: str) -> CustomerPage:
    """Return the customers that a text names: at most two, where two share an address.

    It may be the id of a customer, its name in the project (a Firebase uid, or what a back end
    calls it), its e-mail address, or at Stripe the id of the customer, of a payment or of a
    Checkout session; those of Stripe are found whatever project they belong to. Addresses of
    the hub's users are Firebase's, which is asked.

    Raises:
        InvalidRequest: no customer could be named so.
        Unavailable: Firebase was to be asked for an address, and did not answer.
    """
    text = text.strip()
    if not text or len(text) > QUERY_CHARACTERS_MAX or not text.isprintable():
        raise InvalidRequest("The query is empty, too long or not printable", field="query")
    found = [_by_id(project_id, text), find_customer_by_name(project_id, text), _paying(text)]
    if "@" in text:
        kept = customer_store.find_by_email(project_id, text)
        found += [one.customer for one in kept]
        uid = uid_at(text) if project_id == HUB_PROJECT_ID else None
        found += [find_customer_by_name(project_id, uid)] if uid else []
    named = {one.customer_id: one for one in found if one is not None}
    return CustomerPage(tuple(named.values()))


def _by_id(project_id: str, text: str) -> Customer | None:
    try:
        customer_id = str(uuid.UUID(text))
    except ValueError:
        return None
    return store.find_customer(CustomerRef(project_id, customer_id))


def _paying(text: str) -> Customer | None:
    """Return the customer behind an id of Stripe's, if we know it."""
    if "/" in text or not text.isascii():
        return None
    ref = _payer(text)
    return store.find_customer(ref) if ref is not None and ref.customer_id else None


def _payer(stripe_id: str) -> CustomerRef | None:
    found: Payment | SessionRecord | None
    match stripe_id.partition("_")[0]:
        case "cus":
            return find_owner(stripe_id)
        case "pi":
            found = find_payment(stripe_id)
        case "cs":
            found = find_session(stripe_id)
        case _:
            return None
    return None if found is None else CustomerRef(found.project_id, found.customer_id)


def list_customers(project_id: str, *, after: str = "") -> CustomerPage:
    """Return a page of a project's customers, by id; one query."""
    collection = f"projects/{project_id}/customers"
    page = page_of(collection, after=after, limit=PAGE + 1)
    shown = page[:PAGE]
    found = [
        store.customer_from(CustomerRef(project_id, one.document_id), one.fields)
        for one in shown
        if one.fields is not None
    ]
    live = tuple(one for one in found if one.deleted_at is None)
    return CustomerPage(live, shown[-1].document_id if len(page) > PAGE else "")


def show_customer(ref: WalletRef, *, now: datetime) -> Shown:
    """Return a customer with its wallet; two reads.

    Raises:
        NotFound: there is no such customer, or not any more.
    """
    customer = load_customer(ref)
    loaded = find_wallet(ref)
    if loaded is None:
        return Shown(customer, None, None)
    return Shown(customer, loaded.wallet, balance_of(loaded.wallet, now=now))


def load_customer(ref: WalletRef) -> Customer:
    """Return a customer who is there.

    Raises:
        NotFound: there is no such customer, or not any more.
    """
    customer = store.find_customer(CustomerRef(ref.project_id, ref.customer_id))
    if customer is None:
        raise NotFound("Customer not found")
    return customer
