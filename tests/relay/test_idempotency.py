"""Keys: required or not, well formed or not, repeated, and used for something else."""

import json
from typing import Any

import pytest
from werkzeug.test import TestResponse

from creditbase.metering import rates
from tests.relay.desk import (
    CREDIT,
    CREDITS,
    Desk,
    at_once,
    code_of,
    json_of,
    start_cold,
    without,
    wrong_field,
)
from tests.wire import FAULTS, Fault, Wire

pytestmark = pytest.mark.firestore
HEADER = "Idempotency-Key"


def is_replay_of(again: TestResponse, first: TestResponse) -> bool:
    """Return whether the second answer is the first one to the byte, and says so."""
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    return (again.status_code, again.data) == (first.status_code, first.data)


class TestTheHeader:
    """1 to 255 printable characters; required where something new is made."""

    @pytest.mark.parametrize("path", ["/charges", "/holds"])
    @pytest.mark.parametrize("key", [None, "", " ", "   "], ids=repr)
    def test_it_is_required_on_charge_and_hold(
        self, desk: Desk, path: str, key: str | None
    ) -> None:
        """Without it a repetition would be a second charge."""
        body = {"customer_id": desk.customer_id, "amount_nanos": 1}

        assert wrong_field(desk.post(path, body, key=key)) == HEADER
        assert len(desk.wallet.entries()) == 1

    @pytest.mark.parametrize("key", ["k", "a b", "~!@#$%^&*(){}", "x" * 255])
    def test_printable_characters_are_a_key(self, desk: Desk, key: str) -> None:
        """Up to 255 of them."""
        assert desk.charge(key, 1).status_code == 201

    @pytest.mark.parametrize("key", ["x" * 256, "a\tb", "a\x00b", "a\x7fb", "schlüssel"])
    def test_anything_else_is_refused_everywhere(self, desk: Desk, key: str) -> None:
        """Also where a key is optional: what was sent must be usable."""
        hold_id = desk.held(1)

        assert wrong_field(desk.charge(key, 1)) == HEADER
        answer = desk.end(hold_id, "capture", {"amount_nanos": 1}, **{HEADER: key})
        assert wrong_field(answer) == HEADER
        assert desk.show(hold_id)["status"] == "held"

    def test_it_is_optional_on_the_ends_of_a_hold(self, desk: Desk) -> None:
        """A hold ends once by its id."""
        first, second = desk.held(1), desk.held(1)
        later = desk.clock.at.replace(hour=13).isoformat()

        assert desk.end(first, "extend", {"expires_at": later}).status_code == 200
        assert desk.end(first, "capture", {"amount_nanos": 1}).status_code == 200
        assert desk.end(second, "void", {}).status_code == 200


class TestReplays:
    """The same key and body: the same status and the same bytes, whatever happened since."""

    def test_a_charge_is_replayed_here_and_in_another_process(self, desk: Desk) -> None:
        """After the balance has moved, after an hour, from another instance."""
        first = desk.charge("k", 7)
        desk.charge("other", 5 * CREDIT)
        desk.wallet.topup("pi_1", CREDIT)

        here = desk.charge("k", 7)
        start_cold()
        desk.clock.pass_on(hours=1)
        there = desk.charge("k", 7)

        assert is_replay_of(here, first)
        assert is_replay_of(there, first)
        assert len(desk.wallet.entries()) == 4

    def test_a_charge_is_replayed_when_nothing_is_left(self, desk: Desk) -> None:
        """It was paid; 402 would make the back end refuse work that was bought."""
        first = desk.charge("all", CREDITS * CREDIT)

        assert code_of(desk.charge("more", 1)) == (402, "PAYMENT_REQUIRED")
        assert is_replay_of(desk.charge("all", CREDITS * CREDIT), first)

    def test_a_hold_is_replayed_as_it_was_placed_also_after_its_end(self, desk: Desk) -> None:
        """The replay is of placing it; how it ended is another question."""
        first = desk.hold("k", 9)
        hold_id = json_of(first)["hold"]["id"]
        desk.end(hold_id, "capture", {"amount_nanos": 4})

        start_cold()

        assert is_replay_of(desk.hold("k", 9), first)
        assert desk.show(hold_id)["status"] == "captured"

    @pytest.mark.parametrize(
        ("how", "body"),
        [("capture", {"amount_nanos": 4}), ("capture", {"amount_nanos": 400}), ("void", {})],
    )
    def test_an_end_is_replayed_with_a_key_or_without(
        self, desk: Desk, how: str, body: dict[str, Any]
    ) -> None:
        """One end for each hold."""
        plain, keyed = desk.held(9), desk.held(9)

        first = desk.end(plain, how, body)
        desk.charge("other", 5 * CREDIT)
        start_cold()

        assert is_replay_of(desk.end(plain, how, body), first)
        first = desk.end(keyed, how, body, **{HEADER: "end"})
        assert is_replay_of(desk.end(keyed, how, body, **{HEADER: "end"}), first)

    def test_the_order_of_fields_does_not_matter(self, desk: Desk) -> None:
        """The canonical body is what a key is bound to."""
        body = {
            "customer_id": desk.customer_id,
            "amount_nanos": 7,
            "metadata": {"a": 1, "b": 2},
        }
        first = desk.post("/charges", body, key="k")
        turned = json.loads(json.dumps(body, sort_keys=True), object_pairs_hook=reversed_dict)

        assert list(turned) != list(body)
        assert is_replay_of(desk.post("/charges", turned, key="k"), first)

    @pytest.mark.parametrize("path", ["/charges", "/holds"])
    def test_it_is_replayed_when_its_model_has_lost_its_price(
        self, desk: Desk, path: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Money moved: a repetition must not be told that there is no such call."""
        usage = {"usage" if path == "/charges" else "usage_max": TOKENS}
        body = {"customer_id": desk.customer_id, "model": "gpt-5", **usage}
        first = desk.post(path, body, key="k")
        monkeypatch.setattr(rates, "load_catalog", without("gpt-5"))

        again = desk.post(path, body, key="k")
        other = desk.post(path, {**body, "metadata": {}}, key="k")
        fresh = desk.post(path, body, key="fresh")

        assert first.status_code == 201
        assert is_replay_of(again, first)
        assert code_of(other) == (422, "IDEMPOTENCY_CONFLICT")
        assert code_of(fresh) == (404, "NOT_FOUND")

    def test_twins_in_parallel_are_one_charge(self, desk: Desk) -> None:
        """P09: twenty at once, one effect, twenty equal answers."""
        answers = at_once(20, lambda _: desk.charge("twin", 3))

        assert {(a.status_code, a.data) for a in answers} == {(201, answers[0].data)}
        fresh = [a for a in answers if "Idempotent-Replayed" not in a.headers]
        assert len(fresh) == 1
        assert len(desk.wallet.entries()) == 2

    def test_a_key_belongs_to_one_customer_of_one_project(
        self, desk: Desk, stranger: Desk
    ) -> None:
        """Two customers' back ends may count from one, both."""
        body = {"customer_id": desk.customer_id, "amount_nanos": 1}
        second = Desk.opened(desk.client, desk.tenant, desk.clock, nanos=9)

        answers = [
            desk.post("/charges", body, key="1"),
            second.charge("1", 1),
            stranger.charge("1", 1),
        ]

        assert [a.headers.get("Idempotent-Replayed") for a in answers] == [None] * 3
        assert len({json_of(a)["charge"]["id"] for a in answers}) == 3

    @pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
    def test_a_broken_commit_and_the_same_request_again_are_one_charge(
        self, desk: Desk, wire: Wire, fault: Fault
    ) -> None:
        """Whatever the network did: 201 in the end, told the same twice, taken once."""
        desk.charge("warm", 1)
        wire.reset()
        wire.faults[0] = fault

        answers = [desk.charge("k", 7) for _ in range(3)]

        done = [answer for answer in answers if answer.status_code == 201]
        assert not wire.faults, "the fault must really have happened"
        assert {a.status_code for a in answers} <= {201, 503}
        assert len(done) >= 2
        assert len({answer.data for answer in done}) == 1
        wire.wait_for_late()
        assert desk.wallet.available() == CREDITS * CREDIT - 8


class TestConflicts:
    """The same key for something else: 422, and nothing happens."""

    def test_a_key_is_bound_to_route_and_body(self, desk: Desk) -> None:
        """A charge is no hold, seven is not eight, and a name is not said as an id."""
        hold_body = {"customer_id": desk.customer_id, "amount_nanos": 7}
        by_name = {"customer_external_id": desk.external_id, "amount_nanos": 7}
        desk.charge("charge", 7)
        desk.hold("hold", 7)

        answers = [
            desk.charge("charge", 8),
            desk.charge("charge", 7, metadata={}),
            desk.post("/charges", by_name, key="charge"),
            desk.post("/holds", hold_body, key="charge"),
            desk.post("/charges", hold_body, key="hold"),
            desk.hold("hold", 7, ttl_s=900),
        ]

        assert {code_of(answer) for answer in answers} == {(422, "IDEMPOTENCY_CONFLICT")}
        assert len(desk.wallet.entries()) == 3

    def test_a_key_of_an_end_is_bound_to_it(self, desk: Desk) -> None:
        """Captured with four under this key: five under the same key is a mistake."""
        hold_id = desk.held(9)
        desk.end(hold_id, "capture", {"amount_nanos": 4}, **{HEADER: "end"})

        other_body = desk.end(hold_id, "capture", {"amount_nanos": 5}, **{HEADER: "end"})
        other_route = desk.end(hold_id, "void", {}, **{HEADER: "end"})
        other_key = desk.end(hold_id, "capture", {"amount_nanos": 5}, **{HEADER: "new"})

        assert code_of(other_body) == code_of(other_route) == (422, "IDEMPOTENCY_CONFLICT")
        assert code_of(other_key) == (409, "CONFLICT")

    def test_twins_that_differ_in_parallel_are_one_charge_and_refusals(
        self, desk: Desk
    ) -> None:
        """Decided in one batch: the first wins, the others hear that it did."""
        answers = at_once(12, lambda number: desk.charge("twin", 3 + number % 2))

        statuses = [answer.status_code for answer in answers]
        assert sorted(set(statuses)) == [201, 422]
        assert statuses.count(201) == 6
        assert len(desk.wallet.entries()) == 2


TOKENS = {"input_tokens": 10, "output_tokens": 10}


def reversed_dict(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object with its fields in the other order."""
    return dict(reversed(pairs))
