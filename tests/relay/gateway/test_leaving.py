"""A caller who leaves: pays the prompt and what it was given, by the provider's own figures.

Source: ADR-0019: never free, never charged in full for half.
"""

import pytest

from creditbase.relay.gateway import run, telling
from tests.relay.gateway.counter import (
    ANTHROPIC_MODEL,
    CHAT,
    NDJSON,
    OPENAI_MODEL,
    Counter,
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
    usage_chunk,
)


class TestTheCallerIsGone:
    """A closed laptop must not make a call free, nor cost what was never written."""

    @pytest.mark.parametrize("is_chat", [True, False])
    def test_in_the_middle_of_a_stream(self, counter: Counter, *, is_chat: bool) -> None:
        """What was used until then is captured before the server lets go of the request."""
        counter.provider.will(*HALF, Hang())
        answer = counter.chat(stream=True) if is_chat else counter.respond(accept=NDJSON)
        lines = answer.iter_encoded()
        for _ in range(3):
            next(lines)
        prompt = counter.prompt_tokens()

        answer.close()

        assert counter.open_holds() == 0
        assert counter.spent() == counter.price(
            OPENAI_MODEL, input_tokens=prompt, output_tokens=HALF_TOKENS
        )
        assert counter.provider.dropped.wait(5), "the provider must be let off"

    def test_before_the_first_word_was_taken(self, counter: Counter) -> None:
        """The prompt was read all the same."""
        counter.provider.will(*HALF, Hang())
        answer = counter.chat(stream=True)
        prompt = counter.prompt_tokens()

        answer.close()

        assert counter.open_holds() == 0
        assert counter.spent() >= counter.price(OPENAI_MODEL, input_tokens=prompt)

    def test_after_the_last_word(self, counter: Counter) -> None:
        """Everything was said: the provider's own figures count, once."""
        counter.provider.will(*HALF, chunk(finish="stop"), usage_chunk(7, 21), DONE)
        answer = counter.chat(stream=True)
        for _ in answer.iter_encoded():
            pass

        answer.close()

        assert counter.spent() == counter.price(OPENAI_MODEL, input_tokens=7, output_tokens=21)
        assert len(counter.entries("capture")) == 1

    def test_while_anthropic_has_said_what_the_prompt_is(self, counter: Counter) -> None:
        """What is reported counts as reported, the rest by the rule."""
        counter.provider.will(
            event("message_start", message={"usage": {"input_tokens": 3, "output_tokens": 1}}),
            event(
                "content_block_delta", index=0, delta={"type": "text_delta", "text": "x" * 80}
            ),
            Hang(),
        )
        body = {"model": ANTHROPIC_MODEL, "messages": says("Hi"), "stream": True}
        answer = counter.post(CHAT, body)
        lines = answer.iter_encoded()
        next(lines)
        next(lines)

        answer.close()

        assert counter.spent() == counter.price(
            ANTHROPIC_MODEL, input_tokens=3, output_tokens=HALF_TOKENS
        )


@pytest.fixture
def patient(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for a report that is on its way however slow this machine is.

    After the counter, which is set up with little patience.
    """
    del counter
    monkeypatch.setattr(run, "REPORT_WITHIN_S", 30)


HIDDEN = {"completion_tokens_details": {"reasoning_tokens": 1_000}}


@pytest.mark.usefixtures("patient")
class TestTheReportIsOnItsWay:
    """Four bytes to a token is a guess, and says nothing of thoughts that nobody is shown."""

    def test_after_the_last_word(self, counter: Counter) -> None:
        """Nothing was missed but the report: the call costs what it would have cost."""
        finish, report = chunk(finish="stop"), usage_chunk(7, 1_021, **HIDDEN)
        counter.provider.will(*HALF, finish, Hang(), report, DONE)
        answer = counter.chat(stream=True)
        lines = answer.iter_encoded()
        for _ in range(4):
            next(lines)
        counter.provider.let_go.set()

        answer.close()

        assert counter.open_holds() == 0
        (entry,) = counter.entries("capture")
        assert entry["captured_nanos"] == counter.price(
            OPENAI_MODEL, input_tokens=7, output_tokens=1_021
        )

    @pytest.mark.parametrize("taken", range(7))
    def test_after_any_word(self, counter: Counter, taken: int) -> None:
        """The prompt, the thoughts before the first word, and the share that was passed on."""
        words = (chunk("a" * 10), chunk("b" * 30), chunk("c" * 20), chunk("d" * 40))
        end = (chunk(finish="stop"), usage_chunk(7, 1_021, **HIDDEN), DONE)
        counter.provider.will(*words, *end)
        answer = counter.chat(stream=True)
        lines = answer.iter_encoded()
        for _ in range(taken):
            next(lines)

        answer.close()

        # The first word has been waited for by the time that the headers are sent.
        told = (10, 10, 10, 40, 60, 100, 100)[taken]
        assert counter.open_holds() == 0
        (entry,) = counter.entries("capture")
        assert entry["captured_nanos"] == counter.price(
            OPENAI_MODEL, input_tokens=7, output_tokens=1_000 + -(-21 * told // 100)
        )

    @pytest.mark.parametrize("taken", [0, 3, 5])
    def test_after_any_word_of_anthropic(self, counter: Counter, taken: int) -> None:
        """Its report says of the prompt first, and of all that was written in the end."""
        words = [
            event("content_block_delta", index=0, delta={"type": "text_delta", "text": text})
            for text in ("a" * 10, "b" * 30, "c" * 60)
        ]
        usage = {"input_tokens": 3, "output_tokens": 1}
        end = event(
            "message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 31}
        )
        counter.provider.will(
            event("message_start", message={"usage": usage}),
            *words,
            end,
            event("message_stop"),
        )
        body = {"model": ANTHROPIC_MODEL, "messages": says("Hi"), "stream": True}
        answer = counter.post(CHAT, body)
        lines = answer.iter_encoded()
        for _ in range(taken):
            next(lines)

        answer.close()

        told = {0: 10, 3: 40, 5: 100}[taken]
        assert counter.open_holds() == 0
        assert counter.spent() == counter.price(
            ANTHROPIC_MODEL, input_tokens=3, output_tokens=-(-31 * told // 100)
        )

    def test_while_the_provider_fails(self, counter: Counter) -> None:
        """There is no report after all: what was passed on counts by the rule."""
        counter.provider.will(*HALF, Hang(), chunk("x" * 400), Reset())
        answer = counter.chat(stream=True)
        lines = answer.iter_encoded()
        for _ in range(3):
            next(lines)
        prompt = counter.prompt_tokens()
        counter.provider.let_go.set()

        answer.close()

        assert counter.open_holds() == 0
        assert counter.spent() == counter.price(
            OPENAI_MODEL, input_tokens=prompt, output_tokens=HALF_TOKENS
        )

    def test_while_the_provider_fails_that_had_said_nothing(
        self, counter: Counter, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whoever stays pays nothing for it; who has left, no more than that."""
        monkeypatch.setattr(telling, "HEADERS_WITHIN_S", 0.1)
        counter.provider.will(Hang(), Reset())
        answer = counter.chat(stream=True)
        counter.provider.let_go.set()

        answer.close()

        assert counter.open_holds() == 0
        assert len(counter.entries("void")) == 1
        assert counter.spent() == 0


def test_a_report_is_not_waited_for_longer_than_a_moment(counter: Counter) -> None:
    """A provider that writes on and on does not hold up the end of the call."""
    counter.provider.will(*HALF, Hang())
    answer = counter.chat(stream=True)
    lines = answer.iter_encoded()
    next(lines)

    answer.close()

    assert counter.open_holds() == 0
    assert len(counter.entries("capture")) == 1
