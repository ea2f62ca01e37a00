"""Payments: Stripe Checkout and the webhook. The only room that imports `stripe`.

Promise: no credits without money, and one grant per payment, whatever Stripe repeats.
"""
