"""ops/deploy.sh against stand-ins: a repository of its own, a local server for hooks and health, executables that take notes."""

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
SUPABASE = REPOSITORY / "supabase/node_modules/.bin/supabase"
RUN_SECONDS = 90
HOOK_KEY = "key-of-a-hook"
PASSWORD = "password-of-the-owner"
TOKEN = "token-of-supabase"
FUNCTIONS = ("watchers-upsert", "user-references-upsert")
SHARED = [f"../_shared/{name}.ts" for name in ("serve", "handler", "signature", "fields", "database")]

# Notes its arguments. As Python it migrates by a note alone and runs everything else for real.
STAND_IN = """#!/usr/bin/env bash
if [ "$(basename "$0")" = python ] && [ "$1" != -m ]; then exec {python} "$@"; fi
printf '%s %s\\n' "$(basename "$0")" "$*" >> {notes}
for folder in "$@"; do [ -d "$folder/supabase" ] && (cd "$folder" && find . -type f | sort) >> {notes}; done
[ ! -e {broken}/"$(basename "$0")" ]
"""


@dataclass
class Render:
    """Both deploy hooks and the API's /healthz, which reports the new commit when it has been asked often enough."""

    hook_status: int = 200
    looks_until_deployed: int = 2
    worker_deploys: bool = True
    called: list[str] = field(default_factory=list)
    uploads: list[bytes] = field(default_factory=list)
    looks: int = 0
    url: str = ""

    def healthz(self) -> bytes:
        self.looks += 1
        deployed = self.called[-1].rpartition("ref=")[2] if self.called else "older"
        commit = deployed if self.looks > self.looks_until_deployed else "older"
        version = commit if self.worker_deploys else "older"
        beating = {"version": version, "beat_age_seconds": 3.0}
        gone = {"version": "ancient", "beat_age_seconds": 4000.0}
        return json.dumps(
            {"commit": commit, "status": "degraded", "reasons": ["a reason"], "workers": [beating, gone]}
        ).encode()


@pytest.fixture
def render() -> Iterator[Render]:
    state = Render()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            if "/functions/deploy" in self.path:
                state.uploads.append(body)
                self.answer(201, b'{"id": "1", "slug": "f", "name": "f", "status": "ACTIVE", "version": 1}')
                return
            state.called.append(self.path)
            self.answer(state.hook_status, b"{}")

        def do_GET(self) -> None:
            self.answer(200, state.healthz() if self.path == "/healthz" else b"[]")

        def answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield state
    server.shutdown()
    thread.join()
    server.server_close()


@dataclass
class Checkout:
    """A repository that holds what the script reads, and the executables it calls."""

    folder: Path
    render: Render

    @property
    def notes(self) -> str:
        notes = self.folder / "notes"
        return notes.read_text() if notes.exists() else ""

    @property
    def commit(self) -> str:
        return self.git("rev-parse", "HEAD").strip()

    def break_down(self, program: str) -> None:
        (self.folder / "broken" / program).touch()

    def git(self, *arguments: str) -> str:
        return subprocess.run(
            ["git", "-c", "user.name=test", "-c", "user.email=test@example.com", *arguments],
            cwd=self.folder / "repository",
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    def deploy(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["ops/deploy.sh", *arguments],
            cwd=self.folder / "repository",
            env={
                "PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
                "HOME": str(self.folder),
                "CHAT_OWNER_DATABASE_URL": f"postgresql://postgres:{PASSWORD}@localhost/chat",
                "TRADING_OWNER_DATABASE_URL": f"postgresql://postgres:{PASSWORD}@localhost/trading",
                "TRADING_PROJECT_REF": "abcdefghijklmnopqrst",
                "SUPABASE_ACCESS_TOKEN": TOKEN,
                "RENDER_API_DEPLOY_HOOK": f"{self.render.url}/deploy/srv-api?key={HOOK_KEY}",
                "RENDER_WORKER_DEPLOY_HOOK": f"{self.render.url}/deploy/srv-worker?key={HOOK_KEY}",
                "ZMARTY_API_URL": f"{self.render.url}/",
                "DEPLOY_SECONDS_MAX": "5",
                "DEPLOY_POLL_SECONDS": "0.05",
                "PYTHON": "python",
                "SUPABASE_CLI": "supabase",
                **environment,
            },
            capture_output=True,
            text=True,
            timeout=RUN_SECONDS,
        )


@pytest.fixture
def checkout(tmp_path: Path, render: Render) -> Checkout:
    made = Checkout(tmp_path, render)
    for name in ("bin", "broken", "repository/ops", "repository/console", "repository/zmarty"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("python", "supabase"):
        stand_in = tmp_path / "bin" / name
        stand_in.write_text(
            STAND_IN.format(python=sys.executable, notes=tmp_path / "notes", broken=tmp_path / "broken")
        )
        stand_in.chmod(0o755)
    repository = tmp_path / "repository"
    for name in ("deploy.sh", "healthz.py"):
        shutil.copy(REPOSITORY / "ops" / name, repository / "ops" / name)
    shutil.copytree(
        REPOSITORY / "supabase/trading/functions", repository / "supabase/trading/functions", symlinks=True
    )
    made.git("init", "--quiet")
    made.git("add", "--all")
    made.git("commit", "--quiet", "--message", "Deploy this")
    return made


def test_a_deploy_goes_through_every_step_in_order(checkout: Checkout, render: Render) -> None:
    done = checkout.deploy()

    assert done.returncode == 0, done.stderr
    migrated, *deployed = (line for line in checkout.notes.splitlines() if not line.startswith("./"))
    assert migrated == "python -m console migrate"
    for line, name in zip(deployed, FUNCTIONS, strict=True):
        assert line.startswith(f"supabase functions deploy {name} --workdir ")
        assert "--remote=abcdefghijklmnopqrst --use-api --yes" in line
    # The files themselves, not a link to them.
    for name in (*FUNCTIONS, "_shared"):
        assert f"./supabase/functions/{name}/" in checkout.notes
    assert render.called == [
        f"/deploy/srv-worker?key={HOOK_KEY}&ref={checkout.commit}",
        f"/deploy/srv-api?key={HOOK_KEY}&ref={checkout.commit}",
    ]
    assert render.looks == 3
    assert f"{checkout.commit} runs" in done.stdout.splitlines()[-1]


def test_nothing_secret_is_printed(checkout: Checkout, render: Render) -> None:
    render.hook_status = 500
    printed = [checkout.deploy(), checkout.deploy("--dry-run"), checkout.deploy("--help")]
    render.hook_status = 200
    printed.append(checkout.deploy())
    printed.append(checkout.deploy(RENDER_API_DEPLOY_HOOK=f"http://127.0.0.1:1/?key={HOOK_KEY}"))

    for run in printed:
        for secret in (HOOK_KEY, PASSWORD, TOKEN):
            assert secret not in run.stdout + run.stderr


@pytest.mark.skipif(not SUPABASE.exists(), reason="`make setup` installs the Supabase CLI")
def test_the_real_client_uploads_every_file_of_both_functions(checkout: Checkout, render: Render) -> None:
    shutil.copy(REPOSITORY / "supabase/trading/config.toml", checkout.folder / "repository/supabase/trading")
    profile = checkout.folder / "profile.yaml"
    profile.write_text(
        f"name: stand-in\napi_url: {render.url}\ndashboard_url: {render.url}\nproject_host: 127.0.0.1\n"
    )
    client = checkout.folder / "bin" / "client"
    client.write_text(f'#!/usr/bin/env bash\nexec {SUPABASE} "$@" --profile {profile}\n')
    client.chmod(0o755)

    done = checkout.deploy(SUPABASE_CLI="client", SUPABASE_ACCESS_TOKEN="sbp_" + "0" * 40)

    assert done.returncode == 0, done.stderr
    folder = REPOSITORY / "supabase/trading/functions"
    for uploaded, name, own in zip(render.uploads, FUNCTIONS, ("change.ts", "snapshot.ts"), strict=True):
        # All that the entry imports; tests and their data stay here.
        for file in ("deno.json", "index.ts", own, "store.ts", *SHARED):
            assert (folder / name / file).read_bytes() in uploaded, file
        assert b"_test.ts" not in uploaded
        assert b'"verify_jwt":false' in uploaded.replace(b" ", b"")


def test_a_hook_that_refuses_is_named(checkout: Checkout, render: Render) -> None:
    render.hook_status = 401

    done = checkout.deploy()

    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "✗ RENDER_WORKER_DEPLOY_HOOK: Render answered 401"
    assert len(render.called) == 1


def test_a_hook_that_does_not_answer_is_named(checkout: Checkout) -> None:
    done = checkout.deploy(RENDER_WORKER_DEPLOY_HOOK="http://127.0.0.1:1/deploy")

    assert done.returncode == 1
    assert "RENDER_WORKER_DEPLOY_HOOK: no answer" in done.stderr


def test_a_commit_that_never_runs_ends_the_wait(checkout: Checkout, render: Render) -> None:
    render.looks_until_deployed = 10_000

    done = checkout.deploy(DEPLOY_SECONDS_MAX="1")

    assert done.returncode == 1
    assert "does not run after 1 s; last seen: API older degraded, workers older (a reason)" in done.stderr


def test_a_worker_that_stays_behind_ends_the_wait(checkout: Checkout, render: Render) -> None:
    render.worker_deploys = False
    # The shell counts whole seconds: the one second of this wait may end right after the first look.
    render.looks_until_deployed = 0

    done = checkout.deploy(DEPLOY_SECONDS_MAX="1")

    assert done.returncode == 1
    assert f"last seen: API {checkout.commit} degraded, workers older" in done.stderr


def test_a_missing_variable_stops_before_anything(checkout: Checkout, render: Render) -> None:
    done = checkout.deploy(TRADING_PROJECT_REF="", RENDER_API_DEPLOY_HOOK="")

    assert done.returncode == 2
    assert done.stderr.strip() == "✗ missing in the environment: TRADING_PROJECT_REF RENDER_API_DEPLOY_HOOK"
    assert (checkout.notes, render.called) == ("", [])


@pytest.mark.parametrize(
    ("program", "said", "hooks"), [("python", "migrations:", 0), ("supabase", "edge functions:", 0)]
)
def test_a_step_that_fails_stops_the_rest(
    checkout: Checkout, render: Render, program: str, said: str, hooks: int
) -> None:
    checkout.break_down(program)

    done = checkout.deploy()

    assert done.returncode == 1
    assert said in done.stderr.splitlines()[-1]
    assert len(render.called) == hooks


def test_a_dry_run_changes_nothing(checkout: Checkout, render: Render) -> None:
    done = checkout.deploy("--dry-run")

    assert done.returncode == 0
    assert checkout.notes == "python -m console migrate --status\n"
    assert render.called == []


def test_a_checkout_with_other_migrations_is_refused(checkout: Checkout, render: Render) -> None:
    (checkout.folder / "repository/supabase/trading/functions/watchers-upsert/index.ts").write_text("changed")

    done = checkout.deploy()

    assert done.returncode == 2
    assert "this checkout differs from" in done.stderr
    assert render.called == []


@pytest.mark.parametrize("arguments", [("--hurry",), ("no-such-commit",), ("HEAD", "HEAD")])
def test_what_it_does_not_understand_is_refused(checkout: Checkout, arguments: tuple[str, ...]) -> None:
    done = checkout.deploy(*arguments)

    assert done.returncode == 2
    assert checkout.notes == ""


def test_an_answer_that_is_no_health_is_waited_out() -> None:
    for answer in ("\n000", "<html>\n502", '{"commit": "c"}\n200', "[]\n200"):
        seen = subprocess.run(
            [sys.executable, REPOSITORY / "ops/healthz.py", "c"],
            input=answer,
            capture_output=True,
            text=True,
            check=False,
        )
        assert seen.returncode == 1
        assert len(seen.stdout.splitlines()) == 1
        assert seen.stderr == ""


def test_shell_scripts_pass_shellcheck() -> None:
    shellcheck = Path(sys.executable).with_name("shellcheck")

    subprocess.run([shellcheck, REPOSITORY / "ops/deploy.sh"], check=True)
