"""A development-only stand-in for Stripe: the real HTTP API, a page to pay on, signed webhooks.

The unmodified stripe-python client talks to it over HTTP. Nothing here is deployed, and it
shares no code with the product, in either direction.

- `wire`: how Stripe's v1 API is spoken (forms, parameters, errors, lists, expand). Pure.
- `resources`: what the objects look like and what each endpoint does with them.
- `billing`: what becomes of money and time: invoices, subscriptions, changes, reversals.
- `agenda`: what is to happen by itself, and when; `clock`: the one time, and its file.
- `checkout`: paying for a Checkout session; `cards`: the test cards.
- `webhooks`: signed deliveries with retries.
- `pages`: the hosted pages for a person; `control`: the switches of a test, under `/_sim`.
- `world`: all of that put together; `app` and `server` put it on a port of this machine.

It promises to answer in the shapes of stripe-python's own classes at exactly its API version,
and to refuse with a clear message what it does not imitate, rather than to guess.
"""
