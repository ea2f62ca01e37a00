"""`explain`: the operator's command computes a ledger again."""

from dataclasses import replace

import pytest

from creditbase.admin import explaining
from creditbase.admin.command import main
from creditbase.ledger.pages import load_entry
from creditbase.metering.receipts import explain_stored
from creditbase.runtime import firestore
from tests.hub.reader import Reader, reader
from tests.wired import _session_wire, wire

__all__ = ["_session_wire", "reader", "wire"]
pytestmark = pytest.mark.firestore


class TestExplain:
    """The operator's command."""

    def test_a_whole_ledger_agrees(
        self, reader: Reader, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Charges, holds in every state, a month's turn."""
        entry_id = reader.call_model(input_tokens=12_345)
        reader.wallet.hold("used", 9_000_000)
        reader.wallet.capture("used", 10_000_000)
        reader.clock.pass_on(days=40)
        reader.call_model(input_tokens=1)

        assert main(["explain", reader.uid]) == 0
        assert "all agree, to the nano" in capsys.readouterr().out
        assert main(["explain", reader.wallet.ref.customer_id, entry_id]) == 0
        assert "agrees, computed again from the entry and the price book" in (
            capsys.readouterr().out
        )

    def test_a_tampered_entry_is_found(
        self, reader: Reader, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """By whoever has the database: the command names it, and fails."""
        entry_id = reader.call_model(input_tokens=12_345)
        reader.call_model(input_tokens=1)
        path = reader.wallet.ref.entry(entry_id)
        snapshot = firestore.get_all([path])[0]
        assert snapshot.fields is not None
        forged = {**snapshot.fields, "captured_nanos": 1}
        firestore.commit([firestore.Put(path, forged)])

        status = main(["explain", reader.uid])

        printed = capsys.readouterr()
        firestore.commit([firestore.Put(path, snapshot.fields)])
        assert status == 1
        assert f"{entry_id}: charge" in printed.out
        assert "DIFFERS: hash is" in printed.out
        assert "1 of 3 entries" in printed.err

    def test_an_entry_whose_rates_name_no_project_means_its_own(self, reader: Reader) -> None:
        """So entries pinned them once; without this such a ledger could not be explained."""
        ref = reader.wallet.ref
        entry = load_entry(ref, reader.call_model(input_tokens=12_345))
        pricing = entry.metered.pricing
        version = str(pricing["rates_version"]).rpartition("/")[2]
        old = replace(entry.metered, pricing={**pricing, "rates_version": version})

        found = explain_stored(
            replace(entry, metered=old).sealed(), lambda pin: explaining._prices(ref, pin)
        )

        assert version
        assert (found.agrees, found.is_book_checked) == (True, True)

    def test_an_entry_that_was_cut_out_is_found(
        self, reader: Reader, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The one after it does not follow the one before it."""
        entry_id = reader.call_model(input_tokens=12_345)
        reader.call_model(input_tokens=1)
        path = reader.wallet.ref.entry(entry_id)
        snapshot = firestore.get_all([path])[0]
        assert snapshot.fields is not None
        firestore.commit([firestore.Delete(path)])

        status = main(["explain", reader.uid])

        printed = capsys.readouterr()
        firestore.commit([firestore.Create(path, snapshot.fields)])
        assert status == 1
        assert "DIFFERS: predecessor is" in printed.out

    def test_nobody_is_explained_who_was_never_here(
        self, reader: Reader, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Refused in a line."""
        assert reader.wallet
        assert main(["explain", "nobody"]) == 1
        assert "refused" in capsys.readouterr().err
