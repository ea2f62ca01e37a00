"""`/billing/redeem`: credits for a code.

Source: hub-api.md 5.6. A wrong code tells nothing: unknown, not yet or no longer valid, used
up, disabled and not for this plan are one answer. Tries are counted for all processes
together, and before anything is looked up.
"""

from datetime import timedelta

from creditbase.admin.domain.vouchers import read_code
from creditbase.admin.vouchers import redeem_voucher
from creditbase.hub.door import HUB
from creditbase.hub.payer import payer_of
from creditbase.kernel.errors import InvalidRequest
from creditbase.kernel.money import credits_remaining
from creditbase.runtime.arriving import network_of
from creditbase.runtime.clock import real_now
from creditbase.runtime.http import Call, Reply, endpoint
from creditbase.runtime.settings import settings
from creditbase.runtime.tries import TryLimit, count_try

REDEEM_LIMIT = TryLimit(tries=5, window=timedelta(hours=1))
"""For each user, and for each address."""


@endpoint("billing_redeem", door=HUB)
def billing_redeem(call: Call) -> Reply:
    """Give the signed-in user the credits of a code, once.

    Answers 404 `INVALID_VOUCHER` for every code that gives nothing here and now, 409
    `VOUCHER_ALREADY_REDEEMED` where it gave already, 429 after five tries in an hour.
    """
    code = call.body.get("code")
    if not isinstance(code, str):
        raise InvalidRequest("The code must be a text", field="code")
    read_code(code)
    if settings().redeem_limit:
        buckets = [
            f"redeem/user/{call.caller.uid}",
            f"redeem/address/{network_of(call.address)}",
        ]
        # Real time: whoever moves the clock of business must not get more tries.
        count_try(buckets, call.request_id, REDEEM_LIMIT, now=real_now())
    redeemed = redeem_voucher(payer_of(call), code, request_id=call.request_id, now=call.now)
    balance = redeemed.balance
    return Reply(
        body={
            "status": "redeemed",
            "credits_granted": redeemed.credits,
            "redemption_id": redeemed.redemption_id,
            "topup_balance": credits_remaining(balance.topup_nanos),
            "monthly_credits_remaining": credits_remaining(balance.monthly_remaining_nanos),
        }
    )
