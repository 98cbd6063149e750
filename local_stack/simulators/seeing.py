"""What the simulated models see in an image: the text that its file carries along, and nothing else. Pure.

A PNG's tEXt chunks and a JPEG's comments stand for what a real model would read from the pixels. An image of a liquidation map says
so in its first line, `liquidation map BTC`, and names a cluster on each further one, `43500.5 large 5100000`; anything else is
seen as no such map. Another image, another answer.
"""

import base64
import binascii
import json
import struct
import zlib
from collections.abc import Iterator
from typing import Any

PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
JPEG_MAGIC = b"\xff\xd8"
JPEG_COMMENT = 0xFE
HEADING = "liquidation map "
CONFIDENCE = 0.9
TOKENS_AN_IMAGE = 800


def images_in(content: Any) -> list[bytes]:
    """The images of a message's parts, in OpenAI's or in Anthropic's form."""
    parts = content if isinstance(content, list) else []
    return [image for part in parts if isinstance(part, dict) and (image := _image(part)) is not None]


def seen(images: list[bytes]) -> str:
    """The answer, as JSON text, of a model that was asked to read the first of these as a liquidation map."""
    return json.dumps(map_in(text_in(images[0]) if images else ""))


def map_in(text: str) -> dict[str, Any]:
    heading, *lines = text.splitlines() or [""]
    if not heading.startswith(HEADING):
        return {"is_liquidation_map": False, "base_currency": None, "clusters": [], "confidence": CONFIDENCE}
    rows = [line.split() for line in lines if line.strip()]
    return {
        "is_liquidation_map": True,
        "base_currency": heading.removeprefix(HEADING).strip() or None,
        "clusters": [
            {"price": float(row[0]), "size": row[1], "notional": float(row[2]) if len(row) > 2 else None}
            for row in rows
        ],
        "confidence": CONFIDENCE,
    }


def text_in(image: bytes) -> str:
    """The text that an image's file carries along; empty when it carries none."""
    if image.startswith(PNG_MAGIC):
        texts = [data.partition(b"\0")[2] for kind, data in _png_chunks(image) if kind == b"tEXt"]
    elif image.startswith(JPEG_MAGIC):
        texts = [data for marker, data in _jpeg_segments(image) if marker == JPEG_COMMENT]
    else:
        texts = []
    return b"\n".join(texts).decode("latin-1")


def png_with(text: str, *, width: int = 32, height: int = 32) -> bytes:
    """A small grey PNG that carries this text."""
    rows = zlib.compress(b"".join(b"\0" + b"\x80" * width for _ in range(height)))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = (
        (b"IHDR", header),
        (b"tEXt", b"Description\0" + text.encode("latin-1")),
        (b"IDAT", rows),
        (b"IEND", b""),
    )
    return PNG_MAGIC + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def _image(part: dict[str, Any]) -> bytes | None:
    if part.get("type") == "image_url":
        encoded = str((part.get("image_url") or {}).get("url", "")).partition(";base64,")[2]
    elif part.get("type") == "image":
        encoded = str((part.get("source") or {}).get("data", ""))
    else:
        return None
    try:
        return base64.b64decode(encoded, validate=True)
    except binascii.Error:
        return b""


def _png_chunks(image: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(PNG_MAGIC)
    while at + 8 <= len(image):
        (length,) = struct.unpack(">I", image[at : at + 4])
        yield image[at + 4 : at + 8], image[at + 8 : at + 8 + length]
        at += 12 + length


def _jpeg_segments(image: bytes) -> Iterator[tuple[int, bytes]]:
    at = 2
    while at + 4 <= len(image) and image[at] == 0xFF:
        (length,) = struct.unpack(">H", image[at + 2 : at + 4])
        yield image[at + 1], image[at + 4 : at + 2 + length]
        at += 2 + length
