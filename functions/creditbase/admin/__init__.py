"""Admin: what operators do, from the command line.

Promise: every operation that changes something can be repeated without changing it twice.
"""
