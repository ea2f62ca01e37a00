"""What a standing has the wallet do: its terms, what is owed, what is cut. Pure."""

from creditbase.ledger.domain.commands import (
    ChangeTerms,
    Command,
    CutMonthly,
    GrantCredits,
    UndoCut,
)
from creditbase.subscriptions.domain.standing import OwedCut, OwedUndo, Standing


def commands_of(standing: Standing, *, low_nanos: int | None = None) -> tuple[Command, ...]:
    """Return the commands in their order; each may be repeated.

    `low_nanos` is the height below which an owner is reminded, for promotional credits.
    """
    revision = standing.terms.revision
    commands: list[Command] = [
        ChangeTerms(standing.terms, standing.window, ends_monthly=standing.ends_monthly)
    ]
    commands += [
        GrantCredits(
            entry_id=grant.grant_id,
            kind=grant.kind,
            amount_nanos=grant.amount_nanos,
            expires_at=grant.expires_at,
            cause={"plan": grant.plan_code, "invoice": grant.invoice_id},
            revision=revision,
            low_nanos=low_nanos if grant.kind == "promo" else None,
            paid_nanos=grant.paid_nanos,
        )
        for grant in standing.grants
    ]
    cause = {"plan": standing.terms.plan_code}
    match standing.cut:
        case OwedCut(entry_id, most_nanos):
            commands.append(CutMonthly(entry_id, most_nanos, cause, revision))
        case OwedUndo(entry_id, over_nanos, floor_nanos):
            commands.append(UndoCut(entry_id, over_nanos, floor_nanos, cause, revision))
    return tuple(commands)
