"""The real supabase-js, under Node, finds everything it expects of Supabase Auth."""

import asyncio
import json
import shutil
from pathlib import Path

import pytest

from local_stack.auth_server.resources import mailbox_file
from tests.local_stack.auth_server.conftest import AuthServer

FOLDER = Path(__file__).parent / "supabase_js"
WALK_SECONDS_MAX = 120


@pytest.mark.timeout(300)
async def test_supabase_js_walks_through_an_accounts_life(auth: AuthServer) -> None:
    assert (FOLDER / "node_modules").exists(), f"run `npm ci` in {FOLDER} (`make setup` does)"
    node = shutil.which("node")
    assert node, "Node is missing (`make setup` installs it)"

    process = await asyncio.create_subprocess_exec(
        node,
        str(FOLDER / "walk.mjs"),
        auth.url,
        str(mailbox_file(auth.home)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(WALK_SECONDS_MAX):
        output, errors = await process.communicate()

    assert process.returncode == 0, errors.decode()
    seen = json.loads(output)
    assert seen["name"] == "Walker"
    assert seen["metadata"] == {"name": "Walker", "theme": "dark"}
    assert seen["claims"]["sub"] == seen["userId"]
    assert seen["weak"] == {"name": "AuthWeakPasswordError", "code": "weak_password", "reasons": ["length"]}
    assert seen["twice"] == {"code": "user_already_exists", "status": 422}
    assert seen["wrong"] == {
        "code": "invalid_credentials",
        "status": 400,
        "message": "Invalid login credentials",
    }
    assert seen["again"] == "otp_expired"
    assert seen["strange"] == {"code": "bad_code_verifier", "status": 400}
    for step in ("rotated", "sameUser", "signedOut", "signedIn", "byCode", "byHash", "byLink"):
        assert seen[step] is True, step
