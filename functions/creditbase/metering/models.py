"""Metering requests as they cross the border: strict, bounded, nothing unknown.

Source: metering-api.md. Every amount is nanos, every quantity a count of exclusive units.
"""

import json
from typing import Annotated, Any, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from creditbase.kernel.errors import InvalidRequest
from creditbase.kernel.money import AMOUNT_NANOS_MAX
from creditbase.ledger.domain.commands import HOLD_TTL_S_MAX
from creditbase.ledger.domain.shadow import TheirCount

METADATA_BYTES_MAX = 10_240
METADATA_KEY_CHARACTERS_MAX = 40
METADATA_DEPTH_MAX = 5
MODEL_CHARACTERS_MAX = 128

AmountNanos = Annotated[int, Field(ge=0, le=AMOUNT_NANOS_MAX)]
SignedNanos = Annotated[int, Field(ge=-AMOUNT_NANOS_MAX, le=AMOUNT_NANOS_MAX)]
Quantity = Annotated[int, Field(ge=0, le=AMOUNT_NANOS_MAX)]
ModelName = Annotated[str, Field(min_length=1, max_length=MODEL_CHARACTERS_MAX)]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)


class UsageFields(_Request):
    """What a call used, or can use at most, in exclusive pools."""

    input_tokens: Quantity = 0
    output_tokens: Quantity = 0
    cached_input_tokens: Quantity = 0
    cache_write_tokens: Quantity = 0
    cache_write_1h_tokens: Quantity = 0
    reasoning_tokens: Quantity = 0
    audio_input_tokens: Quantity = 0
    cached_audio_tokens: Quantity = 0
    audio_output_tokens: Quantity = 0
    image_input_tokens: Quantity = 0
    cached_image_tokens: Quantity = 0
    image_output_tokens: Quantity = 0
    video_input_tokens: Quantity = 0
    video_output_tokens: Quantity = 0
    images: Quantity = 0
    searches: Quantity = 0
    file_searches: Quantity = 0
    requests: Quantity = 1

    def quantities(self) -> dict[str, int]:
        """Return the pools that are not empty; requests always, because none counts as one."""
        pools = self.model_dump().items()
        return {name: count for name, count in pools if count or name == "requests"}


class _Spending(_Request):
    customer_id: str | None = None
    """The customer's UUID; or its name in `customer_external_id`."""
    customer_external_id: Annotated[str, Field(min_length=1, max_length=255)] | None = None
    amount_nanos: AmountNanos | None = None
    """Nanos to take; or a model with its usage."""
    model: ModelName | None = None
    metadata: dict[str, Any] | None = None
    """The caller's own, at most 10 kB; kept beside the entry."""

    @model_validator(mode="after")
    def _names_one_customer(self) -> "_Spending":
        if (self.customer_id is None) == (self.customer_external_id is None):
            raise ValueError("give either customer_id or customer_external_id")
        if self.customer_id is not None:
            check_uuid(self.customer_id)
        if self.metadata is not None:
            check_metadata(self.metadata)
        return self


class CounterFields(_Request):
    """What the caller's own counter says of this work; noted in shadow mode alone."""

    charged_nanos: AmountNanos | None = None
    """What it took."""
    balance_nanos: SignedNanos | None = None
    """What it has left after that."""


class ChargeRequest(_Spending):
    """Take credits for work that is done."""

    usage: UsageFields | None = None
    counter: CounterFields | None = None

    @model_validator(mode="after")
    def _says_how_much(self) -> "ChargeRequest":
        _check_either(self.amount_nanos, self.model, self.usage, "usage")
        return self


class HoldRequest(_Spending):
    """Reserve the most that work can cost before it starts."""

    usage_max: UsageFields | None = None
    ttl_s: Annotated[int, Field(ge=1, le=HOLD_TTL_S_MAX)] = 900
    """Seconds until the hold times out and its credits come back."""

    @model_validator(mode="after")
    def _says_how_much(self) -> "HoldRequest":
        _check_either(self.amount_nanos, self.model, self.usage_max, "usage_max")
        return self


class QuoteRequest(_Request):
    """Ask what work would cost and how much of it is affordable. Nothing is taken."""

    customer_id: str | None = None
    """The customer's UUID; or its name in `customer_external_id`."""
    customer_external_id: Annotated[str, Field(min_length=1, max_length=255)] | None = None
    model: ModelName
    usage_max: UsageFields | None = None
    """The most that the work can use; output that is not said is as much as the model has."""
    prompt_tokens: Quantity | None = None
    """The size of the prompt, where that is all that is known."""

    @model_validator(mode="after")
    def _says_how_much(self) -> "QuoteRequest":
        if (self.usage_max is None) == (self.prompt_tokens is None):
            raise ValueError("give either usage_max or prompt_tokens")
        if self.customer_id is not None and self.customer_external_id is not None:
            raise ValueError("give either customer_id or customer_external_id")
        if self.customer_id is not None:
            check_uuid(self.customer_id)
        return self

    def quantities(self, *, output_max: int) -> dict[str, int]:
        """Return the usage that is asked about; `output_max` where no output is said."""
        given = self.usage_max or UsageFields(input_tokens=self.prompt_tokens or 0)
        says_output = "output_tokens" in given.model_fields_set
        return {**given.quantities(), **({} if says_output else {"output_tokens": output_max})}


class CaptureRequest(_Request):
    """End a hold and take what the work cost."""

    amount_nanos: AmountNanos | None = None
    usage: UsageFields | None = None
    counter: CounterFields | None = None

    @model_validator(mode="after")
    def _says_how_much(self) -> "CaptureRequest":
        if (self.amount_nanos is None) == (self.usage is None):
            raise ValueError("give either amount_nanos or usage")
        return self


class VoidRequest(_Request):
    """End a hold and take nothing."""


class ExtendRequest(_Request):
    """Give work more time, and say what it has used so far."""

    expires_at: str
    """RFC 3339, with a zone. Absolute, so repeating is harmless."""
    usage: UsageFields | None = None


R = TypeVar("R", bound=BaseModel)


def parse(model: type[R], body: dict[str, Any]) -> R:
    """Return the request that a JSON object is.

    Raises:
        InvalidRequest: with the first wrong field and what is wrong with it.
    """
    try:
        return model.model_validate(body)
    except ValidationError as failure:
        first = failure.errors(include_url=False, include_context=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        text = first["msg"].removeprefix("Value error, ")
        raise InvalidRequest(f"Invalid request: {text}", field=field) from failure


def check_uuid(text: str) -> None:
    """Refuse what is no customer's id, whoever's it might be.

    Raises:
        ValueError: it is no UUID in its usual form.
    """
    try:
        is_plain = str(UUID(text)) == text.lower()
    except ValueError:
        is_plain = False
    if not is_plain:
        raise ValueError("customer_id must be a UUID")


def their_count(counter: CounterFields | None) -> TheirCount | None:
    """Return what another counter says as the ledger takes it, if it says anything."""
    if counter is None:
        return None
    return TheirCount(counter.charged_nanos, counter.balance_nanos)


def _check_either(amount: int | None, model: str | None, usage: object, name: str) -> None:
    if amount is not None and model is None and usage is None:
        return
    if amount is None and model is not None and usage is not None:
        return
    raise ValueError(f"give either amount_nanos, or model with {name}")


def check_metadata(metadata: dict[str, Any]) -> None:
    """Refuse what is too large, too deep, or has keys that are too long.

    Raises:
        ValueError: it is beyond one of the bounds.
    """
    text = json.dumps(metadata, ensure_ascii=False, separators=(",", ":"))
    if len(text.encode()) > METADATA_BYTES_MAX:
        raise ValueError("metadata is larger than ten kilobytes")
    _check_nesting(metadata, METADATA_DEPTH_MAX)


def _check_nesting(value: object, depth_left: int) -> None:
    if not isinstance(value, dict | list):
        return
    if depth_left == 0:
        raise ValueError("metadata is nested too deeply")
    if isinstance(value, dict) and not all(
        1 <= len(key) <= METADATA_KEY_CHARACTERS_MAX for key in value
    ):
        raise ValueError("a metadata key has one to forty characters")
    for inner in value.values() if isinstance(value, dict) else value:
        _check_nesting(inner, depth_left - 1)
