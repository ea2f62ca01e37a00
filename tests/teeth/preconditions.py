"""One bug for each precondition of a write of money: it is written whatever has happened."""

from tests.teeth.rows import Bug

SECOND = "tests/teeth/test_second_writer.py::test_whoever_is_second_changes_nothing"
CREATE = "Create("
PUT = '__import__("creditbase.runtime.firestore", fromlist=["Put"]).Put('
"""A document that must not exist yet is written over."""


def _created(where: str, case: str, good: str) -> Bug:
    return Bug(f"creditbase.{where}", good, good.replace(CREATE, PUT), f"{SECOND}[{case}]")


def _versioned(where: str, case: str, good: str) -> Bug:
    bad = good[: good.rindex("=") + 1] + "None" if "=" in good else good
    return Bug(f"creditbase.{where}", good, bad, f"{SECOND}[{case}]")


PRECONDITIONS = {
    "an opening over a wallet": _created(
        "ledger.store:writes_to_open", "an opening's wallet", "Create(ref.wallet"
    ),
    "an entry over another": _created(
        "ledger.store:_entries", "a charge's entry", "Create(ref.entry"
    ),
    "a wallet that has moved": Bug(
        "creditbase.ledger.store:writes_for",
        "Update(ref.wallet, changes, version)",
        "Update(ref.wallet, changes, None)",
        f"{SECOND}[a charge's wallet]",
    ),
    "a day closed twice": _created(
        "ledger.store:writes_for", "a closed day", "Create(ref.day(day.date)"
    ),
    "a customer who has changed, for payments": _versioned(
        "payments.store:account_update", "a link", "unless_changed_since=account.version"
    ),
    "an open session over another": _created(
        "payments.store:writes_for_open_session", "an open session", "Create(_session"
    ),
    "a Stripe customer of somebody else": _created(
        "payments.store:writes_for_found_customer", "a found customer", "Create(f"
    ),
    "a session over another": _created(
        "payments.store:writes_for_session", "a session", "Create(_session"
    ),
    "a payment written down twice": _created(
        "payments.store:writes_for_mirror", "a paid session's payment", "Create(_payment"
    ),
    "an event stored twice": _created(
        "payments.inbox_store:writes_for_arrival", "an event's arrival", "Create(_event"
    ),
    "an event finished twice": _versioned(
        "payments.inbox_store:writes_for_end",
        "an event's end",
        "unless_changed_since=version",
    ),
    "an attempt counted twice": _versioned(
        "payments.inbox_store:writes_for_attempt",
        "an event's attempt",
        "unless_changed_since=waiting.version",
    ),
    "an event given up that was handled": _versioned(
        "payments.inbox_store:writes_for_death",
        "an event's death",
        "unless_changed_since=waiting.version",
    ),
    "a parcel over another": _created(
        "runtime.outbox:create_parcel", "a parcel", "Create(path"
    ),
    "a parcel carried by two": _versioned(
        "runtime.outbox:_update", "a parcel's lease", "unless_changed_since=parcel.version"
    ),
    "a voucher over another": _created(
        "admin.voucher_store:writes_for_voucher", "a voucher", "Create(_voucher"
    ),
    "a voucher disabled twice": _versioned(
        "admin.voucher_store:writes_to_disable",
        "a voucher's disabling",
        "unless_changed_since=kept.version",
    ),
    "a voucher used twice by one": _created(
        "admin.voucher_store:writes_for_use", "a voucher's redeemer", "Create(_redeemer"
    ),
    "a slot used by two": _created(
        "admin.voucher_store:writes_for_use", "a voucher's slot", "Create(_use"
    ),
    "a deed done twice": _created(
        "admin.audit_store:writes_for_audit", "a deed", "Create(_path"
    ),
    "a trial with somebody else's card": _created(
        "subscriptions.store:writes_for_claims", "a trial's claim", "Create(_claim"
    ),
    "a name of two customers": _created(
        "accounts.customer_store:writes_for_new_customer",
        "a customer's name",
        "Create(path, fields)",
    ),
    "a customer over another": _created(
        "accounts.customer_store:writes_for_new_customer",
        "a customer",
        "Create(\n            customer_path",
    ),
    "a customer changed by two": _versioned(
        "accounts.customer_store:writes_for_profile",
        "a customer's profile",
        "unless_changed_since=found.version",
    ),
    "a deletion of who has changed": _versioned(
        "accounts.customer_store:writes_to_delete",
        "a customer's deletion",
        "unless_changed_since=found.version",
    ),
    "a name freed twice": _versioned(
        "accounts.customer_store:writes_to_delete",
        "a deleted customer's name",
        "unless_changed_since=name.version",
    ),
    "an identity of two customers": _created(
        "accounts.customer_store:writes_to_link",
        "an identity",
        "Create(\n            identity_path",
    ),
    "a link of who has changed": _versioned(
        "accounts.customer_store:writes_to_link",
        "a link's customer",
        "unless_changed_since=found.version",
    ),
    "a user of two customers": _created(
        "accounts.store:writes_for_new_user", "a user", "Create(user_path"
    ),
}
