"""N parallel calls of cost c on a budget B, in two processes: floor(B / c) are admitted.

Issue 4, "Quota"; for each thing that a call may be paid from or bounded by.
"""

import secrets
from collections import Counter
from contextlib import ExitStack
from datetime import UTC, datetime

from creditbase.accounts import use_cases as accounts
from creditbase.kernel.ids import project_uuid
from creditbase.ledger.domain.commands import ChangeTerms
from creditbase.ledger.domain.wallet import Terms
from tests.ledger.wallets import LiveWallet
from tests.proof.conftest import OpenWallet
from tests.servers import Answer, Meter, in_parallel, serving

BUDGET, COST, CALLS = 50, 7, 16
ADMITTED = 7
"""Seven of seven are forty-nine; what is left would not pay an eighth."""
LIMITED = Terms("tier", included="limited", limit_nanos=BUDGET, draws_wallet=False)


def test_parallel_calls_never_take_more_than_a_wallet_a_limit_or_a_key_has(
    open_wallet: OpenWallet, secret_key: str, project: str
) -> None:
    """Charged or held, through either process: not one too many, and not one too few."""
    prepaid, limited, keyed = open_wallet(BUDGET), open_wallet(0), open_wallet(10**9)
    limited.run(ChangeTerms(LIMITED))
    bounded_key = accounts.create_secret_key(
        project_uuid("hub"),
        name="bounded",
        random_bytes=secrets.token_bytes(32),
        now=datetime.now(UTC),
        budget_nanos=BUDGET,
    ).secret
    with ExitStack() as servers:
        urls = [servers.enter_context(serving("meter", project=project))[0] for _ in "ab"]
        answers = {
            source: _admit(urls, key, wallet)
            for source, key, wallet in (
                ("grant", secret_key, prepaid),
                ("included", secret_key, limited),
                ("budget", bounded_key, keyed),
            )
        }

    for source, told in answers.items():
        statuses = Counter(answer.status for answer in told)
        assert statuses == {201: ADMITTED, 402: CALLS - ADMITTED}, source
    for refusal in (answer for answer in answers["budget"] if answer.status == 402):
        assert refusal.body["limit_source"] == "budget"
    for wallet in (prepaid, limited, keyed):
        wallet.audit()


def _admit(urls: list[str], key: str, wallet: LiveWallet) -> list[Answer]:
    """Ask for all calls at once, half charges and half holds, of both processes."""
    meters = [Meter(url, key, wallet.ref.customer_id) for url in urls]

    def call(number: int) -> Answer:
        meter = meters[number % 2]
        ask = meter.hold if number % 4 > 1 else meter.charge
        return ask(f"call-{number}", COST)

    return in_parallel(CALLS, call)
