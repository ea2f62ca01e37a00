"""Tiers from a reviewed file: those that are not there are made, the others brought to it."""

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from creditbase.catalog.domain.tiers import Tier
from creditbase.catalog.shipped import CatalogFault
from creditbase.catalog.tier_models import TierCreate
from creditbase.catalog.tier_use_cases import find_code_now
from creditbase.payments.tier_selling import create_tier, update_tier

FILE: TypeAdapter[list[TierCreate]] = TypeAdapter(list[TierCreate])


def read_tiers(path: Path) -> list[TierCreate]:
    """Return the tiers of a file.

    Raises:
        CatalogFault: it cannot be read, or something in it is not sound.
    """
    try:
        return FILE.validate_json(path.read_text(encoding="utf-8"))
    except OSError as failure:
        raise CatalogFault(f"{path}: {failure.strerror}") from failure
    except ValidationError as failure:
        first = failure.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(step) for step in first["loc"]) or "the file"
        raise CatalogFault(f"{path}: {where}: {first['msg']}") from failure


def put_tiers(
    project_id: str, asked: list[TierCreate], *, now: Callable[[], datetime]
) -> Iterator[tuple[str, Tier]]:
    """Make or change the tiers one by one; tell of each what became of it.

    Each at an instant of its own: they are listed in the order of the file.

    Repeating it changes nothing. Tiers that are not in the file stay as they are.

    Raises:
        InvalidRequest, Conflict: a tier cannot be so; those before it are done.
        Contention, Unavailable: safe to repeat.
    """
    for request in asked:
        given = request.given()
        before = find_code_now(project_id, request.tier_code)
        if before is None:
            yield "made", create_tier(project_id, given, now=now())
            continue
        after = update_tier(project_id, before.tier_id, given, now=now())
        yield ("as it was" if after == before else "changed"), after


def tier_line(tier: Tier) -> str:
    """Return a tier as a line for a person."""
    limit = "no limit" if tier.is_unlimited else f"{tier.spend_limit_cents} cents a month"
    price = f"{tier.price_amount_cents} cents a {tier.price_interval}"
    shown = [
        tier.tier_id,
        tier.code,
        tier.billing_mode if tier.is_paygo else limit,
        price if tier.is_paid else "-" if tier.is_paygo else "free",
        tier.billing_price_ref or "-",
        ",".join(model.model_id for model in tier.models),
    ]
    return "  ".join(shown)
