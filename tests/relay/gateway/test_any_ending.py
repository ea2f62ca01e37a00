"""Whatever a provider does, and whenever the caller leaves: one end, and an exact one."""

import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from creditbase.relay.gateway import run
from tests.kernel.profiles import STORIES
from tests.relay.gateway.counter import NDJSON, Counter
from tests.relay.gateway.upstream import DONE, Reset, Step, chunk, sent, usage_chunk

COUNT = st.integers(-3, 3) | st.integers(0, 100) | st.just(10**9) | st.just(2**70)
WORDS = st.text("ab ü", min_size=1, max_size=30).map(chunk)
USAGE = st.builds(
    lambda prompt, completion, thoughts: usage_chunk(
        prompt, completion, completion_tokens_details={"reasoning_tokens": thoughts}
    ),
    COUNT,
    COUNT,
    COUNT,
)
ODD = st.sampled_from(
    [
        b": a comment\n\n",
        chunk(finish="stop"),
        chunk(reasoning_content="hmm"),
        sent({"choices": [{"index": 1, "delta": {"content": "another"}}]}),
        sent({"choices": "none", "usage": "none"}),
    ]
)
LAST: st.SearchStrategy[Step] = st.sampled_from(
    [DONE, Reset(), b"data: {oops\n\n", sent({"error": {"message": "no"}}), b"data: \xff\n\n"]
)


@settings(STORIES, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(WORDS | USAGE | ODD, max_size=6),
    last=LAST,
    taken=st.integers(0, 8),
    is_chat=st.booleans(),
    streams=st.booleans(),
)
def test_a_call_ends_once_and_within_its_hold(
    counter: Counter,
    steps: list[Step],
    last: Step,
    taken: int,
    *,
    is_chat: bool,
    streams: bool,
) -> None:
    """No hold is left, nothing is taken twice, nothing beyond what was held; and words that
    were passed on are never free.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "REPORT_WITHIN_S", 30)
        counter.provider.will(*steps, last)
        if is_chat:
            answer = counter.chat(max_tokens=50, stream=streams)
        else:
            answer = counter.respond(max_output_tokens=50, accept=NDJSON if streams else "")

        lines = list(itertools.islice(answer.iter_encoded(), taken))
        answer.close()

    assert counter.open_holds() == 0
    held, end = counter.desk.wallet.newest(2)
    assert (held["kind"], end["seq"]) == ("hold", held["seq"] + 1)
    assert 0 <= end["captured_nanos"] <= held["amount_nanos"]
    assert end["shortfall_nanos"] == 0
    assert (answer.status_code, end["kind"]) in {(200, "capture"), (200, "void"), (503, "void")}
    told = b"".join(lines)
    if streams and (b'"content":"a' in told or b'"delta":"a' in told):
        assert end["kind"] == "capture"
    if end["kind"] == "capture":
        assert end["captured_nanos"] > 0
