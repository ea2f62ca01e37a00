"""The commands: `serve` the local Stripe, and `pay` for a session without a browser."""

import argparse
import os
import sys
from collections.abc import Sequence

from stripe_local.currencies import shown
from stripe_local.payer import Receipt, Refused, Told, pay_session
from stripe_local.server import LocalStripe
from stripe_local.webhooks.policy import DeliveryPolicy
from stripe_local.world import Listener, Settings

PORT_DEFAULT = 12111
_ADDRESS_VARIABLE = "STRIPE_URL"
_DEFAULTS = DeliveryPolicy()
_TOLD: dict[Told, str] = {
    "taken": "taken",
    "waiting": "not taken yet, still being sent",
    "lost": "not taken, and given up",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command, and return its exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.command == "serve" and bool(options.webhook_url) != bool(options.webhook_secret):
        parser.error("--webhook-url and --webhook-secret go together")
    run = serve if options.command == "serve" else pay
    return run(options)


def serve(options: argparse.Namespace) -> int:
    """Serve on 127.0.0.1 until a signal comes. Prints one line when ready."""
    settings = Settings(
        merchant=options.merchant,
        listeners=_listeners(options),
        policy=DeliveryPolicy(
            first_delay_s=options.retry_first_s,
            delay_s_max=options.retry_max_s,
            attempts_max=options.attempts_max,
            timeout_s=options.webhook_timeout_s,
            senders=options.senders,
        ),
    )
    try:
        server = LocalStripe(
            settings, port=options.port, public_url=options.public_url, on_ready=_say_ready
        )
    except OSError as problem:
        print(f"Port {options.port} of 127.0.0.1 cannot be had: {problem}", file=sys.stderr)
        return 2
    try:
        server.serve_until_stopped()
    except KeyboardInterrupt:
        return 130
    return 0


def pay(options: argparse.Namespace) -> int:
    """Pay for a session. The exit status is 0 only when it was paid."""
    try:
        receipt = pay_session(
            options.url, options.session, card=options.card, email=options.email
        )
    except Refused as refusal:
        print(f"{options.session} was not paid: {refusal.reason}", file=sys.stderr)
        return 1
    _print_receipt(receipt)
    return 0


def _print_receipt(receipt: Receipt) -> None:
    session = receipt.session
    amount = shown(session["amount_total"], session["currency"])
    made = (("subscription", "subscription"), ("payment_intent", "payment intent"))
    what = next((f", {name} {session[field]}" for field, name in made if session[field]), "")
    print(f"{session['id']} is paid: {amount}{what}")
    print(f"webhooks: {_TOLD[receipt.told]}")


def _say_ready(url: str) -> None:
    print(f"local Stripe ready at {url}", flush=True)


def _listeners(options: argparse.Namespace) -> tuple[Listener, ...]:
    if not options.webhook_url:
        return ()
    wanted = tuple(options.enabled_events.split(","))
    return (Listener(options.webhook_url, options.webhook_secret, wanted),)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m stripe_local", description="A local Stripe for development and tests."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    _add_serve(commands.add_parser("serve", help="serve the API and the hosted page"))
    _add_pay(commands.add_parser("pay", help="pay for a Checkout session without a browser"))
    return parser


def _add_serve(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("--port", type=int, default=PORT_DEFAULT, help="0 takes any free port")
    add("--public-url", help="where a browser finds the pages, if not at the port itself")
    add("--merchant", default=Settings.merchant, help="the name on the pages")
    add("--webhook-url", help="an endpoint that is there from the start")
    add("--webhook-secret", help="its signing secret, whsec_…", type=_secret)
    add("--enabled-events", default="*", help="event types with commas between")
    add("--retry-first-s", type=float, default=_DEFAULTS.first_delay_s)
    add("--retry-max-s", type=float, default=_DEFAULTS.delay_s_max)
    add("--attempts-max", type=int, default=_DEFAULTS.attempts_max)
    add("--webhook-timeout-s", type=float, default=_DEFAULTS.timeout_s)
    add("--senders", type=int, default=_DEFAULTS.senders, help="deliveries at once")


def _add_pay(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    address = os.environ.get(_ADDRESS_VARIABLE, f"http://127.0.0.1:{PORT_DEFAULT}")
    add("session", metavar="SESSION_ID")
    add("--card", default="4242424242424242", metavar="NUMBER")
    add("--email", help="for a session that does not know its payer")
    add("--url", default=address, help=f"the local Stripe, by default ${_ADDRESS_VARIABLE}")


def _secret(text: str) -> str:
    if not text.startswith("whsec_"):
        raise argparse.ArgumentTypeError("a signing secret starts with whsec_")
    return text


if __name__ == "__main__":
    sys.exit(main())
