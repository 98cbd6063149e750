"""What a browser is given holds no secret, no map of the sources, and nothing that the policy forbids. `make setup` built it."""

import re
from pathlib import Path

import pytest

DIST = Path(__file__).parents[2] / "web" / "dist"
SECRETS = {
    "a secret key of Supabase": r"sb_secret_[A-Za-z0-9_-]{4,}",
    "the service role": r"service_role",
    "a database's login": r"postgres(ql)?://",
    "a webhook's secret": r"whsec_[A-Za-z0-9+/=]{8,}",
    "a key of OpenAI or Anthropic": r"(?<![A-Za-z0-9_-])sk-[A-Za-z0-9_-]{16,}",
    "a key of xAI": r"(?<![A-Za-z0-9_-])xai-[A-Za-z0-9]{16,}",
    "a deploy hook": r"api\.render\.com/deploy",
    # A token, or a key of the old kind, such as the service role's.
    "a signed token": r"eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}",
}
SAMPLES = {
    "a secret key of Supabase": "sb_secret_ab12cd34",
    "the service role": '{"role":"service_role"}',
    "a database's login": "postgresql://postgres.ref:password@host",
    "a webhook's secret": "whsec_MfKQ9r8GKYqrTwjU",
    "a key of OpenAI or Anthropic": '"sk-ant-api03-0123456789abcdef"',
    "a key of xAI": "xai-0123456789abcdefghij",
    "a deploy hook": "https://api.render.com/deploy/srv-1?key=2",
    "a signed token": "eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoieCJ9abc",
}


def files() -> dict[str, str]:
    found = {
        str(path.relative_to(DIST)): path.read_text(encoding="utf-8", errors="replace")
        for path in DIST.rglob("*")
        if path.is_file()
    }
    assert "index.html" in found, "the app is not built: make setup"
    assert any(name.endswith(".js") for name in found)
    return found


@pytest.mark.parametrize("name", SECRETS)
def test_no_file_holds_a_secret(name: str) -> None:
    assert re.search(SECRETS[name], SAMPLES[name]), "the pattern finds nothing"
    assert [file for file, text in files().items() if re.search(SECRETS[name], text)] == []


def test_there_is_no_map_of_the_sources() -> None:
    told = files()

    assert [file for file in told if file.endswith(".map")] == []
    assert [file for file, text in told.items() if "sourceMappingURL" in text] == []


def test_the_page_has_nothing_that_its_policy_forbids() -> None:
    page = files()["index.html"]

    assert re.findall(r"<script(?![^>]*\ssrc=)", page) == []
    assert "<style" not in page
    assert re.findall(r"\s(?:on[a-z]+|style)=", page) == []
    sources = re.findall(r"(?:src|href)=\"([^\"]+)\"", page)
    assert sources and all(source.startswith("/") and not source.startswith("//") for source in sources)


def test_the_app_asks_the_origin_that_serves_it() -> None:
    # An address of somebody's API in here would be that of whoever built it.
    assert [file for file, text in files().items() if ".onrender.com" in text] == []
