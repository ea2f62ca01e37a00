"""The two published lists, as their pinned packages hold them.

LiteLLM's package is not installed, only kept as it was downloaded: one file of it is read, and
none of what it needs to run is wanted here.
"""

import json
import zipfile
from decimal import Decimal
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from genai_prices.data import providers
from genai_prices.types import Provider

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = ROOT / "requirements-prices.txt"
WHEELS = ROOT / ".venv" / "prices"
LIST_IN_WHEEL = "litellm/model_prices_and_context_window_backup.json"

Listed = dict[str, Any]
"""What LiteLLM says of a model; every number with a point is a Decimal."""


class Missing(Exception):
    """A package that the book is compiled from is not there."""


def genai_version() -> str:
    """Return the version of `genai-prices` that is installed."""
    return version("genai-prices")


def genai_providers() -> list[Provider]:
    """Return the providers of `genai-prices`, with their models."""
    return providers


def litellm_version() -> str:
    """Return the version of LiteLLM whose list is read."""
    (pin,) = (
        line for line in REQUIREMENTS.read_text().splitlines() if line.startswith("litellm==")
    )
    return pin.split()[0].removeprefix("litellm==")


@cache
def litellm_list() -> dict[str, Listed]:
    """Return LiteLLM's list by its names of models.

    Raises:
        Missing: its package was not downloaded.
    """
    wheels = sorted(WHEELS.glob(f"litellm-{litellm_version()}-*.whl"))
    if not wheels:
        raise Missing(
            f"LiteLLM {litellm_version()} is not in {WHEELS}: python -m pip download "
            f"--no-deps -r {REQUIREMENTS.name} -d {WHEELS}, or any make command"
        )
    with zipfile.ZipFile(wheels[0]) as wheel:
        text = wheel.read(LIST_IN_WHEEL)
    found: dict[str, Listed] = json.loads(text, parse_float=Decimal)
    return {name: listed for name, listed in found.items() if name != "sample_spec"}
