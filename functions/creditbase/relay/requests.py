"""The relay's requests as they cross the border: strict, bounded, nothing unknown.

What is unknown is refused, `project_id` among it: the project follows from the credential.
Source: relay-api.md 2 and 5.
"""

import re
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from creditbase.accounts.domain import KEY_NAME_CHARACTERS_MAX, ProjectTerms
from creditbase.accounts.origins import origin_of
from creditbase.kernel.money import AMOUNT_NANOS_MAX, NANOS_PER_CENT
from creditbase.metering.models import check_metadata, check_uuid

EXTERNAL_ID_CHARACTERS_MAX = 255
EMAIL_CHARACTERS_MAX = 254
CENTS_MAX = AMOUNT_NANOS_MAX // NANOS_PER_CENT
BPS_PER_PERCENT = 100
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u00a0-\ud7ff\uf900-\ufdcf\ufdf0-\uffef-]+"
_LABEL = r"[A-Za-z0-9\u00a0-\ud7ff]([A-Za-z0-9\u00a0-\ud7ff-]*[A-Za-z0-9\u00a0-\ud7ff])?"
EMAIL = rf"{_ATOM}(\.{_ATOM})*@({_LABEL}\.)+[A-Za-z\u00a0-\ud7ff]{{2,63}}"
"""What every SDK decodes: Go's generated type refuses an answer with another address.

Such a pattern takes 20 ms to compile, so that is left to the first address.
"""

ExternalId = Annotated[str, Field(min_length=1, max_length=EXTERNAL_ID_CHARACTERS_MAX)]
TierCode = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[a-z][a-z0-9_-]*$")]
Cents = Annotated[int, Field(ge=0, le=CENTS_MAX)]
ProjectName = Annotated[str, Field(min_length=1, max_length=100)]
AllowedOrigin = Annotated[str, AfterValidator(origin_of)]
BudgetCents = Annotated[int, Field(ge=0, le=CENTS_MAX)]


class RelayRequest(BaseModel):
    """What all of them have in common."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)


class CustomerRequest(RelayRequest):
    """What a project knows of a customer."""

    external_id: ExternalId
    """The project's own name for it: any text."""
    email: Annotated[str, Field(min_length=3, max_length=EMAIL_CHARACTERS_MAX)]
    metadata: dict[str, Any] | None = None
    """The project's own, at most 10 kB; where it is left out, what is there stays."""

    @model_validator(mode="after")
    def _is_within_bounds(self) -> "CustomerRequest":
        if self.metadata is not None:
            check_metadata(self.metadata)
        return self

    @field_validator("email")
    @classmethod
    def _is_an_address(cls, email: str) -> str:
        return _check_email(email)


class ProjectRequest(RelayRequest):
    """What an owner says of a project; what is left out stays, or is as usual."""

    name: ProjectName | None = None
    description: Annotated[str, Field(max_length=1_000)] | None = None
    billing_mode: Literal["managed"] | None = None
    """Customers pay through this deployment; others have no place here."""
    markup_percentage: Annotated[int, Field(ge=0, le=100)] | None = None
    """What is added to the providers' prices."""
    allowed_origins: Annotated[list[AllowedOrigin], Field(max_length=20)] | None = None
    """Origins of the pages that may use customer tokens."""
    low_balance_threshold_cents: Cents | None = None
    """Below which balance customers are reminded."""
    topup_min_cents: Annotated[int, Field(ge=50, le=CENTS_MAX)] | None = None
    """The smallest top-up; Stripe takes no less than 50."""

    def terms(self) -> ProjectTerms:
        """Return what is to be changed."""
        origins = self.allowed_origins
        markup = self.markup_percentage
        return ProjectTerms(
            name=self.name,
            description=self.description,
            allowed_origins=None if origins is None else tuple(dict.fromkeys(origins)),
            low_balance_threshold_cents=self.low_balance_threshold_cents,
            topup_min_cents=self.topup_min_cents,
            markup_bps=None if markup is None else markup * BPS_PER_PERCENT,
        )


class NewProjectRequest(ProjectRequest):
    """A project to be made; it needs a name."""

    name: ProjectName


class SecretKeyRequest(RelayRequest):
    """A secret key to be made."""

    name: Annotated[str, Field(min_length=1, max_length=KEY_NAME_CHARACTERS_MAX)] = "secret key"
    """What to call it."""
    budget_cents: BudgetCents | None = None
    """The most that may be spent with this key in a window."""


class ClaimRequest(RelayRequest):
    """Link who signed in with a provider to the customer of an address."""

    email: Annotated[str, Field(min_length=3, max_length=EMAIL_CHARACTERS_MAX)]
    provider: Literal["github", "google", "oidc"]
    subject: Annotated[str, Field(min_length=1, max_length=255)]
    """The provider's own name for who signed in."""

    @field_validator("email")
    @classmethod
    def _is_an_address(cls, email: str) -> str:
        return _check_email(email)


def _check_email(email: str) -> str:
    if not re.fullmatch(EMAIL, email) or len(email.partition("@")[0]) > 64:
        raise ValueError("this is no e-mail address")
    return email


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
