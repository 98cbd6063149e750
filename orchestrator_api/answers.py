"""How models become JSON answers. Prices are JSON numbers, times ISO 8601 in UTC, symbols `BTC/USDT`."""

from collections.abc import Mapping

from pydantic import BaseModel
from starlette.responses import Response


def json_answer(model: BaseModel, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(model.model_dump_json(), status, headers, media_type="application/json")
