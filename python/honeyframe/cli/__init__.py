"""The command ``honeyframe``."""

from .app import main

__all__ = ["main"]
