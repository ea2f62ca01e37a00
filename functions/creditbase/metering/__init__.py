"""Metering: price a call, hold, capture, void, extend and charge.

Promise: unknown price, no call; an answer is repeated to the byte for the same key.
"""
