"""Whether the cover is fit to be shown: large, sharp, its own, and nothing but a picture."""

from __future__ import annotations

from collections.abc import Iterator

from checks.model.check import Check, Context
from checks.model.finding import JSON, Code, Finding, Route, Severity
from checks.model.release import Delivery, ImageFacts

MISSING = Code("art.missing", "A release has a cover.", Severity.INFORMATION, Route.PASS, "FUGA; DistroKid")
UNREADABLE = Code(
    "art.unreadable",
    "The cover is a JPEG or PNG file, by its content and not by its name, and can be read.",
    Severity.CRITICAL,
    Route.BLOCK,
    "FUGA; DistroKid",
)
HOSTILE = Code(
    "art.hostile",
    "The cover is nothing but a picture, and costs no more to open than one.",
    Severity.CRITICAL,
    Route.REVIEW,
    "own rule",
)
UNMEASURED = Code(
    "art.unmeasured",
    "The cover can be measured within the limits of time and memory.",
    Severity.CRITICAL,
    Route.REVIEW,
    "own rule",
)
SIZE = Code(
    "art.size",
    "The cover is one still, square picture with 1400 × 1400 pixels or more, and not in CMYK: no partner takes others.",
    Severity.CRITICAL,
    Route.BLOCK,
    "FUGA; DistroKid; Cover Art Market",
)
BELOW_RECOMMENDATION = Code(
    "art.below_recommendation",
    "The cover is exactly square, in RGB, and has 3000 × 3000 pixels or more.",
    Severity.WARNING,
    Route.PASS,
    "FUGA; DistroKid; Cover Art Market",
)
BLURRED = Code(
    "art.blurred", "The cover is sharp, and was not made larger than it was.", Severity.WARNING, Route.PASS, "FUGA"
)
PLAIN = Code(
    "art.generic_or_reused",
    "The cover shows more than one colour.",
    Severity.WARNING,
    Route.PASS,
    "SoundCloud; Amazon",
)
REUSED = Code(
    "art.reused",
    "The cover does not look like one that another label delivered.",
    Severity.WARNING,
    Route.PASS,
    "SoundCloud; Amazon",
    private=True,
)
FORBIDDEN = Code("art.forbidden", "The cover carries no QR code.", Severity.CRITICAL, Route.REVIEW, "Apple Music; FUGA")
METADATA = Code(
    "art.metadata",
    "What a camera wrote into the cover, the place above all, is not for partners.",
    Severity.INFORMATION,
    Route.PASS,
    "own rule",
)

#: Pixels: what partners recommend, and the least that the most lenient of them took in their guides of 2026.
RECOMMENDED_SIDE, MIN_SIDE = 3000, 1400
#: How much longer the longer side may be: an export that is one pixel off is square to the eye.
MAX_SQUARE_DEVIATION = 0.01
#: The modes of pictures for print. Grey and palette pictures are shown as they are.
PRINT_MODES = ("CMYK", "LAB", "YCCK")
#: The strongest thousandth of the finest detail, in grey levels: what is blurred has less, whatever it shows.
MIN_CONTRAST = 6.0
#: The same as a share of the next coarser detail. Made-up posters, photograph-like pictures and drawings (benchmarks):
#: sharp ones 0.51 to 1.1, also at a low JPEG quality, enlarged twice to five times 0.22 to 0.40. One and a half times
#: (0.42 to 0.58) cannot be told from a soft lens. Tried on two real photographs only, so it warns and never holds.
MIN_SHARPNESS = 0.41
#: White letters on a black ground are a cover; this much of one colour leaves no room for letters.
MAX_PLAINNESS = 0.98

#: Of the 64 bits that say how a picture looks, a plain ground with little on it sets hardly any.
MIN_HASH_BITS = 10

#: Why a cover could not be read, as its label should hear it.
_UNREADABLE = {
    "empty": "it is empty",
    "not_an_image": "it is neither a JPEG nor a PNG file",
    "undecodable": "it is damaged",
    "too_large": "it has more pixels than a cover may have",
}


def check_artwork(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """The cover, if there is one and it came."""
    cover = delivery.release.cover
    facts = delivery.images.get(cover.file) if cover else None
    if cover is None:
        yield Finding(MISSING, "release", "The release has no cover.", fix="Deliver one of 3000 × 3000 pixels or more.")
    elif facts is None:
        yield Finding(UNMEASURED, f"file:{cover.file}", f"{cover.file} was not measured.")
    else:
        subject = f"file:{cover.file}"
        yield from _judge_safety(subject, cover.file, facts)
        if facts.ok:
            yield from _judge_size(subject, cover.file, facts)
            yield from _judge_look(subject, cover.file, facts, context)
            yield from _judge_content(subject, cover.file, facts)


def judge_header(name: str, facts: ImageFacts) -> Iterator[Finding]:
    """What the header of a cover shows, before it is stored: ``facts`` as ``read_image_header`` returns them."""
    subject = f"file:{name}"
    yield from _judge_safety(subject, name, facts)
    if facts.error is None:
        yield from _judge_size(subject, name, facts)


def _judge_safety(subject: str, name: str, facts: ImageFacts) -> Iterator[Finding]:
    if facts.error in _UNREADABLE:
        why = _UNREADABLE[facts.error]
        if facts.error == "not_an_image" and facts.format:
            why = f"it is {facts.format}, and neither JPEG nor PNG"
        yield Finding(
            UNREADABLE,
            subject,
            f"{name} could not be read: {why}.",
            measured=facts.format if facts.error == "not_an_image" and facts.format else facts.error,
            fix="Export the cover again as JPEG or PNG.",
        )
    elif facts.error == "bomb":
        message = f"{name} is built to cost whoever opens it."
        yield Finding(HOSTILE, subject, message, measured=facts.error, fix="Export the cover again.")
    elif facts.error is not None:
        message = f"Measuring {name} had to be stopped ({facts.error})."
        yield Finding(UNMEASURED, subject, message, measured=facts.error, fix="Export the cover again.")
    if "second_header" in facts.notes:
        message = f"{name} is two files in one: something else begins inside or behind the picture."
        yield Finding(HOSTILE, subject, message, measured="second_header", fix="Export the cover again.")


def _judge_size(subject: str, name: str, facts: ImageFacts) -> Iterator[Finding]:
    short, long = sorted((facts.width, facts.height))
    faults = {
        "too small": short < MIN_SIDE,
        "not square": long > short * (1 + MAX_SQUARE_DEVIATION),
        f"in {facts.mode}": facts.mode in PRINT_MODES,
        "animated": "animated" in facts.notes,
        "several pictures in one file": "several_pictures" in facts.notes,
    }
    deviations = {
        f"smaller than {RECOMMENDED_SIDE} pixels": short < RECOMMENDED_SIDE,
        "not exactly square": short != long,
        f"in {facts.mode}": facts.mode not in ("RGB", "RGBA"),
    }
    found = [what for what, holds in faults.items() if holds]
    code = SIZE if found else BELOW_RECOMMENDATION
    what: list[JSON] = [*(found or (what for what, holds in deviations.items() if holds))]
    if what:
        yield Finding(
            code,
            subject,
            f"{name} has {facts.width} × {facts.height} pixels; it is {', '.join(map(str, what))}.",
            measured=[facts.width, facts.height],
            threshold=MIN_SIDE if found else RECOMMENDED_SIDE,
            evidence={"short_of": what, "mode": facts.mode},
            fix=f"Deliver one still, square picture in RGB of at least {RECOMMENDED_SIDE} × {RECOMMENDED_SIDE} pixels.",
        )


def _judge_look(subject: str, name: str, facts: ImageFacts, context: Context) -> Iterator[Finding]:
    if facts.plainness > MAX_PLAINNESS:
        message = f"{facts.plainness:.0%} of {name} are of one colour."
        yield Finding(PLAIN, subject, message, measured=facts.plainness, threshold=MAX_PLAINNESS)
        return  # all plain pictures look alike, and none of them is sharp
    faint = facts.contrast is not None and facts.contrast < MIN_CONTRAST
    if faint or (facts.sharpness is not None and facts.sharpness < MIN_SHARPNESS):
        yield Finding(
            BLURRED,
            subject,
            f"{name} is soft, as if it had been enlarged.",
            measured=facts.contrast if faint else facts.sharpness,
            threshold=MIN_CONTRAST if faint else MIN_SHARPNESS,
            fix="Deliver the original, unless the picture is meant to be soft.",
        )
    tells = MIN_HASH_BITS <= int(facts.dhash or "0", 16).bit_count() <= 64 - MIN_HASH_BITS
    if tells and context.history.cover_seen(facts.dhash):
        yield Finding(REUSED, subject, f"Another label delivered a cover that looks like {name}.", measured=facts.dhash)


def _judge_content(subject: str, name: str, facts: ImageFacts) -> Iterator[Finding]:
    if facts.codes:
        says: list[JSON] = [*facts.codes]
        yield Finding(
            FORBIDDEN,
            subject,
            f"{name} carries a QR code.",
            measured=len(facts.codes),
            evidence={"says": says},
            fix="Take the code out of the picture.",
        )
    if "gps" in facts.notes or "exif" in facts.notes:
        where = ", among it the place where it was taken" if "gps" in facts.notes else ""
        message = f"{name} carries what a camera or editor wrote into it{where}."
        yield Finding(
            METADATA,
            subject,
            message,
            measured=[note for note in facts.notes if note in ("exif", "gps")],
            fix="If that is nobody's business, export the picture again without it.",
        )


CHECK = Check(
    name="artwork",
    version=2,
    title="Artwork",
    codes=(
        MISSING,
        UNREADABLE,
        HOSTILE,
        UNMEASURED,
        SIZE,
        BELOW_RECOMMENDATION,
        BLURRED,
        PLAIN,
        REUSED,
        FORBIDDEN,
        METADATA,
    ),
    run=check_artwork,
    needs_audio=True,
    needs_images=True,
)
