"""Brokers for the tests: two real ones, one that follows a script, and what they need (packets, certificates, a raw client).

Nothing in here imports ``honeyframe``: what a test observes never passes through the code under test.
"""
