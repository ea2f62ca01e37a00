"""What is counted: the units that a price may be for, and the usage of one call in them.

The pools are exclusive: no token is counted in two of them, and together they are what the
provider counts. Pure.
"""

from dataclasses import fields
from operator import attrgetter

from creditbase.kernel.records import dataclass

COUNTED_UNIT = "requests"
"""The one unit that is counted also where it has no price of its own."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What one call used, in exclusive pools: no token is counted in two of them."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_input_tokens: int = 0
    cache_write_tokens: int = 0
    """Written to the provider's cache for its usual time; Anthropic: five minutes."""
    cache_write_1h_tokens: int = 0
    reasoning_tokens: int = 0
    audio_input_tokens: int = 0
    cached_audio_tokens: int = 0
    audio_output_tokens: int = 0
    image_input_tokens: int = 0
    cached_image_tokens: int = 0
    image_output_tokens: int = 0
    video_input_tokens: int = 0
    video_output_tokens: int = 0
    images: int = 0
    searches: int = 0
    file_searches: int = 0
    requests: int = 1

    def __post_init__(self) -> None:
        counts = _counts_of(self)
        assert set(map(type, counts)) == {int}
        assert min(counts) >= 0

    def quantities(self) -> tuple[tuple[str, int], ...]:
        """Return every pool with its quantity, in the fixed order of `UNITS`."""
        return tuple(zip(UNITS, _counts_of(self), strict=True))

    @property
    def prompt_tokens(self) -> int:
        """Return everything the model had to read: what a long-context price looks at."""
        return sum(_prompt_of(self))


UNITS: tuple[str, ...] = tuple(unit.name for unit in fields(Usage))
"""The units that a price book may price."""
INPUT_TOKENS = (
    *("input_tokens", "cached_input_tokens", "cache_write_tokens", "cache_write_1h_tokens"),
    *("audio_input_tokens", "cached_audio_tokens", "image_input_tokens"),
    *("cached_image_tokens", "video_input_tokens"),
)
_counts_of = attrgetter(*UNITS)
_prompt_of = attrgetter(*INPUT_TOKENS)
OUTPUT_TOKENS = (
    *("output_tokens", "reasoning_tokens", "audio_output_tokens"),
    *("image_output_tokens", "video_output_tokens"),
)
FALLS_BACK_TO = {
    "cached_input_tokens": "input_tokens",
    "cache_write_tokens": "input_tokens",
    "cache_write_1h_tokens": "cache_write_tokens",
    "reasoning_tokens": "output_tokens",
}
"""What a token of a pool costs where its provider has no price of its own for it.

Only what a provider bills as the other: a token of text stays one whether it was cached or
thought. Audio, images and video have a price or are refused.
"""
