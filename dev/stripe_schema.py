"""`python -m dev.stripe_schema`: generate the JSON Schema of Stripe's objects again.

From the TypeScript declarations of the npm package that `tests/stripe_local/schema/` pins. It
is installed for this alone, in `.run/`. The same package gives the same file, byte for byte:
`--check` says whether it does.
"""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "tests" / "stripe_local" / "schema"
WORKSHOP = ROOT / ".run" / "stripe_schema"
INPUTS = ("package.json", "package-lock.json", ".npmrc", "generate.mjs")
GENERATED = SOURCE / "stripe-23.1.0.json"


def generate() -> bytes:
    """Install the pinned packages, and return what is generated from them.

    Raises:
        CalledProcessError: npm or the generator failed; it has said why.
    """
    WORKSHOP.mkdir(parents=True, exist_ok=True)
    for name in INPUTS:
        shutil.copyfile(SOURCE / name, WORKSHOP / name)
    output = WORKSHOP / GENERATED.name
    for command in (["npm", "ci"], ["node", "generate.mjs", str(output)]):
        subprocess.run(command, cwd=WORKSHOP, check=True, stdin=subprocess.DEVNULL)
    return output.read_bytes()


def main(arguments: list[str]) -> int:
    """Write the file, or with `--check` compare it; return the exit status."""
    if arguments not in ([], ["--check"]):
        print("usage: python -m dev.stripe_schema [--check]", file=sys.stderr)
        return 2
    try:
        generated = generate()
    except subprocess.CalledProcessError as failure:
        print(f"[schema] {failure.cmd[0]} failed", file=sys.stderr)
        return 1
    if arguments:
        is_same = generated == GENERATED.read_bytes()
        what = "is what comes out" if is_same else "is NOT what comes out"
        print(f"[schema] {GENERATED.relative_to(ROOT)} {what} of generate.mjs")
        return 0 if is_same else 1
    GENERATED.write_bytes(generated)
    print(f"[schema] wrote {GENERATED.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
