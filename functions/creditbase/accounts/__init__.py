"""Accounts: projects, customers, users, API keys and secret keys.

Promise: a customer's name maps to one customer however many ask at once, a credential is
stored as a digest only, and a revoked key is gone from where look-ups find it.
"""
