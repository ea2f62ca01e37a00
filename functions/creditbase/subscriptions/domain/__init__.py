"""Subscriptions, decided: which of a customer's subscriptions counts, and what is owed."""
