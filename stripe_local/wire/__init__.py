"""How Stripe's v1 API is spoken: forms in, JSON out, with errors, lists and expansion. Pure."""
