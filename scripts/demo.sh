#!/bin/sh
# From a fresh clone to a DataFrame: sets everything up, then runs `honeyframe demo` with whatever options you give it.
#   sh scripts/demo.sh
#   sh scripts/demo.sh --uri mqtts://<cluster>.s1.eu.hivemq.cloud
set -eu
cd "$(dirname "$0")/.."
. scripts/setup.sh

# shellcheck disable=SC2086  # a list of words
install_packages $BUILD_PACKAGES
make_venv
install_honeyframe demo
exec "$VENV/bin/honeyframe" demo "$@"
