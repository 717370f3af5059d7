#!/bin/sh
# Fuzzes what reads bytes from outside, under ASan and UBSan: each target of tests/fuzz for so many seconds, two at a time.
#     sh scripts/fuzz.sh [SECONDS [TARGET...]]          sh scripts/fuzz.sh 3600 extract spool
# Begins with the kept corpus (tests/fuzz/corpus) and what earlier runs have found (build/fuzz-found). HONEYFRAME_FUZZ_SEED makes a run
# repeatable as far as it comes in its time, from an empty build/fuzz-found; HONEYFRAME_FUZZ_RUNS ends each target after so many inputs.
# What breaks a target is left in build/fuzz-crashes; it belongs into the corpus, with the repair.
set -eu
cd "$(dirname "$0")/.."
. scripts/setup.sh

seconds=${1:-60}
[ "$#" = 0 ] || shift
[ "$seconds" -gt 0 ] || { say "No fuzzing: 0 seconds"; exit 0; }
# shellcheck disable=SC2086  # a list of words
install_packages $BUILD_PACKAGES clang libgtest-dev libgmock-dev
install_clang_runtime
has_libfuzzer || {
  [ "${HONEYFRAME_SKIP_PACKAGES:-}" ] || die "clang++ is there, but not its libFuzzer."
  say "No clang with libFuzzer here: the targets have run on their kept corpora, among the C++ tests"
  exit 0
}
make_venv
PATH="$PWD/$VENV/bin:$PATH"
export PATH

[ "$#" -gt 0 ] || set -- $(cd tests/fuzz && ls ./*_fuzz.cpp | sed 's|^\./||; s|_fuzz\.cpp$||')
targets=""
for noun in "$@"; do targets="$targets ${noun}_fuzz"; done
# shellcheck disable=SC2086  # a list of words
step "Build with clang and libFuzzer" configure_and_build fuzz --target $targets

mkdir -p build/fuzz-crashes

fuzz_one() {
  noun=$1
  mkdir -p "build/fuzz-found/$noun"
  dictionary=""
  [ ! -f "tests/fuzz/$noun.dict" ] || dictionary="-dict=tests/fuzz/$noun.dict"
  # By name: the order in which a file system lists a directory is no machine's but its own, and decides what is tried next.
  find "tests/fuzz/corpus/$noun" -type f | LC_ALL=C sort | tr '\n' ',' | sed 's/,$//' >"build/fuzz-$noun.inputs"
  # Without entropy's bookkeeping, and without a stack for each allocation, two to three times as many inputs a second.
  # shellcheck disable=SC2086  # lists of words
  ASAN_OPTIONS="${ASAN_OPTIONS:-malloc_context_size=0:quarantine_size_mb=8}" \
    $FIXED_ADDRESSES "build/fuzz/tests/fuzz/${noun}_fuzz" -max_total_time="$seconds" -runs="${HONEYFRAME_FUZZ_RUNS:--1}" -entropic=0 \
    -seed="${HONEYFRAME_FUZZ_SEED:-0}" -timeout=20 -rss_limit_mb=2048 -max_len=1024 -print_final_stats=1 \
    -artifact_prefix="build/fuzz-crashes/$noun-" $dictionary -seed_inputs="@build/fuzz-$noun.inputs" "build/fuzz-found/$noun" \
    >"build/fuzz-$noun.log" 2>&1
}

tell() {
  runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "build/fuzz-$1.log")
  covered=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "build/fuzz-$1.log" | tail -n 1)
  printf '   %s: %s inputs, %s edges, %s\n' "$1" "${runs:-?}" "${covered:-?}" "$2"
}

failed=""
finish() {  # a target, its process
  if wait "$2"; then tell "$1" "nothing found"; else
    tell "$1" "FAILED"
    tail -n 40 "build/fuzz-$1.log"
    failed="$failed $1"
  fi
}

say "Fuzzing: $*; $seconds s each"
while [ "$#" -gt 0 ]; do
  one=$1; shift
  fuzz_one "$one" & one_process=$!
  if [ "$#" -gt 0 ]; then
    other=$1; shift
    fuzz_one "$other" & other_process=$!
    finish "$one" "$one_process"
    finish "$other" "$other_process"
  else
    finish "$one" "$one_process"
  fi
done
[ -z "$failed" ] || die "FAILED:$failed. The inputs are in build/fuzz-crashes."
