"""The API's own pages and what clients read before they sign in."""

import re

import httpx2

from orchestrator_api.pages.routes import _files


async def test_config_tells_clients_where_to_sign_in(api: httpx2.AsyncClient) -> None:
    answer = await api.get("/config.json")

    assert answer.json() == {
        "supabase_url": "http://auth.test",
        "auth_url": "http://auth.test/auth/v1",
        "publishable_key": "sb_publishable_test",
        "api_url": "http://api.test",
    }


async def test_config_names_the_scheme_that_the_browser_used(api: httpx2.AsyncClient) -> None:
    # Render ends TLS and asks plainly: a page over https may ask nothing over http.
    answer = await api.get("/config.json", headers={"x-forwarded-proto": "https"})
    other = await api.get("/config.json", headers={"x-forwarded-proto": "javascript"})

    assert (answer.json()["api_url"], other.json()["api_url"]) == ("https://api.test", "http://api.test")


async def test_pages_allow_no_inline_script_and_reach_only_the_auth_server(api: httpx2.AsyncClient) -> None:
    for path in ("/", "/docs"):
        answer = await api.get(path)
        policy = answer.headers["content-security-policy"]

        assert answer.status_code == 200
        assert "script-src 'self';" in policy
        assert "unsafe" not in policy
        assert "connect-src 'self' http://auth.test;" in policy
        assert not re.search(r"<script(?![^>]* src=)|<style| style=| on[a-z]+=", answer.text), path


async def test_pages_name_only_files_that_exist(api: httpx2.AsyncClient) -> None:
    for path in ("/", "/docs"):
        page = (await api.get(path)).text
        named = re.findall(r'(?:src|href)="(/[^"#]*)"', page)
        assert named
        for target in named:
            assert (await api.get(target)).status_code in {200, 503}, target


def test_pages_load_nothing_from_elsewhere() -> None:
    for name, (content, _) in _files().items():
        outside = re.findall(rb"(?:src|href|url|import|fetch)\s*[=(]\s*[\"']?(https?:)?//", content)
        assert not outside, name


async def test_an_unchanged_file_is_not_sent_again(api: httpx2.AsyncClient) -> None:
    first = await api.get("/pages/look.css")
    second = await api.get("/pages/look.css", headers={"If-None-Match": first.headers["etag"]})

    assert first.headers["content-type"].startswith("text/css")
    assert second.status_code == 304
    assert second.content == b""


async def test_a_file_outside_the_folder_is_not_found(api: httpx2.AsyncClient) -> None:
    for name in ("..%2froutes.py", "routes.py", "docs.html", "nothing.css"):
        assert (await api.get(f"/pages/{name}")).status_code == 404
