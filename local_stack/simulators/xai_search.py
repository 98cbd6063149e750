"""xAI's Responses wire with its server-side searches: a made-up mood around whatever the request asks about. Pure but for the time.

It searches nothing. Mood, count and links follow from the text of the request alone: another coin or another period,
another answer; without a search tool it has read nothing and says so.
"""

import hashlib
import json
import re
import time
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local_stack.simulators.answering import tokens
from local_stack.simulators.control import accepted, bearer, faults_of
from local_stack.simulators.openai import (
    TICKS_A_DOLLAR,
    XAI_PRICE_IN,
    XAI_PRICE_OUT,
    RequestInvalid,
    refuse_as_xai,
    text_of,
)

# Dollars for each search that the model makes.
SEARCH_DOLLARS = 0.005
SEARCHES = {"x_search": 3, "web_search": 2}
LINKS = {"x_search": "https://x.example/i/status/{number}", "web_search": "https://news.example/{number}"}
POSTS_MAX = 60

_SUBJECT = re.compile(r"Coin: ([A-Z0-9]{2,12})")


class Responses:
    """`POST /v1/responses` for the models that xAI offers."""

    def __init__(self, models: tuple[str, ...]) -> None:
        self.models = models

    @property
    def route(self) -> Route:
        return Route("/v1/responses", self.respond, methods=["POST"])

    async def respond(self, request: Request) -> Response:
        if not accepted(bearer(request)):
            return refuse_as_xai(401, "invalid_api_key", "Incorrect API key provided.")
        try:
            asked = parse(await request.body())
        except RequestInvalid as error:
            return refuse_as_xai(400, "", str(error))
        if asked["model"] not in self.models:
            return refuse_as_xai(404, "model_not_found", f"The model {asked['model']} does not exist.")
        faults = faults_of(request)
        answer = respond_to(asked)
        [message] = [item for item in answer["output"] if item["type"] == "message"]
        if faults.empty:
            message["content"][0]["text"] = ""
        if faults.malformed:
            message["content"][0]["text"] = message["content"][0]["text"][:-1]
        if faults.no_end:
            answer |= {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
        return JSONResponse({**answer, "created_at": int(time.time())})


def parse(body: bytes) -> dict[str, Any]:
    """Raises RequestInvalid."""
    try:
        asked = json.loads(body)
    except ValueError as error:
        raise RequestInvalid("We could not parse the JSON body of your request.") from error
    if not isinstance(asked, dict) or not isinstance(asked.get("model"), str):
        raise RequestInvalid("you must provide a model parameter", "model")
    if not isinstance(asked.get("input"), list) or not asked["input"]:
        raise RequestInvalid("Missing required parameter: 'input'.", "input")
    if "search_parameters" in asked:
        # What xAI says of its older search, there with status 410.
        raise RequestInvalid("Live search is deprecated. Please switch to the Agent Tools API.")
    for tool in asked.get("tools") or []:
        if not isinstance(tool, dict) or tool.get("type") not in SEARCHES:
            raise RequestInvalid(f"Unknown tool: {json.dumps(tool)}", "tools")
    return asked


def respond_to(asked: dict[str, Any]) -> dict[str, Any]:
    said = "\n".join(text_of(turn.get("content")) for turn in asked["input"] if isinstance(turn, dict))
    tools = [tool["type"] for tool in asked.get("tools") or []]
    subject = _SUBJECT.search(said)
    number = int.from_bytes(hashlib.sha256(said.encode()).digest()[:8], "big")
    posts = 3 + number % POSTS_MAX if tools and subject else 0
    score = round((number // 97 % 2001 - 1000) / 1000, 2) if posts else 0
    summary = f"Simulated: {posts} invented posts about {subject.group(1) if subject else 'nothing'}."
    mood = {"score": score, "mentions": posts, "summary": summary}
    text = json.dumps(mood) if asked.get("text") else summary
    links = [LINKS[tool].format(number=number % 10**12 + at) for tool in tools for at in range(2) if posts]
    calls = {tool: SEARCHES[tool] if posts else 0 for tool in tools}
    read, written = tokens(said) + 150 * posts, tokens(text)
    dollars = (read * XAI_PRICE_IN + written * XAI_PRICE_OUT) / 1e6 + SEARCH_DOLLARS * sum(calls.values())
    return {
        "id": f"resp_sim{number:x}",
        "object": "response",
        "status": "completed",
        "model": asked["model"],
        "incomplete_details": None,
        "output": [
            *(
                {"type": f"{tool}_call", "id": f"call_{tool}_{at}", "status": "completed"}
                for tool, count in calls.items()
                for at in range(count)
            ),
            {
                "type": "message",
                "role": "assistant",
                "status": "completed",
                "content": [
                    {
                        "type": "output_text",
                        "text": text,
                        "annotations": [
                            {
                                "type": "url_citation",
                                "url": link,
                                "title": link,
                                "start_index": 0,
                                "end_index": 0,
                            }
                            for link in links
                        ],
                    }
                ],
            },
        ],
        "citations": links,
        "usage": {
            "input_tokens": read,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": written,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": read + written,
            "num_sources_used": 0,
            "num_server_side_tools_used": sum(calls.values()),
            "cost_in_usd_ticks": round(dollars * TICKS_A_DOLLAR),
        },
    }
