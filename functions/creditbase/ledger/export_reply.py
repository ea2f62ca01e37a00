"""The answer that is a ledger's export: the same of every door."""

from collections.abc import Mapping

from creditbase.kernel.errors import InvalidRequest
from creditbase.ledger.exporting import ANCHORS_MAX, Asked, export_ledger
from creditbase.ledger.paths import WalletRef
from creditbase.runtime.http import Reply
from creditbase.runtime.lines import Lines

NUMBER_MAX = 10**15
NEXT_SEQ = "X-Next-Seq"


def export_reply(ref: WalletRef, query: Mapping[str, object]) -> Reply:
    """Return the export that a query asks for: `from_seq`, and `anchors`, how many days.

    Raises:
        NotFound: there is no such wallet.
        InvalidRequest: the query asks for something else.
    """
    asked = Asked()
    asked = Asked(
        from_seq=_number(query, "from_seq", asked.from_seq, least=1, most=NUMBER_MAX),
        anchors=_number(query, "anchors", asked.anchors, least=0, most=ANCHORS_MAX),
    )
    export = export_ledger(ref, asked)
    headers = {"Content-Disposition": 'attachment; filename="ledger.json"'}
    if export.next_seq is not None:
        headers[NEXT_SEQ] = str(export.next_seq)
    stream = Lines("application/json", export.pieces)
    return Reply(body=None, stream=stream, headers=headers)


def _number(
    query: Mapping[str, object], name: str, default: int, *, least: int, most: int
) -> int:
    given = query.get(name, str(default))
    text = given if isinstance(given, str) else ""
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(most))
    if not is_number or not least <= int(text) <= most:
        raise InvalidRequest(f"{name} is a whole number from {least} to {most}", field=name)
    return int(text)
