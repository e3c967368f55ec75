"""Measures a cover: what it is, how sharp, how plain, what is hidden in it. Runs in a child that is shut in."""

from __future__ import annotations

import contextlib
import io
import json
import struct
import warnings
import zlib
from typing import Any, BinaryIO

import numpy as np
import zxingcpp
from PIL import ExifTags, Image, ImageFile, PngImagePlugin

from checks.analysis.artwork_client import JPEG, MAX_DECODED_PIXELS, PNG, VERSION

#: Four times what partners ask for on each side. Everything above is a bomb or a poster.
_MAX_PIXELS = 12_000 * 12_000
#: Encoders write about ten scans; each costs the decoder the whole image again.
_MAX_SCANS = 64
#: Side of the image as it is compared and read: enough for a QR code that a telephone could read from a screen.
_READING_SIDE = 1500

#: Below so many grey levels a share of detail is a share of noise.
_LEAST_CONTRAST = 1.0

#: How other things begin that browsers or players would make something of.
_OTHER_BEGINNINGS = (b"PK\x03\x04", b"%PDF", b"<?xml", b"<svg", b"<!DO", b"<htm", b"MZ", b"\x7fELF", b"GIF8", b"RIFF")

Image.MAX_IMAGE_PIXELS = _MAX_PIXELS
ImageFile.LOAD_TRUNCATED_IMAGES = False
PngImagePlugin.MAX_TEXT_CHUNK, PngImagePlugin.MAX_TEXT_MEMORY = 1 << 20, 4 << 20


def measure_artwork_bytes(source: BinaryIO) -> bytes:
    """An image's bytes → JSON of its facts. What our own code raises on an image that was decoded, is raised."""
    content = source.read()
    facts: dict[str, Any] = {"version": VERSION, "ok": False, "notes": []}
    try:
        decoded = _decode_artwork(content, facts)
    except Image.DecompressionBombError:
        facts["error"], decoded = "bomb", None
    except (OSError, SyntaxError, ValueError, struct.error, zlib.error, EOFError, IndexError, KeyError, TypeError):
        # the decoders raise all of these on damaged files
        facts["error"], decoded = facts.get("error") or "undecodable", None
    if decoded is not None:
        _describe_artwork(*decoded, facts)
    return json.dumps(facts).encode()


def _decode_artwork(content: bytes, facts: dict[str, Any]) -> tuple[Image.Image, Image.Image] | None:
    """The image, and the same at the size at which it is compared; None where the facts say what is wrong with it."""
    kind = "png" if content.startswith(PNG) else "jpeg" if content.startswith(JPEG) else None
    if kind is None:
        facts["error"] = "not_an_image" if content else "empty"
        return None
    facts["format"] = kind
    facts["notes"] += _list_artwork_oddities(content, kind)
    if kind == "jpeg" and content.count(b"\xff\xda") > _MAX_SCANS:
        facts["error"] = "bomb"
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        image = Image.open(io.BytesIO(content), formats=[kind])
    facts |= {"width": image.width, "height": image.height, "mode": image.mode}
    if image.width * image.height > MAX_DECODED_PIXELS:
        facts["error"] = "too_large"
        return None
    if getattr(image, "n_frames", 1) > 1 and kind == "png":
        facts["notes"].append("animated")
    _read_exif(image, facts)
    image.load()
    return image, _shrink_artwork(image)


def _describe_artwork(image: Image.Image, small: Image.Image, facts: dict[str, Any]) -> None:
    facts |= _measure_plainness(image, small)
    facts["dhash"] = f"{compute_difference_hash(small):016x}"
    codes = zxingcpp.read_barcodes(
        np.asarray(small.convert("L")), formats=zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)
    )
    facts["codes"] = sorted({code.text[:200] for code in codes})[:10]
    facts["ok"] = True


def _list_artwork_oddities(content: bytes, kind: str) -> list[str]:
    """What follows the end of the image, or begins a second time inside it."""
    if kind == "png":
        end = content.find(b"IEND") + 8
        tail = content[end:] if end > 8 else b""
    else:
        end = content.rfind(b"\xff\xd9") + 2
        tail = content[end:] if end > 2 else b""
    notes = []
    if tail.strip(b"\0\r\n "):
        notes.append("trailing_data")
    if PNG in content[8:] or any(tail.lstrip().startswith(beginning) for beginning in (*_OTHER_BEGINNINGS, JPEG)):
        notes.append("second_header")
    return notes


def _read_exif(image: Image.Image, facts: dict[str, Any]) -> None:
    exif = image.getexif()
    if exif:
        facts["notes"].append("exif")
    if exif and exif.get_ifd(ExifTags.IFD.GPSInfo):
        facts["notes"].append("gps")


def _shrink_artwork(image: Image.Image) -> Image.Image:
    """The image in RGB at the size at which it is compared and read."""
    small = image.copy()
    small.thumbnail((_READING_SIDE, _READING_SIDE))
    if small.mode in ("RGBA", "LA", "PA") or "transparency" in small.info:
        ground = Image.new("RGBA", small.size, "white")
        small = Image.alpha_composite(ground, small.convert("RGBA"))
    return small.convert("RGB")


def _measure_plainness(image: Image.Image, small: Image.Image) -> dict[str, float | None]:
    """How plain an image is (the share of its commonest colour), and how much of its finest detail there is.

    Detail is what halving the image and doubling it again takes away, in grey levels of 255: next to nothing where
    the image was made larger than it was. A picture of faint contrasts has little of it, too: so it is also told as a
    share of the detail that the halved image has.
    """
    coarse = np.asarray(small.resize((256, 256))) >> 4
    colours = coarse.astype(np.int32) @ np.array([256, 16, 1])
    commonest = float(np.bincount(colours.ravel()).max() / colours.size)
    side = min(image.size)
    left, top = (image.width - min(side, 2048)) // 2, (image.height - min(side, 2048)) // 2
    centre = image.crop((left, top, left + min(side, 2048), top + min(side, 2048))).convert("L")
    half, fine = _measure_fine_detail(centre)
    _, coarser = _measure_fine_detail(half)
    contrast, next_contrast = (float(np.percentile(item, 99.9)) for item in (fine, coarser))
    return {
        "plainness": round(commonest, 4),
        "detail": round(float(fine.mean()), 4),
        "contrast": round(contrast, 2),
        "sharpness": round(contrast / next_contrast, 3) if next_contrast >= _LEAST_CONTRAST else None,
    }


def _measure_fine_detail(image: Image.Image) -> tuple[Image.Image, np.ndarray]:
    """The image in half its size, and what is lost by that, in grey levels."""
    half = image.resize((max(1, image.width // 2), max(1, image.height // 2)), Image.Resampling.BOX)
    again = np.asarray(half.resize(image.size, Image.Resampling.BICUBIC), dtype=np.float32)
    return half, np.abs(np.asarray(image, dtype=np.float32) - again)


def compute_difference_hash(image: Image.Image) -> int:
    """64 bits: whether each of 8 × 8 fields is darker than its right neighbour. Scaling and recoding change few."""
    grey = np.asarray(image.convert("L").resize((9, 8), Image.Resampling.BOX), dtype=np.int16)
    bits = (grey[:, 1:] > grey[:, :-1]).ravel()
    return int.from_bytes(np.packbits(bits).tobytes())


def _warm_up() -> None:
    """Whatever the libraries import late must be in memory: the child can open no file."""
    for kind in ("PNG", "JPEG"):
        sample = io.BytesIO()
        Image.effect_noise((64, 64), 50).convert("RGB").save(sample, kind)
        sample.seek(0)
        measure_artwork_bytes(sample)
    with contextlib.suppress(OSError):
        Image.open(io.BytesIO(b""))


_warm_up()
