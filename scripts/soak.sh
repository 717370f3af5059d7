#!/bin/sh
# A day scaled to minutes: 5 million messages, 100 reconnects, payloads that change every ten seconds; memory must be flat, and the book
# balanced. Ends by itself, and says what was wrong. Builds nothing: run scripts/test.sh first.
#   sh scripts/soak.sh                                        ten minutes
#   sh scripts/soak.sh --minutes 60 --messages 30000000 --kills 600
set -eu
cd "$(dirname "$0")/.."
VENV=${HONEYFRAME_VENV:-.venv}
"$VENV/bin/python" -c 'import honeyframe' 2>/dev/null || { echo "honeyframe is not installed in $VENV: run sh scripts/test.sh first" >&2; exit 1; }
exec "$VENV/bin/python" -m tests.faults.soak "$@"
