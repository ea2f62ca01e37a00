"""The shapes that operators read: customers, their ledgers with cost and margin, explanations.

Amounts are exact: nanos as integers. Unlike what a customer reads, these say what calls cost.
"""

from creditbase.accounts.domain import Customer
from creditbase.admin.customers import CustomerPage, Shown
from creditbase.hub.receipts import receipt_of, row_of
from creditbase.kernel.instants import write_exact, write_seconds
from creditbase.ledger.domain.balance import Balance
from creditbase.ledger.domain.entries import Entry
from creditbase.ledger.domain.grants import Grant
from creditbase.ledger.pages import Page
from creditbase.metering.receipts import TAKES, Difference, Explanation

Json = dict[str, object]


def customer_row(customer: Customer) -> Json:
    """Return who a customer is."""
    return {
        "id": customer.customer_id,
        "project_id": customer.project_id,
        "external_id": customer.external_id,
        "uid": customer.uid,
        "email": customer.email,
        "stripe_customer_id": customer.stripe_customer_id,
        "created_at": write_seconds(customer.created_at),
    }


def customer_page(page: CustomerPage) -> Json:
    """Return a page of customers."""
    body: Json = {"customers": [customer_row(customer) for customer in page.customers]}
    return {**body, "next_cursor": page.next_cursor} if page.next_cursor else body


def shown_customer(shown: Shown) -> Json:
    """Return a customer with what is in its wallet."""
    body = customer_row(shown.customer)
    held = shown.customer.subscription
    if held is not None:
        body["tier"] = {"tier_id": held.tier_id, "status": held.status}
    if shown.wallet is None or shown.balance is None:
        return {"customer": body}
    wallet = shown.wallet
    body["wallet"] = {
        **_figures(shown.balance),
        "frozen": wallet.frozen,
        "parked": wallet.parked,
        "entries": wallet.seq,
        "open_holds": len(wallet.holds),
        "grants": [
            _grant(grant) for grant in sorted(wallet.grants.values(), key=Grant.burn_order)
        ],
    }
    return {"customer": body}


def _figures(balance: Balance) -> Json:
    terms = balance.terms
    return {
        "plan": terms.plan_code,
        "subscription_status": terms.subscription_status,
        "payment_issue": terms.payment_issue,
        "window_start_at": write_exact(balance.window.start_at),
        "window_end_at": write_exact(balance.window.end_at),
        "available_nanos": balance.available_nanos,
        "held_nanos": balance.held_nanos,
        "receivable_nanos": balance.receivable_nanos,
        "balance_nanos": balance.balance_nanos,
        "used_nanos": balance.used_nanos,
    }


def _grant(grant: Grant) -> Json:
    shown: Json = {
        "id": grant.grant_id,
        "kind": grant.kind,
        "priority": grant.priority,
        "granted_nanos": grant.granted_nanos,
        "remaining_nanos": grant.remaining_nanos,
        "held_nanos": grant.held_nanos,
        "created_at": write_exact(grant.created_at),
    }
    if grant.expires_at is not None:
        shown["expires_at"] = write_exact(grant.expires_at)
    return shown


def ledger_page(page: Page) -> Json:
    """Return a page of entries, each with what it cost us and what it leaves."""
    body: Json = {"entries": [{**row_of(it), **_economics(it)} for it in page.entries]}
    return body if page.next_below is None else {**body, "next_cursor": str(page.next_below)}


def _economics(entry: Entry) -> Json:
    """Return cost and margin of an entry that took what work had used."""
    if entry.kind not in TAKES:
        return {}
    cost_nanos = entry.metered.cost_nanos
    return {
        "provider": entry.metered.provider,
        "cost_nanos": cost_nanos,
        "margin_nanos": entry.captured_nanos - cost_nanos,
    }


def explained(found: Explanation) -> Json:
    """Return an entry computed again, and in what it differs if it does."""
    body: Json = {
        "entry": receipt_of(found.entry),
        "prev": found.entry.prev,
        "hash": found.entry.hash,
        "agrees": found.agrees,
        "is_book_checked": found.is_book_checked,
        "differences": [_difference(each) for each in found.differences],
        "lines": [
            {
                "unit": line.unit,
                "quantity": line.quantity,
                "nanos_per_million": line.nanos_per_million,
            }
            for line in found.lines
        ],
    }
    if found.margin is not None:
        body["margin"] = {
            "rule": found.margin.rule,
            "bps": found.margin.bps,
            "fee_nanos": found.margin.fee_nanos,
            "minimum_nanos": found.margin.minimum_nanos,
        }
        body["cost_nanos"] = found.cost_nanos
        body["price_nanos"] = found.price_nanos
    return body


def _difference(found: Difference) -> Json:
    return {"what": found.what, "said": str(found.said), "computed": str(found.computed)}
