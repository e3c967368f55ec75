"""A cover is measured in a child that is shut in, and judged by what that found."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
import zxingcpp
from PIL import Image, ImageDraw

from checks.analysis import artwork_client
from checks.model.release import ImageFacts
from checks.rules import artwork
from tests.checks.builders import FakeHistory, a_context, a_delivery, a_release


def picture(side: int = 3000, sharp: bool = True) -> Image.Image:
    """A poster: a disc and a bar; soft where it was painted six times smaller."""
    small = side if sharp else side // 6
    image = Image.new("RGB", (small, small), (20, 30, 60))
    draw = ImageDraw.Draw(image)
    draw.ellipse([small * 0.2, small * 0.2, small * 0.8, small * 0.8], fill=(200, 80, 40))
    draw.rectangle([small * 0.1, small * 0.85, small * 0.5, small * 0.9], fill="white")
    return image.resize((side, side), Image.Resampling.BICUBIC)


def encoded(image: Image.Image, kind: str = "JPEG", **options) -> bytes:
    content = io.BytesIO()
    image.save(content, kind, **options)
    return content.getvalue()


def qr_code() -> Image.Image:
    code = zxingcpp.create_barcode("https://example.org/buy", zxingcpp.BarcodeFormat.QRCode)
    return Image.fromarray(np.asarray(code.to_image(scale=8))).convert("RGB")


@pytest.fixture
def measured(tmp_path):
    """Measures bytes as the gate does."""

    def measure(content: bytes) -> ImageFacts:
        path = tmp_path / "cover"
        path.write_bytes(content)
        with path.open("rb") as file:
            return artwork_client.measure_artwork_file(file, "ab" * 32)

    return measure


def found(facts: ImageFacts | None, seen: tuple[str, ...] = (), **release):
    delivery = a_delivery(a_release(**release), images={"cover.jpg": facts} if facts else {})
    return {item.code.id for item in artwork.check_artwork(delivery, a_context(history=FakeHistory(covers=seen)))}


def test_good_cover_has_nothing_against_it(measured):
    facts = measured(encoded(picture()))
    assert (facts.ok, facts.format, facts.width, facts.height, facts.mode) == (True, "jpeg", 3000, 3000, "RGB")
    assert found(facts) == set()


def test_release_without_a_cover_is_told():
    assert found(None, cover=None) == {"art.missing"}


def test_cover_that_nobody_measured_is_never_a_pass():
    assert found(None) == {"art.unmeasured"}


@pytest.mark.parametrize(
    ("image", "code", "route"),
    [
        (picture(600), "art.size", "block"),
        (picture(3000).crop((0, 0, 3000, 2900)).resize((3100, 3000)), "art.size", "block"),
        (picture(3000).convert("CMYK"), "art.size", "block"),
        (picture(2000), "art.below_recommendation", "pass"),
        (picture(3000).resize((3000, 2999)), "art.below_recommendation", "pass"),
        (picture(3000).convert("L"), "art.below_recommendation", "pass"),
        (picture(3000, sharp=False), "art.blurred", "pass"),
        (Image.new("RGB", (3000, 3000), "black"), "art.generic_or_reused", "pass"),
    ],
    ids=["small", "oblong", "CMYK", "less than recommended", "nearly square", "grey", "enlarged", "one colour"],
)
def test_cover_that_falls_short_is_told(measured, image, code, route):
    facts = measured(encoded(image))
    assert found(facts) == {code}
    (declared,) = {item.route.value for item in artwork.CHECK.codes if item.id == code}
    assert declared == route


def lines(side: int = 3000) -> Image.Image:
    """Ink on paper: so much contrast that some of it is left however much it is enlarged."""
    image = Image.new("RGB", (side, side), "white")
    draw = ImageDraw.Draw(image)
    for at in range(0, side, side // 40):
        draw.line([(at, 0), (side - at, side)], fill="black", width=max(1, side // 600))
    return image


@pytest.mark.parametrize("times", [2, 3, 5])
def test_strong_contrasts_do_not_hide_that_a_picture_was_enlarged(measured, times):
    small = lines().resize((3000 // times, 3000 // times), Image.Resampling.LANCZOS)
    facts = measured(encoded(small.resize((3000, 3000), Image.Resampling.BICUBIC)))
    assert facts.contrast > artwork.MIN_CONTRAST
    assert found(facts) == {"art.blurred"}


def test_strong_contrasts_of_a_sharp_picture_are_nothing_to_tell(measured):
    assert found(measured(encoded(lines(), quality=75))) == set()


def test_moving_picture_is_told(measured):
    content = encoded(picture(300), "PNG", save_all=True, append_images=[picture(300, sharp=False)])
    facts = measured(content)
    assert "animated" in facts.notes
    assert "art.size" in found(facts)


def test_qr_code_is_read(measured):
    cover = picture()
    cover.paste(qr_code(), (200, 200))
    facts = measured(encoded(cover))
    assert facts.codes == ("https://example.org/buy",)
    assert found(facts) == {"art.forbidden"}


def test_place_where_a_picture_was_taken_is_told(measured):
    exif = Image.Exif()
    exif.get_ifd(0x8825)[1] = "N"
    facts = measured(encoded(picture(), exif=exif))
    assert facts.notes == ("exif", "gps")
    assert found(facts) == {"art.metadata"}


def test_copies_of_a_picture_look_alike_and_others_do_not(measured):
    cover = picture()
    other = cover.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    one, copy, flipped = (measured(encoded(image)).dhash for image in (cover, cover.resize((1000, 1000)), other))
    assert (int(one, 16) ^ int(copy, 16)).bit_count() <= 3
    assert (int(one, 16) ^ int(flipped, 16)).bit_count() > 3


def test_cover_of_another_label_is_for_moderators_to_know(measured):
    facts = measured(encoded(picture()))
    assert found(facts, seen=(facts.dhash,)) == {"art.reused"}
    assert artwork.REUSED.private


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_header(width: int, height: int, depth: int = 1, colour: int = 0) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))


TEXT_BOMB = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(64 << 20), 9))
PIXELS = chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
PROGRESSIVE = encoded(picture(64), progressive=True)
SCANS = PROGRESSIVE[:-2] + PROGRESSIVE[PROGRESSIVE.index(b"\xff\xda") : -2] * 400 + b"\xff\xd9"

HOSTILE = {
    "30,000² of one bit": (png_header(30_000, 30_000) + PIXELS, "bomb", "art.hostile"),
    "progressive scans": (SCANS, "bomb", "art.hostile"),
    "text bomb": (png_header(100, 100) + TEXT_BOMB + PIXELS, "undecodable", "art.unreadable"),
    "more than a poster": (png_header(11_000, 11_000) + PIXELS, "too_large", "art.unreadable"),
    "broken off": (encoded(picture(600))[:3000], "undecodable", "art.unreadable"),
    "nothing but a header": (b"\xff\xd8\xff", "undecodable", "art.unreadable"),
    "a profile that unpacks to 200 MB": (
        png_header(100, 100, 8, 2) + chunk(b"iCCP", b"x\0\0" + zlib.compress(bytes(200 << 20), 9)) + PIXELS,
        "undecodable",
        "art.unreadable",
    ),
    "SVG": (b'<svg onload="alert(1)"/>', "not_an_image", "art.unreadable"),
    "EPS": (b"%!PS-Adobe-3.0 EPSF-3.0", "not_an_image", "art.unreadable"),
    "empty": (b"", "empty", "art.unreadable"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_file_that_is_no_picture_harms_nobody(measured, case):
    content, error, code = HOSTILE[case]
    facts = measured(content)
    assert (facts.ok, facts.error) == (False, error)
    assert code in found(facts)


@pytest.mark.parametrize("behind", [b"PK\x03\x04 and more", encoded(picture(64), "PNG")], ids=["archive", "picture"])
def test_two_files_in_one_go_to_a_person(measured, behind):
    facts = measured(encoded(picture(64)) + behind)
    assert "art.hostile" in found(facts)


@pytest.mark.parametrize("ending", ["killed", "timeout", "fault"])
def test_measurement_that_died_goes_to_a_person(ending):
    facts = ImageFacts(sha256="", version=1, ok=False, error=ending)
    assert found(facts) == {"art.unmeasured"}
    assert artwork.UNMEASURED.route.value == "review"


def test_child_that_needs_too_much_memory_is_stopped(measured, monkeypatch):
    monkeypatch.setattr(artwork_client, "_MEMORY_BYTES", 8 << 20)
    assert measured(encoded(picture())).error == "killed"
