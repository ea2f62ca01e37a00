"""What a customer has set about automatic top-ups, and letting the wallet tell of it."""

from datetime import datetime

from creditbase.accounts.domain import CustomerRef
from creditbase.kernel.errors import NotFound, PaymentRefused
from creditbase.kernel.money import nanos_from_cents
from creditbase.ledger.domain.commands import SetLevel
from creditbase.ledger.paths import WalletRef
from creditbase.ledger.use_cases import run
from creditbase.payments import store, stripe_wallets
from creditbase.payments.refill_store import auto_topup_of, writes_for_auto_topup
from creditbase.payments.refilling import AutoTopup, RefillSettings, decide_settings
from creditbase.payments.wallet_topups import check_amount
from creditbase.runtime.commit import Attempt, commit_or_retry


def find_auto_topup(ref: CustomerRef) -> AutoTopup:
    """Return what a customer has set.

    Raises:
        NotFound: there is no such customer.
    """
    return auto_topup_of(live_account(ref))


def set_auto_topup(ref: CustomerRef, wanted: RefillSettings, *, now: datetime) -> AutoTopup:
    """Keep what a customer wants, and let the wallet tell when it is time. Safe to repeat.

    Raises:
        InvalidRequest: it could not work.
        PaymentRefused: no card was saved that could pay.
        NotFound: there is no such customer.
    """
    account = live_account(ref)
    decide_settings(auto_topup_of(account), wanted)
    if wanted.is_enabled:
        check_amount(ref.project_id, wanted.amount_cents)
    payer = account.customer.stripe_customer_id
    if wanted.is_enabled and not (payer and stripe_wallets.find_saved_card(payer)):
        raise PaymentRefused("no payment method on file: top up once first")

    def attempt() -> Attempt[AutoTopup]:
        account = live_account(ref)
        kept = decide_settings(auto_topup_of(account), wanted)
        return Attempt(kept, writes_for_auto_topup(account, kept))

    kept = commit_or_retry(attempt)
    tell_wallet(ref, now=now)
    return kept


def tell_wallet(ref: CustomerRef, *, now: datetime) -> None:
    """Let the wallet tell when it falls below the threshold, or tell no more.

    What was set while it was being told is told, too: of two at once, the last one holds.
    """
    told: RefillSettings | None = None
    while (wanted := auto_topup_of(store.load_account(ref)).settings) != told:
        height = wanted.threshold_cents if wanted.is_enabled else 0
        command = SetLevel("refill", nanos_from_cents(height))
        run(WalletRef(ref.project_id, ref.customer_id), command, now=now)
        told = wanted


def live_account(ref: CustomerRef) -> store.Account:
    """Return a customer who was not deleted.

    Raises:
        NotFound: there is none.
    """
    account = store.load_account(ref)
    if account.customer.deleted_at is not None:
        raise NotFound("Customer not found")
    return account
