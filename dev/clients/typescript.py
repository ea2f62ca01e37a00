"""What the TypeScript client has from the description: its types, and a table of operations."""

import json
import subprocess

from dev.clients.reading import DESCRIPTION, operations
from dev.layout import ROOT

HEAD = "// Every operation, from `docs/openapi.yaml` by `python -m dev.clients`.\n"


def schema_module() -> str:
    """Return the types, as the pinned openapi-typescript writes them."""
    generator = str(ROOT / "node_modules" / ".bin" / "openapi-typescript")
    # What has a default may be left out of a request, and metadata may have any field.
    options = ["--root-types=false", "--default-non-nullable=false", "--empty-objects-unknown"]
    return subprocess.run(
        [generator, str(DESCRIPTION), *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def operations_module() -> str:
    """Return the tables: how an operation is called, and how its pages follow each other."""
    rows = "".join(
        f"  {one.name}: {{ method: '{one.method}', path: '{one.path}', "
        f"isRepeatable: {json.dumps(one.is_repeatable)} }},\n"
        for one in operations()
    )
    pages = "".join(
        f"  {one.name}: {{ rows: '{paging.rows}', asksBy: '{paging.asks_by}', "
        f"toldBy: '{paging.told_by}', isOfLastRow: {json.dumps(paging.of_last_row)} }},\n"
        for one in operations()
        if (paging := one.paging) is not None
    )
    return (
        f"{HEAD}export const OPERATIONS = {{\n{rows}}} as const;\n\n"
        f"/** How the pages of an operation follow each other. */\n"
        f"export const PAGES = {{\n{pages}}} as const;\n"
    )
