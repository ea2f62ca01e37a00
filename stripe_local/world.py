"""Everything that one server holds: account, deliveries, keys, faults and transcript."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from stripe_local.account import Account, Outside, Profile
from stripe_local.clock import Clock
from stripe_local.faults import Faults
from stripe_local.idempotency import IdempotencyKeys
from stripe_local.resources.webhook_endpoints import add_endpoint
from stripe_local.transcript import Transcript
from stripe_local.webhooks.deliveries import Deliveries
from stripe_local.webhooks.parcels import Parcel, Target
from stripe_local.webhooks.policy import DeliveryPolicy

_TICK_S = 1.0
_STOP_S_MAX = 10.0
"""How long a journey waits at one stop for the webhooks to be taken."""


@dataclass(frozen=True)
class Listener:
    """A webhook endpoint that is there from the start."""

    url: str
    secret: str
    enabled_events: tuple[str, ...] = ("*",)


@dataclass(frozen=True)
class Settings:
    """How a server was asked to be."""

    merchant: str = "Your shop"
    listeners: tuple[Listener, ...] = ()
    policy: DeliveryPolicy = field(default_factory=DeliveryPolicy)


class World:
    """The whole state behind one address."""

    def __init__(self, settings: Settings, *, public_url: str, clock: Clock) -> None:
        self.public_url = public_url
        self.clock = clock
        self.faults = Faults()
        self.keys = IdempotencyKeys()
        self.transcript = Transcript()
        self.deliveries = Deliveries(
            settings.policy, find_target=self._target, on_taken=self._taken
        )
        self._settings = settings
        self._stopped = threading.Event()
        self._ticker = threading.Thread(target=self._tick, name="clock", daemon=True)
        self.account = self._new_account()

    def start(self) -> None:
        """Start what works in the background."""
        self.deliveries.start()
        self._ticker.start()

    def close(self) -> None:
        """Stop what works in the background, and let go whoever waits."""
        self._stopped.set()
        self.faults.disarm()
        self.deliveries.close()
        self._ticker.join(_TICK_S)

    def reset(self) -> None:
        """Start over with an empty account. The transcript goes on: it is there for checks."""
        self.faults.disarm()
        self.deliveries.forget_all()
        self.keys.forget_all()
        self.account = self._new_account()

    def travel(self, to_s: int) -> None:
        """Move the clock to a moment to come, from one thing that happens to the next.

        Between two of them the webhooks are waited for, so that whoever is told of something
        lives in its time; but for those that a test holds or delays. Anything that was due
        before happens first.
        """
        account, has_arrived = self.account, False
        self.deliveries.wait_until_settled(_STOP_S_MAX, even_late=False)
        while not has_arrived and account is self.account and not self._stopped.is_set():
            with account.lock:
                now_s, next_at_s = self.clock.now_s(), account.agenda.next_at_s()
                stop_s = to_s if next_at_s is None else min(next_at_s, to_s)
                if stop_s > now_s:
                    self.clock.move_to(stop_s)
                account.let_pass()
                has_arrived = stop_s == to_s
            self.deliveries.wait_until_settled(_STOP_S_MAX, even_late=False)

    def _set_out(self, to_s: int, on_arrival: Callable[[], None]) -> None:
        def go() -> None:
            self.travel(to_s)
            on_arrival()

        threading.Thread(target=go, name="travel", daemon=True).start()

    def _new_account(self) -> Account:
        profile = Profile(public_url=self.public_url, merchant=self._settings.merchant)
        account = Account(profile, self.clock, Outside(self._post, self._set_out))
        for listener in self._settings.listeners:
            wanted = {"url": listener.url, "enabled_events": list(listener.enabled_events)}
            add_endpoint(account, wanted, listener.secret)
        return account

    def _post(self, parcel: Parcel) -> None:
        self.transcript.note_webhook(parcel.event_type, parcel.body)
        self.deliveries.send(parcel)

    def _target(self, endpoint_id: str) -> Target | None:
        return self.account.target(endpoint_id)

    def _taken(self, parcel: Parcel) -> None:
        self.account.taken(parcel)

    def _tick(self) -> None:
        """Let time pass for what has a time of its own."""
        while not self._stopped.wait(_TICK_S):
            account = self.account
            with account.lock:
                account.let_pass()
