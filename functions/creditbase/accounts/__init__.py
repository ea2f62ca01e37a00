"""Accounts: projects, customers, users, API keys and secret keys.

Promise: a customer's name maps to one customer, and a credential is stored as a digest only.
"""
