"""What a run used, counted: as it was reported, in shares, and by the rule. Pure."""

from hypothesis import example, given
from hypothesis import strategies as st

from creditbase.catalog.domain import ModelPrice
from creditbase.relay.gateway.bounding import WRITTEN, Bound, Quantities
from creditbase.relay.gateway.pieces import Piece, Report, Text, Thought
from creditbase.relay.gateway.usage import Meter

PRICES = {"input_tokens": 10, "output_tokens": 40, "reasoning_tokens": 50}
HELD = 10_000
FINAL = Report({"input_tokens": 9, "output_tokens": 100, "reasoning_tokens": 300}, True)


def meter() -> Meter:
    """Return a meter of a prompt that has been sent."""
    model = ModelPrice("m", "p", "M", 128_000, HELD, PRICES)
    bound = Bound(input_tokens=200, input_tokens_counted=50, output_tokens=HELD)
    return Meter(bound=bound, model=model, output_tokens_held=HELD)


def outputs(told: list[Piece], overheard: list[Piece]) -> Quantities:
    """Return what was written by the meter, after these pieces."""
    found = meter()
    for piece in told:
        found.note(piece)
    for piece in overheard:
        found.overhear(piece)
    return {unit: found.quantities().get(unit, 0) for unit in WRITTEN}


def test_thoughts_that_nobody_sees_count_with_the_first_word() -> None:
    """They were thought before it, whoever left afterwards."""
    found = outputs([Text("a" * 10)], [Text("b" * 30), FINAL])

    assert found == {"output_tokens": 25, "reasoning_tokens": 300}


def test_thoughts_that_are_shown_count_as_far_as_they_were() -> None:
    """Who leaves in the middle of them pays half of them, and no answer."""
    found = outputs([Thought("a" * 10)], [Thought("b" * 10), Text("c" * 30), FINAL])

    assert found == {"output_tokens": 0, "reasoning_tokens": 150}


def test_thoughts_in_the_same_pool_as_words_share_it() -> None:
    """Anthropic reports them together."""
    whole = Report({"output_tokens": 100}, True)

    found = outputs([Thought("a" * 30), Text("b" * 20)], [Text("c" * 50), whole])

    assert found == {"output_tokens": 50, "reasoning_tokens": 0}


def test_a_report_so_far_keeps_its_thoughts() -> None:
    """A part of a report is believed for what it says, and the rule goes on from there."""
    so_far = Report({"output_tokens": 1, "reasoning_tokens": 300}, False)

    hidden = outputs([so_far, Text("a" * 80)], [])
    shown = outputs([Thought("t" * 2_000), so_far, Text("a" * 80)], [])

    assert hidden == {"output_tokens": 20, "reasoning_tokens": 300}
    assert shown == {"output_tokens": 220, "reasoning_tokens": 300}


def test_a_report_that_comes_too_early_is_not_the_last_word() -> None:
    """A provider that says the whole before it has written it is not believed."""
    early = Report({"output_tokens": 1}, True)

    assert outputs([early, Text("a" * 80)], [])["output_tokens"] == 20
    assert outputs([Text("a" * 80), early], [])["output_tokens"] == 1
    assert outputs([Text("a" * 80), early, FINAL], [])["output_tokens"] == 100


PIECES = st.lists(
    st.builds(Text, st.text(max_size=40))
    | st.builds(Thought, st.text(max_size=40))
    | st.builds(
        lambda words, thoughts: Report(
            {"output_tokens": words, "reasoning_tokens": thoughts}, is_final=False
        ),
        st.integers(0, 50),
        st.integers(0, 50),
    )
)


@given(PIECES, PIECES, st.integers(0, 200), st.integers(0, 200))
@example(told=[Text("0")], overheard=[Thought("0")], words=0, thoughts=1)
def test_who_leaves_pays_no_more_than_who_stays(
    told: list[Piece], overheard: list[Piece], words: int, thoughts: int
) -> None:
    """And no less than nothing: whatever comes, in whatever order."""
    final = Report({"output_tokens": words, "reasoning_tokens": thoughts}, is_final=True)

    left = outputs(told, [*overheard, final])
    stayed = outputs([*told, *overheard, final], [])

    assert all(left[unit] <= stayed[unit] for unit in WRITTEN)
    if words + thoughts:
        assert stayed == {"output_tokens": words, "reasoning_tokens": thoughts}
