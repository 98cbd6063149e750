"""Whether posted bytes are an image that a model may look at: by what they are, not by what they are called. Pure."""

import base64
import binascii
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from zmarty.errors import FieldInvalid

IMAGE_BYTES_MAX = 2 * 1024 * 1024
ENCODED_LENGTH_MAX = -(-IMAGE_BYTES_MAX // 3) * 4
SIDE_MIN = 16
SIDE_MAX = 8_192
PIXELS_MAX = 24_000_000

PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
PNG_HEADER_LENGTH = 33
JPEG_MAGIC = b"\xff\xd8\xff"
JPEG_SEGMENTS_MAX = 1_000
# Start-of-frame markers carry the size; C4, C8 and CC in the same range are other things.
JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
JPEG_BARE = frozenset({0x01, *range(0xD0, 0xD8)})


@dataclass(frozen=True, slots=True)
class Image:
    """The bytes of an image and what they say they are."""

    data: bytes
    media_type: Literal["image/png", "image/jpeg"]
    width: int
    height: int


def image_of(encoded: str) -> Image:
    """Decode base64 (a `data:` address is taken too) and look at it. Raises FieldInvalid naming `image` and the rule."""
    text = encoded.partition(";base64,")[2] if encoded.startswith("data:") else encoded
    if len(text) > ENCODED_LENGTH_MAX:
        raise FieldInvalid("image", f"must have at most {IMAGE_BYTES_MAX} bytes")
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise FieldInvalid("image", "must be base64") from error
    image = _png(data) or _jpeg(data)
    if image is None:
        raise FieldInvalid("image", "must be a whole PNG or JPEG")
    if not (SIDE_MIN <= image.width <= SIDE_MAX and SIDE_MIN <= image.height <= SIDE_MAX):
        raise FieldInvalid("image", f"must be {SIDE_MIN} to {SIDE_MAX} pixels wide and high")
    if image.width * image.height > PIXELS_MAX:
        raise FieldInvalid("image", f"must have at most {PIXELS_MAX} pixels")
    return image


def _png(data: bytes) -> Image | None:
    header = data[len(PNG_MAGIC) : PNG_HEADER_LENGTH]
    if not data.startswith(PNG_MAGIC) or len(data) <= PNG_HEADER_LENGTH or header[4:8] != b"IHDR":
        return None
    width, height = struct.unpack(">II", header[8:16])
    # A header that does not sum up was not written by anything that draws images.
    if struct.unpack(">I", header[21:25])[0] != zlib.crc32(header[4:21]) or not data.endswith(
        b"IEND\xaeB`\x82"
    ):
        return None
    return Image(data, "image/png", width, height)


def _jpeg(data: bytes) -> Image | None:
    if not data.startswith(JPEG_MAGIC) or not data.rstrip(b"\x00").endswith(b"\xff\xd9"):
        return None
    for marker, segment in _segments(data):
        if marker in JPEG_FRAMES and len(segment) >= 5:
            height, width = struct.unpack(">HH", segment[1:5])
            return Image(data, "image/jpeg", width, height)
    return None


def _segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The segments up to the image itself: marker and contents."""
    at = 2
    for _ in range(JPEG_SEGMENTS_MAX):
        if at + 4 > len(data) or data[at] != 0xFF:
            return
        marker = data[at + 1]
        if marker in JPEG_BARE or marker == 0xFF:
            at += 1 if marker == 0xFF else 2
            continue
        (length,) = struct.unpack(">H", data[at + 2 : at + 4])
        yield marker, data[at + 4 : at + 2 + length]
        at += 2 + length
