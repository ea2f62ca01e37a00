"""`verify`: a certificate, or the first line that does not hold; cut off, it goes on."""

import hashlib
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbase.accounts.domain import CustomerRef
from creditbase.admin import verify_command, verifying
from creditbase.admin.command import main
from creditbase.admin.domain.heads import heads_of
from creditbase.kernel.errors import Unavailable
from creditbase.ledger import use_cases as ledger
from creditbase.ledger.domain.entries import digest_of
from creditbase.payments.domain import TOPUP, Payment
from creditbase.runtime import firestore
from tests.jobs.conftest import ward
from tests.jobs.ward import PROJECT, Ward
from tests.kernel.profiles import PURE
from tests.ledger.wallets import LiveWallet
from tests.relay.desk import NOON
from tests.wired import _session_wire, wire

__all__ = ["_session_wire", "ward", "wire"]

SHA = hashlib.sha256


@pytest.fixture
def wallets(ward: Ward) -> list[LiveWallet]:
    """Return three wallets of a project, each with a few entries."""
    firestore.commit([firestore.Create(f"projects/{PROJECT}", {"name": "hub"})])
    made = [ward.wallet() for _ in range(3)]
    for number, wallet in enumerate(made):
        for each in range(number + 1):
            wallet.charge(f"{each}", 2)
    return made


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Return where a run keeps how far it is."""
    return tmp_path / "verify.json"


def verify(state: Path, *typed: str) -> int:
    """Type the command."""
    return main(["verify", "--state", str(state), *typed])


def certificate(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Return what was printed."""
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def root_of(leaves: list[tuple[str, int, str]]) -> str:
    """Return the root as docs/data-model.md says it, level by level."""
    level = [SHA(b"\0" + f"{p}\n{seq}\n{head}".encode()).digest() for p, seq, head in leaves]
    while len(level) > 1:
        pairs = [level[at : at + 2] for at in range(0, len(level), 2)]
        level = [SHA(b"\1" + b"".join(it)).digest() if len(it) == 2 else it[0] for it in pairs]
    return level[0].hex() if level else SHA(b"").hexdigest()


@PURE
@given(st.integers(0, 40))
def test_the_root_is_made_as_heads_come(count: int) -> None:
    """A million heads fit into no memory; the root is the same as that of all at once."""
    leaves = [
        (f"projects/p/wallets/{n:03d}", n, SHA(bytes([n])).hexdigest()) for n in range(count)
    ]

    assert heads_of(leaves).root == root_of(leaves)


@pytest.mark.firestore
class TestCertificate:
    """What holds."""

    def test_tells_what_was_looked_at_and_signs_it_with_its_digest(
        self,
        wallets: list[LiveWallet],
        state: Path,
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        """Whoever has the certificate can hold it against a published root."""
        out = tmp_path / "certificate.json"

        assert verify(state, "--json", "--out", str(out)) == 0

        found = certificate(capsys)
        assert found == json.loads(out.read_text())
        assert (found["wallets"], found["entries"], found["parked"]) == (3, 9, 0)
        leaves = sorted(
            (it.ref.wallet, it.state()["seq"], it.state()["head"]) for it in wallets
        )
        assert found["root"] == root_of(leaves)
        assert found["digest"] == digest_of({k: v for k, v in found.items() if k != "digest"})
        assert not state.exists()

    def test_says_it_in_words_and_of_one_customer(
        self, wallets: list[LiveWallet], state: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """An operator on the telephone looks at one."""
        typed = ("--project", PROJECT, "--customer", wallets[1].ref.customer_id)

        assert verify(state, *typed) == 0

        said = capsys.readouterr().out
        assert "wallets: 1\n" in said
        assert "holds: entries are numbered without a gap" in said

    def test_goes_on_where_it_was_cut_off(
        self,
        wallets: list[LiveWallet],
        state: Path,
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """A week's reading is not begun again for a lost connection."""
        # given a run that the store leaves after two wallets
        assert verify(state, "--json") == 0
        whole = certificate(capsys)
        real = verifying.prove_whole
        looked: list[str] = []

        def failing(ref: Any) -> Any:
            looked.append(ref.customer_id)
            if len(looked) == 3:
                raise Unavailable
            return real(ref)

        monkeypatch.setattr(verifying, "prove_whole", failing)
        monkeypatch.setattr(verify_command, "NEWS_EVERY", 1)
        assert verify(state) == 1
        assert "--resume" in capsys.readouterr().err

        # when it is resumed
        assert verify(state, "--json", "--resume") == 0

        # then it looks at the last one alone, and comes to the same
        assert looked == [*sorted(it.ref.customer_id for it in wallets), looked[2]]
        resumed = certificate(capsys)
        assert [resumed[it] for it in ("root", "wallets", "entries")] == [
            whole[it] for it in ("root", "wallets", "entries")
        ]

    @pytest.mark.usefixtures("wallets")
    def test_nothing_else_is_gone_on_with(
        self, state: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """A certificate of half of one thing and half of another would be of nothing."""
        assert verify(state, "--resume") == 1
        state.write_text("{}")
        assert verify(state, "--resume") == 1
        other = {
            "project_ids": ["other"],
            "heads": {"parts": [], "count": 0},
            "after": ["", ""],
        }
        state.write_text(json.dumps({"store": "elsewhere", "progress": other}))
        assert verify(state, "--resume") == 1
        assert verify(state, "--project", "nowhere") == 1

        assert "no project nowhere" in capsys.readouterr().err


@pytest.mark.firestore
class TestBroken:
    """What does not hold."""

    def test_tells_the_first_line_exactly(
        self,
        ward: Ward,
        wallets: list[LiveWallet],
        state: Path,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        """Path, number, field, what should be there, and what is."""
        wallet = wallets[2]
        entry = wallet.entries()[1]
        path = wallet.ref.entry(entry["entry_id"])
        write(ward, wallet, path, ("amount_nanos",), 3)

        assert verify(state, "--json") == 1

        found = certificate(capsys)
        assert (found["path"], found["seq"], found["field"]) == (path, 2, "hash")
        assert found["found"] == entry["hash"]
        assert verify(state) == 1
        assert "field: hash" in capsys.readouterr().out

    def test_a_wallet_that_is_gone_is_missed(
        self,
        ward: Ward,
        wallets: list[LiveWallet],
        state: Path,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        """Its entries alone would never be looked at."""
        ref = wallets[0].ref
        firestore.commit([firestore.Delete(ref.wallet)])
        ward.broken.add(ref)

        assert verify(state, "--json") == 1

        assert certificate(capsys)["path"] == ref.wallet

    def test_a_balance_that_claims_more_is_found(
        self,
        ward: Ward,
        wallets: list[LiveWallet],
        state: Path,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        """It is what the customer sees."""
        ref = wallets[0].ref
        write(ward, wallets[0], ref.balance, ("topup_nanos",), 10**6)

        assert verify(state, "--json") == 1

        assert certificate(capsys)["path"] == ref.balance


@pytest.mark.firestore
class TestBought:
    """No credits without money, as far as our own documents tell."""

    @pytest.fixture
    def buyer(self, wallets: list[LiveWallet]) -> Iterator[LiveWallet]:
        """Return a wallet with a top-up."""
        wallets[0].topup("pi_1", 500)
        yield wallets[0]
        ledger.lanes.cache_clear()

    def test_a_top_up_that_was_paid_for_holds(
        self, buyer: LiveWallet, state: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """And one that has not arrived yet is named."""
        pay(buyer, "pi_1", 500)
        pay(buyer, "pi_2", 700)

        assert verify(state, "--json") == 0

        found = certificate(capsys)
        assert (found["bought_nanos"], found["payments"]) == (500, 2)
        assert found["payments_waiting"] == ["topup:pi_2"]
        assert verify(state) == 0
        assert "waiting for their wallets: topup:pi_2" in capsys.readouterr().out

    @pytest.mark.parametrize("paid_nanos", [None, 499])
    def test_a_top_up_that_nobody_paid_for_is_found(
        self,
        buyer: LiveWallet,
        state: Path,
        capsys: pytest.CaptureFixture[str],
        paid_nanos: int | None,
    ) -> None:
        """Its chain is perfect; it has no cause."""
        if paid_nanos is not None:
            pay(buyer, "pi_1", paid_nanos)

        assert verify(state, "--json") == 1

        assert certificate(capsys)["path"] == buyer.ref.entry("topup:pi_1")


def write(
    ward: Ward, wallet: LiveWallet, path: str, field: tuple[str, ...], value: object
) -> None:
    """Write one field of a document by hand."""
    version = firestore.get_all([path])[0].version
    assert version is not None
    firestore.commit([firestore.Update(path, {field: value}, version)])
    ward.broken.add(wallet.ref)


def pay(wallet: LiveWallet, payment_id: str, nanos: int) -> None:
    """Write a payment down."""
    ref = CustomerRef(wallet.ref.project_id, wallet.ref.customer_id)
    payment = Payment(
        payment_id=payment_id,
        session_id=f"cs_{payment_id}",
        project_id=ref.project_id,
        customer_id=ref.customer_id,
        stripe_customer_id="cus_1",
        kind=TOPUP,
        tier="small",
        currency="usd",
        paid_cents=5,
        granted_nanos=nanos,
        grant_id=f"topup:{payment_id}",
        created_at=NOON + timedelta(seconds=1),
    )
    fields = {name: getattr(payment, name) for name in payment.__dataclass_fields__}
    firestore.commit([firestore.Put(f"payments/{payment_id}", {**fields, "returns": []})])
