"""The local model: answers under the emulator what it was told, the same each time.

It needs no network and no key, and it counts its tokens by the rule of `bounding`, so that
what a call costs can be worked out by hand. One of its models writes as slowly as a large
model does, so that its stream can be watched.
"""

import re
from collections.abc import Iterator

from creditbase.kernel.records import dataclass
from creditbase.relay.gateway.asks import Ask, Json, text_of
from creditbase.relay.gateway.bounding import BYTES_PER_TOKEN, count_tokens
from creditbase.relay.gateway.pieces import Finish, Piece, Report, Text
from creditbase.relay.gateway.upstream_http import Cancel
from creditbase.relay.gateway.widths import bytes_of

WORDS = re.compile(r"\s*\S+\s*")
SILENCE = "You said nothing."
SLOW_MODEL = "local-slow"
SLOW_WORD_S = 0.08
"""How long that model takes for a word."""


@dataclass(frozen=True, slots=True)
class LocalUpstream:
    """Says the last words of the user back, word by word, as far as the limit goes."""

    def body_of(self, ask: Ask, *, model: str, output_tokens: int) -> Json:
        """Return what it reads, as if it were sent."""
        del model, output_tokens
        return {"messages": list(ask.messages), "tools": list(ask.tools), **ask.options}

    def pieces(
        self, ask: Ask, *, model: str, output_tokens: int, cancel: Cancel
    ) -> Iterator[Piece]:
        """Yield the answer."""
        word_s = SLOW_WORD_S if model == SLOW_MODEL else 0.0
        said = [text_of(message) for message in ask.messages if message["role"] == "user"]
        whole = (said[-1] if said else "").strip() or SILENCE
        answer = _cut(whole, output_tokens * BYTES_PER_TOKEN)
        for word in WORDS.findall(answer):
            if word_s and cancel.wait(word_s):
                return
            yield Text(word)
        yield Finish("stop" if answer == whole else "length")
        prompt = sum(bytes_of(text_of(message)) for message in ask.messages)
        yield Report(
            {
                "input_tokens": max(1, count_tokens(prompt)),
                "output_tokens": count_tokens(bytes_of(answer)),
            },
            is_final=True,
        )


def _cut(text: str, bytes_max: int) -> str:
    """Return the beginning of the text that fits, with no character broken."""
    return text.encode()[:bytes_max].decode(errors="ignore")
