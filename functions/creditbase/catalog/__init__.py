"""Catalog: plans, packs, the price book and the markup.

Promise: a version never changes once written; what has no price is refused, not free.
"""
