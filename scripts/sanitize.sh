#!/bin/sh
# What test.sh leaves out because it is slow: the C++ tests of whatever has threads under TSan, and the Python tests under ASan and UBSan.
#     sh scripts/sanitize.sh [threads] [python]         both by default
# HONEYFRAME_SANITIZED_TESTS names other Python tests. With tests/python, all of them, it takes half an hour, and those fail that measure
# time or memory or clear the environment: what counts there is "runtime error" and "AddressSanitizer".
set -eu
cd "$(dirname "$0")/.."
. scripts/setup.sh

[ "$#" -gt 0 ] || set -- threads python
# shellcheck disable=SC2086  # a list of words
install_packages $BUILD_PACKAGES $TEST_PACKAGES
make_venv
PATH="$PWD/$VENV/bin:$PATH"
export PATH

THREADED='MessageQueue|LatestSlots|ReadyBatches|Ledger|Spool|Segment|Session|StreamReader|Paho|RollingWindow|Subscriber|Publisher|ControlThread'
THREADED="$THREADED|TopicWatch|MessageCursor|ConsumerWakes|GatheredAnswers|Operation|BlockingWork|EventLog|RowPublisher|RowSender|ProcessOwned|Mosquitto"

under_tsan() {
  # shellcheck disable=SC2086  # a list of words
  TSAN_OPTIONS="suppressions=$PWD/tests/cpp/tsan.supp second_deadlock_stack=1 halt_on_error=0" \
    $FIXED_ADDRESSES ctest --preset tsan -j 2 -R "$THREADED" --output-log build/tsan-tests.log || return 1
}

SANITIZED=build/sanitized
sanitized_package() {
  [ -x "$SANITIZED/bin/python" ] || python3 -m venv "$SANITIZED" || return 1
  requirements >build/sanitized-requirements.txt || return 1
  "$SANITIZED/bin/python" -m pip install -q --disable-pip-version-check scikit-build-core pybind11 -r build/sanitized-requirements.txt || return 1
  "$SANITIZED/bin/python" -m pip install -q --disable-pip-version-check --no-build-isolation --no-deps --force-reinstall \
    -C build-dir=build/sanitized-core -C cmake.build-type=RelWithDebInfo -C cmake.define.HONEYFRAME_SANITIZE=address,undefined \
    -C install.strip=false .
}

# The interpreter is not built so: the sanitizers' libraries come in front of all others, and so does the one that throws, and the one
# whose crypt() ASan must have found before it takes its place. Python itself keeps memory to its end, so what is left then says nothing.
python_under_asan() {
  preload="$(c++ -print-file-name=libasan.so) $(c++ -print-file-name=libubsan.so) $(c++ -print-file-name=libstdc++.so) $(c++ -print-file-name=libcrypt.so.1)"
  # shellcheck disable=SC2086  # a list of words
  LD_PRELOAD=$preload ASAN_OPTIONS=detect_leaks=0:detect_stack_use_after_return=0:allocator_may_return_null=1 \
    UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1 PYTHONMALLOC=malloc HONEYFRAME_CASES="${HONEYFRAME_CASES:-4000}" \
    $FIXED_ADDRESSES "$SANITIZED/bin/python" -m pytest -p no:cacheprovider --timeout 600 $1
}

for part in "$@"; do
  case $part in
    threads)
      step "Build with TSan" configure_and_build tsan --target honeyframe_core_tests
      step "C++ tests of threads under TSan" under_tsan ;;
    python)
      step "Package with ASan and UBSan" sanitized_package
      step "Python tests under ASan and UBSan" python_under_asan "${HONEYFRAME_SANITIZED_TESTS:-tests/python/test_extract.py \
        tests/python/test_frame.py tests/python/test_frame_model.py tests/python/test_malformed.py tests/python/test_json_suite.py \
        tests/python/test_stream.py tests/python/test_stream_reader.py tests/python/test_spool.py}" ;;
    *) die "no such part: $part (threads, python)" ;;
  esac
done
