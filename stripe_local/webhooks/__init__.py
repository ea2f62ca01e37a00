"""Webhooks: each event signed and sent to every endpoint that wants it, until it is taken."""
