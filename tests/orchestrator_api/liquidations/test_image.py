"""What counts as a picture, by its bytes."""

import base64
import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_stack.simulators.seeing import png_with, text_in
from orchestrator_api.liquidations.image import image_of
from zmarty.errors import FieldInvalid


def jpeg(width: int, height: int, *, comment: bytes = b"") -> bytes:
    frame = b"\xff\xc2" + struct.pack(">HBHHB", 8, 8, height, width, 0)
    told = b"\xff\xfe" + struct.pack(">H", len(comment) + 2) + comment
    return b"\xff\xd8\xff\xe0\x00\x04ab" + told + frame + b"\xff\xda\x00\x02data\xff\xd9"


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def test_a_png_by_its_header() -> None:
    image = image_of(encoded(png_with("x", width=640, height=480)))

    assert (image.media_type, image.width, image.height) == ("image/png", 640, 480)


def test_a_jpeg_by_its_frame() -> None:
    image = image_of("data:image/jpeg;base64," + encoded(jpeg(640, 480, comment=b"hello")))

    assert (image.media_type, image.width, image.height) == ("image/jpeg", 640, 480)
    assert text_in(image.data) == "hello"


def test_a_header_that_does_not_sum_up_is_no_png() -> None:
    forged = bytearray(png_with("x"))
    forged[18] = 9

    with pytest.raises(FieldInvalid, match="whole PNG or JPEG"):
        image_of(encoded(bytes(forged)))


@given(st.binary(max_size=300), st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"]))
def test_no_bytes_surprise_it(data: bytes, magic: bytes) -> None:
    # Whatever it is, it is an image within the bounds or refused; nothing else comes out.
    with suppress(FieldInvalid):
        assert 16 <= image_of(encoded(magic + data)).width <= 8_192
