"""What is added to a provider's cost, and by which rule. Pure.

Each rule may say basis points, a fee for each request, the least that a request costs, and
whether it may sell below cost. The more special rule wins, for each of the four by itself:
default, then provider, model, plan, and the model of a plan.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field

from creditbase.kernel.money import AMOUNT_NANOS_MAX, BPS_PER_ONE, price_of
from creditbase.kernel.records import dataclass

DEFAULT_RULE = "default"


@dataclass(frozen=True, slots=True)
class Rule:
    """What one rule says; None: as the more general one. Below cost only a plan's may go."""

    bps: int | None = None
    fee_nanos: int | None = None
    minimum_nanos: int | None = None
    allows_below_cost: bool | None = None

    def __post_init__(self) -> None:
        assert self.bps is None or self.bps >= -BPS_PER_ONE
        assert self.fee_nanos is None or 0 <= self.fee_nanos <= AMOUNT_NANOS_MAX
        assert self.minimum_nanos is None or 0 <= self.minimum_nanos <= AMOUNT_NANOS_MAX


@dataclass(frozen=True, slots=True)
class Margin:
    """What is added to the cost of one call, once it is known which rules say so.

    `rule` names the one that says the basis points.
    """

    bps: int
    fee_nanos: int = 0
    minimum_nanos: int = 0
    allows_below_cost: bool = False
    rule: str = DEFAULT_RULE

    def price_nanos(self, lines: Sequence[tuple[int, int]], *, requests: int) -> int:
        """Return what a call costs the customer, rounded up once, to the nano.

        The fee is for each request, the minimum for a call that costs anything at all. The
        price is never below the cost, unless a plan says so.
        """
        cost_nanos = price_of(lines=lines, markup_bps=0)
        price_nanos = price_of(lines=lines, markup_bps=self.bps) + self.fee_nanos * requests
        if cost_nanos:
            price_nanos = max(price_nanos, self.minimum_nanos)
        return price_nanos if self.allows_below_cost else max(price_nanos, cost_nanos)


@dataclass(frozen=True, slots=True)
class Markup:
    """Every rule of a project. The default is never below cost; a plan's may be."""

    default_bps: int
    fee_nanos: int = 0
    minimum_nanos: int = 0
    providers: Mapping[str, Rule] = field(default_factory=dict)
    models: Mapping[str, Rule] = field(default_factory=dict)
    plans: Mapping[str, Rule] = field(default_factory=dict)
    """By a plan's code, or a tier's id."""

    def __post_init__(self) -> None:
        assert self.default_bps >= 0
        general = (*self.providers.values(), *self.models.values())
        assert not any(rule.allows_below_cost for rule in general)

    def margin(
        self,
        *,
        provider: str,
        model_id: str,
        plan_code: str = "",
        special: Iterable[tuple[str, Rule]] = (),
    ) -> Margin:
        """Return what is added for a model on a plan.

        `special` are further rules of the plan with their names, the more general first.
        """
        bps, rule_name = self.default_bps, DEFAULT_RULE
        fee_nanos, minimum_nanos, allows_below_cost = self.fee_nanos, self.minimum_nanos, False
        for name, rule in (
            (f"provider:{provider}", self.providers.get(provider)),
            (f"model:{model_id}", self.models.get(model_id)),
            (f"plan:{plan_code}", self.plans.get(plan_code)),
            *special,
        ):
            if rule is None:
                continue
            if rule.bps is not None:
                bps, rule_name = rule.bps, name
            if rule.fee_nanos is not None:
                fee_nanos = rule.fee_nanos
            if rule.minimum_nanos is not None:
                minimum_nanos = rule.minimum_nanos
            if rule.allows_below_cost is not None:
                allows_below_cost = rule.allows_below_cost
        return Margin(bps, fee_nanos, minimum_nanos, allows_below_cost, rule_name)
