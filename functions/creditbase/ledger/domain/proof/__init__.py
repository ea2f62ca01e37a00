"""Proving a wallet from its raw documents: every rule of docs/data-model.md, none by I/O."""
