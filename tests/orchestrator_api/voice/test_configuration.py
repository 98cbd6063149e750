"""Voice is offered when everything it needs is configured, and not before."""

from pathlib import Path

import httpx
import pytest

from orchestrator_api.app import bucket_of
from orchestrator_api.providers import Access
from orchestrator_api.settings import Settings
from orchestrator_api.voice.bucket import FolderBucket, SupabaseBucket
from orchestrator_api.voice.voice import open_voice

REQUIRED = {
    "CHAT_DATABASE_URL": "postgresql://chat",
    "TRADING_DATABASE_URL": "postgresql://trading",
    "CHAT_SUPABASE_URL": "https://project.supabase.co/",
}


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ({}, type(None)),
        ({"VOICE_FOLDER": "voice"}, FolderBucket),
        ({"CHAT_SUPABASE_SECRET_KEY": "sb_secret"}, SupabaseBucket),
        ({"ZMARTYBRAIN_SERVICE_ROLE_KEY": "sb_secret", "VOICE_FOLDER": "voice"}, SupabaseBucket),
    ],
)
async def test_audio_is_kept_where_the_environment_says(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], kind: type[object]
) -> None:
    monkeypatch.setitem(Settings.model_config, "env_file", None)
    for name in ("VOICE_FOLDER", "CHAT_SUPABASE_SECRET_KEY", "ZMARTYBRAIN_SERVICE_ROLE_KEY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {**REQUIRED, **given}.items():
        monkeypatch.setenv(name, value)

    async with httpx.AsyncClient() as client:
        assert type(bucket_of(Settings(), client)) is kind


@pytest.mark.parametrize("lacking", ["key", "bucket", "voice_id", "link_secret", None])
async def test_voice_needs_all_of_it(tmp_path: Path, lacking: str | None) -> None:
    access = Access("http://voice.test", None if lacking == "key" else "key")
    bucket = None if lacking == "bucket" else FolderBucket(tmp_path)
    voice_id = "" if lacking == "voice_id" else "George"
    link_secret = "" if lacking == "link_secret" else "secret"

    async with open_voice(access, bucket, voice_id=voice_id, link_secret=link_secret) as voice:
        assert (voice is None) == (lacking is not None)
