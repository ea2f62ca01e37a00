"""The pure ledger: values, commands, and the decision. No clock, no store, no chance.

`decide` takes a wallet, what is known of earlier entries, a command and an instant, and
gives a new wallet with new entries, or raises a refusal. Everything else here serves it.
"""
