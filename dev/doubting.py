"""The customer of the story doubts her balance, and computes it herself from her export.

With the program that every customer is given: one file that needs Python alone and shares no
code with the product (docs/verify-yourself.md). Then with a copy in which a charge is one nano
smaller, because a check that cannot fail shows nothing.
"""

import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from dev.client import Customer
from dev.expecting import expect
from dev.layout import ROOT

CHARGE = re.compile(r'"kind": ?"charge"')
TAKEN = re.compile(r'("captured_nanos": ?)(\d+)')
VERIFIER = ROOT / "verifier" / "creditbase_verify.py"


def check_herself(customer: Customer, say: Callable[[str], None]) -> None:
    """Export the customer's ledger and verify it; then change one nano, and see that found.

    Raises: Disappointed.
    """
    answer = customer.get("/ledger/export")
    expect(answer.status_code == 200, "200 from GET /ledger/export", answer.text[:600])
    lines = answer.text.splitlines()
    say(f"GET /ledger/export: {len(lines)} records, a line each")
    status, said = verified(lines)
    expect(status == 0 and said[-1] == "VERIFIED", "a ledger without a fault", said)
    for line in said:
        say(line)
    status, said = verified(one_nano_less(lines))
    expect(status == 1, "one nano less to be found", said)
    say(f"one nano less in a copy: {said[-1]}")


def verified(lines: list[str]) -> tuple[int, list[str]]:
    """Return what the stand-alone program says of an export, and its exit status."""
    with tempfile.TemporaryDirectory() as folder:
        export = Path(folder) / "export.json"
        export.write_text("\n".join(lines) + "\n")
        # Isolated from whatever is installed beside it, as on the customer's own machine.
        command = [sys.executable, "-I", str(VERIFIER), str(export)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, [line.strip() for line in (done.stdout or done.stderr).splitlines()]


def one_nano_less(lines: list[str]) -> list[str]:
    """Return a copy in which the last charge took one nano less.

    Raises: Disappointed, where nothing was charged.
    """
    charges = [number for number, line in enumerate(lines) if CHARGE.search(line)]
    expect(bool(charges), "a charge in the export", lines[-1][:600])
    last = charges[-1]
    less = TAKEN.sub(lambda taken: f"{taken[1]}{int(taken[2]) - 1}", lines[last], count=1)
    return [*lines[:last], less, *lines[last + 1 :]]
