"""Who carries Stripe's events to us: late, twice, in any order, again and again, or never."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from stripe import WebhookSignature

from creditbase.payments.stripe_gateway import NotFromStripe
from creditbase.payments.use_cases import receive_event
from stripe_local.webhooks.parcels import Parcel
from tests.simulation.auditor import Flaw
from tests.simulation.scheduler import MICROSECONDS, Scheduler

TRIES_MAX = 16
"""Stripe tries for about three days; what was lost for good is found by the reconciler."""
PATIENCE_S = 20.0
OLD_SECRET = "whsec_before"
NEW_SECRET = "whsec_after"
OURS_AT_ALL_TIMES = (OLD_SECRET, NEW_SECRET)
FORGED = "whsec_forged"

WEBHOOK_FAULTS = (
    *("webhook dropped", "webhook late", "webhook twice", "webhook out of order"),
    *("webhook tried again", "webhook forged", "secret rolled"),
)

Ask = Callable[[Callable[[], Any]], Any]


@dataclass
class Couriers:
    """Everything that is on its way from Stripe to us."""

    scheduler: Scheduler
    seen: Counter[str]
    ask: Ask
    """Sends a request to any process of ours, and returns where its answer will be."""
    taken: Callable[[Parcel], None] = lambda _: None
    is_stormy: bool = False
    secrets: tuple[str, ...] = (OLD_SECRET,)
    on_the_way: int = 0
    delivered: int = 0
    _made: int = 0
    _newest: int = 0

    def send(self, parcel: Parcel) -> None:
        """Take an event to be carried."""
        self._made += 1
        number = self._made
        drawn = self.scheduler.rng.randrange(1_000) if self.is_stormy else 1_000
        if drawn < 20:
            self.seen["webhook dropped"] += 1
            return
        is_late, is_twice = drawn < 150, 150 <= drawn < 220
        self.seen["webhook late"] += is_late
        self.seen["webhook twice"] += is_twice
        for _ in range(1 + is_twice):
            self.scheduler.spawn(lambda: self._carry(parcel, number, is_late=is_late))

    def roll(self) -> None:
        """Take the next step of rolling the secret: both hold for a while, then the new."""
        following = {1: OURS_AT_ALL_TIMES, 2: (NEW_SECRET,)}
        if self.secrets != (NEW_SECRET,):
            self.secrets = following[len(self.secrets)]
            self.seen["secret rolled"] += 1

    def _carry(self, parcel: Parcel, number: int, *, is_late: bool) -> None:
        self.on_the_way += 1
        rng = self.scheduler.rng
        if is_late:
            self.scheduler.sleep(rng.choice((5.0, 600.0, 21_600.0)) * rng.random())
        for tries in range(TRIES_MAX):
            self.scheduler.sleep(rng.random() * min(3_600, 2 << tries))
            if self.is_stormy and rng.randrange(100) == 0:
                self._forge(parcel)
            if self._is_taken(parcel, rng.choice(self.secrets)):
                self.seen["webhook out of order"] += number < self._newest
                self._newest = max(number, self._newest)
                self.delivered += 1
                self.taken(parcel)
                break
            self.seen["webhook tried again"] += 1
        self.on_the_way -= 1

    def _is_taken(self, parcel: Parcel, secret: str) -> bool:
        told = self._tell(parcel, secret)
        return told.event.is_set() and told.refusal is None

    def _forge(self, parcel: Parcel) -> None:
        """Send it signed by somebody who is not Stripe: it is refused, whoever gets it."""
        self.seen["webhook forged"] += 1
        told = self._tell(parcel, FORGED)
        if told.event.is_set() and not isinstance(told.refusal, NotFromStripe):
            raise Flaw("an event was taken that was signed by a stranger")

    def _tell(self, parcel: Parcel, secret: str) -> Any:
        now_s = self.scheduler.now_us // MICROSECONDS
        stamp = int(self.scheduler.start_at.timestamp()) + now_s
        body = parcel.body.decode()
        header = WebhookSignature.generate_signature_header(body, secret, stamp)

        def work() -> Any:
            now = self.scheduler.now()
            return receive_event(
                parcel.body, header, secrets=self.secrets, real_now=now, now=now
            )

        told = self.ask(work)
        told.event.wait(PATIENCE_S)
        return told
