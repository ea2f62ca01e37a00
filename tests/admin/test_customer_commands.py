"""`customers find|adjust|grant|freeze|thaw` and `audit`, as an operator types them."""

import re
from uuid import uuid4

import pytest

from creditbase.accounts.use_cases import HUB_PROJECT_ID, ensure_project
from creditbase.admin.command import main
from creditbase.catalog.use_cases import push_catalog, shared_cache
from creditbase.ledger.paths import WalletRef
from creditbase.runtime.clock import now
from creditbase.subscriptions.use_cases import first_touch
from tests.ledger.wallets import LiveWallet
from tests.relay.desk import CATALOG, NOON

pytestmark = [pytest.mark.firestore, pytest.mark.usefixtures("firestore_host", "project")]


@pytest.fixture
def uid() -> str:
    """Return a user of the hub who has been here before."""
    ensure_project("hub", now=NOON)
    push_catalog(HUB_PROJECT_ID, CATALOG)
    shared_cache().forget()
    name = f"u{uuid4().hex}"
    first_touch(name, now=now())
    return name


def wallet_of(uid: str) -> LiveWallet:
    """Return the wallet of a user."""
    ref = first_touch(uid, now=now())
    return LiveWallet(WalletRef(ref.project_id, ref.customer_id), now())


def test_an_operator_acts_from_the_command_line_and_it_is_recorded(
    uid: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same use cases as the endpoints'; a key that is typed again does nothing again."""
    wallet = wallet_of(uid)
    before = wallet.available()

    assert main(["customers", "adjust", uid, "--reason", "typo", "--", "-5"]) == 0
    printed = capsys.readouterr()
    key = re.findall(r"key: (\w+)", printed.err)[0]
    again = ["customers", "adjust", uid, "--reason", "typo", "--key", key, "--", "-5"]
    assert main(again) == 0
    assert main(["customers", "adjust", uid, "--reason", "x", "--key", key, "--", "-5"]) == 1
    given = ["--expires-at", "2999-01-01T00:00:00Z", "--reason", "sorry"]
    assert main(["customers", "grant", uid, "2", *given]) == 0
    assert main(["customers", "freeze", uid, "--reason", "fraud"]) == 0
    assert wallet.state()["frozen"] == "operator"
    assert main(["customers", "thaw", uid, "--reason", "no fraud"]) == 0
    capsys.readouterr()

    assert main(["audit", "--customer", wallet.ref.customer_id]) == 0

    assert f"available_nanos: {before} -> {before - 5}" in printed.out
    assert wallet.available() == before - 5 + 2_000_000
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines] == ["thaw", "freeze", "grant", "adjust"]
    assert lines[1].endswith("by command-line: fraud")
    wallet.audit()


def test_customers_are_found_and_listed(
    uid: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By what is at hand, or all of them, page by page."""
    monkeypatch.setattr("creditbase.admin.customers.PAGE", 2)
    customer_id = wallet_of(uid).ref.customer_id

    assert main(["customers", "find", uid]) == 0
    assert capsys.readouterr().out.split()[0] == customer_id
    assert main(["customers", "find"]) == 0
    assert customer_id in capsys.readouterr().out


def test_what_cannot_be_read_is_not_understood(uid: str) -> None:
    """An end that is no instant; an action without a reason."""
    for typed in (["grant", uid, "2", "--reason", "x", "--expires-at", "soon"], ["thaw", uid]):
        with pytest.raises(SystemExit) as failure:
            main(["customers", *typed])
        assert failure.value.code == 2
