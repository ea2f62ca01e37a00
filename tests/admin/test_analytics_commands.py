"""The commands `analytics`, typed: the figures of the endpoints, in lines of tabs."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

import pytest

from creditbase.accounts.use_cases import HUB_PROJECT_ID
from creditbase.admin.command import main
from creditbase.jobs.rollup import roll_up_usage
from creditbase.kernel.ids import operation_entry_id
from creditbase.ledger.domain.commands import Charge, FixedAmount
from creditbase.ledger.domain.wallet import Metered
from creditbase.ledger.use_cases import lanes
from creditbase.runtime import clock, firestore
from tests.ledger.wallets import LiveWallet
from tests.relay.desk import NOON

pytestmark = pytest.mark.firestore
CREDIT = 1_000_000
SPAN = ("--from", "2026-03-09", "--to", "2026-03-10")


@pytest.fixture
def used(firestore_host: str, project: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Return a customer of an otherwise empty database, who made two calls."""
    assert firestore_host
    monkeypatch.setenv("GCLOUD_PROJECT", f"{project}-{uuid4().hex[:8]}")
    monkeypatch.setattr(clock, "now", lambda: NOON + timedelta(days=1))
    firestore.client.cache_clear()
    lanes.cache_clear()
    customer_id = str(uuid4())
    wallet = LiveWallet.opened(HUB_PROJECT_ID, customer_id, nanos=2_000 * CREDIT, now=NOON)
    for key, nanos in (("a", 1_000 * CREDIT), ("b", 0)):
        cost = FixedAmount(nanos, Metered("m", "acme", 600 * CREDIT))
        wallet.run(Charge(operation_entry_id(key), "d", cost))
    yield customer_id
    firestore.client.cache_clear()
    lanes.cache_clear()


def typed(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, list[str], str]:
    """Return the status of a command, the lines that it wrote, and what it said."""
    status = main(["analytics", *words])
    out, said = capsys.readouterr()
    return status, out.splitlines(), said


def test_the_figures_of_the_endpoints_are_shown(
    used: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """An operator without a browser; of when they are is said aside."""
    before = typed(capsys, "usage", *SPAN)
    roll_up_usage(NOON)
    capsys.readouterr()

    usage = typed(capsys, "usage", *SPAN)
    models = typed(capsys, "models", *SPAN)
    customers = typed(capsys, "customers", "--month", "2026-03")
    days = typed(capsys, "export", *SPAN)
    month = typed(capsys, "export", "--what", "customers", "--format", "jsonl")

    earned = "2\t1.00\t1.20\t0.00\t-20.00%\t-"
    assert before[2] == "nothing was rolled up yet\n"
    assert usage[1] == ["2026-03-09\t0\t0\t0", "2026-03-10\t2\t1000\t1", "all\t2\t1000\t1"]
    assert usage[2] == "as of 2026-03-10T12:00:00.000000Z: exactly the ledger\n"
    assert models[1] == [f"m\tacme\t{earned}", f"all\t\t{earned}"]
    assert customers[1] == [f"{used}\t{earned}"]
    assert days[1][1] == "2026-03-10,m,acme,free,2,0,0,0,1000000000,1200000000,0"
    assert f'"customer_id":"{used}"' in month[1][0]


@pytest.mark.parametrize(
    "words",
    [
        ("usage", "--from", "2026-03-11", "--to", "2026-03-10"),
        ("customers", "--month", "2026-13"),
        ("customers", "--limit", "0"),
    ],
)
def test_what_makes_no_sense_is_refused(
    words: tuple[str, ...], used: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """In one line, as everywhere."""
    status, lines, said = typed(capsys, *words)

    assert (status, lines) == (1, [])
    assert said.startswith("refused: ")
