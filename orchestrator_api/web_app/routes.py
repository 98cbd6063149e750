"""The web app: one page at every address of it, and the files that it loads. `web/src/app/Pages.tsx` draws what stands there."""

import os
from pathlib import Path
from urllib.parse import urlsplit

from starlette.convertors import Convertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Route

from orchestrator_api.openapi import Answer, documented
from orchestrator_api.pages.routes import page
from orchestrator_api.resources import PublicConfig, Resources
from zmarty.errors import NotFound


class Address(Convertor[str]):
    """The addresses of the app below `/`, as web/src/app/Pages.tsx knows them."""

    regex = "|".join(
        (
            "sign-in(?:/[^/]+)?",
            "welcome",
            "chat(?:/[^/]+)?",
            "markets(?:/[^/]+/[^/]+)?",
            "credits",
            "account",
            "admin(?:/[^/]+)?",
        )
    )

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("address", Address())

# Asked for again on each visit and answered with 304 while unchanged: a deploy is seen at once.
REVALIDATE = "no-cache"
# An asset's name holds a hash of what is in it.
FOREVER = "public, max-age=31536000, immutable"
UNCHANGED = Answer("You have it already.", media_type="")


@documented(
    summary="The web app",
    description="Anybody may load the page; what it shows needs an account, and an operator's for /admin.",
    tag="Pages",
    responses={200: Answer("A page.", media_type="text/html"), 304: UNCHANGED},
    access="public",
)
async def show_app(request: Request) -> Response:
    return _app(request)


@documented(
    summary="A page of the web app",
    description="The same file at every address of the app: `/chat`, `/markets/BTC-USDT/1h`, `/admin/dead-letters` and so on.",
    tag="Pages",
    responses={200: Answer("A page.", media_type="text/html"), 304: UNCHANGED},
    access="public",
)
async def show_page(request: Request) -> Response:
    return _app(request)


@documented(
    summary="A file of the web app",
    tag="Pages",
    responses={200: Answer("The file.", media_type="text/plain"), 304: UNCHANGED},
    errors=(NotFound,),
    access="public",
)
async def show_asset(request: Request) -> Response:
    resources: Resources = request.state.resources
    return _file(request, resources.web_dist / "assets", request.path_params["name"], caching=FOREVER)


@documented(
    summary="Zmarty's mark",
    tag="Pages",
    responses={200: Answer("The picture.", media_type="image/svg+xml"), 304: UNCHANGED},
    errors=(NotFound,),
    access="public",
)
async def show_mark(request: Request) -> Response:
    resources: Resources = request.state.resources
    return _file(request, resources.web_dist, "mark.svg", caching=REVALIDATE)


def _app(request: Request) -> Response:
    resources: Resources = request.state.resources
    if not (resources.web_dist / "index.html").is_file():
        return page(request, "start.html")
    answer = _file(request, resources.web_dist, "index.html", caching=REVALIDATE)
    answer.headers["Content-Security-Policy"] = policy(resources.public)
    return answer


def policy(public: PublicConfig) -> str:
    """What the page may load and whom it may ask: itself, the API and the auth server. No inline script or style sheet."""
    others = {
        f"{url.scheme}://{url.netloc}"
        for url in map(urlsplit, (public.supabase_url, public.api_url))
        if url.netloc
    }
    sources = " ".join(["'self'", *sorted(others)])
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' data:; "
        f"connect-src {sources}; media-src {sources} blob:; manifest-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def _file(request: Request, folder: Path, name: str, *, caching: str) -> Response:
    # Looked up among the names that are there: what is asked for never becomes a path.
    found = next((entry for entry in _entries(folder) if entry.name == name and entry.is_file()), None)
    if found is None:
        raise NotFound("There is no such file.")
    answer = FileResponse(found.path, stat_result=found.stat(), headers={"Cache-Control": caching})
    if request.headers.get("if-none-match") == answer.headers["etag"]:
        return Response(status_code=304, headers={"ETag": answer.headers["etag"], "Cache-Control": caching})
    return answer


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except FileNotFoundError:
        return []


routes: list[BaseRoute] = [
    Route("/", show_app, methods=["GET"]),
    Route("/{address:address}", show_page, methods=["GET"]),
    Route("/assets/{name}", show_asset, methods=["GET"]),
    Route("/mark.svg", show_mark, methods=["GET"]),
]
