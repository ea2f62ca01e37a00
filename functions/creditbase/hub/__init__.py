"""Hub: the door for one application whose end users are Firebase users with credits.

Promise: each function speaks plain HTTP and the callable protocol from one operation.
"""
