"""One hot customer over HTTP, in one process and in four: exact, fair, and answered.

Issue 1, "Done when" 3; promises P09, P29, P32.
"""

import threading
import time
from collections import Counter
from contextlib import ExitStack
from datetime import UTC, datetime

import pytest

from creditbase.kernel import ids
from creditbase.ledger import use_cases
from creditbase.ledger.domain.commands import GrantCredits
from tests.proof.conftest import OpenWallet
from tests.servers import Meter, in_parallel, serving
from tests.together import join_all

CALLERS = 200
BALANCE = 50
GRANT_WITHIN_S = 2.0


@pytest.mark.parametrize("processes", [1, 4])
def test_two_hundred_parallel_charges_on_a_balance_for_fifty(
    processes: int, open_wallet: OpenWallet, secret_key: str, project: str
) -> None:
    """Exactly fifty are accepted, the balance is exact, and every caller gets an answer."""
    wallet = open_wallet(BALANCE)
    with ExitStack() as servers:
        meters = [
            Meter(
                servers.enter_context(serving("meter", project=project))[0],
                secret_key,
                wallet.ref.customer_id,
            )
            for _ in range(processes)
        ]

        answers = in_parallel(
            CALLERS, lambda number: meters[number % processes].charge(f"call-{number}", 1)
        )

    assert Counter(answer.status for answer in answers) == {
        201: BALANCE,
        402: CALLERS - BALANCE,
    }
    refusals = [answer.body for answer in answers if answer.status == 402]
    assert all(body["available_nanos"] == 0 for body in refusals)
    assert len({a.body["charge"]["id"] for a in answers if a.status == 201}) == BALANCE
    assert wallet.available() == 0
    wallet.audit()


def test_a_process_at_full_speed_leaves_room_for_anothers_grant(
    open_wallet: OpenWallet, secret_key: str, project: str
) -> None:
    """A webhook's grant in another process is not starved by a customer's busy loop."""
    wallet = open_wallet(10**9)
    stop = threading.Event()
    charged: Counter[int] = Counter()
    with serving("meter", project=project) as (url, _):
        meter = Meter(url, secret_key, wallet.ref.customer_id)

        def hammer(thread: int) -> None:
            number = 0
            while not stop.is_set():
                number += 1
                charged[meter.charge(f"hot-{thread}-{number}", 1).status] += 1

        threads = [threading.Thread(target=hammer, args=(n,)) for n in range(16)]
        for thread in threads:
            thread.start()
        waits_s = []
        try:
            time.sleep(1.5)
            for number in range(5):
                use_cases.lanes.cache_clear()
                began_s = time.monotonic()
                use_cases.run(
                    wallet.ref,
                    GrantCredits(ids.topup_grant_id(f"pi_hot_{number}"), "topup", 1_000),
                    now=datetime.now(UTC),
                )
                waits_s.append(time.monotonic() - began_s)
                time.sleep(0.3)
        finally:
            stop.set()
            join_all(threads)

    assert max(waits_s) < GRANT_WITHIN_S, waits_s
    assert charged[201] > 50, "the hot process must really have been busy"
    assert set(charged) == {201}
    wallet.audit()
