"""Jobs: the door for scheduled functions.

Promise: bounded per run, resumable, idempotent, and the same use cases as the endpoints.
"""
