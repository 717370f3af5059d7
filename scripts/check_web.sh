#!/bin/sh
# TypeScript's types, eslint and vitest over web/, with what its lock file names.
set -eu
cd "$(dirname "$0")/../web"
command -v npm >/dev/null 2>&1 || { echo "npm is not here: install Node.js 18 or newer with npm (Debian: apt-get install npm)." >&2; exit 1; }
[ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --silent --ignore-scripts --no-audit --no-fund
npm run --silent check
