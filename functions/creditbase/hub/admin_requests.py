"""What operators ask for, parsed strictly: unknown fields refused, every figure bounded."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from creditbase.admin.domain.audit import REASON_CHARACTERS_MAX
from creditbase.admin.domain.vouchers import CODE_CHARACTERS_MAX, CREDIT_DAYS_MAX, USES_MAX
from creditbase.admin.domain.vouchers import CREDITS_MAX as VOUCHER_CREDITS_MAX
from creditbase.kernel import instants
from creditbase.kernel.money import AMOUNT_NANOS_MAX, NANOS_PER_CREDIT
from creditbase.payments.domain import CENTS_MAX

CREDITS_MAX = AMOUNT_NANOS_MAX // NANOS_PER_CREDIT
ENTRY_ID_CHARACTERS_MAX = 400
STRIPE_ID_CHARACTERS_MAX = 255
PLAN_CODE_CHARACTERS_MAX = 100


def _read_instant(given: object) -> object:
    return instants.read(given) if isinstance(given, str) else given


Instant = Annotated[datetime, BeforeValidator(_read_instant)]


class DeedRequest(BaseModel):
    """What every action says: why. `project_id` is the hub's where it is left out."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)

    reason: Annotated[str, Field(min_length=1, max_length=REASON_CHARACTERS_MAX)]
    project_id: Annotated[str, Field(max_length=36)] = ""


class AdjustRequest(DeedRequest):
    """Give or take credits to put something right."""

    amount_nanos: Annotated[int, Field(ge=-AMOUNT_NANOS_MAX, le=AMOUNT_NANOS_MAX)]
    owes_rest: bool = False
    corrects: Annotated[str, Field(max_length=ENTRY_ID_CHARACTERS_MAX)] = ""


class GrantRequest(DeedRequest):
    """Give credits as a parcel of their own."""

    kind: Literal["promo", "adjustment"]
    credits: Annotated[int, Field(ge=1, le=CREDITS_MAX)]
    expires_at: Instant | None = None


class ShadowRequest(DeedRequest):
    """Put a customer beside another counter, or let its wallet decide."""

    is_on: bool


class RefundRequest(DeedRequest):
    """Give money back through Stripe: all that is left of a payment, or so many cents."""

    payment: Annotated[str, Field(min_length=1, max_length=STRIPE_ID_CHARACTERS_MAX)]
    amount_cents: Annotated[int, Field(ge=1, le=CENTS_MAX)] | None = None


class PlanRequest(DeedRequest):
    """Bring a customer to a plan, or a tier; `when` says otherwise than its price would."""

    plan: Annotated[str, Field(min_length=1, max_length=PLAN_CODE_CHARACTERS_MAX)]
    when: Literal["now", "period_end"] | None = None


class EraseRequest(DeedRequest):
    """Erase a customer; by force also where something is owed, left or under way."""

    force: bool = False


class VoucherRequest(BaseModel):
    """Make a voucher of a code that the caller has chosen."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)

    reason: Annotated[str, Field(min_length=1, max_length=REASON_CHARACTERS_MAX)]
    code: Annotated[str, Field(min_length=1, max_length=CODE_CHARACTERS_MAX)]
    credits: Annotated[int, Field(ge=1, le=VOUCHER_CREDITS_MAX)]
    max_uses: Annotated[int, Field(ge=1, le=USES_MAX)] | None = None
    starts_at: Instant | None = None
    expires_at: Instant | None = None
    plans: list[Annotated[str, Field(max_length=PLAN_CODE_CHARACTERS_MAX)]] = []
    credits_expire_days: Annotated[int, Field(ge=1, le=CREDIT_DAYS_MAX)] | None = None


class DisableRequest(BaseModel):
    """Take a voucher out of use."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)

    reason: Annotated[str, Field(min_length=1, max_length=REASON_CHARACTERS_MAX)]
    code: Annotated[str, Field(min_length=1, max_length=CODE_CHARACTERS_MAX)]


class RetryRequest(BaseModel):
    """Have an event of Stripe's handled again."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)

    reason: Annotated[str, Field(min_length=1, max_length=REASON_CHARACTERS_MAX)]
