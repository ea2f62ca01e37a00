"""Pays for a Checkout session without a browser, for scripts."""

from dataclasses import dataclass
from typing import Literal

import requests

from stripe_local.wire.parameter_types import API_VERSION
from stripe_local.wire.resource import Resource

_HEADERS = {"Authorization": "Bearer sk_test_payer", "Stripe-Version": API_VERSION}
_TIMEOUT_S = 30.0
_SETTLE_S = 10.0


class Refused(Exception):
    """The session was not paid, and why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


Told = Literal["taken", "waiting", "lost"]
"""What became of the webhooks about the session."""


@dataclass(frozen=True)
class Receipt:
    """What a payment did."""

    session: Resource
    told: Told


def pay_session(base_url: str, session_id: str, *, card: str, email: str | None) -> Receipt:
    """Pay for a session with a card number, and wait a while for its webhooks.

    A card whose bank wants to see its owner is authenticated on the way.

    Raises:
        Refused: the card is declined, the session cannot be paid, or nobody answers.
    """
    with requests.Session() as client:
        client.trust_env = False  # a proxy of the machine is no way to 127.0.0.1
        form = {"card[number]": card} | ({"email": email} if email else {})
        session = _post(client, f"{base_url}/v1/payment_pages/{session_id}/confirm", data=form)
        if session["status"] == "open":  # the bank wants to see who pays: here it does
            outcome = {"outcome": "succeeded"}
            address = f"{base_url}/v1/payment_pages/{session_id}/authenticate"
            session = _post(client, address, data=outcome)
        order = {"timeout_s": _SETTLE_S, "about": session_id}
        settled = _post(client, f"{base_url}/_sim/settle", json=order)
    if not settled["settled"]:
        return Receipt(session, "waiting")
    return Receipt(session, "taken" if settled["lost"] == 0 else "lost")


def _post(
    client: requests.Session,
    url: str,
    *,
    data: dict[str, str] | None = None,
    json: Resource | None = None,
) -> Resource:
    try:
        answer = client.post(url, data=data, json=json, headers=_HEADERS, timeout=_TIMEOUT_S)
        body: Resource = answer.json()
    except requests.RequestException as problem:
        raise Refused(f"no local Stripe answers at {url} ({type(problem).__name__})") from None
    if not answer.ok:
        raise Refused(_reason(body["error"]))
    return body


def _reason(error: Resource) -> str:
    codes = [error[name] for name in ("code", "decline_code") if name in error]
    message: str = error["message"]
    return f"{message} ({', '.join(codes)})" if codes else message
