"""Every rule of the doctor, in the order of the report. Pure: facts in, findings out."""

from collections.abc import Callable, Iterator

from command_line.doctor import deployment, settings_rules, store_rules, stripe_rules
from command_line.doctor.facts import Facts, Finding

Rule = Callable[[Facts], Iterator[Finding]]
RULES: tuple[Rule, ...] = (
    *settings_rules.RULES,
    *stripe_rules.RULES,
    *store_rules.RULES,
    *deployment.RULES,
)


def judge(facts: Facts) -> tuple[Finding, ...]:
    """Return all that is not as it should be, the errors first."""
    found = [finding for rule in RULES for finding in rule(facts)]
    for what, why in facts.unseen.items():
        found.append(
            Finding(
                code=f"unseen_{what}",
                severity="unseen",
                message=f"{what.replace('_', ' ')} could not be looked at: {why}",
                fix=_fix_unseen(what, facts),
            )
        )
    order = {"error": 0, "warning": 1, "unseen": 2}
    return tuple(sorted(found, key=lambda it: order[it.severity]))


def _fix_unseen(what: str, facts: Facts) -> str:
    if facts.is_emulated:
        return "make up"
    if what in {"stripe", "clock"}:
        return "export STRIPE_SECRET_KEY=… (a restricted key that may read is enough)"
    return "gcloud auth application-default login"
