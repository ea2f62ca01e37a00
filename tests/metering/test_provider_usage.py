"""Usage as providers report it: exclusive pools that add up to what they count."""

from typing import Any

import pytest
from genai_prices import extract_usage
from hypothesis import given
from hypothesis import strategies as st

from creditbase.catalog.domain.units import INPUT_TOKENS, OUTPUT_TOKENS
from creditbase.metering.provider_usage import (
    Quantities,
    anthropic_usage,
    chat_usage,
    gemini_usage,
    in_priced,
    responses_usage,
)

COUNT = st.integers(0, 10**9)


def total(pools: Quantities, units: tuple[str, ...]) -> int:
    """Return what pools of these units are together."""
    return sum(pools.get(unit, 0) for unit in units)


def openai(read: str, written: str, n: list[int]) -> dict[str, Any]:
    """Return a usage object of OpenAI's, with everything inside that can be."""
    return {
        read: n[0] + n[1] + n[2] + n[3],
        written: n[4] + n[5] + n[6],
        f"{read}_details": {"cached_tokens": n[1], "audio_tokens": n[2], "image_tokens": n[3]},
        f"{written}_details": {"reasoning_tokens": n[5], "audio_tokens": n[6]},
        "total_tokens": sum(n),
    }


@given(st.lists(COUNT, min_size=7, max_size=7))
@pytest.mark.parametrize(
    ("adapter", "read", "written"),
    [
        (chat_usage, "prompt_tokens", "completion_tokens"),
        (responses_usage, "input_tokens", "output_tokens"),
    ],
)
def test_openai_counts_what_was_cached_and_thought_inside(
    adapter: Any, read: str, written: str, n: list[int]
) -> None:
    """Each token is in one pool, and all of them are what the provider counts."""
    usage = openai(read, written, n)

    pools = adapter(usage)

    assert total(pools, INPUT_TOKENS) == usage[read]
    assert total(pools, OUTPUT_TOKENS) == usage[written]
    assert (pools["input_tokens"], pools.get("cached_input_tokens", 0)) == (n[0], n[1])
    assert (pools.get("audio_input_tokens", 0), pools.get("image_input_tokens", 0)) == (
        n[2],
        n[3],
    )
    assert (pools["output_tokens"], pools.get("reasoning_tokens", 0)) == (n[4], n[5])
    assert pools.get("audio_output_tokens", 0) == n[6]


def test_thoughts_beside_the_answer_are_told_by_the_total() -> None:
    """XAI adds them to the total, and not to the completion."""
    usage = {
        "prompt_tokens": 10,
        "completion_tokens": 5,
        "total_tokens": 35,
        "completion_tokens_details": {"reasoning_tokens": 20},
    }

    pools = chat_usage(usage)

    assert pools == {"input_tokens": 10, "output_tokens": 5, "reasoning_tokens": 20}


@given(st.lists(COUNT, min_size=7, max_size=7))
def test_anthropics_input_pools_are_beside_each_other(n: list[int]) -> None:
    """As genai-prices reads them, too: its input is the sum of all three."""
    usage = {
        "input_tokens": n[0],
        "cache_read_input_tokens": n[1],
        "cache_creation_input_tokens": n[2] + n[3],
        "cache_creation": {
            "ephemeral_5m_input_tokens": n[2],
            "ephemeral_1h_input_tokens": n[3],
        },
        "output_tokens": n[4] + n[5],
        "output_tokens_details": {"thinking_tokens": n[5]},
        "server_tool_use": {"web_search_requests": n[6]},
    }

    pools = anthropic_usage(usage)

    assert pools is not None
    theirs = extract_usage(
        {"model": "claude-sonnet-4-5", "usage": usage}, provider_id="anthropic"
    )
    assert total(pools, INPUT_TOKENS) == sum(n[:4]) == theirs.usage.input_tokens
    assert total(pools, OUTPUT_TOKENS) == n[4] + n[5] == theirs.usage.output_tokens
    assert (pools["cache_write_tokens"], pools.get("cache_write_1h_tokens", 0)) == (n[2], n[3])
    assert (pools["output_tokens"], pools.get("reasoning_tokens", 0)) == (n[4], n[5])
    assert pools["searches"] == n[6]


def test_a_part_of_a_stream_says_only_what_it_says() -> None:
    """What is not said is not 0: it was said before."""
    assert anthropic_usage({"output_tokens": 7}) == {"output_tokens": 7}
    assert anthropic_usage({"input_tokens": None, "output_tokens": 7}) == {"output_tokens": 7}
    assert anthropic_usage({}) is None


@given(st.lists(COUNT, min_size=8, max_size=8))
def test_geminis_thoughts_and_tools_are_beside_and_the_cache_is_inside(n: list[int]) -> None:
    """The pools are its total, however it counts them."""
    usage = {
        "promptTokenCount": n[0] + n[1] + n[2] + n[3],
        "cachedContentTokenCount": n[2] + n[3],
        "promptTokensDetails": [
            {"modality": "TEXT", "tokenCount": n[0] + n[2]},
            {"modality": "AUDIO", "tokenCount": n[1] + n[3]},
        ],
        "cacheTokensDetails": [
            {"modality": "TEXT", "tokenCount": n[2]},
            {"modality": "AUDIO", "tokenCount": n[3]},
        ],
        "candidatesTokenCount": n[4] + n[5],
        "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": n[5]}],
        "thoughtsTokenCount": n[6],
        "toolUsePromptTokenCount": n[7],
        "totalTokenCount": sum(n),
    }

    pools = gemini_usage(usage)

    assert pools is not None
    assert total(pools, (*INPUT_TOKENS, *OUTPUT_TOKENS)) == usage["totalTokenCount"]
    assert total(pools, OUTPUT_TOKENS) == n[4] + n[5] + n[6]
    assert pools["input_tokens"] == n[0] + n[7]
    assert pools.get("audio_input_tokens", 0) == n[1]
    assert (pools["cached_input_tokens"], pools.get("cached_audio_tokens", 0)) == (n[2], n[3])
    assert (pools["output_tokens"], pools.get("image_output_tokens", 0)) == (n[4], n[5])
    assert pools["reasoning_tokens"] == n[6]


@pytest.mark.parametrize(
    "adapter", [chat_usage, responses_usage, anthropic_usage, gemini_usage]
)
@given(
    usage=st.recursive(
        st.none() | st.booleans() | st.integers(-5, 5) | st.floats() | st.text(max_size=3),
        lambda inner: (
            st.lists(inner, max_size=2)
            | st.dictionaries(
                st.sampled_from(
                    [
                        *(
                            "prompt_tokens",
                            "completion_tokens",
                            "input_tokens",
                            "output_tokens",
                        ),
                        *("prompt_tokens_details", "cached_tokens", "output_tokens_details"),
                        *("cache_creation_input_tokens", "cache_creation", "total_tokens"),
                        *("promptTokenCount", "promptTokensDetails", "modality", "tokenCount"),
                    ]
                ),
                inner,
                max_size=5,
            )
        ),
        max_leaves=10,
    )
)
def test_whatever_a_provider_sends_no_pool_is_below_zero(adapter: Any, usage: object) -> None:
    """What makes no sense charges nobody, and stops no call."""
    pools = adapter(usage)

    assert pools is None or all(type(count) is int and count >= 0 for count in pools.values())


@pytest.mark.parametrize("count", [-1, 1.0, True, "1"])
def test_a_count_that_is_none_makes_the_whole_senseless(count: object) -> None:
    """Half of a report is not believed where the other half is absurd."""
    details = {"prompt_tokens_details": {"cached_tokens": count}}

    assert chat_usage({"prompt_tokens": 5, "completion_tokens": 5, **details}) is None
    assert anthropic_usage({"input_tokens": 5, "output_tokens": count}) is None
    assert gemini_usage({"promptTokenCount": 5, "thoughtsTokenCount": count}) is None


def test_a_part_that_claims_more_than_there_is_has_what_there_is() -> None:
    """The total is what is billed; its parts only share it."""
    usage = {
        "prompt_tokens": 5,
        "completion_tokens": 0,
        "prompt_tokens_details": {"cached_tokens": 9, "audio_tokens": 9},
    }

    assert chat_usage(usage) == {
        "input_tokens": 0,
        "cached_input_tokens": 5,
        "output_tokens": 0,
    }


def test_what_has_no_price_of_its_own_is_counted_as_text() -> None:
    """So do providers with one price for all that is read; the rest stays, to be refused."""
    pools = {"input_tokens": 1, "audio_input_tokens": 2, "image_input_tokens": 4, "searches": 8}
    prices = {"input_tokens": 7, "audio_input_tokens": 9}

    assert in_priced(pools, prices) == {
        "input_tokens": 5,
        "audio_input_tokens": 2,
        "searches": 8,
    }
    assert in_priced({"audio_output_tokens": 1}, prices) == {"output_tokens": 1}
