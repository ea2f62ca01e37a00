"""`/admin/customers/shadow`: what shadow mode found out, and how new customers begin."""

from creditbase.admin.domain.audit import Action
from creditbase.admin.domain.shadow import DAYS, DAYS_MAX
from creditbase.admin.shadowing import load_shadow, load_shadows, set_default, shown
from creditbase.hub.admin_records import audit_answer, deed_of
from creditbase.hub.admin_requests import ShadowRequest
from creditbase.hub.queries import asked_number, asked_project_id, asked_text
from creditbase.ledger.paths import WalletRef
from creditbase.metering.models import parse
from creditbase.runtime.http import Call, Reply

Json = dict[str, object]


def show_shadow(call: Call, ref: WalletRef) -> Reply:
    """Show what was compared of a customer in the newest days, by day and model."""
    report = load_shadow(ref, days=_days(call), now=call.now)
    return Reply(body={"shadow": shown(report)})


def list_shadows(call: Call) -> Reply:
    """Show the customers of a project that are in shadow mode, a page of them."""
    project_id, cursor = asked_project_id(call), asked_text(call, "cursor")
    page = load_shadows(project_id, days=_days(call), cursor=cursor, now=call.now)
    body: Json = {"customers": [shown(report) for report in page.reports]}
    return Reply(body={**body, "next_cursor": page.next_cursor} if page.next_cursor else body)


def change_default(call: Call) -> Reply:
    """Let customers who are new begin in shadow mode, or no more."""
    asked = parse(ShadowRequest, call.body)
    action: Action = "shadow_on" if asked.is_on else "shadow_off"
    ref = WalletRef(asked_project_id(call), "")
    deed = deed_of(call, action, asked.reason, ref, {"of": "new customers"})
    return Reply(body=audit_answer(set_default(deed, is_on=asked.is_on, now=call.now)))


def _days(call: Call) -> int:
    return asked_number(asked_text(call, "days") or str(DAYS), "days", most=DAYS_MAX)
