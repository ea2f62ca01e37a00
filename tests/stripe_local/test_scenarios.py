"""Net C: the lives of billing-e2e, and our own, on test clocks of the local Stripe.

The same code plays them on Stripe itself, where somebody has a key: `make stripe`.
"""

import pytest
from billing_e2e.scenario import Scenario

from dev import stripe_scenarios
from tests.stripe_local.conftest import Local


@pytest.mark.parametrize("scenario", stripe_scenarios.scenarios(), ids=lambda each: each.name)
def test_a_life_is_lived_as_at_stripe(local: Local, scenario: Scenario) -> None:
    """Written by others for Stripe itself: renewal, dunning, proration, 3-D Secure."""
    result = stripe_scenarios.play(scenario, local.client, "sk_test_sim")

    assert result.errors == []
    assert [(step.label, step.detail) for step in result.steps if not step.passed] == []
    assert result.passed


@pytest.mark.parametrize(
    ("key", "status", "said"),
    [
        ("", 0, "is not set: nothing is done"),
        ("sk_live_51abc", 2, "secret test key"),
        ("rk_test_51abc", 2, "secret test key"),
        ("pk_test_51abc", 2, "secret test key"),
        ("sk_test_", 2, "does not look like a Stripe test key"),
    ],
)
def test_stripe_itself_is_asked_only_with_a_test_key(
    capsys: pytest.CaptureFixture[str], key: str, status: int, said: str
) -> None:
    """Without one nothing is sent, and a live key is refused before anything is."""
    assert stripe_scenarios.main({"STRIPE_TEST_KEY": key} if key else {}) == status

    told = capsys.readouterr()
    assert said in told.out + told.err
    assert "51abc" not in told.out + told.err
