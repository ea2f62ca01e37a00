"""What an operator does about a customer: adjust, grant, freeze, thaw, shadow, refund, erase.

Each needs an `Idempotency-Key` and a reason, and answers with its record: a repeat is answered
with the same one.
"""

from collections.abc import Callable

from creditbase.admin import acting, erasing, planning, refunding
from creditbase.admin.domain.audit import Action
from creditbase.admin.erasing import Consent
from creditbase.hub.admin_records import audit_answer, deed_of
from creditbase.hub.admin_requests import (
    AdjustRequest,
    DeedRequest,
    EraseRequest,
    GrantRequest,
    PlanRequest,
    RefundRequest,
    ShadowRequest,
)
from creditbase.kernel.instants import write_exact
from creditbase.kernel.money import nanos_from_credits
from creditbase.ledger.paths import WalletRef
from creditbase.metering.models import parse
from creditbase.runtime.http import Call, Reply


def adjust(call: Call, ref: WalletRef) -> Reply:
    """Give or take credits to put something right."""
    asked = parse(AdjustRequest, call.body)
    named = {
        "amount_nanos": asked.amount_nanos,
        "owes_rest": asked.owes_rest,
        "corrects": asked.corrects,
    }
    audit = acting.adjust(
        deed_of(call, "adjust", asked.reason, ref, named),
        amount_nanos=asked.amount_nanos,
        owes_rest=asked.owes_rest,
        corrects=asked.corrects,
        now=call.now,
    )
    return Reply(body=audit_answer(audit))


def grant(call: Call, ref: WalletRef) -> Reply:
    """Give credits as a parcel of their own."""
    asked = parse(GrantRequest, call.body)
    named: dict[str, object] = {"kind": asked.kind, "credits": asked.credits}
    if asked.expires_at is not None:
        named["expires_at"] = write_exact(asked.expires_at)
    audit = acting.give(
        deed_of(call, "grant", asked.reason, ref, named),
        kind=asked.kind,
        amount_nanos=nanos_from_credits(asked.credits),
        expires_at=asked.expires_at,
        now=call.now,
    )
    return Reply(body=audit_answer(audit))


def freeze(call: Call, ref: WalletRef) -> Reply:
    """Stop a customer from spending."""
    asked = parse(DeedRequest, call.body)
    deed = deed_of(call, "freeze", asked.reason, ref, {})
    return Reply(body=audit_answer(acting.freeze(deed, now=call.now)))


def thaw(call: Call, ref: WalletRef) -> Reply:
    """Let a customer spend again."""
    asked = parse(DeedRequest, call.body)
    deed = deed_of(call, "thaw", asked.reason, ref, {})
    return Reply(body=audit_answer(acting.thaw(deed, now=call.now)))


def shadow(call: Call, ref: WalletRef) -> Reply:
    """Put a customer beside another counter, or let its wallet decide for itself."""
    asked = parse(ShadowRequest, call.body)
    action: Action = "shadow_on" if asked.is_on else "shadow_off"
    deed = deed_of(call, action, asked.reason, ref, {})
    return Reply(body=audit_answer(acting.shadow(deed, is_on=asked.is_on, now=call.now)))


def refund(call: Call, ref: WalletRef) -> Reply:
    """Give back a payment through Stripe, or a part of it."""
    asked = parse(RefundRequest, call.body)
    named: dict[str, object] = {"payment": asked.payment}
    if asked.amount_cents is not None:
        named["amount_cents"] = asked.amount_cents
    audit = refunding.refund(
        deed_of(call, "refund", asked.reason, ref, named),
        payment=asked.payment,
        amount_cents=asked.amount_cents,
        now=call.now,
    )
    return Reply(body=audit_answer(audit))


def plan(call: Call, ref: WalletRef) -> Reply:
    """Bring a customer to another plan through Stripe."""
    asked = parse(PlanRequest, call.body)
    named: dict[str, object] = {"plan": asked.plan}
    if asked.when:
        named["when"] = asked.when
    audit = planning.change_plan(
        deed_of(call, "plan", asked.reason, ref, named),
        plan=asked.plan,
        when=asked.when or "",
        now=call.now,
    )
    return Reply(body=audit_answer(audit))


def erase(call: Call, ref: WalletRef) -> Reply:
    """Erase a customer: everything that names it, here and at Stripe."""
    asked = parse(EraseRequest, call.body)
    deed = deed_of(call, "erase", asked.reason, ref, {"force": asked.force})
    done = erasing.erase(deed, Consent(is_forced=asked.force), now=call.now)
    return Reply(body=audit_answer(erasing.record_of_erasure(done)))


ACTIONS: dict[str, Callable[[Call, WalletRef], Reply]] = {
    "POST /admin/customers/{customer_id}/adjust": adjust,
    "POST /admin/customers/{customer_id}/grant": grant,
    "POST /admin/customers/{customer_id}/freeze": freeze,
    "POST /admin/customers/{customer_id}/thaw": thaw,
    "POST /admin/customers/{customer_id}/shadow": shadow,
    "POST /admin/customers/{customer_id}/refund": refund,
    "POST /admin/customers/{customer_id}/plan": plan,
    "POST /admin/customers/{customer_id}/erase": erase,
}
