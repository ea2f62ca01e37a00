"""What Stripe is asked about subscriptions, invoices and money that goes back.

Beside `stripe_gateway`, whose client and rules it shares: plain typed values go in and out, and
every POST has an idempotency key made of the business action.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache, partial
from operator import itemgetter
from typing import Any, NamedTuple

from creditbase.kernel.errors import Conflict, NotFound
from creditbase.kernel.records import dataclass
from creditbase.kernel.windows import Window
from creditbase.payments.domain import Returned
from creditbase.payments.stripe_gateway import ask, client, id_of
from creditbase.payments.stripe_lists import whole_list
from creditbase.subscriptions.domain.mirror import Invoice, InvoiceLine, Subscription

LIST_MAX = 100
"""Newest first, a page at a time."""
NOT_WITHDRAWN = ("won", "warning_", "prevented")
"""How the statuses of disputes begin that have taken no money, or have given it back."""


# ---- the customer's picture ------------------------------------------------------------------


def list_subscriptions(project_id: str, stripe_customer_id: str) -> list[Subscription]:
    """Return all of a customer's subscriptions as Stripe has them now, ended ones too."""
    params: Any = {
        "customer": stripe_customer_id,
        "status": "all",
        "limit": LIST_MAX,
        "expand": ["data.customer", "data.default_payment_method", "data.schedule"],
    }
    found = whole_list(client().v1.subscriptions.list, params)
    return [read_subscription(project_id, one) for one in found]


def list_invoices(
    project_id: str, stripe_customer_id: str, *, back_to: datetime | None
) -> list[Invoice]:
    """Return the newest invoices of a customer, and all that were made since an instant.

    A period's grants are worked out of all its invoices: left out, one would be forgotten,
    and what it paid for would be given once more.
    """
    params: dict[str, Any] = {"customer": stripe_customer_id, "limit": LIST_MAX}
    answered = _invoice_page(params)
    found = [_invoice(project_id, one) for one in answered["data"]]
    while back_to is not None and answered["has_more"] and found[-1].created_at >= back_to:
        answered = _invoice_page({**params, "starting_after": found[-1].invoice_id})
        found += [_invoice(project_id, one) for one in answered["data"]]
    return found


def _invoice_page(params: Any) -> dict[str, Any]:
    return ask(lambda: client().v1.invoices.list(params=params))


class KnownPrice(NamedTuple):
    """What never changes about a price: whose it is, for which plan, and how much."""

    project_id: str = ""
    plan_code: str = ""
    amount_cents: int = 0


class _Unmarked(Exception):
    """A price is for no plan of ours, yet: it is not remembered, for it may be marked."""

    def __init__(self, price: KnownPrice) -> None:
        super().__init__()
        self.price = price


def load_price(price_id: str) -> KnownPrice:
    """Return a price, asked for once if it is for a plan of ours."""
    try:
        return load_marked_price(price_id)
    except _Unmarked as found:
        return found.price


@lru_cache(maxsize=1_000)
def load_marked_price(price_id: str) -> KnownPrice:
    """Return a price of a plan of ours: what a process has to ask for once."""
    answered = ask(lambda: client().v1.prices.retrieve(price_id))
    price = KnownPrice(*made_for(answered), answered["unit_amount"] or 0)
    if not price.plan_code:
        raise _Unmarked(price)
    return price


def read_subscription(project_id: str, answered: Mapping[str, Any]) -> Subscription:
    """Return the subscription of Stripe's answer, with its plan in a project."""
    item = answered["items"]["data"][0]
    payer, method = _shown(answered["customer"]), _shown(answered["default_payment_method"])
    by_default = (payer.get("invoice_settings") or {}).get("default_payment_method")
    plan_code = _plan_code(project_id, made_for(item["price"]))
    next_plan_code, next_plan_at = _next_plan(project_id, answered["schedule"], plan_code)
    return Subscription(
        subscription_id=answered["id"],
        status=answered["status"],
        plan_code=plan_code,
        price_id=item["price"]["id"],
        price_cents=item["price"]["unit_amount"] or 0,
        currency=item["price"]["currency"],
        is_yearly=(item["price"]["recurring"] or {}).get("interval") == "year",
        period=Window(_at(item["current_period_start"]), _at(item["current_period_end"])),
        created_at=_at(answered["created"]),
        cancel_at_period_end=_ends_with_period(answered),
        next_plan_code=next_plan_code,
        next_plan_at=next_plan_at,
        schedule_id=_managed_by(answered["schedule"]),
        trial_end_at=_at(answered["trial_end"]) if answered["trial_end"] else None,
        item_id=item["id"],
        ended_at=_at(answered["ended_at"]) if answered["ended_at"] else None,
        ends_at=_at(answered["cancel_at"]) if answered["cancel_at"] else None,
        next_tier_id=(answered["metadata"] or {}).get("next_tier", ""),
        card_fingerprint=(method.get("card") or {}).get("fingerprint") or "",
        payer_email=payer.get("email") or "",
        # One that was taken away since belongs to nobody.
        has_method=bool(method.get("customer") or by_default),
    )


def _ends_with_period(answered: Mapping[str, Any]) -> bool:
    """Return whether no period follows; the end may be set to a day long after this one."""
    ends_s = answered["cancel_at"]
    is_last = ends_s and ends_s <= answered["items"]["data"][0]["current_period_end"]
    return bool(answered["cancel_at_period_end"] or is_last)


def _shown(reference: object) -> Mapping[str, Any]:
    """Return what is known of an object: nothing where only its id was asked for."""
    return reference if isinstance(reference, Mapping) else {}


def _next_plan(
    project_id: str, schedule: Mapping[str, Any] | None, plan_code: str
) -> tuple[str, datetime | None]:
    """Return the plan that a schedule turns to next, and when; none where it goes on as it is.

    The portal makes such a schedule of a downgrade. Its last phase is over when it lets go, so
    one that is in its last phase has nothing more to say.
    """
    if schedule is None or schedule["status"] != "active" or not schedule["current_phase"]:
        return "", None
    now_until_s = schedule["current_phase"]["end_date"]
    later = [phase for phase in schedule["phases"] if phase["start_date"] >= now_until_s]
    for phase in sorted(later, key=itemgetter("start_date")):
        price_id = id_of(phase["items"][0]["price"])
        code = _plan_code(project_id, load_price(price_id)[:2])
        if code != plan_code:
            return code, _at(phase["start_date"]) if code else None
    return "", None


def _managed_by(schedule: Mapping[str, Any] | None) -> str:
    is_active = schedule is not None and schedule["status"] == "active"
    return id_of(schedule) if is_active else ""


def _invoice(project_id: str, answered: Mapping[str, Any]) -> Invoice:
    next_attempt = answered["next_payment_attempt"]
    return Invoice(
        invoice_id=answered["id"],
        subscription_id=subscription_of(answered),
        status=answered["status"] or "",
        created_at=_at(answered["created"]),
        number=answered["number"] or "",
        attempts=answered["attempt_count"],
        next_attempt_at=_at(next_attempt) if next_attempt else None,
        due_cents=answered["amount_due"],
        currency=answered["currency"],
        lines=tuple(_line(project_id, line) for line in _all_lines(answered)),
    )


def _all_lines(invoice: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Return every line of an invoice: it shows only its first ten by itself."""
    shown: Mapping[str, Any] = invoice["lines"]
    if not shown["has_more"]:
        lines: Sequence[Mapping[str, Any]] = shown["data"]
        return lines
    list_lines = client().v1.invoices.line_items.list
    return whole_list(partial(list_lines, invoice["id"]), {"limit": LIST_MAX})


def _line(project_id: str, answered: Mapping[str, Any]) -> InvoiceLine:
    parent = answered["parent"] or {}
    details = (
        parent.get("subscription_item_details") or parent.get("invoice_item_details") or {}
    )
    price_id = id_of(((answered["pricing"] or {}).get("price_details") or {}).get("price"))
    price = load_price(price_id) if price_id else KnownPrice()
    return InvoiceLine(
        plan_code=_plan_code(project_id, price[:2]),
        price_cents=price.amount_cents,
        amount_cents=answered["amount"],
        is_proration=bool(details.get("proration")),
        start_at=_at(answered["period"]["start"]),
        end_at=_at(answered["period"]["end"]),
        price_id=price_id,
    )


def subscription_of(invoice: Mapping[str, Any]) -> str:
    """Return the subscription that an invoice is for; empty where there is none."""
    parent = invoice["parent"] or {}
    return id_of((parent.get("subscription_details") or {}).get("subscription"))


def made_for(price: Mapping[str, Any]) -> tuple[str, str]:
    """Return whose a price of Stripe's is, and for which plan; empty where it is unmarked."""
    metadata = price.get("metadata") or {}
    return metadata.get("project", ""), metadata.get("plan") or metadata.get("tier", "")


def _plan_code(project_id: str, made_for: tuple[str, str]) -> str:
    project, plan = made_for
    return plan if project == project_id else ""


def _at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


# ---- whose is it -----------------------------------------------------------------------------


def customer_of_subscription(subscription_id: str) -> str:
    """Return the Stripe customer of a subscription.

    Raises:
        NotFound: Stripe has no such subscription.
    """
    return id_of(ask(lambda: client().v1.subscriptions.retrieve(subscription_id))["customer"])


@dataclass(frozen=True, slots=True)
class Draft:
    """Of an invoice, what tells whether it is a renewal that waits for its hour."""

    stripe_customer_id: str
    subscription_id: str
    status: str
    reason: str
    attempts: int
    is_collected: bool
    """Whether Stripe will charge it by itself: not so for bills that are sent, or paused."""

    @property
    def is_waiting_renewal(self) -> bool:
        """Return whether it is a draft that Stripe would leave alone for an hour.

        Or was one, and somebody finalised it and was lost before its payment.
        """
        is_due = self.status == "draft" or (self.status == "open" and not self.attempts)
        return is_due and self.is_collected and self.reason == "subscription_cycle"


def load_draft(invoice_id: str) -> Draft:
    """Return an invoice, no more of it than is needed to settle it at once.

    Raises:
        NotFound: Stripe has no such invoice.
    """
    answered = _retrieve_invoice(invoice_id)
    return Draft(
        stripe_customer_id=id_of(answered["customer"]),
        subscription_id=subscription_of(answered),
        status=answered["status"] or "",
        reason=answered["billing_reason"] or "",
        attempts=answered["attempt_count"],
        is_collected=bool(answered["auto_advance"])
        and answered["collection_method"] == "charge_automatically",
    )


def _retrieve_invoice(invoice_id: str) -> dict[str, Any]:
    return ask(lambda: client().v1.invoices.retrieve(invoice_id))


def customer_of_schedule(schedule_id: str) -> str:
    """Return the Stripe customer whose subscription a schedule is for.

    Raises:
        NotFound: Stripe has no such schedule.
    """
    schedules = client().v1.subscription_schedules
    return id_of(ask(lambda: schedules.retrieve(schedule_id))["customer"])


# ---- settling --------------------------------------------------------------------------------


def settle_renewal(invoice_id: str, *, is_draft: bool) -> None:
    """Finalise and pay a renewal's draft now, once each: an hour becomes seconds.

    A card that declines is no error of ours: the invoice says so, and its event comes.
    """
    try:
        if is_draft:
            ask(
                lambda: client().v1.invoices.finalize_invoice(
                    invoice_id, options={"idempotency_key": f"finalize:{invoice_id}"}
                )
            )
        ask(
            lambda: client().v1.invoices.pay(
                invoice_id, options={"idempotency_key": f"pay:{invoice_id}"}
            ),
            declines=True,
        )
    except (Conflict, NotFound):
        return  # somebody settles it in another way; what became of it is looked at next


def cancel_subscription(subscription_id: str) -> None:
    """End a subscription now."""
    try:
        ask(
            lambda: client().v1.subscriptions.cancel(
                subscription_id, options={"idempotency_key": f"cancel:{subscription_id}"}
            )
        )
    except (Conflict, NotFound):
        return


# ---- money that goes back --------------------------------------------------------------------


def payment_of(kind: str, object_id: str) -> str:
    """Return the payment intent of a charge, refund or dispute; empty where it has none.

    Raises:
        NotFound: Stripe has no such object.
    """
    v1 = client().v1
    service: Any = {"charge": v1.charges, "refund": v1.refunds, "dispute": v1.disputes}[kind]
    return id_of(ask(lambda: service.retrieve(object_id)).get("payment_intent"))


def metadata_of_payment(payment_id: str) -> dict[str, str]:
    """Return what a payment intent carries of its buyer, if it is one of ours."""
    answered = ask(lambda: client().v1.payment_intents.retrieve(payment_id))
    return answered.get("metadata") or {}


@dataclass(frozen=True, slots=True)
class PaidInvoice:
    """The invoice that a payment paid, and how much of it."""

    stripe_customer_id: str
    invoice: Invoice
    paid_cents: int
    currency: str


def find_paid_invoice(payment_id: str) -> PaidInvoice | None:
    """Return the subscription's invoice that a payment intent paid, if it did pay one."""
    params: Any = {"payment": {"type": "payment_intent", "payment_intent": payment_id}}
    answered = ask(lambda: client().v1.invoice_payments.list(params=params))
    for one in answered["data"]:
        invoice = _retrieve_invoice(id_of(one["invoice"]))
        if subscription_of(invoice):
            return PaidInvoice(
                id_of(invoice["customer"]),
                _invoice("", invoice),
                one["amount_paid"] or 0,
                invoice["currency"],
            )
    return None


def load_returned(payment_id: str) -> Returned:
    """Return how much of a payment has gone back, in sums that may also fall.

    Failed and cancelled refunds do not count; nor disputes that were won, or took nothing.
    """
    params: Any = {"payment_intent": payment_id, "limit": LIST_MAX}
    refunds = whole_list(client().v1.refunds.list, params)
    disputes = whole_list(client().v1.disputes.list, params)
    return Returned(
        refunded_cents=sum(
            one["amount"] for one in refunds if one["status"] not in {"failed", "canceled"}
        ),
        disputed_cents=sum(
            one["amount"] for one in disputes if not one["status"].startswith(NOT_WITHDRAWN)
        ),
    )
