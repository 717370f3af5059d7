#!/bin/sh
# Everything the project holds itself to, from a fresh clone: linters, C++ tests (plain, and under ASan and UBSan), fuzz targets, Python tests on pandas 3 and 2.2,
# integration tests against real brokers, the wheel. Options go to pytest:  sh scripts/test.sh -k quarantine
set -eu
cd "$(dirname "$0")/.."
. scripts/setup.sh

export HONEYFRAME_REQUIRE_BROKERS="${HONEYFRAME_REQUIRE_BROKERS-${CI:+1}}"
unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY MQTT_SERVER || true
[ "${HONEYFRAME_TEST_URI:-}" ] || unset MQTT_USERNAME MQTT_PASSWORD || true

# shellcheck disable=SC2086  # a list of words
install_packages $BUILD_PACKAGES $TEST_PACKAGES
make_venv

# Of each fuzz target, two at a time. 0: none is run.
FUZZ_SECONDS=${HONEYFRAME_FUZZ_SECONDS:-60}

# As a release is made: the source distribution, and the wheel from it. A stamp keeps them while the sources are the same.
build_sdist_and_wheel() {
  say "Source distribution and wheel"
  rm -rf build/wheel && mkdir -p build/wheel/raw &&
    pip_install build &&
    "$VENV/bin/python" -m build -C cmake.define.HONEYFRAME_WERROR=ON -C cmake.define.HONEYFRAME_WEB=ON --outdir build/wheel/raw . >build/wheel/build.log 2>&1 || { tail -n 40 build/wheel/build.log; return 1; }
}
[ -f "$(ls build/wheel/raw/*.tar.gz 2>/dev/null | head -n 1)" ] || rm -f "$STAMPS/wheel"
install_honeyframe demo,dev,keyring,notebook,record,dask build_sdist_and_wheel

PATH="$PWD/$VENV/bin:$PATH"
export PATH

mkdir -p build

step "Build the C++ tests" configure_and_build default
step "Linters (pre-commit)" pre-commit run --all-files
step "C++ tests" ctest --preset default -j 2
step "Build with ASan and UBSan" configure_and_build asan
step "C++ tests under ASan and UBSan" ctest --preset asan -j 2
# The same inputs each time: a chance find is for the long runs, not for whoever has changed something else.
step "Fuzz targets, $FUZZ_SECONDS s each" env HONEYFRAME_FUZZ_SEED=1 sh scripts/fuzz.sh "$FUZZ_SECONDS"
step "Self-contained wheel" python scripts/repair_wheel.py build/wheel/raw build/wheel/repaired
step "Test brokers" python -m tests.brokers.prepare
# Most of it is waiting: two files at a time.
step "Python tests" python -m pytest -n 2 --dist loadfile "$@"

PANDAS22=$STAMPS/pandas22
pandas22_environment() {
  [ -x "$PANDAS22/bin/python" ] || python -m venv "$PANDAS22" || return 1
  once pandas22-installed "$(sources_hash)" "$PANDAS22/bin/python" -m pip install -q --disable-pip-version-check --force-reinstall \
    "pandas==2.2.*" build/wheel/raw/*.whl polars duckdb pytest pytest-timeout hypothesis cryptography
}
step "Environment with pandas 2.2" pandas22_environment
step "Frame tests on pandas 2.2" "$PANDAS22/bin/python" -m pytest tests/python/test_frame.py tests/python/test_extract.py tests/python/test_schema.py
