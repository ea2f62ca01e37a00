"""LiteLLM's list, in our words: whose model an entry is, what it costs, what it can do."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from dev.prices.exact import Inexact, nanos_per_million
from dev.prices.sources import Listed, litellm_list

PROVIDER_OF = {
    "openai": "openai",
    "text-completion-openai": "openai",
    "azure": "azure",
    "azure_ai": "azure",
    "anthropic": "anthropic",
    "bedrock": "aws",
    "bedrock_converse": "aws",
    "gemini": "google",
    "vertex_ai-language-models": "google",
    "vertex_ai-embedding-models": "google",
    "mistral": "mistral",
    "codestral": "mistral",
    "xai": "x-ai",
    "deepseek": "deepseek",
    "groq": "groq",
    "cohere": "cohere",
    "cohere_chat": "cohere",
    "perplexity": "perplexity",
    "together_ai": "together",
    "fireworks_ai": "fireworks",
    "fireworks_ai-embedding-models": "fireworks",
    "novita": "novita",
    "cerebras": "cerebras",
    "moonshot": "moonshotai",
    "minimax": "minimax",
    "zai": "zai",
    "voyage": "voyageai",
    "databricks": "databricks",
    "cloudflare": "cloudflare",
    "ovhcloud": "ovhcloud",
    "baseten": "baseten",
    "meta": "meta",
    "meta_llama": "meta",
}
"""The provider of `genai-prices` that one of LiteLLM's is."""
PRICE_OF = {
    "input_cost_per_token": "input_tokens",
    "output_cost_per_token": "output_tokens",
    "cache_read_input_token_cost": "cached_input_tokens",
    "cache_creation_input_token_cost": "cache_write_tokens",
    "cache_creation_input_token_cost_above_1hr": "cache_write_1h_tokens",
    "output_cost_per_reasoning_token": "reasoning_tokens",
    "input_cost_per_audio_token": "audio_input_tokens",
    "cache_read_input_audio_token_cost": "cached_audio_tokens",
    "output_cost_per_audio_token": "audio_output_tokens",
    "input_cost_per_image_token": "image_input_tokens",
    "cache_read_input_image_token_cost": "cached_image_tokens",
    "output_cost_per_image_token": "image_output_tokens",
    "input_cost_per_video_token": "video_input_tokens",
    "output_cost_per_video_token": "video_output_tokens",
    "input_cost_per_request": "requests",
}
"""Our unit of a price of LiteLLM's."""
SUFFIX_OF = {"batch": "_batches", "priority": "_priority", "flex": "_flex"}
"""How LiteLLM writes the price of a variant."""
ABILITY_OF = {
    "supports_function_calling": "tools",
    "supports_vision": "vision",
    "supports_pdf_input": "document",
    "supports_audio_input": "audio",
    "supports_audio_output": "audio",
    "supports_video_input": "video",
    "supports_computer_use": "computer_use",
}
TALKING = ("chat", "responses", "completion")


@dataclass(frozen=True)
class Entry:
    """One model of LiteLLM's list, under the name that its provider knows it by."""

    provider: str
    name: str
    listed: Listed

    def prices(self, variant: str = "") -> Mapping[str, int]:
        """Return what it costs in nanos for a million, by our units; 0 says nothing."""
        suffix = SUFFIX_OF.get(variant, "")
        found = {}
        for theirs, ours in PRICE_OF.items():
            dollars = self.listed.get(theirs + suffix)
            if isinstance(dollars, Decimal) and dollars > 0:
                found[ours] = _rounded(dollars)
        return found

    @property
    def nanos_per_image(self) -> int:
        """Return the price of a million images where that is all it costs; else 0."""
        priced = {key: value for key, value in self.listed.items() if "cost" in key and value}
        dollars = priced.get("output_cost_per_image")
        if set(priced) != {"output_cost_per_image"} or not isinstance(dollars, Decimal):
            return 0
        return nanos_per_million(dollars, per=1)

    @property
    def abilities(self) -> tuple[str, ...]:
        """Return what it can do, in our words; nothing where nobody says."""
        mode = self.listed.get("mode")
        found = {"image_generation"} if mode == "image_generation" else set()
        if mode in TALKING:
            found.add("text_generation")
            found |= {ours for theirs, ours in ABILITY_OF.items() if self.listed.get(theirs)}
        return tuple(sorted(found))

    def count(self, name: str) -> int:
        """Return a number of tokens that is said; 0 where none is."""
        found = self.listed.get(name)
        return found if type(found) is int and found > 0 else 0


def _rounded(dollars: Decimal) -> int:
    """Return the nanos of a million units at a price of one, to the nearest nano.

    To compare with alone: LiteLLM writes quotients that have no exact value.
    """
    try:
        return nanos_per_million(dollars, per=1)
    except Inexact:
        return int((dollars * 10**15).to_integral_value())


def entries() -> Iterator[Entry]:
    """Yield the models of the providers that both lists have, each name once."""
    seen = set()
    for key, listed in sorted(litellm_list().items()):
        theirs = str(listed.get("litellm_provider", ""))
        provider = PROVIDER_OF.get(theirs)
        if provider is None:
            continue
        name = key.removeprefix(f"{theirs}/")
        if provider == "google" and "/" in name:
            continue  # of another's, or of a region
        if (provider, name) not in seen:
            seen.add((provider, name))
            yield Entry(provider, name, listed)
