"""The pages that Stripe hosts, for a person: they work without any script."""
