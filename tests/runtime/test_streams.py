"""Answers that are written while they come to be: what they have, and how they end."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from creditbase.kernel.errors import PaymentRequired
from creditbase.runtime.doors import Refusal, relay_door
from creditbase.runtime.http import Call, Reply
from creditbase.runtime.routes import DoorName
from creditbase.runtime.streams import Written
from tests.runtime.doubles import Greeter, failing, serving

KEY = {"X-Api-Key": "u1"}


class Counting:
    """A stream of three pieces that notes how it was ended."""

    content_type = "text/event-stream"

    def __init__(self, *, breaks_at: int = 9) -> None:
        self.code = ""
        self.count = 0
        self.closed = 0
        self._breaks_at = breaks_at

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self.count == self._breaks_at:
            self.code = "BROKEN"
            raise OSError("the source is gone")
        if self.count == 3:
            raise StopIteration
        self.count += 1
        return b"piece"

    def close(self) -> None:
        """Note it."""
        self.closed += 1


def serve(stream: Counting) -> Any:
    """Return a client of a function that answers with this stream."""

    def operation(call: Call) -> Reply:
        del call
        return Reply(body=None, stream=stream)

    return serving("meter", relay_door(Greeter()), operation)


def request_line(out: str) -> dict[str, Any]:
    """Return the one line of the log that tells of the request."""
    lines = [json.loads(line) for line in out.splitlines()]
    (found,) = [line for line in lines if line["message"] == "request"]
    return dict(found)


def test_a_streamed_answer_is_sealed_like_any_other_and_logged_at_its_end(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """How long it took, and what became of it, is known only then."""
    stream = Counting()

    answer = serve(stream).post("/api/v1/holds", headers=KEY, buffered=True)

    assert answer.data == b"piece" * 3
    assert answer.content_type == "text/event-stream"
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert answer.headers["X-Request-Id"].startswith("req_")
    assert stream.closed == 1
    line = request_line(capsys.readouterr().out)
    assert line["request_id"] == answer.headers["X-Request-Id"]
    assert (line["status"], line["code"]) == (200, "")


def test_a_caller_who_is_gone_ends_the_stream(capsys: pytest.CaptureFixture[str]) -> None:
    """The server closes what it no longer asks, also before the first piece: a call is paid
    for when its stream is closed.
    """
    stream = Counting()

    answer = serve(stream).post("/api/v1/holds", headers=KEY, buffered=False)
    answer.close()

    assert stream.closed == 1
    assert stream.count < 3
    assert request_line(capsys.readouterr().out)["status"] == 200


def test_the_end_is_logged_once_with_what_went_wrong() -> None:
    """Also where closing itself fails, and where the server closes twice."""
    said: list[str] = []
    stream = Counting(breaks_at=1)
    written = Written(stream, {"request_id": "r"}, said.append)

    assert next(iter(written)) == b"piece"
    with pytest.raises(OSError, match="gone"):
        next(written)
    written.close()
    written.close()

    assert said == ["BROKEN"]
    assert stream.closed == 1


def test_a_path_may_have_a_body_of_its_own_for_refusals() -> None:
    """Clients of another API read errors where that API puts them."""

    def nested(refusal: Refusal, request_id: str) -> dict[str, object]:
        return {"error": {"message": refusal.message, "code": refusal.code}}

    door = relay_door(Greeter(), bodies={"/api/v1/holds": nested})
    refusal = PaymentRequired(available_nanos=1, required_nanos=2, limit_source="wallet")
    client = serving("meter", door, failing(refusal))

    here = client.post("/api/v1/holds", headers=KEY)
    there = client.post("/api/v1/charges", headers=KEY)
    unknown = client.post("/api/v1/holds", headers={})

    assert door.name is DoorName.RELAY
    assert here.json == {"error": {"message": refusal.message, "code": "PAYMENT_REQUIRED"}}
    assert there.json is not None
    assert there.json["error"] == "PAYMENT_REQUIRED"
    assert unknown.status_code == 401
    assert unknown.json is not None
    assert unknown.json["error"]["code"] == "UNAUTHORIZED"
