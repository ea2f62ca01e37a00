"""Calls that take their time: time-outs, signs of life, and what is paid then.

Source: ADR-0019.
"""

import time
from datetime import timedelta

import pytest

from creditbase.ledger.domain.commands import Tidy
from creditbase.relay.gateway import telling
from creditbase.relay.gateway.paying import HOLD_TTL_S
from creditbase.relay.gateway.pump import PIECES_WAITING_MAX
from creditbase.relay.gateway.run import Run
from creditbase.relay.gateway.upstream_http import UpstreamFailed
from creditbase.runtime.settings import settings
from tests.relay.desk import json_of
from tests.relay.gateway.counter import NDJSON, OPENAI_MODEL, Counter, lines_of
from tests.relay.gateway.upstream import (
    DONE,
    HALF,
    HALF_TOKENS,
    Hang,
    Reset,
    chunk,
    usage_chunk,
)


class TestTimeIsUp:
    """A provider that takes its time, and one that never ends."""

    def test_what_there_is_then_is_the_answer(
        self, counter: Counter, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Cut, said to be cut, and paid for."""
        late = property(
            lambda run: settings().gateway_call_s if run.meter.written_bytes >= 80 else 0.0
        )
        monkeypatch.setattr(Run, "age_s", late)
        counter.provider.will(*HALF, Hang())

        body = json_of(counter.respond())

        assert body["stop_reason"] == "max_tokens"
        assert body["usage"]["output_tokens"] == HALF_TOKENS
        assert counter.open_holds() == 0
        assert len(counter.entries("capture")) == 1

    def test_a_silent_provider_is_given_up_and_costs_nothing(
        self, counter: Counter, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Not a word came: nothing to pay for."""
        monkeypatch.setenv("CREDITBASE_UPSTREAM_SILENCE_S", "1")
        settings.cache_clear()
        counter.provider.will(Hang())

        answer = counter.respond()

        assert answer.status_code == 503
        assert (counter.open_holds(), counter.spent()) == (0, 0)

    def test_a_provider_that_falls_silent_is_given_up_and_its_part_is_paid(
        self, counter: Counter, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The time-out in the middle of a stream: an error that the caller can see."""
        monkeypatch.setenv("CREDITBASE_UPSTREAM_SILENCE_S", "1")
        settings.cache_clear()
        counter.provider.will(*HALF, Hang())

        lines = lines_of(counter.respond(accept=NDJSON))

        assert lines[-1]["type"] == "error"
        assert counter.open_holds() == 0
        (entry,) = counter.entries("capture")
        assert entry["metered"]["quantities"]["output_tokens"] == HALF_TOKENS

    def test_a_slow_object_begins_with_spaces(
        self, counter: Counter, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """SDKs send a request again that has no headers within five seconds."""
        monkeypatch.setattr(telling, "HEADERS_WITHIN_S", 0.2)
        monkeypatch.setattr(telling, "SIGN_OF_LIFE_EVERY_S", 0.1)
        end = (chunk(finish="stop"), usage_chunk(9, 20), DONE)
        counter.provider.will(*HALF, Hang(), *end)

        answer = counter.chat()
        lines = answer.iter_encoded()
        first = [next(lines), next(lines)]
        counter.provider.let_go.set()
        whole = b"".join((*first, *lines))
        answer.close()

        assert first == [b" ", b" "]
        assert answer.content_type == "application/json"
        assert b'"total_tokens":29' in whole
        assert counter.spent() == counter.price(OPENAI_MODEL, input_tokens=9, output_tokens=20)

    def test_a_slow_object_that_fails_breaks_off(
        self, counter: Counter, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Its status is out: a broken connection is the one way left to say no."""
        monkeypatch.setattr(telling, "HEADERS_WITHIN_S", 0.2)
        counter.provider.will(*HALF, Hang(), Reset())

        answer = counter.chat()
        lines = answer.iter_encoded()
        next(lines)
        counter.provider.let_go.set()
        with pytest.raises(UpstreamFailed):
            list(lines)
        answer.close()

        assert (counter.open_holds(), counter.spent()) == (0, 0)

    def test_a_silent_stream_shows_that_it_lives(
        self, counter: Counter, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """In both dialects with what clients pass over."""
        monkeypatch.setattr(telling, "HEADERS_WITHIN_S", 0.1)
        monkeypatch.setattr(telling, "SIGN_OF_LIFE_EVERY_S", 0.1)
        for is_chat in (True, False):
            counter.provider.let_go.clear()
            counter.provider.will(Hang(), chunk("x", finish="stop"), usage_chunk(9, 1), DONE)
            answer = counter.chat(stream=True) if is_chat else counter.respond(accept=NDJSON)
            lines = answer.iter_encoded()
            next(lines)

            sign = next(lines)
            counter.provider.let_go.set()
            list(lines)
            answer.close()

            assert sign in {b": still working\n\n", b'{"type":"keepalive"}\n'}


@pytest.mark.parametrize("pieces", [2, PIECES_WAITING_MAX + 50])
def test_a_reader_that_stands_still_keeps_its_hold(
    counter: Counter, monkeypatch: pytest.MonkeyPatch, pieces: int
) -> None:
    """Its credits must not come back, and be spent, before it reads on."""
    monkeypatch.setenv("CREDITBASE_GATEWAY_REPORT_S", "1")
    settings.cache_clear()
    words = b"".join([chunk("x")] * pieces)
    counter.provider.will(words, chunk(finish="stop"), usage_chunk(9, pieces), DONE)
    answer = counter.chat(stream=True)
    lines = answer.iter_encoded()
    next(lines)
    (before,) = counter.desk.wallet.state()["holds"].values()

    counter.desk.clock.pass_on(seconds=170)
    for _ in range(200):
        (held,) = counter.desk.wallet.state()["holds"].values()
        if held["expires_at"] > before["expires_at"]:
            break
        time.sleep(0.1)
    counter.desk.wallet.later(seconds=200).run(Tidy())
    assert counter.open_holds() == 1
    list(lines)
    answer.close()

    assert held["expires_at"] == counter.desk.clock.at + timedelta(seconds=HOLD_TTL_S)
    assert counter.open_holds() == 0
    assert counter.spent() == counter.price(OPENAI_MODEL, input_tokens=9, output_tokens=pieces)
    assert len(counter.entries("capture")) == 1
