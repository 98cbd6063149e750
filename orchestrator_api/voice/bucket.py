"""Where audio is kept: the private bucket `voice` of Supabase Storage, or a folder in development. Paths begin with their day."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import date
from http import HTTPStatus
from pathlib import Path
from typing import Protocol

import httpx

BUCKET = "voice"
STORAGE_SECONDS = 10.0
PIECE_BYTES = 64 * 1024
# Of one listing; the hourly sweep comes back for more.
LISTED_MAX = 1_000
MEDIA_TYPE = "audio/mpeg"


class BucketUnavailable(Exception):
    """The storage cannot be reached or refuses us."""


class AudioMissing(Exception):
    """There is no such audio any more."""


class Bucket(Protocol):
    async def save(self, path: str, audio: bytes) -> None: ...

    def read(self, path: str, first: int, last: int) -> AsyncGenerator[bytes, None]:
        """The bytes from `first` to `last`, both included. Raises AudioMissing and BucketUnavailable before the first piece."""
        ...

    async def days(self) -> list[date]:
        """The days of which there is audio."""
        ...

    async def delete_day(self, day: date) -> None: ...


class FolderBucket:
    """A folder of this machine, for development."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def save(self, path: str, audio: bytes) -> None:
        try:
            await asyncio.to_thread(self._save, self._folder / path, audio)
        except OSError as error:
            raise BucketUnavailable(type(error).__name__) from error

    async def read(self, path: str, first: int, last: int) -> AsyncGenerator[bytes, None]:
        try:
            audio = await asyncio.to_thread((self._folder / path).read_bytes)
        except FileNotFoundError as error:
            raise AudioMissing(path) from error
        except OSError as error:
            raise BucketUnavailable(type(error).__name__) from error
        for at in range(first, last + 1, PIECE_BYTES):
            yield audio[at : min(at + PIECE_BYTES, last + 1)]

    async def days(self) -> list[date]:
        names = await asyncio.to_thread(lambda: [each.name for each in self._folder.glob("????-??-??")])
        return [date.fromisoformat(name) for name in sorted(names)]

    async def delete_day(self, day: date) -> None:
        await asyncio.to_thread(self._delete, self._folder / day.isoformat())

    def _save(self, file: Path, audio: bytes) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(audio)

    def _delete(self, folder: Path) -> None:
        for file in folder.glob("*.mp3"):
            file.unlink(missing_ok=True)
        folder.rmdir()


class SupabaseBucket:
    """Supabase Storage over HTTP, with the project's secret key. The bucket is made with the first recording."""

    def __init__(self, client: httpx.AsyncClient, *, supabase_url: str, secret_key: str) -> None:
        self._client = client
        self._url = f"{supabase_url}/storage/v1"
        self._headers = {"Authorization": f"Bearer {secret_key}", "apikey": secret_key}

    async def save(self, path: str, audio: bytes) -> None:
        answer = await self._upload(path, audio)
        if answer.status_code in (HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND):
            # Storage says both of a bucket that is not there.
            await self._ask("POST", "/bucket", json={"id": BUCKET, "name": BUCKET, "public": False})
            answer = await self._upload(path, audio)
        _require(answer)

    async def read(self, path: str, first: int, last: int) -> AsyncGenerator[bytes, None]:
        url = f"{self._url}/object/authenticated/{BUCKET}/{path}"
        headers = {**self._headers, "Range": f"bytes={first}-{last}"}
        try:
            async with self._client.stream("GET", url, headers=headers, timeout=STORAGE_SECONDS) as answer:
                if answer.status_code in (HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND):
                    raise AudioMissing(path)
                _require(answer)
                async for piece in answer.aiter_bytes(PIECE_BYTES):
                    yield piece
        except httpx.HTTPError as error:
            raise BucketUnavailable(type(error).__name__) from error

    async def days(self) -> list[date]:
        return [date.fromisoformat(name) for name in await self._listed("") if len(name) == len("2026-11-26")]

    async def delete_day(self, day: date) -> None:
        names = await self._listed(f"{day}/")
        if names:
            paths = [f"{day}/{name}" for name in names]
            _require(await self._ask("DELETE", f"/object/{BUCKET}", json={"prefixes": paths}))

    async def _listed(self, prefix: str) -> list[str]:
        answer = await self._ask(
            "POST", f"/object/list/{BUCKET}", json={"prefix": prefix, "limit": LISTED_MAX, "offset": 0}
        )
        if answer.status_code in (HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND):
            return []
        _require(answer)
        return [entry["name"] for entry in answer.json()]

    async def _upload(self, path: str, audio: bytes) -> httpx.Response:
        # A repeated upload is the same audio under the same name.
        headers = {"Content-Type": MEDIA_TYPE, "x-upsert": "true"}
        return await self._ask("POST", f"/object/{BUCKET}/{path}", headers=headers, content=audio)

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        json: object = None,
        content: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        try:
            return await self._client.request(
                method,
                f"{self._url}{path}",
                json=json,
                content=content,
                headers={**self._headers, **(headers or {})},
                timeout=STORAGE_SECONDS,
            )
        except httpx.HTTPError as error:
            raise BucketUnavailable(type(error).__name__) from error


def _require(answer: httpx.Response) -> None:
    if not answer.is_success:
        raise BucketUnavailable(f"status {answer.status_code}")
