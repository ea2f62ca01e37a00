"""`/ledger`: every movement of a user's credits, and the receipt of each.

Newest first, page by page; or all of a span as a table (`format=csv`) or JSON Lines
(`format=jsonl`), written while they are read, so that no export is held in memory. An export
that is too long for one answer says at its end, and in its head, where the next one begins.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import chain
from typing import get_args

from creditbase.hub.door import HUB
from creditbase.hub.payer import payer_of
from creditbase.hub.queries import asked_entry_id, asked_number, asked_text
from creditbase.hub.receipts import COLUMNS, cells_of, receipt_of, row_of
from creditbase.kernel import instants
from creditbase.kernel.errors import InvalidRequest
from creditbase.ledger.domain.entries import Entry, EntryKind
from creditbase.ledger.export_reply import export_reply
from creditbase.ledger.pages import Span, find_span, load_entry, load_page
from creditbase.ledger.paths import WalletRef
from creditbase.runtime.http import Call, Reply, endpoint
from creditbase.runtime.lines import Lines
from creditbase.runtime.tables import csv_line, json_line

LIMIT = 50
LIMIT_MAX = 200
EXPORT_PAGE = 200
EXPORT_ENTRIES_MAX = 50_000
"""How many entries one export looks through; it says where the next one begins."""
NEXT_CURSOR = "X-Next-Cursor"
EXPORT = "GET /ledger/export"
"""All that computes a ledger again, with proofs; what it asks is its own."""
KINDS: tuple[EntryKind, ...] = get_args(EntryKind)


@endpoint("ledger", door=HUB)
def ledger(call: Call) -> Reply:
    """Show a page of the ledger, or one receipt.

    Answers 400 `INVALID_REQUEST` to a query that it cannot read, 404 `NOT_FOUND` for an
    entry that is not the caller's own.
    """
    ref = payer_of(call)
    if call.route.name == EXPORT:
        return export_reply(ref, call.body)
    entry_id = call.path.get("entry_id")
    if entry_id is not None:
        return Reply(body={"entry": receipt_of(load_entry(ref, asked_entry_id(entry_id)))})
    return _list(ref, call)


def _list(ref: WalletRef, call: Call) -> Reply:
    asked = {name: asked_text(call, name) for name in ("kind", "cursor", "format")}
    kind = _kind(asked["kind"])
    since, until = (
        _instant(asked_text(call, "from"), "from"),
        _instant(asked_text(call, "to"), "to"),
    )
    limit = asked_number(asked_text(call, "limit") or str(LIMIT), "limit", most=LIMIT_MAX)
    below = asked_number(asked["cursor"], "cursor") if asked["cursor"] else None
    span = find_span(ref, since=since, until=until)
    if below is not None:
        span = Span(span.lowest, min(span.highest, below - 1))
    match asked["format"] or "json":
        case "json":
            page = load_page(ref, span, limit=limit, kind=kind)
            body: dict[str, object] = {"entries": [row_of(entry) for entry in page.entries]}
            if page.next_below is not None:
                body["next_cursor"] = str(page.next_below)
            return Reply(body=body)
        case "csv" | "jsonl" as form:
            return _export(ref, span, kind, as_table=form == "csv")
        case _:
            raise InvalidRequest("The format is json, csv or jsonl", field="format")


# ---- exports ---------------------------------------------------------------------------------


def _export(ref: WalletRef, span: Span, kind: EntryKind | None, *, as_table: bool) -> Reply:
    name = "ledger.csv" if as_table else "ledger.jsonl"
    lowest = max(span.lowest, span.highest - EXPORT_ENTRIES_MAX + 1)
    next_cursor = str(lowest) if lowest > span.lowest else ""
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    if next_cursor:
        headers[NEXT_CURSOR] = next_cursor
    written = _written(
        ref, Span(lowest, span.highest), kind, _csv_row if as_table else _json_row
    )
    if next_cursor:
        there_is_more = _csv_end if as_table else _json_end
        written = chain(written, [there_is_more(next_cursor).encode()])
    return Reply(
        body=None,
        stream=Lines(
            "text/csv; charset=utf-8" if as_table else "application/jsonl",
            chain([csv_line(COLUMNS).encode() if as_table else b""], written),
        ),
        headers=headers,
    )


def _csv_row(entry: Entry) -> str:
    return csv_line(cells_of(row_of(entry)))


def _json_row(entry: Entry) -> str:
    return json_line(receipt_of(entry))


def _csv_end(next_cursor: str) -> str:
    said = f"There is more: the next table is that of cursor={next_cursor}"
    return csv_line(cells_of({"description": said}))


def _json_end(next_cursor: str) -> str:
    return json_line({"next_cursor": next_cursor})


def _written(
    ref: WalletRef, span: Span, kind: EntryKind | None, write: Callable[[Entry], str]
) -> Iterator[bytes]:
    """Yield the export a page at a time, the newest first."""
    while True:
        page = load_page(ref, span, limit=EXPORT_PAGE, kind=kind)
        yield "".join(map(write, page.entries)).encode()
        if page.next_below is None:
            return
        span = Span(span.lowest, page.next_below - 1)


# ---- what was asked --------------------------------------------------------------------------


def _kind(given: str) -> EntryKind | None:
    found = next((kind for kind in KINDS if kind == given), None)
    if given and found is None:
        raise InvalidRequest(f"kind is one of {', '.join(KINDS)}", field="kind")
    return found


def _instant(given: str, field: str) -> datetime | None:
    """Return an instant, or the midnight (UTC) at which a day begins."""
    if not given:
        return None
    try:
        if len(given) == len("2026-01-31"):
            return datetime.strptime(given, "%Y-%m-%d").replace(tzinfo=UTC)
        return instants.read(given)
    except ValueError:
        raise InvalidRequest(
            f"{field} must be a day, or an instant with its zone", field=field
        ) from None
