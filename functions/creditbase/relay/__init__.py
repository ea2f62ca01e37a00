"""Relay: the door for gateways and back ends of several projects, with secret keys.

Promise: nothing is read or written across projects, and no answer tells that it exists.
"""
