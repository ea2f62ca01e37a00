"""`python -m dev.clients`: write what the clients have from the description."""

import subprocess
from pathlib import Path

from dev.clients.python_operations import Writer
from dev.clients.python_types import Types
from dev.clients.reading import operations
from dev.clients.typescript import operations_module, schema_module
from dev.layout import BIN, ROOT

PACKAGE = ROOT / "clients" / "python" / "creditbase_client"
SOURCES = ROOT / "clients" / "typescript" / "src"


def formatted(text: str, path: Path) -> str:
    """Return a module as `ruff format` writes it."""
    return subprocess.run(
        [str(BIN / "ruff"), "format", "--stdin-filename", str(path), "-"],
        cwd=ROOT,
        input=text,
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def written() -> dict[Path, str]:
    """Return every file that is made, and what has to stand in it."""
    known = Types()
    writers = {
        "sync_gen.py": Writer(known, is_async=False).module(),
        "async_gen.py": Writer(known, is_async=True).module(),
        "types_gen.py": known.module(),
    }
    paths = {PACKAGE / name: text for name, text in writers.items()}
    return {
        **{path: formatted(text, path) for path, text in paths.items()},
        SOURCES / "schema.gen.ts": schema_module(),
        SOURCES / "operations.gen.ts": operations_module(),
    }


def main() -> None:
    """Write them."""
    files = written()
    for path, text in files.items():
        path.write_text(text)
    print(f"{len(list(operations()))} operations in {len(files)} files")


if __name__ == "__main__":
    main()
