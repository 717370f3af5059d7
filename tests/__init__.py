"""The tests. A package, so that ``tests.brokers`` is found before anybody else's ``tests``."""
