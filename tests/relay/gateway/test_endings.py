"""However a call ends: the ledger is exact, and no hold stays open.

Source: ADR-0019: never free, never charged in full for half.
"""

import time

import pytest

from creditbase.kernel.errors import (
    BillingError,
    Forbidden,
    InvalidRequest,
    NotFound,
    Unavailable,
)
from creditbase.ledger.domain.commands import Tidy
from creditbase.relay.gateway import run
from creditbase.relay.gateway.pump import Pump
from creditbase.runtime.settings import settings
from tests.relay.desk import json_of
from tests.relay.gateway.counter import (
    ANTHROPIC_MODEL,
    CHAT,
    NDJSON,
    OPENAI_MODEL,
    Counter,
    events_of,
    lines_of,
    says,
)
from tests.relay.gateway.upstream import (
    DONE,
    HALF,
    HALF_TOKENS,
    Hang,
    Reset,
    chunk,
    event,
    sent,
    usage_chunk,
)

BREAKS: dict[str, tuple[bytes | Reset, ...]] = {
    "the connection is lost": (Reset(),),
    "the stream ends too soon": (b"",)[:0],
    "no JSON": (b"data: {oops\n\n",),
    "no object": (b"data: []\n\n",),
    "no UTF-8": (b"data: \xff\xfe\n\n",),
    "an error in the stream": (sent({"error": {"message": "overloaded"}}),),
}


class TestTheProviderFails:
    """At any byte: who has a part pays for it, who has nothing pays nothing."""

    @pytest.mark.parametrize("how", BREAKS)
    def test_in_the_middle_of_a_stream(self, counter: Counter, how: str) -> None:
        """The caller is told, in its dialect, and pays for what it got."""
        counter.provider.will(*HALF, *BREAKS[how])

        lines = lines_of(counter.respond(accept=NDJSON))

        assert [line["type"] for line in lines] == ["start", "update", "update", "error"]
        assert (lines[-1]["status"], lines[-1]["code"]) == (503, "SERVICE_UNAVAILABLE")
        assert counter.open_holds() == 0
        (entry,) = counter.entries("capture")
        assert entry["metered"]["quantities"]["output_tokens"] == HALF_TOKENS

    @pytest.mark.parametrize("how", [*BREAKS, "an error event"])
    def test_in_the_middle_of_anthropics_stream(self, counter: Counter, how: str) -> None:
        """The prompt as it was reported, and what the caller got by the rule."""
        said = {"type": "text_delta", "text": "x" * 80}
        error = event("error", error={"type": "overloaded_error", "message": "Overloaded"})
        # What is OpenAI's way to say so means nothing here, and then the stream ends.
        counter.provider.will(
            event("message_start", message={"usage": {"input_tokens": 3, "output_tokens": 1}}),
            event("content_block_delta", index=0, delta=said),
            *BREAKS.get(how, (error,)),
        )
        body = {"model": ANTHROPIC_MODEL, "messages": says("Hi"), "stream": True}

        text = counter.post(CHAT, body).text

        assert '"type":"server_error"' in text
        assert counter.open_holds() == 0
        assert counter.spent() == counter.price(
            ANTHROPIC_MODEL, input_tokens=3, output_tokens=HALF_TOKENS
        )

    def test_in_the_middle_of_a_chat_stream(self, counter: Counter) -> None:
        """OpenAI's clients raise what they find in `error`; there is no mark of the end."""
        counter.provider.will(*HALF, Reset())

        text = counter.chat(stream=True).text

        assert '"error":{"message":"The service is not available","type":"server_error"' in text
        assert "[DONE]" not in text

    @pytest.mark.parametrize("how", BREAKS)
    def test_before_an_object_is_whole(self, counter: Counter, how: str) -> None:
        """The caller has nothing, and pays nothing: it will ask again."""
        counter.provider.will(*HALF, *BREAKS[how])

        answer = counter.chat()

        assert answer.status_code == 503
        assert json_of(answer)["error"]["type"] == "server_error"
        assert answer.headers["Retry-After"]
        assert counter.open_holds() == 0
        assert counter.spent() == 0
        assert len(counter.entries("void")) == 1

    @pytest.mark.parametrize(
        ("status", "told"), [(400, 400), (422, 400), (401, 503), (429, 503), (500, 503)]
    )
    @pytest.mark.parametrize("streams", [False, True])
    def test_by_refusing(
        self, counter: Counter, status: int, told: int, *, streams: bool
    ) -> None:
        """What is wrong with the request is told; what is wrong with us is not."""
        refusal = {"error": {"message": "Unknown tool of org-secret"}}
        counter.provider.refuses(status, refusal, Retry_After="7")

        answer = counter.chat(stream=streams)

        assert answer.status_code == told
        assert ("org-secret" in answer.text) == (told == 400)
        if told == 503:
            assert answer.headers["Retry-After"] == "7"
        assert (counter.open_holds(), counter.spent()) == (0, 0)

    def test_by_refusing_us_with_the_status_of_a_bad_request(
        self, counter: Counter, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Anthropic says 400 where our credit is used up: a person's business, no caller's."""
        message = "Your credit balance is too low to access the Anthropic API."
        refusal = {"error": {"type": "invalid_request_error", "message": message}}
        counter.provider.refuses(400, refusal)

        answer = counter.chat()

        assert answer.status_code == 503
        assert "credit balance" not in answer.text
        assert "upstream_refuses" in capsys.readouterr().out
        assert (counter.open_holds(), counter.spent()) == (0, 0)

    def test_by_not_being_there(
        self, counter: Counter, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Nobody listens: 503, at once, and nothing taken."""
        nobody = '{"openai": {"kind": "openai", "base_url": "http://127.0.0.1:9"}}'
        monkeypatch.setenv("CREDITBASE_UPSTREAMS", nobody)
        settings.cache_clear()

        answer = counter.chat()

        assert answer.status_code == 503
        assert (counter.open_holds(), counter.spent()) == (0, 0)


class TestUsageThatIsNotTrue:
    """A provider that says nothing, nonsense, or too much."""

    @pytest.mark.parametrize(
        "usage",
        [
            (),
            (sent({"choices": [], "usage": {"prompt_tokens": -4, "completion_tokens": 1}}),),
            (sent({"choices": [], "usage": {"prompt_tokens": "9"}}),),
            (usage_chunk(0, 0),),
            (
                sent(
                    {"choices": [], "usage": {"prompt_tokens": True, "completion_tokens": 1.5}}
                ),
            ),
            (sent({"choices": [], "usage": [7, 9]}),),
        ],
    )
    def test_is_counted_by_the_rule(self, counter: Counter, usage: tuple[bytes, ...]) -> None:
        """Written text is never free."""
        counter.provider.will(*HALF, chunk(finish="stop"), *usage, DONE)

        used = json_of(counter.chat())["usage"]

        assert used["completion_tokens"] == HALF_TOKENS
        assert used["prompt_tokens"] > 0
        assert counter.spent() == counter.price(
            OPENAI_MODEL, input_tokens=used["prompt_tokens"], output_tokens=HALF_TOKENS
        )

    def test_twice_is_charged_once(self, counter: Counter) -> None:
        """Some providers say it with the last word and again after it: the last counts."""
        counter.provider.will(
            *HALF, chunk(finish="stop"), usage_chunk(9, 30), usage_chunk(9, 31), DONE
        )

        counter.chat().get_data()

        assert counter.spent() == counter.price(OPENAI_MODEL, input_tokens=9, output_tokens=31)
        assert len(counter.entries("capture")) == 1

    def test_is_cut_at_what_was_held(
        self, counter: Counter, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Nobody pays more than was set aside; a person is told."""
        counter.provider.will(chunk("a", finish="stop"), usage_chunk(10**9, 10**9), DONE)

        answer = counter.chat(max_tokens=5)

        (held,) = counter.entries("hold")
        assert counter.spent() == held["amount_nanos"]
        assert json_of(answer)["usage"]["completion_tokens"] == 5
        assert "usage_beyond_bound" in capsys.readouterr().out

    def test_in_every_chunk_is_believed_at_the_end_only(self, counter: Counter) -> None:
        """Some providers count up: half-way it is half."""
        growing = sent(
            {
                "choices": [{"index": 0, "delta": {"content": "word " * 16}}],
                "usage": {"prompt_tokens": 5, "completion_tokens": 1, "total_tokens": 6},
            }
        )
        counter.provider.will(growing, Reset())

        counter.chat(stream=True).get_data()

        assert counter.spent() == counter.price(
            OPENAI_MODEL, input_tokens=5, output_tokens=HALF_TOKENS
        )


def test_a_long_run_reports_and_its_death_is_paid_by_expiry(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process dies: what it said last is captured when its hold times out."""
    monkeypatch.setenv("CREDITBASE_GATEWAY_REPORT_S", "1")
    settings.cache_clear()
    # Nothing of this process is told of the end, as if it had died.
    monkeypatch.setattr(run, "capture_call", _dead)
    counter.provider.will(*HALF, Hang(), chunk("x"), Hang())
    answer = counter.chat(stream=True)
    lines = answer.iter_encoded()
    for _ in range(3):
        next(lines)
    prompt = counter.prompt_tokens()
    time.sleep(1.1)
    counter.desk.clock.pass_on(seconds=100)
    counter.provider.let_go.set()
    next(lines)
    counter.desk.clock.pass_on(seconds=100)
    assert counter.open_holds() == 1
    counter.desk.wallet.later(seconds=201).run(Tidy())
    assert counter.open_holds() == 1, "the report gave it more time"

    counter.desk.wallet.later(seconds=281).run(Tidy())
    answer.close()

    assert counter.open_holds() == 0
    (entry,) = counter.entries("expire")
    assert entry["captured_nanos"] == counter.price(
        OPENAI_MODEL, input_tokens=prompt, output_tokens=HALF_TOKENS + 1
    )


def test_an_end_that_cannot_be_written_is_left_to_expiry(
    counter: Counter, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The answer is told all the same; the prompt is paid, and a person is called."""
    monkeypatch.setattr(run, "capture_call", _dead)
    counter.provider.will(*HALF, chunk(finish="stop"), usage_chunk(9, 20), DONE)

    answer = counter.chat(stream=True)

    assert events_of(answer)
    assert "call_not_captured" in capsys.readouterr().out
    prompt = counter.prompt_tokens()
    counter.desk.wallet.later(seconds=181).run(Tidy())
    assert counter.spent() == counter.price(OPENAI_MODEL, input_tokens=prompt)


@pytest.mark.parametrize("refusal", [NotFound("gone"), InvalidRequest("no"), Forbidden("no")])
def test_an_end_that_the_ledger_refuses_calls_a_person(
    counter: Counter,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    refusal: BillingError,
) -> None:
    """It must not, but a caller who has the answer is told the answer, and no error of ours."""

    def refusing(*_: object, **__: object) -> object:
        raise refusal

    monkeypatch.setattr(run, "capture_call", refusing)
    counter.provider.will(*HALF, chunk(finish="stop"), usage_chunk(9, 20), DONE)

    answer = counter.chat()

    assert answer.status_code == 200
    told = [line for line in capsys.readouterr().out.splitlines() if "call_not" in line]
    assert len(told) == 1
    assert refusal.code in told[0]


def test_a_call_that_was_never_sent_costs_nothing(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that can start no more threads has asked nobody anything."""

    def exhausted(*_: object, **__: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(Pump, "start", exhausted)

    answer = counter.chat()

    assert answer.status_code == 500
    assert (counter.open_holds(), counter.spent()) == (0, 0)


def _dead(*_: object, **__: object) -> object:
    raise Unavailable
