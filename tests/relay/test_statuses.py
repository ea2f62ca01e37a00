"""The status table of metering-api.md, row by row, at its boundary."""

from datetime import timedelta
from typing import Any

import pytest

from creditbase.kernel.ids import credential
from creditbase.kernel.windows import Window
from creditbase.ledger.domain import spending
from creditbase.ledger.domain.commands import ChangeTerms, Freeze, TakeBack
from creditbase.ledger.domain.sizes import wallet_bytes
from creditbase.ledger.domain.wallet import Terms
from creditbase.ledger.store import find_wallet
from creditbase.runtime import firestore, guard
from creditbase.runtime.settings import settings
from tests.relay.desk import CREDIT, CREDITS, NOON, Desk, code_of, json_of, start_cold
from tests.wire import Fault, Wire, abort, lost_request

pytestmark = pytest.mark.firestore


class TestUnauthorized:
    """401: no key, a wrong one, or one of another kind."""

    @pytest.mark.parametrize(
        "headers",
        [
            {"X-ModelRelay-Api-Key": ""},
            {"X-ModelRelay-Api-Key": "mr_sk_"},
            {"X-ModelRelay-Api-Key": credential("mr_sk_", b"\1" * 32)},
            {"X-ModelRelay-Api-Key": credential("inf_", b"\1" * 32)},
            {"X-ModelRelay-Api-Key": "", "Authorization": "Bearer nonsense"},
            {"X-ModelRelay-Api-Key": "", "X-Api-Key": credential("inf_", b"\1" * 32)},
        ],
        ids=lambda headers: str([value[:10] for value in headers.values()]),
    )
    def test_nobody_is_let_in(self, desk: Desk, headers: dict[str, str]) -> None:
        """Before anything is said about body or key."""
        answer = desk.post("/charges", {"nonsense": 1}, **headers)

        assert code_of(answer) == (401, "UNAUTHORIZED")

    def test_the_key_travels_as_bearer_too(self, desk: Desk) -> None:
        """As the documentation's curl has it."""
        body = {"customer_id": desk.customer_id, "amount_nanos": 1}
        bearer = {"Authorization": f"Bearer {desk.tenant.secret_key}"}

        answer = desk.post("/charges", body, key="k", **{"X-ModelRelay-Api-Key": ""}, **bearer)

        assert answer.status_code == 201


class TestPaymentRequired:
    """402: with what is there, what was asked, and what stands in the way."""

    def test_at_the_boundary_one_nano_decides(self, desk: Desk) -> None:
        """All that is there can be spent, and not a nano more."""
        refused = desk.charge("a", CREDITS * CREDIT + 1)
        accepted = desk.charge("b", CREDITS * CREDIT)

        body = json_of(refused)
        assert code_of(refused) == (402, "PAYMENT_REQUIRED")
        assert accepted.status_code == 201
        assert {name: body[name] for name in body if name not in {"message", "request_id"}} == {
            "error": "PAYMENT_REQUIRED",
            "code": "PAYMENT_REQUIRED",
            "available_nanos": CREDITS * CREDIT,
            "required_nanos": CREDITS * CREDIT + 1,
            "limit_source": "wallet",
            "next_credits_at": "2026-04-10T12:00:00Z",
        }

    def test_holds_count_as_spent(self, desk: Desk) -> None:
        """What is set aside for one call is not there for another."""
        desk.held(CREDITS * CREDIT)

        assert json_of(desk.hold("k", 1))["available_nanos"] == 0

    def test_a_debt_is_named(self, desk: Desk) -> None:
        """Refunded after it was spent: the credits are there, and owed."""
        desk.wallet.topup("pi_1", 5)
        desk.charge("k", CREDITS * CREDIT + 5)
        desk.wallet.run(TakeBack("refund:pi_1:1", "topup:pi_1", 5, owes_rest=True))
        desk.clock.pass_on(days=31)

        body = json_of(desk.charge("more", CREDITS * CREDIT))

        assert body["limit_source"] == "receivable"
        assert body["available_nanos"] == CREDITS * CREDIT - 5

    def test_a_limit_is_named_and_unlimited_has_no_remainder(self, desk: Desk) -> None:
        """A tier with a spend limit, then one without: the figure is absent, not null."""
        window = Window(NOON, NOON + timedelta(days=30))
        limited = Terms(
            "pro", window="period", included="limited", limit_nanos=9, draws_wallet=False
        )
        desk.wallet.run(ChangeTerms(limited, window))
        refused = json_of(desk.charge("a", 10))
        accepted = json_of(desk.charge("b", 9))
        unlimited = Terms("max", window="period", included="unlimited", draws_wallet=False)
        desk.wallet.run(ChangeTerms(unlimited, window))
        free = json_of(desk.charge("c", 10))

        assert (refused["limit_source"], refused["available_nanos"]) == ("included", 9)
        assert accepted["charge"]["draws"] == [{"kind": "included", "amount_nanos": 9}]
        assert accepted["balance"]["included_remaining_nanos"] == 0
        assert "included_remaining_nanos" not in free["balance"]


class TestForbidden:
    """403: a frozen or a parked wallet."""

    def test_a_frozen_wallet_spends_nothing_and_ends_its_holds(self, desk: Desk) -> None:
        """New work is stopped; work that was promised is settled."""
        hold_id = desk.held(7)
        desk.wallet.run(Freeze("fraud"))

        assert code_of(desk.charge("k", 1)) == (403, "FORBIDDEN")
        assert code_of(desk.hold("k", 1)) == (403, "FORBIDDEN")
        assert desk.end(hold_id, "capture", {"amount_nanos": 4}).status_code == 200

    def test_a_parked_wallet_does_nothing_but_show_and_replay(self, desk: Desk) -> None:
        """Until somebody has looked; what was done is told as it was."""
        first = desk.charge("done", 1)
        hold_id = desk.held(7)
        park(desk)

        assert code_of(desk.charge("k", 1)) == (403, "FORBIDDEN")
        assert code_of(desk.end(hold_id, "void", {})) == (403, "FORBIDDEN")
        assert desk.charge("done", 1).data == first.data
        assert desk.show(hold_id)["status"] == "held"


def park(desk: Desk) -> None:
    """Park the wallet, as a broken rule would."""
    version = firestore.get_all([desk.wallet.ref.wallet])[0].version
    assert version is not None
    change = firestore.Update(desk.wallet.ref.wallet, {("state", "parked"): "x"}, version)
    firestore.commit([change])
    start_cold()


class TestNotFound:
    """404: customer, hold, model or path unknown; nothing is created by asking."""

    def test_an_unknown_customer_is_not_created(self, desk: Desk) -> None:
        """By id or by name, for a charge or a hold."""
        nobody = "00000000-0000-5000-8000-000000000000"
        selectors = [{"customer_id": nobody}, {"customer_external_id": "never-seen"}]

        bodies = [
            without_request_id(desk.post(path, {**selector, "amount_nanos": 1}, key="k"))
            for path in ("/charges", "/holds")
            for selector in selectors
        ]

        assert [body["code"] for body in bodies] == ["NOT_FOUND"] * 4
        assert bodies == [bodies[0]] * 4
        project = desk.tenant.project_id
        for kind in ("wallets", "customers", "balances"):
            assert not firestore.get_all([f"projects/{project}/{kind}/{nobody}"])[0].exists

    @pytest.mark.parametrize(
        "hold_id",
        ["x", "hold_", "hold_" + "A" * 64, "hold_" + "A" * 63, "chg_" + "A" * 64],
    )
    def test_an_unknown_hold_looks_the_same_however_it_is_asked(
        self, desk: Desk, hold_id: str
    ) -> None:
        """Malformed ids too: nothing tells which part was right."""
        answers = [
            desk.get(f"/holds/{hold_id}"),
            desk.end(hold_id, "capture", {"amount_nanos": 1}),
            desk.end(hold_id, "void", {}),
            desk.end(hold_id, "extend", {"expires_at": "2026-03-10T13:00:00Z"}),
        ]

        assert {code_of(answer) for answer in answers} == {(404, "NOT_FOUND")}
        assert len({str(without_request_id(answer)) for answer in answers}) == 1

    @pytest.mark.parametrize(
        "path", ["/", "/charges/1", "/holds/x/refund", "/holds/x/capture/y"]
    )
    def test_an_unknown_path_is_not_found(self, desk: Desk, path: str) -> None:
        """In the same body as everything else."""
        assert code_of(desk.post(path, {}, key="k")) == (404, "NOT_FOUND")

    @pytest.mark.parametrize("method", ["PUT", "DELETE", "GET"])
    def test_a_known_path_says_which_methods_it_has(self, desk: Desk, method: str) -> None:
        """405, with `Allow`."""
        headers = {"X-ModelRelay-Api-Key": desk.tenant.secret_key}

        answer = desk.client.open("/api/v1/charges", method=method, headers=headers)

        assert code_of(answer) == (405, "METHOD_NOT_ALLOWED")
        assert answer.headers["Allow"] == "POST"


class TestTenants:
    """P35: another project's customer and hold look exactly like none."""

    def test_another_projects_customer_looks_like_nobody(
        self, desk: Desk, stranger: Desk
    ) -> None:
        """By id and by name: the bodies are the same but for the request's id."""
        nobody = {"customer_id": "00000000-0000-5000-8000-000000000000", "amount_nanos": 1}
        known = {"customer_id": desk.customer_id, "amount_nanos": 1}
        named = {"customer_external_id": desk.external_id, "amount_nanos": 1}
        desk.charge("k", 1)

        bodies = [
            without_request_id(stranger.post("/charges", body, key="k"))
            for body in (nobody, known, named)
        ]

        assert bodies[0]["code"] == "NOT_FOUND"
        assert bodies == [bodies[0]] * 3
        assert len(desk.wallet.entries()) == 2

    def test_another_projects_hold_looks_like_none(self, desk: Desk, stranger: Desk) -> None:
        """It cannot be seen, captured, voided or extended, open or ended."""
        hold_id, ended = desk.held(7), desk.held(7)
        desk.end(ended, "void", {})
        absent = "hold_" + "A" * 64
        later = {"expires_at": "2026-03-10T13:00:00Z"}

        def ask(asked: str) -> list[dict[str, Any]]:
            answers = [
                stranger.get(f"/holds/{asked}"),
                stranger.end(asked, "capture", {"amount_nanos": 7}),
                stranger.end(asked, "void", {}),
                stranger.end(asked, "extend", later),
            ]
            return [without_request_id(answer) for answer in answers]

        assert ask(hold_id) == ask(ended) == ask(absent)
        assert desk.show(hold_id)["status"] == "held"
        assert desk.show(hold_id)["expires_at"] == "2026-03-10T12:15:00Z"


def without_request_id(answer: Any) -> dict[str, Any]:
    """Return a body without what is always different."""
    body = json_of(answer)
    del body["request_id"]
    return {**body, "status": answer.status_code}


class TestRetryable:
    """429 and 503: with `Retry-After`, safe to repeat with the same key."""

    def test_too_many_requests_in_a_minute(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """By project; a setting."""
        monkeypatch.setenv("CREDITBASE_RATE_LIMITS", "on")
        monkeypatch.setenv("CREDITBASE_METERING_PER_MINUTE", "2")
        settings.cache_clear()
        guard.rate_buckets.cache_clear()

        answers = [desk.charge(f"k{number}", 1) for number in range(3)]

        assert [answer.status_code for answer in answers] == [201, 201, 429]
        assert code_of(answers[2]) == (429, "RATE_LIMIT")
        assert int(answers[2].headers["Retry-After"]) >= 1
        guard.rate_buckets.cache_clear()

    def test_too_many_holds(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        """The wallet is full; charges still pass, and the end of a hold makes room."""
        desk.charge("first", 1)
        hold_id = desk.held(1)
        found = find_wallet(desk.wallet.ref)
        assert found is not None
        monkeypatch.setattr(spending, "WALLET_BYTES_MAX", wallet_bytes(found.wallet))

        refused = desk.hold("k", 1)

        assert code_of(refused) == (429, "TOO_MANY_HOLDS")
        assert int(refused.headers["Retry-After"]) >= 1
        assert desk.charge("c", 1).status_code == 201
        desk.end(hold_id, "void", {})
        assert desk.hold("k", 1).status_code == 201

    @pytest.mark.parametrize(
        ("fault", "code"), [(abort, "CONTENTION"), (lost_request, "SERVICE_UNAVAILABLE")]
    )
    def test_a_store_that_does_not_take_it(
        self,
        desk: Desk,
        wire: Wire,
        monkeypatch: pytest.MonkeyPatch,
        fault: Fault,
        code: str,
    ) -> None:
        """P31: no paid work is admitted, and the same key is told the truth later."""
        monkeypatch.setenv("CREDITBASE_DEADLINE_S", "1")
        settings.cache_clear()
        desk.charge("warm", 1)
        wire.reset()
        # Every commit, or everything: reads are let through where others are to win.
        wire.faults.update(dict.fromkeys(range(0, 200, 2 if fault is abort else 1), fault))

        refused = desk.charge("k", 1)

        assert code_of(refused) == (503, code)
        assert int(refused.headers["Retry-After"]) >= 1
        wire.reset()
        again = desk.charge("k", 1)
        assert again.status_code == 201
        assert "Idempotent-Replayed" not in again.headers


@pytest.mark.parametrize("path", ["/charges", "/holds", "/holds/x/capture", "/holds/x/void"])
@pytest.mark.parametrize("body", ["[]", "1", "null", '"x"', "{", '{"a":1,"a":2}', '{"a":NaN}'])
def test_a_body_is_one_json_object(desk: Desk, path: str, body: str) -> None:
    """Arrays, scalars, repeated names and what is no JSON are refused."""
    headers = {"X-ModelRelay-Api-Key": desk.tenant.secret_key, "Idempotency-Key": "k"}

    answer = desk.client.post(f"/api/v1{path}", data=body, headers=headers)

    assert code_of(answer) == (400, "VALIDATION_ERROR")


def test_a_void_takes_nothing_but_an_empty_object(desk: Desk) -> None:
    """An amount in a void is a mistake that must not be overlooked."""
    hold_id = desk.held(7)

    refused = desk.end(hold_id, "void", {"amount_nanos": 7})

    assert code_of(refused) == (400, "VALIDATION_ERROR")
    assert desk.show(hold_id)["status"] == "held"
