"""``python -m tests.brokers.prepare``: fetches and compiles what the tests' brokers need, so that no test's time goes into it."""

import os
import sys

from . import hivemq, mosquitto
from .ports import BrokerUnavailable


def main() -> int:
    missing = 0
    for name, prepare in (("HiveMQ Community Edition", hivemq.prepare), ("Mosquitto", mosquitto.prepare)):
        try:
            prepare()
            print(f"{name}: ready")
        except BrokerUnavailable as reason:
            missing += 1
            print(f"{name}: {reason}")
    return int(missing > 0 and required())


def required() -> bool:
    """Where HONEYFRAME_REQUIRE_BROKERS is set (continuous integration), a missing broker is a failure; elsewhere its tests are skipped."""
    return os.environ.get("HONEYFRAME_REQUIRE_BROKERS", "") not in ("", "0")


if __name__ == "__main__":
    sys.exit(main())
