"""The salt of a wallet, which the seals of its entries are made with. ADR 0034."""

import secrets

SALT_BYTES = 32


def new_salt() -> str:
    """Return a salt that nobody can guess."""
    return secrets.token_hex(SALT_BYTES)
