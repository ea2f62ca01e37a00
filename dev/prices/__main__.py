"""`make prices`: compile the book and its report, or say whether both are up to date."""

import hashlib
import sys
from pathlib import Path

import typer

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "functions"))

from creditbase.catalog.domain.book import PriceBook, read_book  # noqa: E402  # its place is set just above
from dev.prices.comparing import changes  # noqa: E402  # as above
from dev.prices.compiling import book_text, compiled  # noqa: E402  # as above
from dev.prices.reporting import report  # noqa: E402  # as above
from dev.prices.sources import Missing  # noqa: E402  # as above

BOOK = ROOT / "functions" / "creditbase" / "catalog" / "book.json"
DIGEST = BOOK.with_suffix(".json.sha256")
REPORT = ROOT / "docs" / "prices.md"
SIGNED = Path(__file__).with_name("signed_off.txt")
BOOK_BYTES_MAX = 200_000
MODELS_MIN, PROVIDERS_MIN = 500, 12

app = typer.Typer(add_completion=False, help=__doc__)


@app.command("compile")
def compile_book() -> None:
    """Write the book and the report; refused where prices move that nobody has signed for."""
    text = _text()
    before = read_book(BOOK.read_text(encoding="utf-8")) if BOOK.exists() else None
    after = read_book(text)
    faults = refusals(before, after, text, _signed())
    if faults:
        _end("the book was not written:", *faults)
    BOOK.write_text(text, encoding="utf-8")
    DIGEST.write_text(after.digest + "\n", encoding="ascii")
    REPORT.write_text(report(compiled(), len(text.encode())), encoding="utf-8")
    typer.echo(f"{len(after)} models, {len(text.encode())} bytes, version {after.version}")


@app.command("check")
def check_book() -> None:
    """Say whether book and report are, byte for byte, what the pinned packages give."""
    text = _text()
    wanted = {
        BOOK: text,
        DIGEST: hashlib.sha256(text.encode()).hexdigest() + "\n",
        REPORT: report(compiled(), len(text.encode())),
    }
    stale = [
        str(path.relative_to(ROOT))
        for path, expected in wanted.items()
        if not path.exists() or path.read_text(encoding="utf-8") != expected
    ]
    if stale:
        _end("not what the packages give (make prices):", *stale)
    typer.echo("the book and its report are what the packages give")


def refusals(
    before: PriceBook | None, after: PriceBook, text: str, signed: frozenset[str]
) -> tuple[str, ...]:
    """Return why a new book may not be written; nothing where it may.

    What moves by more than a fifth, or goes, needs its line in the file of sign-offs: the
    version, then the line as it is printed.
    """
    faults = []
    if len(text.encode()) > BOOK_BYTES_MAX:
        faults.append(f"{len(text.encode())} bytes, at most {BOOK_BYTES_MAX}")
    if len(after) < MODELS_MIN or len(after.lines) < PROVIDERS_MIN:
        faults.append(f"only {len(after)} models of {len(after.lines)} providers")
    if before is not None:
        if before.version == after.version and before.digest != after.digest:
            faults.append(f"version {after.version} is taken: give settings.json a new one")
        lines = (f"{after.version} {line}" for line in changes(before, after))
        faults += [f"not signed for: {line}" for line in lines if line not in signed]
    return tuple(faults)


def _signed() -> frozenset[str]:
    lines = SIGNED.read_text(encoding="utf-8").splitlines()
    return frozenset(line.strip() for line in lines if line and not line.startswith("#"))


def _text() -> str:
    try:
        return book_text()
    except Missing as missing:
        _end(str(missing))
        raise


def _end(*lines: str) -> None:
    for line in lines:
        typer.echo(line, err=True)
    raise typer.Exit(1)


if __name__ == "__main__":
    app()
