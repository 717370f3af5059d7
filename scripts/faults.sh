#!/bin/sh
# The fault tests in their long form, some twenty minutes; scripts/test.sh runs the short one. Builds nothing: run that first.
# Options go to pytest:  sh scripts/faults.sh -k kill        A variable that is set already stays as it is.
set -eu
cd "$(dirname "$0")/.."
VENV=${HONEYFRAME_VENV:-.venv}
"$VENV/bin/python" -c 'import honeyframe, pytest' 2>/dev/null || { echo "honeyframe is not installed in $VENV: run sh scripts/test.sh first" >&2; exit 1; }
unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY MQTT_SERVER MQTT_USERNAME MQTT_PASSWORD MQTT_PASSWORD_FILE || true

long() {  # a variable of tests/faults, and its long form
  eval "export HONEYFRAME_FAULTS_$1=\"\${HONEYFRAME_FAULTS_$1:-$2}\""
}
long KILLS 50               # of our broker's front end, a second apart: some 200,000 messages
long KILL_SECONDS 1
long RESTARTS 10            # of HiveMQ and of Mosquitto
long OVERLOAD_SECONDS 60    # for each of five policies
long TOPICS 1000000
long CYCLES 2000            # clients that come and go
long NETWORK_MESSAGES 4000  # over each slow way
long OUTAGES 40
long OUTAGE_SECONDS 5

exec "$VENV/bin/python" -m pytest tests/faults -s --deselect tests/faults/test_soak.py::test_a_soak_of_six_seconds "$@"
