"""Lines of the files that are exported: CSV that no spreadsheet computes, and JSON Lines."""

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping

FORMULA_BEGINS = frozenset("=+-@\t\r\n")
"""How text begins that a spreadsheet computes."""
AMOUNT = re.compile(r"-?[0-9]+(\.[0-9]+)?")


def csv_line(cells: Iterable[object]) -> str:
    """Return one line of CSV (RFC 4180); a spreadsheet takes no cell for a formula."""
    written = io.StringIO()
    csv.writer(written).writerow([_inert(cell) for cell in cells])
    return written.getvalue()


def json_line(row: Mapping[str, object]) -> str:
    """Return one line of JSON Lines."""
    return json.dumps(row, separators=(",", ":"), ensure_ascii=False) + "\n"


def _inert(cell: object) -> object:
    if not isinstance(cell, str) or AMOUNT.fullmatch(cell):
        return cell
    return f"'{cell}" if cell[:1] in FORMULA_BEGINS else cell
