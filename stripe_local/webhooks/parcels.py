"""What is sent to one webhook endpoint, and what became of it."""

import json
from dataclasses import dataclass, field
from typing import Literal

from stripe_local.wire.resource import Resource

State = Literal["held", "pending", "delivered", "abandoned", "dropped", "cancelled"]


@dataclass(frozen=True)
class Target:
    """Where an endpoint listens, and the secret that proves who speaks."""

    url: str
    secret: str


@dataclass(frozen=True)
class Attempt:
    """One try: the status it was answered with, or what went wrong before any answer."""

    status: int | None
    problem: str | None = None

    @property
    def is_taken(self) -> bool:
        """Whether the endpoint took the event. A redirect counts as a failure."""
        return self.status is not None and 200 <= self.status < 300


@dataclass(eq=False)
class Parcel:
    """One event on its way to one endpoint: the exact bytes, and the tries so far."""

    event_id: str
    event_type: str
    about: str
    concerns: frozenset[str]
    """The object that changed, and the customer to whom it belongs."""
    endpoint_id: str
    body: bytes
    state: State = "pending"
    is_late: bool = False
    """Whether it was ordered to arrive late: the clock does not wait for it."""
    next_in_turn: "Parcel | None" = None
    """What is to be sent once this has been tried."""
    attempts: list[Attempt] = field(default_factory=list)

    def told(self) -> Resource:
        """Return what the control endpoints tell of it."""
        return {
            "event": self.event_id,
            "type": self.event_type,
            "about": self.about,
            "endpoint": self.endpoint_id,
            "state": self.state,
            "attempts": [
                {"status": attempt.status, "problem": attempt.problem}
                for attempt in self.attempts
            ],
        }


def pack(event: Resource, endpoint: Resource) -> Parcel:
    """Return an event packed for one endpoint, in the API version of that endpoint."""
    sent = {**event, "api_version": endpoint["api_version"] or event["api_version"]}
    changed = event["data"]["object"]
    about = changed.get("id", "")  # an upcoming invoice has none
    owner = changed.get("customer")
    return Parcel(
        event_id=event["id"],
        event_type=event["type"],
        about=about,
        concerns=frozenset({about, owner} if owner else {about}),
        endpoint_id=endpoint["id"],
        body=json.dumps(sent, indent=2, ensure_ascii=False).encode(),
    )
