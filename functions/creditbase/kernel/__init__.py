"""Kernel: the pure words that every room shares. Money, windows, ids, errors.

Promise: nothing here reads a clock, a random source or a network.
"""
