"""Ledger: wallets, grants, holds, entries and the balance.

Promise: every entry happens once, no pot goes below zero, and the postings of each entry
sum to zero.
"""
