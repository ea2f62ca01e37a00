"""The gateway: a call to a model, held before it is made and captured in whatever way it ends.

Nouns: an *ask* is a caller's request in neutral form; a *bound* the most it can cost; a
*piece* what an upstream answers, bit by bit; a *run* an ask on its way.
Promise: nothing is asked of a provider that its payer could not pay, and nothing that was
used goes unpaid or is paid twice.
"""
