"""The blueprint pages that are made, not written: both schemas as migrated, and the sample of the environment.

`python -m local_stack.generated_pages --check` compares fingerprints and needs no database; the schema's text itself is
held to the migrated databases by tests/database/test_schema_pages.py, which also writes it (`make pages`).
"""

import argparse
import hashlib
import re
import subprocess
import sys
from pathlib import Path

from local_stack.clusters import server_binaries

ROOT = Path(__file__).resolve().parent.parent
BLUEPRINT = ROOT / "docs" / "zmarty-blueprint"
SCHEMA_PAGES = {
    "chat": BLUEPRINT / "20-SCHEMA-SUPABASE-A.sql",
    "trading": BLUEPRINT / "21-SCHEMA-SUPABASE-B.sql",
}
ENV_EXAMPLE = ROOT / ".env.example"
ENV_SAMPLE = BLUEPRINT / "50-ENV.sample"
DUMP_SECONDS = 60
OUR_SCHEMAS = ("public", "private", "queueing", "partitions")

# What pg_dump says about the session and itself, and partitions that come with the calendar, describe no schema of ours.
_NOISE = re.compile(r"^(--.*|SET .*|SELECT pg_catalog\.set_config.*|\\(un)?restrict .*)\n", re.MULTILINE)
_MONTHS = re.compile(r"[^;]*partitions\.candles_\d{4}_\d{2}[^;]*;\n?")
_BLANK = re.compile(r"\n{3,}")


def fingerprint(database: str) -> str:
    """Changes with any migration of this database."""
    digest = hashlib.sha256()
    for file in sorted((ROOT / "supabase" / database / "migrations").glob("*.sql")):
        digest.update(file.name.encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def schema_page(database: str, dsn: str) -> str:
    """The schema of a migrated database as SQL, under a head that says what it was made from."""
    schemas = [argument for schema in OUR_SCHEMAS for argument in ("--schema", schema)]
    dumped = subprocess.run(
        [server_binaries() / "pg_dump", "--schema-only", "--no-owner", *schemas, dsn],
        check=True,
        capture_output=True,
        text=True,
        timeout=DUMP_SECONDS,
    ).stdout
    body = _BLANK.sub("\n\n", _MONTHS.sub("", _NOISE.sub("", dumped))).strip()
    return f"{head(database)}\n{body}\n"


def head(database: str) -> str:
    letter = {"chat": "A", "trading": "B"}[database]
    return (
        f"-- Supabase {letter} ({database}) as its migrations leave it. Generated from supabase/{database}/migrations\n"
        f"-- by `make pages`; do not edit. Fingerprint of the migrations: {fingerprint(database)}\n"
    )


def env_sample() -> str:
    return "# Generated from .env.example by `make pages`; do not edit.\n\n" + ENV_EXAMPLE.read_text(
        encoding="utf-8"
    )


def stale_pages() -> list[Path]:
    """Pages that do not belong to the migrations or the .env.example of this checkout."""
    stale = [
        page
        for database, page in SCHEMA_PAGES.items()
        if not page.exists() or not page.read_text(encoding="utf-8").startswith(head(database))
    ]
    if not ENV_SAMPLE.exists() or ENV_SAMPLE.read_text(encoding="utf-8") != env_sample():
        stale.append(ENV_SAMPLE)
    return stale


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="fail when a generated page is stale")
    if parser.parse_args().check:
        if stale := stale_pages():
            names = ", ".join(str(page.relative_to(ROOT)) for page in stale)
            sys.exit(f"Stale generated pages: {names}. Run `make pages` and commit what changed.")
        return
    ENV_SAMPLE.write_text(env_sample(), encoding="utf-8")


if __name__ == "__main__":
    main()
