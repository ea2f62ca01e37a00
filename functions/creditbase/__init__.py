"""Creditbase: credits and usage billing for AI applications, native to Firebase.

Rooms outside, floors inside; docs/architecture.md is the map.
"""
