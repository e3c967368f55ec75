"""What measuring a cover costs, whether enlarged pictures are told from sharp ones, and whether copies are recognised.

    python -m benchmarks.artwork [--covers 8] [--folder PICTURES] [--markdown]

The covers are made up: posters of shapes and words; dead leaves, discs that hide each other with as many small ones as
large ones want, which have the edges and the statistics of photographs; and drawings of thin lines. A camera's softness
is put over the leaves. Each is then spoilt as covers are: enlarged from a smaller one, blurred, saved at a low quality.
``--folder`` takes real pictures instead: each counts as sharp at its own size.
"""

from __future__ import annotations

import argparse
import io
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage

import django
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from benchmarks.report import Table  # noqa: E402 the project is found first
from checks.analysis import artwork_client  # noqa: E402
from checks.model.release import ImageFacts  # noqa: E402
from checks.rules.artwork import MIN_CONTRAST, MIN_SHARPNESS  # noqa: E402

SIDE = 3000
COMMAND = "python -m benchmarks.artwork"
#: Dead leaves: smallest and largest radius, and how many.
_RADII, _LEAVES = (4, 700), 2500


def poster(seed: int) -> Image.Image:
    """Shapes and words in a few colours."""
    chance = random.Random(f"poster {seed}")
    image = Image.new("RGB", (SIDE, SIDE), _colour(chance))
    draw = ImageDraw.Draw(image)
    for _ in range(4):
        x, y, r = chance.randint(300, 2700), chance.randint(300, 2000), chance.randint(100, 800)
        draw.ellipse([x - r, y - r, x + r, y + r], fill=_colour(chance))
    for row, word in enumerate(("LOW TIDE", "Mara Lindqvist")):
        draw.text((200, 2300 + 300 * row), word, _colour(chance), ImageFont.load_default(220))
    return image


def leaves(seed: int) -> Image.Image:
    """Discs before discs, as soft as a good lens makes them."""
    chance = random.Random(f"leaves {seed}")
    image = Image.new("RGB", (SIDE, SIDE), _colour(chance))
    draw = ImageDraw.Draw(image)
    small, large = _RADII
    for _ in range(_LEAVES):
        # As many discs of each size as keep the picture the same at every distance: the density falls with r³.
        r = 1 / (1 / large**2 + chance.random() * (1 / small**2 - 1 / large**2)) ** 0.5
        x, y = chance.uniform(0, SIDE), chance.uniform(0, SIDE)
        draw.ellipse([x - r, y - r, x + r, y + r], fill=_colour(chance))
    return image.filter(ImageFilter.GaussianBlur(0.8))


def drawing(seed: int) -> Image.Image:
    """Thin lines on paper."""
    chance = random.Random(f"drawing {seed}")
    image = Image.new("RGB", (SIDE, SIDE), (244, 240, 230))
    draw = ImageDraw.Draw(image)
    for _ in range(120):
        points = [(chance.uniform(0, SIDE), chance.uniform(0, SIDE)) for _ in range(3)]
        draw.line(points, fill=(40, 40, 60), width=chance.randint(2, 7), joint="curve")
    return image.filter(ImageFilter.GaussianBlur(0.6))


def _colour(chance: random.Random) -> tuple[int, int, int]:
    return chance.randint(0, 255), chance.randint(0, 255), chance.randint(0, 255)


KINDS: Mapping[str, Callable[[int], Image.Image]] = {"poster": poster, "leaves": leaves, "drawing": drawing}


def enlarged(image: Image.Image, times: float) -> Image.Image:
    """The picture as it would be, had it been that much smaller."""
    small = image.resize((round(image.width / times), round(image.height / times)), Image.Resampling.LANCZOS)
    return small.resize(image.size, Image.Resampling.BICUBIC)


#: What is done to a sharp cover, and whether it should be told.
SPOILT: Mapping[str, tuple[bool, Callable[[Image.Image], Image.Image], int]] = {
    "as it is": (False, lambda image: image, 92),
    "quality 75": (False, lambda image: image, 75),
    "enlarged 1.5 times": (True, lambda image: enlarged(image, 1.5), 92),
    "enlarged 2 times": (True, lambda image: enlarged(image, 2), 92),
    "enlarged 3 times": (True, lambda image: enlarged(image, 3), 92),
    "enlarged 5 times": (True, lambda image: enlarged(image, 5), 92),
    "blurred by 3 pixels": (True, lambda image: image.filter(ImageFilter.GaussianBlur(3)), 92),
}

#: What a cover goes through on its way to another label, and is still the same.
COPIES: Mapping[str, Callable[[Image.Image], Image.Image]] = {
    "half the size": lambda image: image.resize((image.width // 2, image.height // 2)),
    "a thumbnail": lambda image: image.resize((300, 300)),
    "brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.1),
    "without its colours": lambda image: image.convert("L").convert("RGB"),
    "1 % cut off": lambda image: image.crop((15, 15, image.width - 15, image.height - 15)),
    "sharpened": lambda image: image.filter(ImageFilter.SHARPEN),
}


def covers(kind: str, count: int, folder: Path | None) -> Iterator[Image.Image]:
    if folder is None:
        yield from (KINDS[kind](seed) for seed in range(count))
        return
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in (".jpg", ".jpeg", ".png"):
            yield Image.open(path).convert("RGB")


def measured(image: Image.Image, kind: str = "JPEG", quality: int = 92) -> ImageFacts:
    """As the gate measures it: encoded, in a child."""
    with tempfile.TemporaryFile() as file:
        content = io.BytesIO()
        image.save(content, kind, **({"quality": quality} if kind == "JPEG" else {"compress_level": 1}))
        file.write(content.getvalue())
        file.flush()
        return artwork_client.measure_artwork_file(file, "0" * 64)


def cost() -> Table:
    """CPU of one measurement."""
    rows = []
    image = leaves(0)
    for kind in ("JPEG", "PNG"):
        for side in (SIDE, 2 * SIDE):
            with tempfile.TemporaryFile() as file:
                image.resize((side, side)).save(file, kind, **({"compress_level": 1} if kind == "PNG" else {}))
                spent = [_spent(lambda: artwork_client.measure_artwork_file(file, "0" * 64)) for _ in range(3)]
                size = file.seek(0, 2)
            rows.append([f"{kind} {side} × {side}", f"{size / 1e6:.1f}", f"{min(spent):.2f}"])
    return Table("What a cover costs, s of CPU", COMMAND, ["cover", "MB", "to measure"], rows)


def _spent(work: Callable[[], object]) -> float:
    before = _cpu()
    work()
    return _cpu() - before


def _cpu() -> float:
    children = getrusage(RUSAGE_CHILDREN)
    return children.ru_utime + children.ru_stime + time.process_time()


def sharpness(count: int, folder: Path | None) -> Table:
    """How many of each kind are told to be soft."""
    kinds = list(KINDS) if folder is None else ["pictures"]
    told: dict[str, list[str]] = {name: [] for name in SPOILT}
    for kind in kinds:
        made = list(covers(kind, count, folder))
        for name, (_, spoil, quality) in SPOILT.items():
            found = [measured(spoil(image), quality=quality) for image in made]
            shares = sorted(item.sharpness or 0.0 for item in found)
            soft = sum(
                (entry.contrast or 0) < MIN_CONTRAST or (entry.sharpness or 0) < MIN_SHARPNESS for entry in found
            )
            told[name].append(f"{soft}/{len(made)} ({shares[0]:.2f}–{shares[-1]:.2f})")
    rows = [[name, "yes" if SPOILT[name][0] else "no", *cells] for name, cells in told.items()]
    return Table(
        f"Told to be soft: below {MIN_CONTRAST:g} grey levels, or a sharpness of {MIN_SHARPNESS:g} (least and most)",
        COMMAND,
        ["cover", "should be", *kinds],
        rows,
    )


def likeness(count: int, folder: Path | None) -> Table:
    """How many bits copies differ in, and different covers at least."""
    from intake.readers.delivery_history import COVER_BITS  # needs the settings that are chosen in main

    made = [image for kind in KINDS for image in covers(kind, count, folder)] if folder is None else list(
        covers("", count, folder)
    )  # fmt: skip
    hashes = [int(measured(image).dhash, 16) for image in made]
    rows = []
    for name, copy in COPIES.items():
        apart = [
            (int(measured(copy(image)).dhash, 16) ^ one).bit_count() for image, one in zip(made, hashes, strict=True)
        ]
        rows.append([name, f"{sum(entry <= COVER_BITS for entry in apart)}/{len(made)}", str(max(apart))])
    others = [(one ^ other).bit_count() for at, one in enumerate(hashes) for other in hashes[:at]]
    mistaken = sum(item <= COVER_BITS for item in others)
    rows.append(["another cover", f"{mistaken}/{len(others)}", f"at least {min(others, default=64)}"])
    return Table(
        f"Recognised, at most {COVER_BITS} of 64 bits apart",
        COMMAND,
        ["copy", "recognised", "bits apart at most"],
        rows,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--covers", type=int, default=8, help="of each kind")
    parser.add_argument("--folder", type=Path, help="real pictures, JPEG or PNG")
    parser.add_argument("--markdown", action="store_true")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    for table in (cost(), sharpness(options.covers, options.folder), likeness(options.covers, options.folder)):
        print(table.markdown() if options.markdown else table.text(), flush=True)


if __name__ == "__main__":
    main()
