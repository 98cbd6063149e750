"""netlify.toml serves the app as safely as the API does: the same policy, the same caching, every address the app's own."""

import json
import tomllib
from pathlib import Path
from typing import Any

from orchestrator_api.middleware import DEFAULT_HEADERS
from orchestrator_api.resources import PublicConfig
from orchestrator_api.web_app.routes import FOREVER, policy

REPOSITORY = Path(__file__).parents[2]
SITE: dict[str, Any] = tomllib.loads((REPOSITORY / "netlify.toml").read_text(encoding="utf-8"))
HEADERS: dict[str, dict[str, str]] = {entry["for"]: entry["values"] for entry in SITE["headers"]}
# Where both services are unless they have domains of their own.
HOSTS = PublicConfig(
    supabase_url="https://*.supabase.co", publishable_key="", api_url="https://*.onrender.com"
)


def directives(written: str) -> dict[str, set[str]]:
    parts = (part.split() for part in written.split(";") if part.strip())
    return {name: set(sources) for name, *sources in parts}


def test_the_policy_is_that_of_the_api() -> None:
    here = directives(HEADERS["/*"]["Content-Security-Policy"])

    assert here == directives(policy(HOSTS))
    assert "unsafe" not in HEADERS["/*"]["Content-Security-Policy"]


def test_the_headers_are_those_of_the_api() -> None:
    wanted = {
        name: value
        for name, value in DEFAULT_HEADERS.items()
        if name not in {"Content-Security-Policy", "Cache-Control"}
    }

    assert HEADERS["/*"].items() >= wanted.items()


def test_only_what_never_changes_is_kept_for_ever() -> None:
    assert {path for path, values in HEADERS.items() if "Cache-Control" in values} == {"/assets/*"}
    assert HEADERS["/assets/*"]["Cache-Control"] == FOREVER


def test_every_address_is_the_apps_own_but_a_missing_asset_is_missing() -> None:
    # The first that fits holds; an existing file comes before all of them.
    assert [(rule["from"], rule["to"], rule["status"]) for rule in SITE["redirects"]] == [
        ("/assets/*", "/index.html", 404),
        ("/*", "/index.html", 200),
    ]
    assert not any(rule.get("force") for rule in SITE["redirects"])


def test_it_builds_what_is_there_and_needs_to_know_the_api() -> None:
    build = SITE["build"]
    package = json.loads((REPOSITORY / build["base"] / "package.json").read_text(encoding="utf-8"))

    assert (build["base"], build["publish"]) == ("web", "dist")
    assert "npm ci" in build["command"] and "npm run build" in build["command"]
    assert "build" in package["scripts"]
    assert '-n "$VITE_API_ORIGIN"' in build["command"]
    assert "VITE_API_ORIGIN" in (REPOSITORY / "web/src/app/config.ts").read_text(encoding="utf-8")
    assert set(build["environment"]) == {"NODE_VERSION"}
