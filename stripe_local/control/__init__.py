"""The switches of a test, under `/_sim`: look, wait, lose, repeat, fail, start over.

Nothing of this exists at Stripe. It answers only callers on this machine.
"""
