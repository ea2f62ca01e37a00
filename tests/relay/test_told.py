"""What the ledger tells a project's developer, in the very commit that makes it so."""

import json
from typing import Any
from uuid import uuid4

import pytest

from creditbase.accounts import webhook_use_cases as webhooks
from creditbase.kernel.windows import Window
from creditbase.ledger.domain.commands import CaptureHold, ChangeTerms, Charge, FixedAmount
from creditbase.ledger.domain.wallet import Terms
from creditbase.metering.telling import listeners
from creditbase.runtime import firestore
from tests.relay.desk import CREDIT, NOON, Desk
from tests.wire import Wire

pytestmark = pytest.mark.firestore
PERIOD = Window(NOON, NOON.replace(month=4))


class TestTold:
    """Events are written with what they tell of, or not at all."""

    def told(self, desk: Desk) -> list[dict[str, Any]]:
        """Return the events of the customer, in the order of their thresholds."""
        found = firestore.query("events", limit=1_000)
        bodies = [json.loads((one.fields or {})["body"]) for one in found]
        mine = [b for b in bodies if b["data"].get("customer_id") == desk.customer_id]
        return sorted(mine, key=lambda b: (b["type"], b["data"].get("threshold_percent", 0)))

    def test_each_threshold_is_told_once_a_window(self, desk: Desk, wire: Wire) -> None:
        """By the charge that reaches it, whichever way; and again in the next window."""
        tier = Terms("tier", window="period", included="limited", limit_nanos=100 * CREDIT)
        desk.wallet.run(ChangeTerms(tier, PERIOD))
        desk.wallet.charge("a", 79 * CREDIT)
        assert self.told(desk) == []
        wire.reset()
        desk.wallet.charge("b", CREDIT)
        assert wire.counts == (1, 0, 3)
        desk.wallet.charge("c", CREDIT)
        assert [told["data"]["threshold_percent"] for told in self.told(desk)] == [80]

        desk.wallet.hold("h", 19 * CREDIT)
        assert len(self.told(desk)) == 1
        desk.wallet.capture("h", 19 * CREDIT)

        told = self.told(desk)
        assert told[-1]["type"] == "usage.threshold_exceeded"
        assert told[-1]["data"] == {
            "customer_id": desk.customer_id,
            "threshold_percent": 100,
            "tier_id": "tier",
            "spend_limit_cents": 10,
            "spent_cents": 10,
            "window_start": "2026-03-10T12:00:00Z",
            "window_end": "2026-04-10T12:00:00Z",
        }
        again = desk.wallet.later(days=31)
        following = Window(PERIOD.end_at, PERIOD.end_at.replace(month=5))
        again.run(ChangeTerms(tier, following))
        again.charge("d", 100 * CREDIT)
        reached = [told["data"]["threshold_percent"] for told in self.told(desk)]
        assert reached == [80, 80, 100, 100]

    def test_an_unlimited_tier_and_the_hub_have_no_thresholds(self, desk: Desk) -> None:
        """There is nothing to be used up, or it is credits."""
        desk.wallet.charge("hub", 400 * CREDIT)
        unlimited = Terms("tier", window="period", included="unlimited")
        desk.wallet.run(ChangeTerms(unlimited, PERIOD))
        desk.wallet.charge("a", 10**12)

        assert self.told(desk) == []

    def test_a_request_is_told_where_somebody_wants_it(self, desk: Desk) -> None:
        """Charged at once, or captured, or captured late; with what it came to in all."""
        desk.wallet.run(Charge("op:" + "1" * 64, "d", FixedAmount(5), is_told=True))
        desk.wallet.hold("h", 9)
        hold_id = desk.wallet.hold_id("h")
        desk.wallet.run(CaptureHold(hold_id, "d", FixedAmount(7), is_told=True))

        told = [event["data"] for event in self.told(desk)]

        assert sorted(data["amount_nanos"] for data in told) == [5, 7]
        assert {data.get("hold_id") for data in told} == {None, hold_id}
        assert all(data["completed_at"] == "2026-03-10T12:00:00Z" for data in told)

    def test_a_charge_costs_a_write_more_only_where_a_webhook_listens(
        self, stranger: Desk, wire: Wire
    ) -> None:
        """The webhooks are remembered for a minute, so that nothing is read for them."""
        project_id = stranger.tenant.project_id
        listeners.cache_clear()
        stranger.charge("a", 1)
        wire.reset()
        stranger.charge("b", 1)
        assert wire.counts == (1, 0, 2)

        webhook = webhooks.create_webhook(
            project_id,
            webhook_id=str(uuid4()),
            endpoint_url="https://app.example",
            events=("request.completed",),
            is_enabled=True,
            secret=webhooks.mint_secret(b"s" * 32),
            now=NOON,
        )
        listeners.cache_clear()
        stranger.charge_for("c", "gpt-5", input_tokens=7)
        wire.reset()
        hold_id = stranger.held(9)
        stranger.end(hold_id, "capture", {"amount_nanos": 9})
        assert wire.counts == (2, 0, 6)  # the end of the last hold is published, too
        webhooks.remove_webhook(project_id, webhook.webhook_id)
        listeners.cache_clear()

        told = sorted(self.told(stranger), key=lambda event: event["data"]["amount_nanos"])
        assert [event["type"] for event in told] == ["request.completed"] * 2
        assert told[0]["data"]["amount_nanos"] == 9
        assert told[1]["data"]["model"] == "gpt-5"
        assert told[1]["data"]["usage"] == {"input_tokens": 7, "requests": 1}
