"""`/anchors`: the roots over all ledgers, for everybody to note down. ADR 0034.

Nothing in them is anybody's: no credential is asked for, and whoever passes an answer on may
keep it. What was published of a day never changes.
"""

from datetime import date

from creditbase.hub.door import HUB
from creditbase.hub.queries import asked_number, asked_text
from creditbase.kernel.errors import InvalidRequest, NotFound
from creditbase.ledger.anchor_store import find_anchor, load_anchors
from creditbase.ledger.exporting import FOREVER
from creditbase.runtime.http import Call, Reply, endpoint

LIMIT = 100
LIMIT_MAX = 400
KEPT_FOR_NOW = "public, max-age=300"
KEPT_FOR_GOOD = "public, max-age=86400, immutable"


@endpoint("anchors", door=HUB)
def anchors(call: Call) -> Reply:
    """Show the newest anchors, or that of a day.

    Answers 400 `INVALID_REQUEST` to what is no date, 404 `NOT_FOUND` for a day without one.
    """
    named = call.path.get("date")
    if named is not None:
        found = find_anchor(asked_date(named, "date"))
        if found is None:
            raise NotFound("That day was not anchored")
        return Reply(body=found.shown(), headers={"Cache-Control": KEPT_FOR_GOOD})
    before = asked_text(call, "before")
    limit = asked_number(asked_text(call, "limit") or str(LIMIT), "limit", most=LIMIT_MAX)
    page = load_anchors(
        before=asked_date(before, "before") if before else FOREVER, limit=limit + 1
    )
    body: dict[str, object] = {"anchors": [anchor.shown() for anchor in page[:limit]]}
    if len(page) > limit:
        body["next_before"] = page[limit - 1].date
    return Reply(body=body, headers={"Cache-Control": KEPT_FOR_NOW})


def asked_date(given: str, field: str) -> str:
    """Return a day, as 2026-01-31.

    Raises:
        InvalidRequest: it is none.
    """
    try:
        is_day = date.fromisoformat(given).isoformat() == given
    except ValueError:
        is_day = False
    if not is_day:
        raise InvalidRequest(f"{field} is a day, like 2026-01-31", field=field)
    return given
