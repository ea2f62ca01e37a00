"""How a model is written in a price book: one line of text, and back. Pure.

A book of hundreds of models is read at every cold start, so reading it must be nothing but
reading text; a line becomes a model when somebody first asks for it. Written and read here
alone; a test holds that what is read is what was written.

    NAME|CONTEXT|OUTPUT|IMAGE|CAPABILITIES|PERIODS[|VARIANT=PERIODS]…

PERIODS are joined by `;`, each `[YYYY-MM-DD][~MINUTE-MINUTE]:TABLE`. A TABLE is prices joined
by `>LENGTH:` of the prompts above which the next ones hold; a price is a unit's letter, an
integer, and after `e` how many zeros follow it. No number has a point.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache

from creditbase.catalog.domain.prices import (
    MINUTES_PER_DAY,
    STANDARD,
    LongContext,
    Model,
    Period,
    Table,
)
from creditbase.kernel.instants import EPOCH

LETTERS: Mapping[str, str] = {
    "input_tokens": "i",
    "output_tokens": "o",
    "cached_input_tokens": "c",
    "cache_write_tokens": "w",
    "cache_write_1h_tokens": "h",
    "reasoning_tokens": "r",
    "audio_input_tokens": "a",
    "cached_audio_tokens": "b",
    "audio_output_tokens": "d",
    "image_input_tokens": "m",
    "cached_image_tokens": "n",
    "image_output_tokens": "p",
    "video_input_tokens": "v",
    "video_output_tokens": "u",
    "images": "g",
    "searches": "s",
    "file_searches": "f",
    "requests": "q",
}
"""A unit's letter; `e` is none of them."""
CAPABILITIES: Mapping[str, str] = {
    "text_generation": "t",
    "tools": "f",
    "vision": "v",
    "document": "d",
    "audio": "a",
    "video": "m",
    "computer_use": "c",
    "code_execution": "x",
    "image_generation": "g",
}
DEPRECATED = "!"
"""Among the capabilities: nobody should begin with the model."""

_UNITS = {letter: unit for unit, letter in LETTERS.items()}
_ABILITIES = {letter: name for name, letter in CAPABILITIES.items()}
_PRICE = re.compile(r"([a-df-z])([0-9]+)(?:e([0-9]+))?")
_PRICES = re.compile(rf"(?:{_PRICE.pattern})+")


def write_line(model: Model) -> str:
    """Return the model's line; its id and its provider are not in it."""
    assert "|" not in model.display_name
    letters = "".join(CAPABILITIES[name] for name in model.capabilities)
    numbers = (model.context_window, model.max_output_tokens, model.image_tokens_max)
    parts = [
        model.display_name,
        *(str(number) if number else "" for number in numbers),
        letters + (DEPRECATED if model.deprecated else ""),
        _write_periods(model.periods[STANDARD]),
    ]
    variants = sorted(variant for variant in model.periods if variant != STANDARD)
    parts += [f"{it}={_write_periods(model.periods[it])}" for it in variants]
    return "|".join(parts)


@lru_cache(maxsize=4096)
def read_line(model_id: str, provider: str, line: str) -> Model:
    """Return the model that the line is.

    Raises:
        ValueError: it is no such line.
    """
    name, context, output, image, letters, standard, *variants = line.split("|")
    periods = {STANDARD: _read_periods(standard)}
    for variant in variants:
        called, _, text = variant.partition("=")
        periods[called] = _read_periods(text)
    return Model(
        model_id=model_id,
        provider=provider,
        display_name=name,
        description=f"{name}, served by {provider}",
        context_window=int(context or 0),
        max_output_tokens=int(output or 0),
        image_tokens_max=int(image or 0),
        capabilities=tuple(_ABILITIES[it] for it in letters if it != DEPRECATED),
        deprecated=DEPRECATED in letters,
        periods=periods,
    )


# ---- periods ---------------------------------------------------------------------------------


def _write_periods(periods: tuple[Period, ...]) -> str:
    return ";".join(_write_period(period) for period in periods)


def _write_period(period: Period) -> str:
    starts = "" if period.starts_at == EPOCH else period.starts_at.strftime("%Y-%m-%d")
    assert period.starts_at == EPOCH or _midnight(starts) == period.starts_at
    span = ""
    if (period.from_minute, period.until_minute) != (0, MINUTES_PER_DAY):
        span = f"~{period.from_minute}-{period.until_minute}"
    return f"{starts}{span}:{_write_table(period.table)}"


def _write_table(table: Table) -> str:
    text = _write_prices(table.nanos_per_million)
    for step in table.long_context:
        text += f">{step.above_input_tokens}:{_write_prices(step.nanos_per_million)}"
    return text


def _write_prices(prices: Mapping[str, int]) -> str:
    return "".join(LETTERS[unit] + _write_number(prices[unit]) for unit in sorted(prices))


def _write_number(number: int) -> str:
    assert number >= 0
    digits = str(number)
    zeros = len(digits) - len(digits.rstrip("0"))
    return f"{digits.rstrip('0')}e{zeros}" if number and zeros > 2 else digits


def _read_periods(text: str) -> tuple[Period, ...]:
    return tuple(_read_period(part) for part in text.split(";"))


def _read_period(text: str) -> Period:
    when, _, table = text.partition(":")
    starts, _, span = when.partition("~")
    first, _, last = (span or f"0-{MINUTES_PER_DAY}").partition("-")
    starts_at = _midnight(starts) if starts else EPOCH
    return Period(_read_table(table), starts_at, int(first), int(last))


def _read_table(text: str) -> Table:
    prices, *steps = text.split(">")
    longer = []
    for step in steps:
        above, _, dearer = step.partition(":")
        longer.append(LongContext(int(above), _read_prices(dearer)))
    return Table(_read_prices(prices), tuple(longer))


def _read_prices(text: str) -> Mapping[str, int]:
    if _PRICES.fullmatch(text) is None:
        raise ValueError(f"{text!r} is no list of prices")
    return {
        _UNITS[letter]: int(digits) * 10 ** int(zeros or 0)
        for letter, digits, zeros in _PRICE.findall(text)
    }


def _midnight(day: str) -> datetime:
    return datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC)
