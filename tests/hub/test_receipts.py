"""Receipts of the hub: what is shown of an entry, pure."""

from dataclasses import replace

from creditbase.hub.receipts import receipt_of
from tests.metering.test_receipts import charged


def test_a_call_that_was_never_made_shows_no_price() -> None:
    """Its entry may name what it would have begun with; nothing of that was taken."""
    made = charged("local-large", {"input_tokens": 1_000})
    voided = replace(made, kind="void", captured_nanos=0, draws=())

    receipt = receipt_of(voided)

    assert "price" in receipt_of(made)
    assert "price" not in receipt
    assert receipt["explanation"] == ["Call not made; the held credits are back: local-large."]
