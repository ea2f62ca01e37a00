"""`/admin/vouchers`: codes for credits are made, and taken out of use."""

from creditbase.accounts.use_cases import HUB_PROJECT_ID
from creditbase.admin.acting import done_before
from creditbase.admin.domain.audit import Action, Deed
from creditbase.admin.domain.vouchers import VoucherTerms
from creditbase.admin.vouchers import asked_of, create_voucher, disable_voucher
from creditbase.hub.admin_door import admin_of, key_of
from creditbase.hub.admin_records import audit_answer
from creditbase.hub.admin_requests import DisableRequest, VoucherRequest
from creditbase.hub.door import HUB
from creditbase.metering.models import parse
from creditbase.runtime.http import Call, Reply, endpoint


@endpoint("admin_vouchers", door=HUB)
def admin_vouchers(call: Call) -> Reply:
    """Make a voucher, or disable one; the code itself is kept nowhere, also not in the record.

    Answers 409 `CONFLICT` where the code belongs to a voucher with other terms.
    """
    admin_of(call)
    if call.route.path.endswith("/disable"):
        return _disable(call)
    return _create(call)


def _create(call: Call) -> Reply:
    asked = parse(VoucherRequest, call.body)
    terms = VoucherTerms(
        credits=asked.credits,
        max_uses=asked.max_uses,
        starts_at=asked.starts_at,
        expires_at=asked.expires_at,
        plans=tuple(sorted(set(asked.plans))),
        credits_expire_days=asked.credits_expire_days,
    )
    deed = _deed(call, "voucher_create", asked.reason, asked_of(asked.code, terms))
    create_voucher(asked.code, terms, now=call.now, deed=deed)
    return _recorded(deed)


def _disable(call: Call) -> Reply:
    asked = parse(DisableRequest, call.body)
    deed = _deed(call, "voucher_disable", asked.reason, asked_of(asked.code))
    disable_voucher(asked.code, now=call.now, deed=deed)
    return _recorded(deed)


def _deed(call: Call, action: Action, reason: str, asked: dict[str, object]) -> Deed:
    return Deed(
        action=action,
        actor=admin_of(call),
        key=key_of(call),
        reason=reason,
        project_id=HUB_PROJECT_ID,
        asked=asked,
    )


def _recorded(deed: Deed) -> Reply:
    audit = done_before(deed)
    assert audit is not None
    return Reply(body=audit_answer(audit))
