"""A picture keeps its pixels and its colours, and loses what was written beside them."""

from __future__ import annotations

import io
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms, PngImagePlugin

from checks.analysis import imagery
from checks.analysis.bare import JPEG, PNG, NotWhole, bare, work
from tests.checks.test_artwork import chunk, encoded, picture

PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def exif() -> Image.Exif:
    made = Image.Exif()
    made[0x010F] = "Camera of Mara"
    made.get_ifd(0x8825).update({1: "N", 2: (57.0, 42.0, 0.0)})
    return made


def texts() -> PngImagePlugin.PngInfo:
    made = PngImagePlugin.PngInfo()
    made.add_text("Author", "Camera of Mara", zip=True)
    made.add_itxt("XML:com.adobe.xmp", "Camera of Mara")
    return made


FILES = {
    "JPEG": encoded(picture(300), exif=exif(), icc_profile=PROFILE, comment=b"Camera of Mara", quality=90),
    "progressive JPEG": encoded(picture(300), progressive=True, exif=exif(), icc_profile=PROFILE),
    "CMYK JPEG": encoded(picture(300).convert("CMYK"), exif=exif(), icc_profile=PROFILE),
    "JPEG with restarts": encoded(picture(300), exif=exif(), icc_profile=PROFILE, restart_marker_blocks=2),
    "PNG": encoded(picture(300), "PNG", exif=exif(), icc_profile=PROFILE, pnginfo=texts()),
    "PNG with a palette": encoded(picture(300).quantize(16), "PNG", exif=exif(), icc_profile=PROFILE, transparency=3),
}


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


@pytest.mark.parametrize("kind", FILES)
def test_pixels_and_colours_stay_and_the_camera_goes(kind: str) -> None:
    content = FILES[kind]
    assert opened(content).getexif()
    shown = bare(io.BytesIO(content + b"PK\x03\x04 and more"))
    assert opened(shown).tobytes() == opened(content).tobytes()
    assert opened(shown).mode == opened(content).mode
    assert opened(shown).info["icc_profile"] == PROFILE
    assert opened(shown).info.get("transparency") == opened(content).info.get("transparency")
    assert not opened(shown).getexif()
    for secret in (b"Camera of Mara", b"Exif", b"PK\x03\x04"):
        assert secret not in shown
    assert bare(io.BytesIO(shown)) == shown


@pytest.mark.parametrize(
    "content",
    [b"", b"GIF89a", PNG, JPEG, FILES["JPEG"][:400], FILES["PNG"][:-20], PNG + chunk(b"IHDR", b"")[:-4] + b"\xff" * 4],
    ids=["empty", "another kind", "a PNG's first bytes", "a JPEG's first bytes", "half a JPEG", "half a PNG", "no end"],
)
def test_file_that_is_not_whole_is_refused(content: bytes) -> None:
    with pytest.raises(NotWhole):
        bare(io.BytesIO(content))


@given(st.sampled_from((PNG, JPEG)), st.binary(max_size=300))
def test_whatever_follows_the_first_bytes_it_ends(beginning: bytes, rest: bytes) -> None:
    answer = work(io.BytesIO(beginning + rest))
    assert len(answer) <= len(beginning + rest)


def test_child_answers_the_same(tmp_path) -> None:
    path = tmp_path / "cover"
    path.write_bytes(FILES["JPEG"])
    with path.open("rb") as file:
        assert imagery.bare(file) == bare(io.BytesIO(FILES["JPEG"]))
    path.write_bytes(FILES["JPEG"][:500])
    with path.open("rb") as file:
        assert imagery.bare(file) is None


def test_compressed_text_of_a_bomb_is_left_out_unopened() -> None:
    bomb = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(8 << 20), 9))
    content = FILES["PNG"]
    assert bare(io.BytesIO(content[:33] + bomb + content[33:])) == bare(io.BytesIO(content))
