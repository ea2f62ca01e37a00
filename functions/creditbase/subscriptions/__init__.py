"""Subscriptions: who is on which plan, first touch, and the free windows.

Promise: one free allotment per customer and window, however many requests arrive together.
"""
