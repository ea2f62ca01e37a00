"""Net D: Stripe's own command line brings about each event at the local Stripe.

`stripe trigger` sends the requests that Stripe's makers wrote for the event, without a version
of the API. The command line comes from npm, pinned in `cli/`, and is installed only here.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from dev.layout import ROOT
from tests.stripe_local.conftest import Local

pytestmark = pytest.mark.soak

PINNED = Path(__file__).parent / "cli"
WORKSHOP = ROOT / ".run" / "stripe_cli"
EVENTS = (
    *("billing_portal.configuration.created", "billing_portal.session.created"),
    *("charge.failed", "charge.refunded", "charge.succeeded"),
    *("checkout.session.completed", "checkout.session.expired", "coupon.created"),
    *("customer.created", "customer.deleted", "customer.updated"),
    *("customer.subscription.created", "customer.subscription.deleted"),
    *("customer.subscription.paused", "customer.subscription.trial_will_end"),
    *("customer.subscription.updated", "invoice.created", "invoice.deleted"),
    *("invoice.finalized", "invoice.marked_uncollectible", "invoice.paid"),
    *("invoice.payment_action_required", "invoice.payment_failed"),
    *("invoice.payment_succeeded", "invoice.sent", "invoice.updated", "invoice.voided"),
    *("invoiceitem.created", "invoiceitem.deleted", "payment_intent.canceled"),
    *("payment_intent.created", "payment_intent.payment_failed"),
    *("payment_intent.requires_action", "payment_intent.succeeded"),
    *("payment_method.attached", "payment_method.detached", "price.created"),
    *("price.updated", "product.created", "product.deleted", "product.updated"),
    *("setup_intent.canceled", "setup_intent.created", "setup_intent.succeeded"),
    *("test_helpers.test_clock.advancing", "test_helpers.test_clock.created"),
)
"""Not among them: disputes, which it begins with an inquiry; payments by bank transfer; and
promotion codes, whose request is of an earlier version of the API."""


@pytest.fixture(scope="module")
def command() -> Path:
    """Return Stripe's command line, installed."""
    WORKSHOP.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copyfile(PINNED / name, WORKSHOP / name)
    # not `npm ci`, which wants the binaries of all other platforms in the lock file too
    subprocess.run(["npm", "install"], cwd=WORKSHOP, check=True, stdin=subprocess.DEVNULL)
    return WORKSHOP / "node_modules" / ".bin" / "stripe"


@pytest.mark.parametrize("event_type", EVENTS)
def test_stripes_own_command_line_triggers_an_event(
    local: Local, command: Path, event_type: str, tmp_path: Path
) -> None:
    """Requests that we did not write are taken, and lead to what they are meant to."""
    asked = [str(command), "trigger", event_type, "--api-base", local.url]
    done = subprocess.run(
        [*asked, "--api-key", "sk_test_local12345678"],
        env={
            "HOME": str(tmp_path),
            "PATH": os.environ["PATH"],
            "STRIPE_CLI_TELEMETRY_OPTOUT": "1",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert event_type in local.event_types()
