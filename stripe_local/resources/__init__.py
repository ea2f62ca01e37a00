"""Stripe's objects: what each looks like on the wire, and what its endpoints do."""
