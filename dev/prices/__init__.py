"""The price book: compiled from published packages, compared, reported, and signed for.

    python -m dev.prices compile    write the book and the report from the pinned packages
    python -m dev.prices check      say whether both are what the packages give

No price is typed: `genai-prices` says what models cost, LiteLLM's list says where it differs.
Nothing here is deployed, and no float is in it.
"""
