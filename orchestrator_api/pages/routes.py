"""GET /docs, its files, /config.json and /openapi.json."""

import hashlib
import json
from functools import cache, lru_cache
from importlib.resources import files
from urllib.parse import urlsplit

from pydantic import BaseModel, Field
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from orchestrator_api.answers import json_answer
from orchestrator_api.openapi import Answer, document_of, documented
from orchestrator_api.resources import Resources
from zmarty.errors import NotFound

MEDIA_TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml", "html": "text/html"}
# Looked at again on each visit and answered with 304 while unchanged: a deploy is seen at once.
REVALIDATE = "no-cache"


class Config(BaseModel):
    """What a client needs to know before anybody has signed in."""

    supabase_url: str = Field(description="For supabase-js.")
    auth_url: str = Field(description="Where to sign up and sign in.")
    publishable_key: str
    api_url: str


@documented(
    summary="This documentation",
    tag="Pages",
    responses={200: Answer("A page.", media_type="text/html")},
    access="public",
)
async def show_docs(request: Request) -> Response:
    return page(request, "docs.html")


@documented(
    summary="A file of a page",
    tag="Pages",
    responses={
        200: Answer("The file.", media_type="text/plain"),
        304: Answer("You have it already.", media_type=""),
    },
    errors=(NotFound,),
    access="public",
)
async def show_file(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in _files() or name.endswith(".html"):
        raise NotFound("There is no such file.")
    return _file(request, name)


@documented(
    summary="What a client needs before signing in",
    tag="Pages",
    responses={200: Config},
    access="public",
)
async def show_config(request: Request) -> Response:
    resources: Resources = request.state.resources
    public = resources.public
    config = Config(
        supabase_url=public.supabase_url,
        auth_url=f"{public.supabase_url}/auth/v1",
        publishable_key=public.publishable_key,
        api_url=public.api_url or _origin(request, is_behind_proxy=resources.limits.trusted_hops > 0),
    )
    return json_answer(config)


def _origin(request: Request, *, is_behind_proxy: bool) -> str:
    """Where the browser reached us: a proxy speaks TLS for us and plainly to us, and says so."""
    told = request.headers.get("x-forwarded-proto", "").rpartition(",")[2].strip()
    url = (
        request.base_url.replace(scheme="https") if is_behind_proxy and told == "https" else request.base_url
    )
    return str(url).rstrip("/")


@documented(
    summary="The OpenAPI 3.1 document",
    tag="Pages",
    responses={200: Answer("The document.", media_type="application/json")},
    access="public",
)
async def show_openapi(request: Request) -> Response:
    resources: Resources = request.state.resources
    document = _document(request.app, resources.commit, resources.public.api_url or "/")
    return Response(document, media_type="application/json")


@lru_cache(maxsize=1)
def _document(app: Starlette, version: str, server_url: str) -> bytes:
    """Made once: it is the same for everybody, and not cheap."""
    return json.dumps(document_of(app.routes, version=version, server_url=server_url)).encode()


def page(request: Request, name: str) -> Response:
    """One of these pages, with a policy that allows it no inline script and nobody else's files."""
    resources: Resources = request.state.resources
    auth = urlsplit(resources.public.supabase_url)
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        f"connect-src 'self' {auth.scheme}://{auth.netloc}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    answer = _file(request, name)
    answer.headers["Content-Security-Policy"] = policy
    return answer


def _file(request: Request, name: str) -> Response:
    content, mark = _files()[name]
    headers = {"ETag": mark, "Cache-Control": REVALIDATE}
    if request.headers.get("if-none-match") == mark:
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type=MEDIA_TYPES[name.rpartition(".")[2]])


@cache
def _files() -> dict[str, tuple[bytes, str]]:
    """Every file of the pages by name, with its mark. They are few and small."""
    folder = files(__package__).joinpath("files")
    contents = {entry.name: entry.read_bytes() for entry in folder.iterdir() if entry.is_file()}
    return {
        name: (content, f'"{hashlib.sha256(content).hexdigest()[:16]}"') for name, content in contents.items()
    }


routes = [
    Route("/docs", show_docs),
    Route("/pages/{name}", show_file),
    Route("/config.json", show_config),
    Route("/openapi.json", show_openapi),
]
