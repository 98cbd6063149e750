"""Reads an answer of /healthz and its status from standard input; ends with 0 when the commit named as argument runs everywhere.

Needs nothing but Python, and prints one line either way: what it saw.
"""

import json
import sys
from typing import Any

# As in orchestrator_api/health/vitals.py: a worker that has not beaten for longer is gone, whatever it ran.
BEAT_AGE_SECONDS_MAX = 60.0


def main() -> int:
    body, _, status = sys.stdin.read().rpartition("\n")
    runs, seen = judge(body, status, sys.argv[1])
    sys.stdout.write(f"{seen}\n")
    return 0 if runs else 1


def judge(body: str, status: str, commit: str) -> tuple[bool, str]:
    """Whether `commit` runs, and what to tell of the answer."""
    try:
        health: dict[str, Any] = json.loads(body)
        workers = [
            worker["version"]
            for worker in health["workers"]
            if worker["beat_age_seconds"] <= BEAT_AGE_SECONDS_MAX
        ]
        seen = f"API {health['commit']} {health['status']}, workers {' '.join(workers) or 'none'}"
        reasons = health["reasons"]
    except (ValueError, KeyError, TypeError):
        return False, f"/healthz answered {status}, and no health" if status != "000" else "no answer yet"
    runs = status == "200" and health["commit"] == commit and set(workers) == {commit}
    return runs, f"{seen} ({'; '.join(reasons)})" if reasons else seen


if __name__ == "__main__":
    sys.exit(main())
