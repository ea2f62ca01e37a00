"""`/admin/usage`, `/admin/model-economics`, `/admin/customer-economics`, `/admin/export`."""

import csv
import io
import json
from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

import pytest

from creditbase.accounts.use_cases import HUB_PROJECT_ID
from creditbase.admin import analytics, exports
from creditbase.jobs.rollup import roll_up_usage
from creditbase.kernel.ids import operation_entry_id, project_uuid
from creditbase.ledger.domain.commands import Charge, FixedAmount, GrantCredits
from creditbase.ledger.domain.wallet import Metered
from creditbase.runtime import firestore
from tests.hub.office import CREDIT, Office, office, opened_office
from tests.ledger.wallets import LiveWallet
from tests.relay.desk import NOON
from tests.wired import _session_wire

__all__ = ["_session_wire", "office"]
pytestmark = pytest.mark.firestore
ELSEWHERE = project_uuid("elsewhere")
SOMEBODY = "0f0e0d0c-0b0a-4908-8706-050403020100"
LARGE, SMALL = Metered("large", "acme"), Metered("=small", "acme")


def use(wallet: LiveWallet, what: Metered, nanos: int, cost: int, **pools: int) -> None:
    """Pay for a call."""
    metered = Metered(what.model, what.provider, cost, pools)
    key = operation_entry_id(uuid4().hex)
    wallet.run(Charge(key, "d", FixedAmount(nanos, metered)))


def buy(wallet: LiveWallet, nanos: int, paid_nanos: int) -> None:
    """Buy a pack."""
    wallet.run(GrantCredits(f"topup:{uuid4().hex}", "topup", nanos, paid_nanos=paid_nanos))


@pytest.fixture(scope="module")
def story(firestore_host: str, project: str, _session_wire: object) -> Iterator[Office]:
    """Return an office of which four customers made calls on three days, rolled up."""
    assert firestore_host
    with opened_office(f"{project}-{uuid4().hex[:8]}") as found:
        ada, bob, idle = found.wallet(nanos=0), found.wallet(), found.wallet()
        eve = LiveWallet.opened(ELSEWHERE, ada.ref.customer_id, nanos=CREDIT, now=NOON)
        buy(ada, 1_000_000 * CREDIT, 600_000 * CREDIT)
        use(ada, LARGE, 128_400 * CREDIT, 91_714_286_000, input_tokens=18_240, output_tokens=9)
        use(bob, SMALL, 1, 2, input_tokens=1, cached_input_tokens=2)
        use(ada.later(days=2), LARGE, CREDIT + 1, 5)
        use(bob.later(days=4), Metered("free"), 0, 7)
        use(eve, LARGE, 5, 5)
        assert not idle.state()["today"]["models"]
        found.clock.at = NOON + timedelta(days=4, hours=1)
        roll_up_usage(found.clock.at)
        yield found


class TestUsage:
    """Hub-api.md 6.1, to the letter."""

    def test_it_is_as_specified(self, story: Office) -> None:
        """Zeros where nothing was used, and each user once in the range."""
        found = story.read("usage", start_date="2026-03-09", end_date="2026-03-14")

        days = [("2026-03-09", 0, 0, 0), ("2026-03-10", 2, 128_401, 2), ("2026-03-11", 0, 0, 0)]
        days += [("2026-03-12", 1, 1, 1), ("2026-03-13", 0, 0, 0), ("2026-03-14", 1, 0, 1)]
        names = ("date", "requests", "credits_consumed", "active_users")
        assert found == {
            "period": {"start": "2026-03-09T00:00:00Z", "end": "2026-03-15T00:00:00Z"},
            "total_requests": 4,
            "total_credits_consumed": 128_402,
            "active_users": 2,
            "usage_trends": [dict(zip(names, day, strict=True)) for day in days],
            "generated_at": "2026-03-14T13:00:00Z",
            "as_of": "2026-03-14T13:00:00.000000Z",
            "is_exact": True,
        }

    def test_thirty_days_with_today_are_meant_where_none_are_named(self, story: Office) -> None:
        """As specified; and each project has its own."""
        found = story.read("usage")
        other = story.read("usage", project_id=ELSEWHERE)

        assert len(found["usage_trends"]) == 30
        assert found["period"] == {
            "start": "2026-02-13T00:00:00Z",
            "end": "2026-03-15T00:00:00Z",
        }
        assert (found["active_users"], other["active_users"]) == (2, 1)
        assert (other["total_requests"], other["total_credits_consumed"]) == (1, 1)

    @pytest.mark.parametrize("path", ["usage", "model-economics", "export"])
    @pytest.mark.parametrize(
        "query",
        [
            {"start_date": "2026-03-11", "end_date": "2026-03-10"},
            {"start_date": "2025-01-01", "end_date": "2026-03-10"},
            {"start_date": "1999-12-31", "end_date": "2000-01-05"},
            {"end_date": "2000-01-02"},
            {"end_date": "9999-12-31"},
            {"end_date": "2200-01-01"},
            {"start_date": "2026-02-30"},
            {"end_date": ""},
            {"end_date": "2026-3-1"},
            {"project_id": "hub"},
        ],
        ids=str,
    )
    def test_absurd_days_are_refused(
        self, story: Office, path: str, query: dict[str, str]
    ) -> None:
        """400 with a sentence, and never a crash."""
        assert story.ask(path, 400, **query).get_json()["code"] == "INVALID_REQUEST"

    def test_the_first_and_the_last_day_there_is_may_be_asked_for(self, story: Office) -> None:
        """A range may end in the future: nothing was used there."""
        early = story.read("usage", start_date="2000-01-01", end_date="2000-01-01")
        late = story.read("usage", start_date="2199-12-31", end_date="2199-12-31")

        assert (early["total_requests"], late["total_requests"]) == (0, 0)

    def test_before_the_first_roll_up_there_is_no_instant(self, office: Office) -> None:
        """All zeros, and nothing that says of when."""
        found = office.read("usage")

        assert (found["total_requests"], found["active_users"]) == (0, 0)
        assert not {"as_of", "is_exact"} & found.keys()


class TestModels:
    """Hub-api.md 6.2, to the letter, and what was received in money beside it."""

    def test_they_are_as_specified(self, story: Office) -> None:
        """The largest revenue first; no margin without revenue; two margins."""
        found = story.read("model-economics", start_date="2026-03-10", end_date="2026-03-10")

        large, small = found["models"]
        assert large == {
            "model": "large",
            "provider": "acme",
            "total_requests": 1,
            "total_input_tokens": 18_240,
            "total_output_tokens": 9,
            "provider_cost_usd": 91.714286,
            "revenue_credits": 128_400,
            "revenue_usd": 128.4,
            "margin_pct": 28.57,
            "received_usd": 77.04,
            "received_margin_pct": -19.05,
            "is_below_cost": True,
            "provider_cost_nanos": 91_714_286_000,
            "revenue_nanos": 128_400 * CREDIT,
            "received_nanos": 77_040 * CREDIT,
        }
        assert (small["total_input_tokens"], small["revenue_credits"]) == (3, 1)
        assert (small["received_usd"], small["received_margin_pct"]) == (0, None)
        assert small["is_below_cost"]
        assert found["totals"]["revenue_credits"] == 128_401

    def test_no_revenue_is_no_margin(self, story: Office) -> None:
        """JSON has no infinity."""
        found = story.read("model-economics", start_date="2026-03-14", end_date="2026-03-14")

        (row,) = found["models"]
        assert (row["model"], row["provider"], row["margin_pct"]) == ("free", "", None)
        assert (row["revenue_usd"], row["provider_cost_nanos"]) == (0, 7)
        assert found["totals"]["margin_pct"] is None


class TestCustomers:
    """What each customer cost and paid."""

    def test_the_dearest_comes_first_and_pages_are_of_one_instant(self, office: Office) -> None:
        """Somebody who moves between two pages is neither missed nor told twice."""
        wallets = [office.wallet() for _ in range(5)]
        for number, wallet in enumerate(wallets):
            use(wallet, LARGE, 9, 50 - number)
        roll_up_usage(NOON)
        first = office.read("customer-economics", limit="2")
        before = office.read("customer-economics")["customers"]
        use(wallets[0].later(hours=1), LARGE, 9, 9_000)
        use(wallets[4].later(hours=1), LARGE, 9, 9_000)
        roll_up_usage(NOON + timedelta(hours=1))

        second = office.read("customer-economics", limit="2", cursor=first["next_cursor"])
        third = office.read("customer-economics", limit="2", cursor=second["next_cursor"])
        now = office.read("customer-economics")["customers"]

        pages = [*first["customers"], *second["customers"], *third["customers"]]
        assert pages == before
        assert [row["customer_id"] for row in pages] == [it.ref.customer_id for it in wallets]
        assert "next_cursor" not in third
        assert (first["as_of"], third["as_of"]) == (second["as_of"], first["as_of"])
        assert [row["provider_cost_nanos"] for row in now] == [9_050, 9_046, 49, 48, 47]

    @pytest.mark.parametrize(
        "query",
        [
            {"month": "2026-13"},
            {"month": "2026-3"},
            {"month": "20२6-03"},
            {"limit": "0"},
            {"limit": "201"},
            {"limit": "-1"},
            {"cursor": "-1"},
            {"cursor": "x"},
            {"cursor": f"9999999999999999:0:{SOMEBODY}"},
            {"cursor": f"0000000000000000:-5:{SOMEBODY}"},
            {"cursor": f"0000000000000000:{'9' * 40}:{SOMEBODY}"},
        ],
        ids=str,
    )
    def test_what_cannot_be_read_is_refused(self, story: Office, query: dict[str, str]) -> None:
        """A month that is none, a cursor that we never gave."""
        story.ask("customer-economics", 400, **query)

    def test_a_list_ends_after_a_while(
        self, story: Office, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The store forgets its instant: better an end that is said than a page of another."""
        cursor = story.read("customer-economics", limit="1")["next_cursor"]
        monkeypatch.setattr(analytics, "LIST_LASTS", timedelta(0))

        refused = story.ask("customer-economics", 400, cursor=cursor)

        assert "ended" in refused.get_json()["message"]


class TestExport:
    """Files."""

    def test_days_have_a_line_for_each_cell(self, story: Office) -> None:
        """By model, provider and plan; what a spreadsheet would compute is text."""
        span = {"start_date": "2026-03-10", "end_date": "2026-03-14"}
        answer = story.ask("export", 200, **span)
        lines = story.ask("export", 200, **span, format="jsonl")

        table = list(csv.DictReader(io.StringIO(answer.text)))
        rows = [json.loads(line) for line in lines.text.splitlines()]
        assert answer.headers["Content-Disposition"] == (
            'attachment; filename="days-2026-03-10-2026-03-14.csv"'
        )
        assert [(it["date"], it["model"], it["plan"]) for it in rows] == [
            ("2026-03-10", "=small", "free"),
            ("2026-03-10", "large", "free"),
            ("2026-03-12", "large", "free"),
            ("2026-03-14", "free", "free"),
        ]
        assert table[0]["model"] == "'=small"
        assert rows[1]["received_nanos"] == 77_040 * CREDIT
        for row, line in zip(table, rows, strict=True):
            assert {**row, "model": ""} == {**{k: str(v) for k, v in line.items()}, "model": ""}

    def test_customers_are_all_there_page_after_page(
        self, story: Office, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """In the order of the list."""
        monkeypatch.setattr(exports, "PAGE", 1)
        listed = story.read("customer-economics", month="2026-03")["customers"]

        text = story.ask("export", 200, what="customers", month="2026-03", format="jsonl").text

        rows = [json.loads(line) for line in text.splitlines()]
        assert [it["customer_id"] for it in rows] == [it["customer_id"] for it in listed]
        assert [it["received_nanos"] for it in rows] == [77_040 * CREDIT + 600_000, 0]

    def test_what_would_not_be_all_is_refused(
        self, story: Office, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A file that ends early looks like one that is whole."""
        monkeypatch.setattr(exports, "CUSTOMERS_MAX", 1)

        story.ask("export", 400, what="customers")
        assert story.ask("export", 200, what="customers", month="2026-01").text.count("\n") == 1

    @pytest.mark.parametrize("query", [{"what": "all"}, {"format": "xml"}, {"what": ""}])
    def test_what_there_is_not_is_refused(self, story: Office, query: dict[str, str]) -> None:
        """Nothing is guessed."""
        story.ask("export", 400 if "" not in query.values() else 200, **query)


def test_who_cannot_be_counted_is_said(office: Office) -> None:
    """One wallet that somebody wrote into: the rest is told, and that it is not all."""
    whole, broken = office.wallet(), office.wallet()
    for wallet in (whole, broken):
        use(wallet, LARGE, 5, 1)
    good = broken.state()["today"]
    _write_today(broken, {"date": "2026-03-10", "models": {"m": {"requests": "many"}}})

    roll_up_usage(NOON)
    found = office.read("usage")
    _write_today(broken, good)
    roll_up_usage(NOON + timedelta(days=3))
    mended = office.read("usage")

    assert (found["total_requests"], found["is_exact"]) == (1, False)
    assert (mended["total_requests"], mended["is_exact"]) == (2, True)
    assert broken.ref.project_id == HUB_PROJECT_ID


def _write_today(wallet: LiveWallet, today: object) -> None:
    version = firestore.get_all([wallet.ref.wallet])[0].version
    assert version is not None
    change = firestore.Update(wallet.ref.wallet, {("state", "today"): today}, version)
    firestore.commit([change])
