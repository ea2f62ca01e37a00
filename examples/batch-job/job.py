"""Summarise every line of a file, on one customer's credits; each line is charged once.

python job.py NAME CUSTOMER LINES OUT

Kill it whenever you like, and run it again with the same NAME.
"""

import os
import sys
from pathlib import Path

from creditbase_client import Creditbase, PaymentRequired, SecretKey
from creditbase_client.types_gen import UsageFields

MODEL = "gpt-5-mini"
OUTPUT_TOKENS_MAX = 40


def summarise(line: str) -> tuple[str, UsageFields]:
    """Return a summary, and what the model used. Put your model's client here."""
    words = line.split()
    summary = " ".join(words[:5]) + " …"
    return summary, {"input_tokens": len(words), "output_tokens": 6}


def keep(file: Path, text: str) -> None:
    """Write a whole file or none."""
    unfinished = file.with_suffix(".unfinished")
    unfinished.write_text(text)
    unfinished.rename(file)


def run(billing: Creditbase, name: str, customer: str, lines: list[str], out: Path) -> int:
    """Summarise what is not summarised yet; return how many that were."""
    out.mkdir(parents=True, exist_ok=True)
    count = 0
    for number, line in enumerate(lines, start=1):
        file = out / f"{number:04}.txt"
        if file.exists():
            continue
        # The key says which line of which job this is, and nothing of when or how often it is
        # tried: killed after the capture and before the file is there, it is not charged again.
        with billing.hold(
            idempotency_key=f"{name}:{number}",
            customer_external_id=customer,
            model=MODEL,
            usage_max={
                "input_tokens": len(line.encode()),
                "output_tokens": OUTPUT_TOKENS_MAX,
            },
        ) as work:
            summary, usage = summarise(line)
            work.used(usage=usage)
        keep(file, summary + "\n")
        count += 1
    return count


def main() -> int:
    """Run the job that the arguments name; return the exit status."""
    name, customer, lines, out = sys.argv[1:]
    url, key = os.environ["METER_URL"], os.environ["HUB_SECRET_KEY"]
    with Creditbase(url, SecretKey(key)) as billing:
        try:
            count = run(
                billing, name, customer, Path(lines).read_text().splitlines(), Path(out)
            )
        except PaymentRequired as refused:
            print(
                f"No credits left: {refused.available_nanos} of {refused.required_nanos} nanos."
                " Buy some, and run the same command again.",
                file=sys.stderr,
            )
            return 1
    print(f"{count} lines summarised.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
