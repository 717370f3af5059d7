"""Benchmarks: honeyframe beside its peers and its floors, in one run. ``python -m benchmarks``; README.md lists the traps."""
