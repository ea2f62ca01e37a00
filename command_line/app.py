"""The table of what may be typed."""

import sys
from collections.abc import Sequence

import typer

from command_line import (
    customer_commands,
    demo_command,
    doctor_command,
    import_commands,
    init_command,
    proof_commands,
    sale_commands,
    shadow_commands,
    simulate_commands,
    stripe_commands,
)

app = typer.Typer(
    name="creditbase",
    help="Run Creditbase: look, change, prove. Every command takes --help.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for room in (
    init_command,
    doctor_command,
    sale_commands,
    customer_commands,
    shadow_commands,
    stripe_commands,
    import_commands,
    proof_commands,
    simulate_commands,
    demo_command,
):
    room.take(app)


@app.callback()
def _root() -> None:
    """Run Creditbase: look, change, prove. Every command takes --help."""


def main(words: Sequence[str] | None = None) -> int:
    """Run what was typed and return the exit status."""
    given = list(sys.argv[1:] if words is None else words)
    try:
        app(given, prog_name="creditbase")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    return 0
