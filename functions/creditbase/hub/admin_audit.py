"""`/admin/audit`: who did what, when and why, newest first."""

import re

from creditbase.admin.audit_store import load_audit_page
from creditbase.hub.admin_door import admin_of
from creditbase.hub.admin_records import audit_row
from creditbase.hub.door import HUB
from creditbase.hub.queries import asked_text
from creditbase.kernel.errors import InvalidRequest
from creditbase.runtime.http import Call, Reply, endpoint

PLACE = re.compile(r"[0-9]{20}:[0-9a-f-]{36}")
CUSTOMER_ID_CHARACTERS_MAX = 36


@endpoint("admin_audit", door=HUB)
def admin_audit(call: Call) -> Reply:
    """Show a page of the records, of one customer or of all."""
    admin_of(call)
    cursor, customer_id = asked_text(call, "cursor"), asked_text(call, "customer_id")
    if cursor and PLACE.fullmatch(cursor) is None:
        raise InvalidRequest("This is no cursor", field="cursor")
    if len(customer_id) > CUSTOMER_ID_CHARACTERS_MAX:
        raise InvalidRequest("No customer has such an id", field="customer_id")
    page = load_audit_page(customer_id=customer_id, cursor=cursor)
    body: dict[str, object] = {"records": [audit_row(audit) for audit in page.records]}
    return Reply(body={**body, "next_cursor": page.next_cursor} if page.next_cursor else body)
