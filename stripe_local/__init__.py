"""A local Stripe for development and tests: the real HTTP API for what the product uses.

Never deployed, and shares no code with the product in either direction.
"""
