"""Runtime: the glue to Firebase. Identity, App Check, HTTP, Firestore, settings, log, clock.

Promise: no business rule lives here, and no room is imported.
"""
