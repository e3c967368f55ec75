"""The header of a cover is read before it is stored: what no partner takes is known within milliseconds."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from checks.analysis.image_header import read_image_header
from checks.model.finding import Route
from checks.model.release import ImageFacts
from checks.rules import artwork

Read = Callable[[bytes], ImageFacts]


def picture(width: int = 3000, height: int = 3000, mode: str = "RGB") -> Image.Image:
    return Image.linear_gradient("L").resize((width, height)).convert(mode)


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    content = io.BytesIO()
    image.save(content, kind, **options)
    return content.getvalue()


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Reads the header of bytes."""

    def read_bytes(content: bytes) -> ImageFacts:
        path = tmp_path / "cover.jpg"
        path.write_bytes(content)
        return read_image_header(path, "ab" * 32)

    return read_bytes


def blocking(facts: ImageFacts) -> set[str]:
    return {item.code.id for item in artwork.judge_header("cover.jpg", facts) if item.code.route is Route.BLOCK}


EXIF = Image.Exif()
EXIF[0x010F] = "A camera"

GOOD = {
    "JPEG": encoded(picture(), "JPEG"),
    "progressive JPEG": encoded(picture(), "JPEG", progressive=True),
    "JPEG with EXIF and ICC": encoded(picture(), "JPEG", exif=EXIF, icc_profile=b"x" * 70_000),
    "grey JPEG": encoded(picture(mode="L"), "JPEG"),
    "PNG": encoded(picture(), "PNG"),
    "PNG with alpha": encoded(picture(mode="RGBA"), "PNG"),
    "PNG with a palette": encoded(picture(mode="P"), "PNG"),
    "PNG of 16 bits": encoded(picture(mode="I;16"), "PNG"),
    "the least that is taken": encoded(picture(1400, 1400), "JPEG"),
    "one pixel from square": encoded(picture(3000, 2999), "PNG"),
    "JPEG with a smaller map of brightness": encoded(
        picture(), "MPO", save_all=True, append_images=[picture(750, 750)]
    ),
    "bytes after the end": encoded(picture(), "JPEG") + b"\0" * 40,
}


@pytest.mark.parametrize("what", GOOD)
def test_cover_that_a_partner_takes_passes(read: Read, what: str) -> None:
    facts = read(GOOD[what])
    assert (facts.error, blocking(facts)) == (None, set())
    with Image.open(io.BytesIO(GOOD[what])) as image:
        assert (facts.width, facts.height) == image.size


def frames(kind: str) -> bytes:
    return encoded(picture(), kind, save_all=True, append_images=[picture().rotate(90)])


OTHER = {
    "GIF": encoded(picture(mode="P"), "GIF"), "animated GIF": frames("GIF"), "BMP": encoded(picture(), "BMP"),
    "ICO": encoded(picture(256, 256), "ICO"), "TIFF": encoded(picture(), "TIFF"),
    "several pages of TIFF": frames("TIFF"),
    "WebP": encoded(picture(), "WEBP"), "PDF": encoded(picture(), "PDF"), "EPS": encoded(picture(), "EPS"),
    "JPEG 2000": encoded(picture(1400, 1400), "JPEG2000"), "Photoshop": b"8BPS\0\1" + bytes(6) + b"\0\3",
    "SVG": b'<svg xmlns="http://www.w3.org/2000/svg" width="3000" height="3000"/>',
    "SVG behind a declaration": b'\xef\xbb\xbf  <?xml version="1.0"?><svg/>', "AVIF": b"\0\0\0\x20ftypavif" + bytes(20),
    "HEIC": b"\0\0\0\x20ftypheic" + bytes(20), "ZIP": b"PK\3\4" + bytes(40), "text": b"This is no picture.",
    "one byte": b"\xff", "half a signature": b"\x89PNG",
}  # fmt: skip


@pytest.mark.parametrize("what", OTHER)
def test_other_format_under_the_name_of_a_cover_is_refused(read: Read, what: str) -> None:
    facts = read(OTHER[what])
    assert (facts.error, blocking(facts)) == ("not_an_image", {"art.unreadable"})


@pytest.mark.parametrize(
    ("what", "name"),
    [
        ("animated GIF", "GIF"),
        ("SVG behind a declaration", "SVG or XML"),
        ("AVIF", "AVIF"),
        ("several pages of TIFF", "TIFF"),
    ],
)
def test_label_reads_what_the_file_is(read: Read, what: str, name: str) -> None:
    (finding,) = artwork.judge_header("cover.jpg", read(OTHER[what]))
    assert f"it is {name}, and neither JPEG nor PNG" in finding.message


UNFIT = {
    "a pixel": encoded(picture(1, 1), "PNG"),
    "too small": encoded(picture(1399, 1399), "JPEG"),
    "wide": encoded(picture(3000, 1500), "JPEG"),
    "tall": encoded(picture(3000, 3100), "PNG"),
    "for print": encoded(picture(mode="CMYK"), "JPEG"),
    "animated PNG": frames("PNG"),
    "two pages": frames("MPO"),
}


@pytest.mark.parametrize("what", UNFIT)
def test_cover_that_no_partner_takes_is_refused(read: Read, what: str) -> None:
    assert blocking(read(UNFIT[what])) == {"art.size"}


PNG, JPG = encoded(picture(), "PNG"), encoded(picture(), "JPEG")
BROKEN = {
    "half a PNG": PNG[: len(PNG) // 2],
    "PNG without its end": PNG[:-12],
    "PNG with a changed byte": PNG[:2000] + bytes((PNG[2000] ^ 1,)) + PNG[2001:],
    "PNG without data": PNG[:33] + PNG[-12:],
    "PNG of width nought": PNG[:16] + bytes(4) + PNG[20:],
    "half a JPEG": JPG[: len(JPG) // 2],
    "JPEG without its end": JPG[:-2],
    "JPEG without a scan": JPG[:200],
    "JPEG that is a beginning": b"\xff\xd8\xff",
    "JPEG with a segment past the end": b"\xff\xd8\xff\xe0\xff\xff" + bytes(100),
    "JPEG with an end and no picture": b"\xff\xd8\xff\xd9" + bytes(100),
    "JPEG of bytes at random": b"\xff\xd8\xff" + bytes(range(256)) * 40,
    "more than can be decoded": PNG[:16] + (30_000).to_bytes(4) * 2 + PNG[24:],
}


@pytest.mark.parametrize("what", BROKEN)
def test_broken_cover_is_refused(read: Read, what: str) -> None:
    facts = read(BROKEN[what])
    assert facts.error in ("undecodable", "too_large")
    assert blocking(facts) == {"art.unreadable"}


@pytest.mark.parametrize("content", [PNG, JPG], ids=["png", "jpeg"])
def test_cut_or_changed_cover_never_raises(read: Read, content: bytes) -> None:
    for at in (*range(1, 700, 13), len(content) // 2, len(content) - 1):
        read(content[:at])
        read(content[:at] + bytes((content[at] ^ 0xFF,)) + content[at + 1 :])
