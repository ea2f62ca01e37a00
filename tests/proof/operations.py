"""Every operation that moves money or credentials, as the fault matrix sees it: staged, asked.

A row says which route, event or job it is, brings somebody to the point where it can be asked
for, and returns the request, which may be sent again and again: it always is the same one.
"""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

from creditbase.accounts.domain import CustomerRef
from creditbase.admin.domain.vouchers import VoucherTerms
from creditbase.admin.vouchers import create_voucher
from tests.proof.doors import CREDIT, Doors, Json, of
from tests.proof.relay_operations import RELAY
from tests.proof.staging import ENDED_BEFORE, METER, Operation, Staged, about

# ---- metering ------------------------------------------------------------------------------


def _metered(
    path: str, body: Json, *, is_held: bool = False, is_late: bool = False
) -> Callable[[Doors], Staged]:
    def stage(doors: Doors) -> Staged:
        ref = doors.ref_of(doors.arrive())
        key, where, sent = uuid4().hex, path, dict(body)
        if is_held:
            where = path.format(hold=doors.held(ref, 40, ttl_s=60))
        else:
            sent["customer_id"] = ref.customer_id
        if is_late:
            doors.clock.pass_on(seconds=120)
        if "expires_at" in sent:
            sent["expires_at"] = f"{doors.clock.pass_on(seconds=1):%Y-%m-%dT%H:%M:59Z}"
        return Staged(lambda: doors.meter(where, sent, key), about(ref))

    return stage


METERED = {"model": "gpt-5-mini", "usage": {"input_tokens": 9_000, "output_tokens": 900}}
METERING = [
    Operation(
        "charge", f"{METER}/charges", _metered("/charges", {"amount_nanos": 7}), keyed=True
    ),
    Operation("charge-metered", f"{METER}/charges", _metered("/charges", METERED), keyed=True),
    Operation(
        "hold", f"{METER}/holds", _metered("/holds", {"amount_nanos": 9 * CREDIT}), keyed=True
    ),
    *(
        Operation(
            name,
            f"{METER}/holds/{{hold_id}}/{how}",
            _metered(f"/holds/{{hold}}/{how}", body, is_held=True, is_late=name == "late"),
            keyed=how != "extend",
        )
        for name, how, body in (
            ("capture", "capture", {"amount_nanos": 3 * CREDIT}),
            ("capture-above", "capture", {"amount_nanos": 900 * CREDIT}),
            ("late", "capture", {"amount_nanos": 3 * CREDIT}),
            ("void", "void", {}),
            ("extend", "extend", {"expires_at": ""}),
        )
    ),
]

# ---- the hub's users -----------------------------------------------------------------------


def _first_touch(doors: Doors) -> Staged:
    uid = f"u{uuid4().hex}"
    return Staged(
        lambda: doors.browser(uid, "usage_me", "GET", "/usage/me"), (lambda: doors.ref_of(uid),)
    )


def _by_user(function: str, path: str, body: Json | None = None) -> Callable[[Doors], Staged]:
    def stage(doors: Doors) -> Staged:
        uid = doors.arrive()
        doors.charged(doors.ref_of(uid), 30)
        return Staged(
            lambda: doors.browser(uid, function, "POST", path, body), about(doors.ref_of(uid))
        )

    return stage


def _portal(doors: Doors) -> Staged:
    uid = doors.arrive()
    doors.subscribed(uid)
    return Staged(
        lambda: doors.browser(uid, "billing_portal", "POST", "/billing/portal", {}),
        about(doors.ref_of(uid)),
    )


def _redeem(doors: Doors) -> Staged:
    uid, code = doors.arrive(), f"GIFT-{uuid4().hex[:12].upper()}"
    create_voucher(code, VoucherTerms(credits=7), now=doors.clock.now())
    return Staged(
        lambda: doors.browser(uid, "billing_redeem", "POST", "/billing/redeem", {"code": code}),
        about(doors.ref_of(uid)),
    )


def _revoke_key(doors: Doors) -> Staged:
    uid = doors.arrive()
    made = of(doors.browser(uid, "api_keys", "POST", "/api-keys", {"name": "k"}))
    return Staged(
        lambda: doors.browser(uid, "api_keys", "DELETE", f"/api-keys/{made['id']}"),
        about(doors.ref_of(uid)),
    )


HUB = [
    Operation("first-touch", "GET /usage/me", _first_touch),
    Operation(
        "sync",
        "POST /billing/sync-balance",
        _by_user("billing_sync_balance", "/billing/sync-balance", {}),
    ),
    Operation("redeem", "POST /billing/redeem", _redeem, again=ENDED_BEFORE),
    Operation(
        "topup-page",
        "POST /billing/topup",
        _by_user("billing_topup", "/billing/topup", {"amount": "small"}),
    ),
    Operation(
        "checkout-page",
        "POST /billing/checkout",
        _by_user("billing_checkout", "/billing/checkout", {"plan": "guru"}),
    ),
    Operation("portal-page", "POST /billing/portal", _portal, once=True),
    Operation(
        "new-api-key",
        "POST /api-keys",
        _by_user("api_keys", "/api-keys", {"name": "k"}),
        once=True,
    ),
    Operation("revoke-api-key", "DELETE /api-keys/{key_id}", _revoke_key, again=ENDED_BEFORE),
]

# ---- operators -----------------------------------------------------------------------------


def _deed(action: str, body: Json) -> Callable[[Doors], Staged]:
    def stage(doors: Doors) -> Staged:
        uid, key = doors.arrive(), uuid4().hex
        ref, sent = doors.ref_of(uid), dict(body)
        if action == "refund":
            sent["payment"] = doors.bought(uid)
        if action == "plan":
            doors.subscribed(uid)
        if action == "thaw":
            doors.admin(f"/customers/{ref.customer_id}/freeze", {}, uuid4().hex)
        path = f"/customers/{ref.customer_id}/{action}"
        return Staged(lambda: doors.admin(path, sent, key), about(ref))

    return stage


def _make_voucher(doors: Doors) -> Staged:
    code, key = f"GIFT-{uuid4().hex[:12].upper()}", uuid4().hex
    return Staged(lambda: doors.admin("/vouchers", {"code": code, "credits": 5}, key))


def _shadow_default(doors: Doors) -> Staged:
    key = uuid4().hex
    return Staged(lambda: doors.admin("/customers/shadow", {"is_on": False}, key))


def _end_voucher(doors: Doors) -> Staged:
    code, key = f"GIFT-{uuid4().hex[:12].upper()}", uuid4().hex
    create_voucher(code, VoucherTerms(credits=7), now=doors.clock.now())
    return Staged(lambda: doors.admin("/vouchers/disable", {"code": code}, key))


OPERATORS = [
    *(
        Operation(
            name,
            f"POST /admin/customers/{{customer_id}}/{action}",
            _deed(action, body),
            keyed=True,
        )
        for name, action, body in (
            ("adjust", "adjust", {"amount_nanos": 11}),
            ("deduct", "adjust", {"amount_nanos": -700 * CREDIT, "owes_rest": True}),
            ("give", "grant", {"kind": "promo", "credits": 5}),
            ("freeze", "freeze", {}),
            ("thaw", "thaw", {}),
            ("shadow", "shadow", {"is_on": True}),
            ("refund-by-operator", "refund", {"amount_cents": 200}),
            ("plan-by-operator", "plan", {"plan": "pro", "when": "now"}),
        )
    ),
    Operation("shadow-default", "POST /admin/customers/shadow", _shadow_default, keyed=True),
    Operation("make-voucher", "POST /admin/vouchers", _make_voucher, keyed=True),
    Operation("end-voucher", "POST /admin/vouchers/disable", _end_voucher, keyed=True),
]

# ---- what Stripe tells ---------------------------------------------------------------------


def _told(kind: str, happens: Callable[[Doors, str, CustomerRef], Any]) -> Operation:
    """Return the row of an event: the newest one of its type after something happened."""

    def stage(doors: Doors) -> Staged:
        uid = doors.arrive()
        ref = doors.ref_of(uid)
        happens(doors, uid, ref)
        found = [event for event in doors.news() if event["type"] == kind]
        assert found, kind
        return Staged(lambda: doors.webhook(found[-1]), about(ref))

    return Operation(kind.replace(".", "-"), f"event {kind}", stage, is_for_machines=True)


def _renew(doors: Doors, uid: str, ref: CustomerRef) -> None:
    doors.subscribed(uid)
    doors.charged(ref, 100)
    doors.clock.pass_on(days=31, hours=2)


def _end(doors: Doors, uid: str, ref: CustomerRef) -> None:
    doors.subscribed(uid)
    doors.end_subscription(ref)


def _refund(doors: Doors, uid: str, ref: CustomerRef) -> None:
    payment = doors.bought(uid)
    doors.charged(ref, 5_400)
    doors.refund(payment, 200)


def _refund_fails(doors: Doors, uid: str, ref: CustomerRef) -> None:
    payment = doors.bought(uid)
    doors.charged(ref, 5_400)
    refund = doors.refund(payment, 200)
    doors.tell()
    doors.fail_refund(refund["id"])


def _dispute(doors: Doors, uid: str, ref: CustomerRef) -> None:
    payment = doors.bought(uid)
    doors.charged(ref, 5_400)
    doors.dispute(payment)


def _dispute_won(doors: Doors, uid: str, ref: CustomerRef) -> None:
    payment = doors.bought(uid)
    doors.charged(ref, 5_400)
    dispute = doors.dispute(payment)
    doors.tell()
    doors.decide(dispute, is_won=True)


EVENTS = [
    _told("checkout.session.completed", lambda doors, uid, _: doors.bought(uid, is_told=False)),
    _told("invoice.paid", lambda doors, uid, _: doors.subscribed(uid, is_told=False)),
    _told("invoice.created", _renew),
    _told("customer.subscription.updated", _renew),
    _told("customer.subscription.deleted", _end),
    _told("charge.refunded", _refund),
    _told("refund.failed", _refund_fails),
    _told("charge.dispute.created", _dispute),
    _told("charge.dispute.funds_reinstated", _dispute_won),
]


# ---- jobs ----------------------------------------------------------------------------------


def _job(name: str, happens: Callable[[Doors, str, CustomerRef], Any]) -> Operation:
    def stage(doors: Doors) -> Staged:
        # Whatever others have left is done before, so that the run is about one wallet.
        doors.clock.pass_on(days=31)
        assert doors.job(name).status_code == 200
        uid = doors.arrive()
        ref = doors.ref_of(uid)
        happens(doors, uid, ref)
        return Staged(lambda: doors.job(name), about(ref))

    return Operation(name.replace("_", "-"), f"job {name}", stage, is_for_machines=True)


def _hold_times_out(doors: Doors, _uid: str, ref: CustomerRef) -> None:
    doors.held(ref, 40, ttl_s=60)
    doors.clock.pass_on(seconds=90)


def _window_ends(doors: Doors, _uid: str, ref: CustomerRef) -> None:
    doors.charged(ref, 40)
    doors.clock.pass_on(days=31)


def _balance_ages(doors: Doors, _uid: str, ref: CustomerRef) -> None:
    doors.charged(ref, 40)
    doors.charged(ref, 40)
    doors.clock.pass_on(seconds=61)


JOBS = [
    _job("expire_holds", _hold_times_out),
    _job("reset_cycles", _window_ends),
    _job("sync_balances", _balance_ages),
]


OPERATIONS = [*METERING, *HUB, *OPERATORS, *EVENTS, *JOBS, *RELAY]
