"""`POST /billing/webhook`: Stripe tells what happened. Proved by its signature alone.

Source: hub-api.md 6.4, DESIGN section 8. 200 means "we own it now"; 400 that no repeat will
help; 500 that Stripe shall send it again. No browser, no key and no limit here.
"""

from creditbase.kernel.errors import Unavailable
from creditbase.payments.use_cases import receive_event
from creditbase.runtime.clock import real_now
from creditbase.runtime.doors import webhook_door
from creditbase.runtime.http import Call, Reply, endpoint
from creditbase.runtime.settings import STRIPE_SECRET_KEY, STRIPE_WEBHOOK_SECRET

WEBHOOK = webhook_door()


@endpoint("billing_webhook", door=WEBHOOK, secrets=(STRIPE_WEBHOOK_SECRET, STRIPE_SECRET_KEY))
def billing_webhook(call: Call) -> Reply:
    """Take a signed event: store it once, act on it, and say so."""
    # Several secrets, separated by commas, while one is being rolled. None: fail closed.
    configured = STRIPE_WEBHOOK_SECRET.value().split(",")
    secrets = [secret.strip() for secret in configured if secret.strip()]
    if not secrets:
        raise Unavailable
    receive_event(
        call.raw,
        call.headers.get("Stripe-Signature", ""),
        secrets=secrets,
        real_now=real_now(),
        now=call.now,
    )
    return Reply(body={"received": True})
