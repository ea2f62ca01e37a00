"""Of two who decided on the same read one is first, and the other changes nothing at all.

Each precondition of each write of money, and of what money follows from, on the real store:
the writes are committed, and then each guarded one again, by itself. Whoever takes one of
these conditions away is found here, however rarely a race would show it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from creditbase.accounts import customer_store
from creditbase.accounts import store as account_store
from creditbase.accounts.domain import CustomerRef, User, new_customer
from creditbase.accounts.use_cases import ensure_customer, ensure_project
from creditbase.admin import audit_store, voucher_store
from creditbase.admin.domain.audit import Audit
from creditbase.admin.domain.vouchers import Voucher, VoucherTerms
from creditbase.kernel.ids import operation_entry_id, sha256_hex
from creditbase.ledger import batch
from creditbase.ledger import store as ledger_store
from creditbase.ledger.domain.commands import Charge, FixedAmount
from creditbase.ledger.domain.opening import open_wallet
from creditbase.ledger.domain.wallet import Metered, Terms
from creditbase.ledger.paths import WalletRef
from creditbase.payments import inbox_store, store
from creditbase.payments.domain import Event, Intent, Order, Outcome, Payment, SessionRecord
from creditbase.runtime import outbox
from creditbase.runtime.firestore import Lost, Version, Write, commit, get_all
from creditbase.subscriptions.domain.trials import Trial
from creditbase.subscriptions.store import writes_for_claims

pytestmark = [pytest.mark.firestore, pytest.mark.usefixtures("firestore_host", "project")]

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
ORDER = Order(
    tier="small",
    name="Small",
    credits=5,
    amount_cents=5,
    currency="usd",
    site_url="https://a.b",
)


def fresh() -> str:
    """Return a name that nothing else has."""
    return uuid4().hex


# ---- wallets ---------------------------------------------------------------------------------


def opened(nanos: int) -> tuple[WalletRef, list[Write]]:
    """Return a wallet that was not written yet, and the writes that open it."""
    ref = WalletRef(fresh(), fresh())
    terms = Terms("free", allocation_nanos=nanos)
    return ref, ledger_store.writes_to_open(
        ref, open_wallet(ref.wallet_id, owner_uid="ada", terms=terms, now=NOON)
    )


def a_charge(*, days: int = 0) -> list[Write]:
    """Return the writes of a charge, some days after the wallet's first one."""
    ref, writes = opened(50)
    commit(writes)
    for later, key in ((timedelta(), "first"), (timedelta(days=days), "second")):
        loaded = ledger_store.find_wallet(ref)
        assert loaded is not None
        cost = FixedAmount(1, Metered("gpt-5-mini", "openai"))
        asked = Charge(operation_entry_id(key), key, cost)
        decided = batch.decide_batch(loaded, [(asked, NOON + later)])
        _, writes = batch.writes_of(ref, decided, loaded.version, publish_interval_s=60)
        if key == "first":
            commit(writes)
    return writes


def a_park() -> list[Write]:
    """Return the writes that park a wallet."""
    ref, writes = opened(50)
    commit(writes)
    loaded = ledger_store.find_wallet(ref)
    assert loaded is not None
    return batch.writes_to_park(ref, loaded.wallet, loaded.version, "a test")[1]


# ---- payments --------------------------------------------------------------------------------


def a_ref() -> CustomerRef:
    """Return a new customer of a project of its own."""
    project = ensure_project(f"test-{fresh()}", now=NOON)
    return ensure_customer(project.project_id, "ext", now=NOON).ref


def a_record(ref: CustomerRef, *, finds_customer: bool = False) -> SessionRecord:
    """Return the record of a session that somebody asked for."""
    return SessionRecord(
        session_id=f"cs_{fresh()}",
        project_id=ref.project_id,
        customer_id=ref.customer_id,
        uid="ada",
        stripe_customer_id="cus_1",
        kind="topup",
        tier="small",
        credits=5,
        amount_cents=5,
        currency="usd",
        is_live=False,
        created_at=NOON,
        finds_customer=finds_customer,
    )


def a_payment(record: SessionRecord) -> Payment:
    """Return the payment of a session."""
    return Payment(
        payment_id=f"pi_{fresh()}",
        session_id=record.session_id,
        project_id=record.project_id,
        customer_id=record.customer_id,
        stripe_customer_id="cus_1",
        kind="topup",
        tier="small",
        currency="usd",
        paid_cents=5,
        granted_nanos=5_000_000,
        grant_id="topup:1",
        created_at=NOON,
    )


def a_link() -> list[Write]:
    """Return the writes that tie a customer to its Stripe customer."""
    return store.writes_for_link(store.load_account(a_ref()), f"cus_{fresh()}", now=NOON)


def an_intent() -> list[Write]:
    """Return the write that counts a purchase."""
    return store.writes_for_intent(store.load_account(a_ref()), Intent(1, ORDER))


def a_session() -> list[Write]:
    """Return the writes that record a session."""
    account = store.load_account(a_ref())
    return store.writes_for_session(account, Intent(1, ORDER), a_record(account.customer.ref))


def an_open_session() -> list[Write]:
    """Return the write that records a session without a customer."""
    return store.writes_for_open_session(a_record(CustomerRef("p", ""), finds_customer=True))


def a_found_customer() -> list[Write]:
    """Return the writes that say who paid such a session."""
    ref = CustomerRef(fresh(), fresh())
    record = a_record(CustomerRef("p", ""), finds_customer=True)
    return store.writes_for_found_customer(record, ref, f"cus_{fresh()}", now=NOON)


def a_mirrored_session() -> list[Write]:
    """Return the writes of a paid session: its record, and the payment."""
    account = store.load_account(a_ref())
    record = a_record(account.customer.ref)
    known = store.Known(record, None)
    seen = replace(record, payment_status="paid")
    return store.writes_for_mirror(account, known, seen, a_payment(record))


def a_refund_step() -> list[Write]:
    """Return the writes that keep a payment as it now is."""
    account = store.load_account(a_ref())
    return store.writes_for_payment(account, a_payment(a_record(account.customer.ref)))


# ---- the inbox, parcels ----------------------------------------------------------------------


def an_event() -> Event:
    """Return an event that nobody has stored."""
    return Event(
        event_id=f"evt_{fresh()}",
        type="invoice.paid",
        is_live=False,
        account="",
        api_version="",
        object_id="in_1",
        object_type="invoice",
        payload="{}",
    )


def an_arrival() -> list[Write]:
    """Return the write that stores an event."""
    return inbox_store.writes_for_arrival(an_event(), now=NOON)


def stored() -> tuple[Event, Version]:
    """Return an event of the inbox."""
    event = an_event()
    return event, commit(inbox_store.writes_for_arrival(event, now=NOON))


def an_end() -> list[Write]:
    """Return the write that finishes an event."""
    event, version = stored()
    return inbox_store.writes_for_end(event, Outcome("applied"), version, now=NOON)


def an_attempt() -> list[Write]:
    """Return the write that counts an attempt."""
    return inbox_store.writes_for_attempt(inbox_store.Waiting(*stored_once()), now=NOON)


def a_death() -> list[Write]:
    """Return the write that gives an event up."""
    return inbox_store.writes_for_death(inbox_store.Waiting(*stored_once()))


def stored_once() -> tuple[Event, int, Version]:
    """Return an event that was tried once, as who waits for it sees it."""
    event, version = stored()
    return event, 1, version


def a_parcel() -> list[Write]:
    """Return the write that puts something into an outbox."""
    return [outbox.create_parcel(f"mails/{fresh()}", {}, now=NOON)]


def a_lease() -> list[Write]:
    """Return the write that takes a parcel to carry it."""
    path = f"mails/{fresh()}"
    commit([outbox.create_parcel(path, {}, now=NOON)])
    parcel = outbox.parcel_from(get_all([path])[0])
    return [outbox._update(parcel, parcel.delivery)]


# ---- what operators and customers do ---------------------------------------------------------


def a_voucher() -> list[Write]:
    """Return the write that makes a voucher."""
    return voucher_store.writes_for_voucher(unused_voucher(fresh()))


def unused_voucher(digest: str) -> Voucher:
    """Return a voucher that nobody has used."""
    return Voucher(digest=digest, terms=VoucherTerms(credits=5), created_at=NOON)


def kept_voucher() -> voucher_store.Kept:
    """Return a voucher as it is kept."""
    digest = fresh()
    commit(voucher_store.writes_for_voucher(unused_voucher(digest)))
    kept = voucher_store.find_voucher(digest)
    assert kept is not None
    return kept


def a_disabling() -> list[Write]:
    """Return the write that takes a voucher out of use."""
    return voucher_store.writes_to_disable(kept_voucher(), now=NOON)


def a_use() -> list[Write]:
    """Return the writes of a voucher's use: the customer's, and the slot's."""
    return voucher_store.writes_for_use(fresh(), fresh(), 3, now=NOON)


def a_deed() -> list[Write]:
    """Return the write that records what an operator did."""
    return audit_store.writes_for_audit(
        Audit(
            audit_id=fresh(),
            at=NOON,
            action="adjust",
            actor="ada",
            reason="a test",
            project_id="p",
            customer_id="c",
            asked={},
            digest="d",
        )
    )


def a_claim() -> list[Write]:
    """Return the write that claims a card for a trial."""
    return writes_for_claims(fresh(), "c", Trial("sub_1", NOON), [fresh()])


def a_customer() -> list[Write]:
    """Return the writes of a new customer and its name."""
    customer, name = new_customer(project_id=fresh(), external_id="ext", now=NOON, uid="")
    return customer_store.writes_for_new_customer(customer, name)


def kept_customer() -> customer_store.KeptCustomer:
    """Return a customer as it is kept."""
    kept = customer_store.find_kept_customer(a_ref())
    assert kept is not None
    return kept


def a_profile() -> list[Write]:
    """Return the write that changes what is said of a customer."""
    kept = kept_customer()
    changed = replace(kept.customer, email="ada@example.com")
    return customer_store.writes_for_profile(kept, changed)


def a_deletion() -> list[Write]:
    """Return the writes that delete a customer."""
    return customer_store.writes_to_delete(kept_customer(), NOON)


def an_identity() -> list[Write]:
    """Return the writes that link who signed in to a customer."""
    return customer_store.writes_to_link(kept_customer(), sha256_hex(fresh()), NOON)


def a_user() -> list[Write]:
    """Return the write of a new user."""
    user = User(uid=fresh(), customer=CustomerRef("p", "c"), created_at=NOON)
    return account_store.writes_for_new_user(user)


@dataclass(frozen=True)
class Case:
    """Writes, and which of them are guarded: by their places, or by a part of their paths."""

    writes: Callable[[], list[Write]]
    guarded: tuple[int, ...] = (0,)
    within: str = ""


CASES = {
    "an opening's wallet": Case(lambda: opened(50)[1]),
    "an opening's entry": Case(lambda: opened(50)[1], (1,)),
    "a charge's wallet": Case(a_charge),
    "a charge's entry": Case(a_charge, (1,)),
    "a closed day": Case(lambda: a_charge(days=1), within="/usage/"),
    "a park": Case(a_park),
    "a link": Case(a_link),
    "an intent": Case(an_intent),
    "a session's customer": Case(a_session),
    "a session": Case(a_session, (1,)),
    "an open session": Case(an_open_session),
    "a found customer": Case(a_found_customer, (1,)),
    "a paid session's customer": Case(a_mirrored_session),
    "a paid session's payment": Case(a_mirrored_session, (2,)),
    "a refund's step": Case(a_refund_step),
    "an event's arrival": Case(an_arrival),
    "an event's end": Case(an_end),
    "an event's attempt": Case(an_attempt),
    "an event's death": Case(a_death),
    "a parcel": Case(a_parcel),
    "a parcel's lease": Case(a_lease),
    "a voucher": Case(a_voucher),
    "a voucher's disabling": Case(a_disabling),
    "a voucher's redeemer": Case(a_use),
    "a voucher's slot": Case(a_use, (1,)),
    "a deed": Case(a_deed),
    "a trial's claim": Case(a_claim),
    "a customer's name": Case(a_customer),
    "a customer": Case(a_customer, (1,)),
    "a customer's profile": Case(a_profile),
    "a customer's deletion": Case(a_deletion),
    "a deleted customer's name": Case(a_deletion, (1,)),
    "a link's customer": Case(an_identity),
    "an identity": Case(an_identity, (1,)),
    "a user": Case(a_user),
}


@pytest.mark.parametrize("name", CASES)
def test_whoever_is_second_changes_nothing(name: str) -> None:
    """By themselves, so that no other condition of the batch hides that one is missing."""
    case = CASES[name]
    writes = case.writes()
    guarded = [writes[place] for place in case.guarded]
    if case.within:
        guarded = [write for write in writes if case.within in write.path]
    assert guarded
    commit(writes)
    before = [it.version for it in get_all([write.path for write in guarded])]

    for write in guarded:
        with pytest.raises(Lost):
            commit([write])

    assert [it.version for it in get_all([write.path for write in guarded])] == before
