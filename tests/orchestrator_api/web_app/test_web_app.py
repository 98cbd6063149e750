"""The web app is served at its addresses and nowhere else, under a policy without exceptions."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

from orchestrator_api.resources import PublicConfig, Resources
from orchestrator_api.web_app.routes import Address, policy
from tests.orchestrator_api.conftest import client_of

PAGE = '<!doctype html><script type="module" src="/assets/index-abc.js"></script>'
PAGES = Path(__file__).parents[3] / "web/src/app/Pages.tsx"


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text(PAGE)
    (tmp_path / "mark.svg").write_text("<svg/>")
    (tmp_path / "assets" / "index-abc.js").write_text("export {};")
    (tmp_path / "secret.txt").write_text("not for anybody")
    return tmp_path


@pytest.fixture
async def app(resources: Resources, dist: Path) -> AsyncIterator[httpx2.AsyncClient]:
    async with client_of(replace(resources, web_dist=dist)) as client:
        yield client


@pytest.mark.parametrize(
    "address",
    [
        "/",
        "/sign-in",
        "/sign-in/forgotten",
        "/welcome",
        "/chat",
        "/chat/0193b0c2-0000-7000-8000-000000000000",
        "/markets",
        "/markets/BTC-USDT/1h",
        "/credits",
        "/account",
        "/admin",
        "/admin/letters",
    ],
)
async def test_every_address_of_the_app_is_its_page(app: httpx2.AsyncClient, address: str) -> None:
    answer = await app.get(address)

    assert (answer.status_code, answer.text) == (200, PAGE)
    assert answer.headers["cache-control"] == "no-cache"
    assert "script-src 'self';" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("address", ["/nothing", "/markets/BTC-USDT", "/chat/a/b", "/adminx", "/v1/nothing"])
async def test_what_is_no_address_is_not_found(app: httpx2.AsyncClient, address: str) -> None:
    answer = await app.get(address)

    assert (answer.status_code, answer.json()["error"]) == (404, "not_found")


async def test_a_question_still_goes_to_the_chat(app: httpx2.AsyncClient) -> None:
    answer = await app.post("/chat", json={"message": "hello"})

    assert (answer.status_code, answer.json()["error"]) == (401, "token_missing")


@pytest.mark.parametrize("path", ["/chat", "/assets/index-abc.js", "/mark.svg"])
async def test_what_is_unchanged_is_not_sent_again(app: httpx2.AsyncClient, path: str) -> None:
    first = await app.get(path)
    again = await app.get(path, headers={"If-None-Match": first.headers["etag"]})

    assert (again.status_code, again.content) == (304, b"")


async def test_assets_are_kept_for_ever(app: httpx2.AsyncClient) -> None:
    answer = await app.get("/assets/index-abc.js")

    assert answer.text == "export {};"
    assert answer.headers["content-type"].startswith("text/javascript")
    assert "immutable" in answer.headers["cache-control"]


@pytest.mark.parametrize(
    "name", ["none.js", "..%2Fsecret.txt", "%2e%2e%2fsecret.txt", "../secret.txt", "a" * 300, "%00"]
)
async def test_nothing_else_can_be_read(app: httpx2.AsyncClient, name: str) -> None:
    answer = await app.get(f"/assets/{name}")

    assert answer.status_code == 404


async def test_without_a_built_app_there_is_a_start_page(api: httpx2.AsyncClient) -> None:
    answer = await api.get("/chat")

    assert answer.status_code == 200
    assert "The web app is not built here" in answer.text
    assert (await api.get("/assets/index-abc.js")).status_code == 404


def test_the_policy_names_the_api_and_the_auth_server_and_nobody_else() -> None:
    said = policy(PublicConfig("https://a.supabase.co", "key", "https://api.example.com"))

    assert "connect-src 'self' https://a.supabase.co https://api.example.com;" in said
    assert "unsafe" not in said
    assert "*" not in said


@pytest.mark.parametrize("path", re.findall(r'<Route path="(/[^"]+)"', PAGES.read_text()))
def test_what_the_app_draws_is_served(path: str) -> None:
    """Also after a reload, and when somebody was sent the address."""
    whole = re.sub(r":\w+[?]?", "something", path)
    shortest = re.sub(r"/:\w+[?]", "", path)

    for address in {whole, re.sub(r":\w+", "something", shortest)}:
        assert re.fullmatch(Address.regex, address.removeprefix("/")), address
