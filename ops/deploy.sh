#!/usr/bin/env bash
# One deploy from a checkout: schemas first, then the edge functions, then both services, then the proof that they run.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() {
  cat <<'TEXT'
Usage: ops/deploy.sh [--dry-run] [COMMIT]

Deploys COMMIT (default: HEAD), which must be pushed and must hold the same migrations and functions as this checkout:

  1. migrate both databases (they only ever grow, so that the running version goes on)
  2. deploy the edge functions watchers-upsert and user-references-upsert
  3. call Render's deploy hooks, the worker's first
  4. wait until /healthz answers 200 with this commit, from the API and from every worker

With --dry-run it checks everything it can, lists pending migrations, and changes nothing.

Environment:
  CHAT_OWNER_DATABASE_URL, TRADING_OWNER_DATABASE_URL   both databases as postgres, session pooler (port 5432)
  TRADING_PROJECT_REF, SUPABASE_ACCESS_TOKEN            where the functions go, and the right to put them there
  RENDER_API_DEPLOY_HOOK, RENDER_WORKER_DEPLOY_HOOK     from each service's settings on Render
  ZMARTY_API_URL                                        such as https://orchestrator-api.onrender.com
  DEPLOY_SECONDS_MAX (900), DEPLOY_POLL_SECONDS (5)     how long to wait for step 4, and how often to look
  PYTHON, SUPABASE_CLI                                  default: those of `make setup`, else the ones on PATH

Ends with 0 when the commit runs, 1 when a step failed (its name is the last line), 2 when it could not begin.
TEXT
}

FUNCTIONS=(watchers-upsert user-references-upsert)
HOOK_SECONDS_MAX=30
HEALTH_SECONDS_MAX=10

say() { printf '%s %s\n' "$(date -u +%H:%M:%SZ)" "$*"; }
fail() { printf '✗ %s\n' "$*" >&2; exit 1; }
refuse() { printf '✗ %s\n' "$*" >&2; exit 2; }

main() {
  local dry_run='' commit=''
  while [ $# -gt 0 ]; do
    case $1 in
      -h | --help) usage; exit 0 ;;
      --dry-run) dry_run=yes ;;
      -*) refuse "no option is called $1; see ops/deploy.sh --help" ;;
      *) [ -z "$commit" ] || refuse "one commit at a time"; commit=$1 ;;
    esac
    shift
  done
  commit=$(git rev-parse --verify --quiet "${commit:-HEAD}^{commit}") || refuse "no such commit"
  check

  if [ -n "$dry_run" ]; then
    say "dry run: nothing is changed"
    "$PYTHON" -m console migrate --status || true
    say "would migrate, deploy ${FUNCTIONS[*]} to the trading project and deploy $commit at $ZMARTY_API_URL"
    return
  fi
  say "deploying $commit"
  "$PYTHON" -m console migrate || fail "migrations: the databases are as they were before the file named above"
  deploy_functions || fail "edge functions: the schemas are ahead, the services run on as before"
  call_hook RENDER_WORKER_DEPLOY_HOOK "$commit"
  call_hook RENDER_API_DEPLOY_HOOK "$commit"
  wait_until_it_runs "$commit"
}

check() {
  local name missing=()
  for name in CHAT_OWNER_DATABASE_URL TRADING_OWNER_DATABASE_URL TRADING_PROJECT_REF SUPABASE_ACCESS_TOKEN \
    RENDER_API_DEPLOY_HOOK RENDER_WORKER_DEPLOY_HOOK ZMARTY_API_URL; do
    [ -n "${!name:-}" ] || missing+=("$name")
  done
  [ ${#missing[@]} -eq 0 ] || refuse "missing in the environment: ${missing[*]}"
  PYTHON=$(first_of "${PYTHON:-}" .venv/bin/python python3) || refuse "no Python"
  SUPABASE_CLI=$(first_of "${SUPABASE_CLI:-}" supabase/node_modules/.bin/supabase supabase) ||
    refuse "no Supabase CLI: npm ci in supabase/"
  command -v curl > /dev/null || refuse "no curl"
  # What is migrated and deployed comes from here, what is built comes from the commit.
  git diff --quiet "$commit" -- supabase console zmarty || refuse "this checkout differs from $commit; check it out"
}

first_of() {
  local candidate
  for candidate in "$@"; do
    if [ -n "$candidate" ] && command -v "$candidate"; then return; fi
  done
  return 1
}

deploy_functions() {
  local folder name result=0
  folder=$(mktemp -d)
  # Copied, not linked: behind a link the CLI uploads deno.json alone and calls that deployed.
  cp -R supabase/trading "$folder/supabase"
  for name in "${FUNCTIONS[@]}"; do
    "$SUPABASE_CLI" functions deploy "$name" --workdir "$folder" --remote="$TRADING_PROJECT_REF" \
      --use-api --yes < /dev/null || result=$?
  done
  rm -rf "$folder"
  return "$result"
}

# A hook is a secret: it goes to curl by standard input, where no list of processes shows it, and it is never printed.
call_hook() {
  local name=$1 commit=$2 hook=${!1} separator='&' status
  [[ $hook == *\?* ]] || separator='?'
  status=$(
    printf 'url = "%s%sref=%s"\n' "$hook" "$separator" "$commit" |
      curl --silent --output /dev/null --write-out '%{http_code}' --request POST --max-time "$HOOK_SECONDS_MAX" --config -
  ) || fail "$name: no answer within $HOOK_SECONDS_MAX s, or no address (curl ended with $?)"
  [[ $status == 2?? ]] || fail "$name: Render answered $status"
  say "$name: accepted"
}

wait_until_it_runs() {
  local commit=$1 seen='' before='' deadline=$((SECONDS + ${DEPLOY_SECONDS_MAX:-900}))
  while true; do
    seen=$(curl --silent --max-time "$HEALTH_SECONDS_MAX" --write-out '\n%{http_code}' "${ZMARTY_API_URL%/}/healthz" |
      "$PYTHON" ops/healthz.py "$commit") && break
    if [ "$seen" != "$before" ]; then say "waiting: $seen"; before=$seen; fi
    [ "$SECONDS" -lt "$deadline" ] || fail "$commit does not run after ${DEPLOY_SECONDS_MAX:-900} s; last seen: $seen"
    sleep "${DEPLOY_POLL_SECONDS:-5}"
  done
  say "✓ $commit runs: $seen"
}

main "$@"
