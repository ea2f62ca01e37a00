"""The relay's requests as they cross the border: strict, bounded, nothing unknown.

What is unknown is refused, `project_id` among it: the project follows from the credential.
Source: relay-api.md 2 and 5.
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from creditbase.kernel.money import AMOUNT_NANOS_MAX, NANOS_PER_CENT
from creditbase.metering.models import check_uuid

EXTERNAL_ID_CHARACTERS_MAX = 255

ExternalId = Annotated[str, Field(min_length=1, max_length=EXTERNAL_ID_CHARACTERS_MAX)]
TierCode = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[a-z][a-z0-9_-]*$")]
BudgetCents = Annotated[int, Field(ge=0, le=AMOUNT_NANOS_MAX // NANOS_PER_CENT)]


class RelayRequest(BaseModel):
    """What all of them have in common."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True
    )


class CustomerTokenRequest(RelayRequest):
    """Mint a token for one customer."""

    customer_id: str | None = None
    """The customer's UUID; or its name in `customer_external_id`."""
    customer_external_id: ExternalId | None = None
    ttl_seconds: Annotated[int, Field(ge=1)] | None = None
    """How long it shall hold; 7 days, at most 30 days and what the tier allows."""
    tier_code: TierCode | None = None
    """The tier of a customer who has no subscription yet; ignored for others."""
    budget_cents: BudgetCents | None = None
    """The most that may be spent with this token in a window."""

    @model_validator(mode="after")
    def _names_one_customer(self) -> "CustomerTokenRequest":
        if (self.customer_id is None) == (self.customer_external_id is None):
            raise ValueError("give either customer_id or customer_external_id")
        if self.customer_id is not None:
            check_uuid(self.customer_id)
        return self
