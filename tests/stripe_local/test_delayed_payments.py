"""Sessions that are complete before the money is there."""

import pytest

from tests.stripe_local.conftest import Local
from tests.stripe_local.lives import count_events, since, subscriber


@pytest.mark.parametrize(
    ("outcome", "payment_status", "told"),
    [
        ("paid", "paid", ["charge.succeeded", "payment_intent.succeeded"]),
        ("failed", "unpaid", ["charge.failed", "payment_intent.payment_failed"]),
    ],
)
def test_a_delayed_payment_arrives_or_fails(
    local: Local, outcome: str, payment_status: str, told: list[str]
) -> None:
    """`completed` with `unpaid` gives nothing yet; what counts comes later."""
    session = local.sell()
    before = count_events(local)

    unpaid = local.sim("POST", f"/sessions/{session.id}/pay_later")
    assert (unpaid["status"], unpaid["payment_status"]) == ("complete", "unpaid")
    assert local.client.v1.charges.list().data == []
    settled = local.sim("POST", f"/sessions/{session.id}/settle", {"outcome": outcome})

    assert settled["payment_status"] == payment_status
    ending = "succeeded" if outcome == "paid" else "failed"
    assert since(local, before) == [
        "payment_intent.created",
        "payment_intent.processing",
        "checkout.session.completed",
        *told,
        f"checkout.session.async_payment_{ending}",
    ]


def test_only_what_is_under_way_can_be_settled(local: Local) -> None:
    """Once, and not for a subscription."""
    session = local.sell()
    settle = f"{local.url}/_sim/sessions/{session.id}/settle"
    order = {"outcome": "paid"}

    assert local.http.post(settle, json=order, timeout=30).status_code == 400
    local.sim("POST", f"/sessions/{session.id}/pay_later")
    local.sim("POST", f"/sessions/{session.id}/settle", order)
    assert local.http.post(settle, json=order, timeout=30).status_code == 400
    ada = subscriber(local)
    later = f"{local.url}/_sim/sessions/{ada.session().id}/pay_later"
    assert local.http.post(later, timeout=30).status_code == 400
