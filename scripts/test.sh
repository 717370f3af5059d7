#!/bin/sh
# Everything the project holds itself to, from a fresh clone: linters, C++ tests under ASan and UBSan, fuzz targets, Python tests on pandas 3 and 2.2,
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

# As a release is made: the source distribution, and the wheel from it. A stamp keeps them while the sources are the same. What the wheel was
# built from stays, for the tests of the CMake package and of the benchmarks.
build_sdist_and_wheel() {
  say "Source distribution and wheel"
  rm -rf build/wheel && mkdir -p build/wheel/raw build/wheel/source && {
    "$VENV/bin/python" -m build --sdist --outdir build/wheel/raw . &&
      tar -xf build/wheel/raw/*.tar.gz -C build/wheel/source --strip-components=1 &&
      "$VENV/bin/python" -m build --wheel -C build-dir="$PWD/build/wheel/core" -C cmake.define.HONEYFRAME_WERROR=ON \
        -C cmake.define.HONEYFRAME_WEB=ON --outdir build/wheel/raw build/wheel/source
  } >build/wheel/build.log 2>&1 || { tail -n 40 build/wheel/build.log; return 1; }
}
[ -f "$(ls build/wheel/raw/*.tar.gz 2>/dev/null | head -n 1)" ] || rm -f "$STAMPS/wheel"
pip_install build cmake ninja  # the build looks for them while everything else is installed
install_honeyframe demo,dev,keyring,notebook,record,dask build_sdist_and_wheel

PATH="$PWD/$VENV/bin:$PATH"
export PATH

mkdir -p build
install_clang_runtime
# One build for the C++ tests and the fuzz targets.
SANITIZED=asan
! has_libfuzzer || SANITIZED=fuzz

# Beside each other, as half of the linters take one core.
lint_and_build() {
  configure_and_build "$SANITIZED" & building=$!
  pre-commit run --all-files; linted=$?
  wait "$building" && return "$linted"
}

# Brokers, browsers and clocks on a busy machine: tests that fail are tried once more, alone, and named. A run that did not come to its end,
# a crash, a hang, and what a sanitizer reports, are not.
FINAL='crashed while running|Sanitizer|runtime error:|\*\*\*(Timeout|Exception)|Subprocess (aborted|killed)|SIG(SEGV|ABRT|BUS|ILL)'
cpp_tests() {
  rm -rf "build/$SANITIZED/Testing"
  $FIXED_ADDRESSES ctest --preset "$SANITIZED" -j 2 --timeout 300 --output-log build/cpp-tests.log; code=$?
  [ "$code" != 0 ] || return 0
  [ "$code" = 8 ] && ! grep -qE "$FINAL" build/cpp-tests.log "build/$SANITIZED/Testing/Temporary/LastTest.log" || return 1
  say "Once more, what failed"
  $FIXED_ADDRESSES ctest --preset "$SANITIZED" --timeout 300 --rerun-failed && say "FAILED beside others, passed alone: see above"
}
python_tests() {
  rm -f build/python-tests.xml
  python -m pytest -n 4 --dist loadfile --junitxml=build/python-tests.xml "$@"; code=$?
  [ "$code" != 0 ] || return 0
  [ "$code" = 1 ] && [ -f build/python-tests.xml ] && ! grep -qE "$FINAL" build/python-tests.xml || return 1
  say "Once more, what failed"
  python -m pytest --last-failed --last-failed-no-failures none "$@" && say "FAILED beside others, passed alone: see above"
}

PANDAS22=$STAMPS/pandas22
pandas22_environment() {
  [ -x "$PANDAS22/bin/python" ] || python -m venv "$PANDAS22" || return 1
  once pandas22-installed "$(sources_hash)" "$PANDAS22/bin/python" -m pip install -q --disable-pip-version-check --force-reinstall \
    "pandas==2.2.*" build/wheel/raw/*.whl polars duckdb pytest pytest-timeout hypothesis cryptography
}
# Fuzzing takes its time, whatever else is done: meanwhile, what the Python tests need. The same inputs each time: a chance find is for the
# long runs, not for whoever has changed something else.
fuzz_and_prepare() {
  { python scripts/repair_wheel.py build/wheel/raw build/wheel/repaired && python -m tests.brokers.prepare && pandas22_environment; } & preparing=$!
  HONEYFRAME_FUZZ_SEED=1 sh scripts/fuzz.sh "$FUZZ_SECONDS"; fuzzed=$?
  wait "$preparing" && return "$fuzzed"
}

step "Linters (pre-commit), and the build with ASan and UBSan" lint_and_build
step "C++ tests under ASan and UBSan" cpp_tests
step "Fuzz targets, $FUZZ_SECONDS s each; self-contained wheel, test brokers, environment with pandas 2.2" fuzz_and_prepare
step "Python tests" python_tests "$@"
step "Frame tests on pandas 2.2" "$PANDAS22/bin/python" -m pytest tests/python/test_frame.py tests/python/test_extract.py tests/python/test_schema.py
