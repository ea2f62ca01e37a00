"""The doctor on the emulator and the local Stripe: what it gathers is what is there."""

import pytest

from creditbase.payments.stripe_gateway import client
from creditbase.payments.use_cases import HANDLERS
from creditbase.runtime.settings import settings
from tests.command_line.typed import typed
from tests.payments.shop import Shop

SITE = "http://127.0.0.1:5000"

pytestmark = [
    pytest.mark.firestore,
    pytest.mark.usefixtures("firestore_host", "project"),
]


def codes(found: dict[str, list[dict[str, str]]]) -> set[str]:
    """Return what was found, by its codes."""
    return {it["code"] for it in found["findings"]}


def test_sees_an_empty_project_and_then_a_ready_one(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each remedy that is typed takes its finding away."""
    assert shop
    before = typed(capsys, "doctor", "--json")

    events = sorted(HANDLERS)[1:]
    client().v1.webhook_endpoints.create(
        params={"url": f"{SITE}/billing/webhook", "enabled_events": events}  # type: ignore[typeddict-item]
    )
    after = typed(capsys, "doctor", "--json")

    assert before.status == 3
    assert "webhook_missing" in codes(before.result)
    assert "rules_open" not in codes(before.result)
    assert "webhook_missing" not in codes(after.result)
    missing = [it for it in after.result["findings"] if it["code"] == "webhook_event_missing"]
    assert [min(HANDLERS) in it["message"] for it in missing] == [True]


def test_says_in_people_s_words_what_cannot_be_seen(
    shop: Shop, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A setting that is wrong is named, and no trace is shown."""
    assert shop
    monkeypatch.setenv("CREDITBASE_DEADLINE_S", "soon")
    settings.cache_clear()

    found = typed(capsys, "doctor")

    assert "CREDITBASE_DEADLINE_S" in found.out
    assert "Traceback" not in found.out + found.said
