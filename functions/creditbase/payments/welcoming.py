"""Welcoming who paid on a page that asked who pays: the payment makes the customer."""

from dataclasses import replace
from datetime import datetime

from creditbase.accounts import domain as accounts
from creditbase.accounts.customer_store import begins_in_shadow, writes_for_new_customer
from creditbase.accounts.domain import CustomerRef
from creditbase.kernel.errors import NotFound
from creditbase.ledger import store as ledger_store
from creditbase.ledger.domain.opening import open_wallet
from creditbase.ledger.paths import WalletRef
from creditbase.ledger.salts import new_salt
from creditbase.payments import store, stripe_gateway
from creditbase.payments.domain import Outcome, SessionRecord, find_mismatch
from creditbase.payments.mirroring import STRANGER, mirror_customer
from creditbase.runtime.commit import Attempt, commit_or_retry
from creditbase.runtime.firestore import Write
from creditbase.subscriptions.domain.tier_standing import no_tier


def welcome_payer(record: SessionRecord, *, now: datetime) -> Outcome:
    """Make the customer of a session that asked who pays, and bring it to where Stripe is.

    Its name is made of its Stripe customer; an e-mail address never leads to another
    customer: anybody may type it.

    Raises:
        Unavailable, Contention: not finished; to be repeated.
    """
    try:
        session = stripe_gateway.load_session(record.session_id)
    except NotFound:
        return Outcome("quarantined", "no_such_object")
    mismatch = find_mismatch(record, session)
    if mismatch and mismatch != "customer":  # whose it is, it is to tell
        return Outcome("quarantined", f"mismatch:{mismatch}")
    payer = session.stripe_customer_id
    if session.status != "complete" or not payer:
        return Outcome("ignored", "not_complete")
    email = session.payer_email or stripe_gateway.payer_email(payer)
    commit_or_retry(lambda: _welcome(record, payer, email, now=now))
    return mirror_customer(payer, now=now)


def _welcome(
    record: SessionRecord, payer: str, email: str, *, now: datetime
) -> Attempt[CustomerRef]:
    known = store.find_owner(payer)
    if known is not None:
        return Attempt(known, ())
    external_id = f"{STRANGER}{payer}"
    customer, name = accounts.new_customer(
        project_id=record.project_id, external_id=external_id, now=now, email=email
    )
    customer = replace(customer, stripe_customer_id=payer)
    ref = customer.ref
    wallet = WalletRef(ref.project_id, ref.customer_id)
    opened = open_wallet(
        wallet.wallet_id,
        owner_uid="",
        terms=no_tier(),
        now=now,
        salt=new_salt(),
        is_shadowed=begins_in_shadow(ref.project_id),
    )
    writes: list[Write] = [
        *writes_for_new_customer(customer, name),
        *ledger_store.writes_to_open(wallet, opened),
        *store.writes_for_found_customer(record, ref, payer, now=now),
    ]
    return Attempt(ref, writes)
