"""`/ledger`: what a user reads of its own money, over HTTP."""

import csv
import io
import json
from fractions import Fraction
from math import ceil
from typing import Any
from uuid import uuid4

import pytest

from creditbase.kernel.ids import operation_entry_id
from creditbase.runtime.firestore import get_all
from creditbase.runtime.tables import csv_line
from tests.hub.reader import Reader, json_of, reader
from tests.runtime.contract import conforms
from tests.wire import Wire
from tests.wired import _session_wire, wire

__all__ = ["_session_wire", "reader", "wire"]
pytestmark = pytest.mark.firestore


class TestRows:
    """Every movement, newest first."""

    def test_a_newcomer_sees_the_credits_it_began_with(self, reader: Reader) -> None:
        """One entry: the free month's credits."""
        answer = reader.ask("/ledger")

        conforms("GET /ledger", answer)
        (row,) = json_of(answer)["entries"]
        assert (row["kind"], row["credits"], row["seq"]) == ("grant", "500", 1)
        assert row["description"] == "Free credits of the month"
        assert "next_cursor" not in json_of(answer)

    def test_the_changes_add_up_to_what_is_there(self, reader: Reader) -> None:
        """Also while a hold is open: it takes out, and brings back what it did not use."""
        reader.call_model(input_tokens=1_001, output_tokens=77)
        reader.wallet.hold("open", 5_000_000)
        reader.wallet.hold("used", 9_000_000)
        reader.wallet.capture("used", 1_234_567)

        rows = reader.entries()

        assert [row["kind"] for row in rows] == ["capture", "hold", "hold", "charge", "grant"]
        assert sum(row["change_nanos"] for row in rows) == rows[0]["available_nanos"]
        assert sum(row["held_nanos"] for row in rows) == 5_000_000
        assert Fraction(rows[0]["credits"]) == Fraction(9_000_000 - 1_234_567, 10**6)

    def test_pages_hold_every_entry_once(self, reader: Reader) -> None:
        """However many are written meanwhile: they come before the first page."""
        for _ in range(6):
            reader.call_model(input_tokens=10)
        first = json_of(reader.ask("/ledger", limit="3"))
        reader.call_model(input_tokens=10)
        second = json_of(reader.ask("/ledger", limit="3", cursor=first["next_cursor"]))
        third = json_of(reader.ask("/ledger", limit="3", cursor=second["next_cursor"]))

        seqs = [row["seq"] for page in (first, second, third) for row in page["entries"]]
        assert seqs == [7, 6, 5, 4, 3, 2, 1]
        assert "next_cursor" not in third

    def test_one_kind_is_asked_for(self, reader: Reader) -> None:
        """As an index serves it."""
        reader.call_model(input_tokens=10)

        assert [row["kind"] for row in reader.entries(kind="grant")] == ["grant"]
        assert reader.entries(kind="refund") == []

    def test_a_span_of_days_is_asked_for(self, reader: Reader) -> None:
        """From inside, to outside; days begin at midnight in UTC."""
        for _ in range(3):
            reader.clock.pass_on(days=1)
            reader.call_model(input_tokens=10)

        def seqs(**query: str) -> list[int]:
            return [row["seq"] for row in reader.entries(**query)]

        assert seqs(**{"from": "2026-03-11", "to": "2026-03-13"}) == [3, 2]
        assert seqs(**{"from": "2026-03-13T12:00:00Z"}) == [4]
        assert seqs(to="2026-03-10T12:00:00Z") == []
        assert seqs(**{"from": "2027-01-01"}) == []

    @pytest.mark.parametrize(
        "query",
        [
            {"limit": "0"},
            {"limit": "201"},
            {"limit": "-1"},
            {"limit": "٣"},
            {"limit": "9" * 5000},
            {"cursor": "x"},
            {"cursor": "1e3"},
            {"kind": "gift"},
            {"from": "yesterday"},
            {"from": "2026-13-01"},
            {"to": "2026-03-10T12:00:00"},
            {"format": "xml"},
        ],
    )
    def test_a_query_that_cannot_be_read_is_said_to_be_wrong(
        self, reader: Reader, query: dict[str, str]
    ) -> None:
        """With the name of the field."""
        answer = reader.ask("/ledger", 400, **query)

        conforms("GET /ledger", answer)
        assert json_of(answer)["field"] in query

    def test_a_page_costs_two_reads_and_no_write(self, reader: Reader, wire: Wire) -> None:
        """The wallet and one query, after the user."""
        reader.call_model(input_tokens=10)
        wire.reset()
        reader.entries()

        _, _, writes = wire.counts
        assert writes == 0


class TestExports:
    """All of it, as a file."""

    def test_a_table_has_every_entry(self, reader: Reader) -> None:
        """For a spreadsheet: one head, one line an entry, whole numbers."""
        for _ in range(3):
            reader.call_model(input_tokens=10)

        answer = reader.ask("/ledger", format="csv")

        assert answer.mimetype == "text/csv"
        assert "ledger.csv" in answer.headers["Content-Disposition"]
        rows = list(csv.DictReader(io.StringIO(answer.text)))
        assert [row["seq"] for row in rows] == ["4", "3", "2", "1"]
        changes = [int(row["change_nanos"]) for row in rows]
        assert sum(changes) == int(rows[0]["available_nanos"])

    @pytest.mark.parametrize(
        "text", ["=1+1", "-1+cmd|' /C calc'!A0", "+1", "@A1", "\t=1", "\n=1"]
    )
    def test_no_name_is_a_formula(self, text: str) -> None:
        """Whoever names a model must not run something on the machine that opens the table."""
        (cells,) = csv.reader(io.StringIO(csv_line([text, "-1.5", -3])))

        assert cells == [f"'{text}", "-1.5", "-3"]

    def test_json_lines_are_receipts(
        self, reader: Reader, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """One a line, over as many pages as it takes."""
        monkeypatch.setattr("creditbase.hub.ledger.EXPORT_PAGE", 2)
        for _ in range(4):
            reader.call_model(input_tokens=10)

        answer = reader.ask("/ledger", format="jsonl")

        found = [json.loads(line) for line in answer.text.splitlines()]
        assert [it["seq"] for it in found] == [5, 4, 3, 2, 1]
        assert found[0] == json_of(reader.ask(f"/ledger/{found[0]['id']}"))["entry"]

    @pytest.mark.parametrize("form", ["csv", "jsonl"])
    def test_what_is_too_long_for_one_file_says_how_it_goes_on(
        self, reader: Reader, monkeypatch: pytest.MonkeyPatch, form: str
    ) -> None:
        """An accountant would not see that half a year is missing."""
        monkeypatch.setattr("creditbase.hub.ledger.EXPORT_ENTRIES_MAX", 2)
        for _ in range(4):
            reader.call_model(input_tokens=10)

        seen, query = [], {"format": form}
        for _ in range(3):
            answer = reader.ask("/ledger", 200, **query)
            rows, cursor = rows_of(answer.text, form)
            assert answer.headers.get("X-Next-Cursor", "") == cursor
            seen.append([int(row["seq"]) for row in rows])
            query["cursor"] = cursor

        assert seen == [[5, 4], [3, 2], [1]]
        assert cursor == ""

    def test_a_callable_gets_pages_only(self, reader: Reader) -> None:
        """A file is no answer to a callable, and must not be an empty one."""
        headers = reader.signer.headers(reader.uid)
        function = reader.functions["ledger"]

        page = function.post("/ledger", headers=headers, json={"data": {"limit": 5}})
        refused = function.post("/ledger", headers=headers, json={"data": {"format": "csv"}})

        assert len(json_of(page)["result"]["entries"]) == 1
        assert refused.status_code == 400


def rows_of(text: str, form: str) -> tuple[list[dict[str, Any]], str]:
    """Return the entries of an export, and where it says that the next one begins."""
    rows: list[dict[str, Any]]
    if form == "jsonl":
        rows = [json.loads(line) for line in text.splitlines()]
        cursor = rows.pop()["next_cursor"] if "next_cursor" in rows[-1] else ""
        return rows, cursor
    rows = list(csv.DictReader(io.StringIO(text)))
    if rows[-1]["seq"]:
        return rows, ""
    return rows[:-1], rows[-1]["description"].rpartition("cursor=")[2]


class TestReceipts:
    """Why a call cost what it cost."""

    def test_a_receipt_can_be_computed_again(self, reader: Reader) -> None:
        """From its own lines; what the call cost us is nowhere in it."""
        entry_id = reader.call_model(input_tokens=12_345, output_tokens=6_789)

        answer = reader.ask(f"/ledger/{entry_id}")

        conforms("GET /ledger/{entry_id}", answer)
        receipt = json_of(answer)["entry"]
        price = receipt["price"]
        total = sum(
            Fraction(line["quantity"] * line["price_nanos"], line["per_units"])
            for line in price["lines"]
        )
        assert price["amount_nanos"] == ceil(total) == receipt["captured_nanos"]
        assert sum(draw["amount_nanos"] for draw in receipt["draws"]) == ceil(total)
        assert sum(receipt["postings"].values()) == 0
        assert "12,345 input tokens at" in " ".join(receipt["explanation"])
        shown = answer.text
        secret = ("cost", "markup", "nanos_per_million", "hash", "prev")
        assert not any(word in shown for word in secret)

    def test_what_a_call_cost_us_cannot_be_tried_out(self, reader: Reader) -> None:
        """A hash that covers it would say which guess is right: there are not many prices."""
        entry_id = reader.call_model(input_tokens=12_345)
        path = reader.wallet.ref.entry(entry_id)
        (kept,) = get_all([path])
        assert kept.fields is not None

        shown = reader.ask(f"/ledger/{entry_id}").text + reader.ask("/ledger").text
        shown += reader.ask("/ledger", format="jsonl").text

        assert kept.fields["hash"] not in shown
        assert kept.fields["prev"] not in shown

    def test_nobody_reads_anothers_receipt(self, reader: Reader) -> None:
        """The same answer as for what never was."""
        entry_id = reader.call_model(input_tokens=10)
        other = f"u{uuid4().hex}"

        anothers = reader.ask(f"/ledger/{entry_id}", 404, uid=other)
        nobodys = reader.ask(f"/ledger/{operation_entry_id('never')}", 404, uid=other)

        assert {**json_of(anothers), "request_id": ""} == {**json_of(nobodys), "request_id": ""}

    @pytest.mark.parametrize("entry_id", ["..", "a%2Fb", "x" * 401, "%00", "é", "__a__", "__"])
    def test_an_absurd_id_is_refused(self, reader: Reader, entry_id: str) -> None:
        """Before it becomes a path of the store."""
        headers = reader.signer.headers(reader.uid)

        answer = reader.functions["ledger"].get(f"/ledger/{entry_id}", headers=headers)

        assert answer.status_code in {400, 404}
