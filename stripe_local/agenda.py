"""What is to happen by itself, and when: sessions expire, trials end, periods turn."""

from collections.abc import Callable
from dataclasses import dataclass

Act = Callable[[], None]


@dataclass(frozen=True)
class Plan:
    """One thing to happen, at its time."""

    at_s: int
    number: int
    act: Act


class Agenda:
    """The plans of one account. Its lock guards them."""

    def __init__(self) -> None:
        self._plans: dict[tuple[str, str], Plan] = {}
        self._made_count = 0

    def plan(self, what: str, object_id: str, at_s: int, act: Act) -> None:
        """Plan something about an object, in place of an earlier plan of the same kind."""
        self._made_count += 1
        self._plans[what, object_id] = Plan(at_s, self._made_count, act)

    def cancel(self, what: str, object_id: str) -> None:
        """Let a plan not come about, if there is one."""
        self._plans.pop((what, object_id), None)

    def next_at_s(self) -> int | None:
        """Return when the next thing happens; None when nothing is planned."""
        return min((plan.at_s for plan in self._plans.values()), default=None)

    def take_due(self, now_s: int) -> Plan | None:
        """Return the plan whose time came first, and strike it out; None when none is due."""
        due = [
            (plan.at_s, plan.number, key)
            for key, plan in self._plans.items()
            if plan.at_s <= now_s
        ]
        return self._plans.pop(min(due)[2]) if due else None
