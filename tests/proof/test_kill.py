"""SIGKILL between any two RPCs of metering; then the client's retry with the same key.

Promise P30, over HTTP, in a real server process that a master replaces.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import figures
from tests.ledger.wallets import LiveWallet
from tests.proof.conftest import OpenWallet
from tests.servers import Meter, serving

KILLABLE = Path(__file__).with_name("killable_main.py")
RPCS_COLD = 2
"""What a process makes that knows nothing of the wallet; the table of DESIGN section 4."""


@pytest.fixture(scope="module")
def killable(secret_key: str, project: str) -> Iterator[Meter]:
    """Return a meter that dies on demand."""
    with serving("meter", project=project, source=KILLABLE) as (url, program):
        yield Meter(url, secret_key, program=program)


@dataclass(frozen=True)
class Operation:
    """A path under test; `{hold}` in it asks for a hold of 7 nanos beforehand."""

    path: str
    body: dict[str, object]
    available: int
    held: int


OPERATIONS = {
    "charge": Operation("/charges", {"amount_nanos": 7}, 43, 0),
    "hold": Operation("/holds", {"amount_nanos": 7}, 43, 7),
    "capture": Operation("/holds/{hold}/capture", {"amount_nanos": 3}, 47, 0),
    "over": Operation("/holds/{hold}/capture", {"amount_nanos": 60}, 0, 0),
    "nothing": Operation("/holds/{hold}/capture", {"amount_nanos": 0}, 50, 0),
    "void": Operation("/holds/{hold}/void", {}, 50, 0),
}


DEATHS = ["before:0", *(f"after:{index}" for index in range(RPCS_COLD))]
"""Every gap between two RPCs once: dying before one is dying after the one before it."""


@pytest.mark.parametrize("death", DEATHS)
@pytest.mark.parametrize("name", OPERATIONS)
def test_a_killed_process_and_the_same_key_again_have_one_effect(
    name: str, death: str, killable: Meter, open_wallet: OpenWallet
) -> None:
    """The process dies at the RPC; the next one finishes what the first began, once.

    Index 0 is the read, 1 the commit; the secret key is known by then.
    """
    operation = OPERATIONS[name]
    wallet: LiveWallet = open_wallet(50)
    meter = Meter(killable.url, killable.secret_key, wallet.ref.customer_id)
    path, body = operation.path, dict(operation.body)
    if "{hold}" in path:
        path = path.format(hold=meter.hold("k", 7).body["hold"]["id"])
    else:
        body["customer_id"] = wallet.ref.customer_id
    restart(meter)

    answer = meter.post(path, body, key="k", **{"X-Test-Kill": death})

    assert answer.tries > 1, "the process must really have died"
    figures.count("T4 processes killed by SIGKILL at a request")
    assert answer.status in {200, 201}
    assert wallet.available() == operation.available
    held = sum(hold["amount_nanos"] for hold in wallet.state()["holds"].values())
    assert held == operation.held
    wallet.audit()


def restart(meter: Meter) -> None:
    """Make the server process forget everything, so that the counted RPCs are a cold one's."""
    answer = meter.post(
        "/charges",
        {"customer_id": "00000000-0000-5000-8000-000000000000", "amount_nanos": 1},
        **{"X-Test-Kill": "before:0"},
    )
    assert answer.status == 404
