"""Samples that the project made itself, and what measuring each of them must find.

They tell a bad file from a broken installation: where a sample fails as well, the file is not at fault.
``python -m tests.known_samples`` makes them anew.
"""

from __future__ import annotations

from pathlib import Path

from checks.model.release import AudioFacts, CredentialState, ImageFacts

_FOLDER = Path(__file__).resolve().parent / "data" / "known"

#: By container: three seconds of rising tones. The FLAC file carries a generator's mark and a signed manifest besides.
SOUNDS = {
    kind: _FOLDER / f"sound.{suffix}"
    for kind, suffix in (
        ("wav", "wav"), ("aiff", "aiff"), ("flac", "flac"), ("mp3", "mp3"), ("mp4", "m4a"), ("ogg", "ogg"),
    )
}  # fmt: skip
SIGNED_SOUND = SOUNDS["flac"]
#: Ogg holds two codecs that are delivered.
OPUS_SOUND = _FOLDER / "sound.opus"
#: 64 × 64 pixels each; the JPEG carries a signed manifest.
IMAGES = {"jpeg": _FOLDER / "image.jpg", "png": _FOLDER / "image.png"}

SECONDS, RMS = 3.0, 0.18
IMAGE_SIDE = 64
MARK = "suno.made_with"

#: Lossy encoders pad by a few frames of some 50 ms at this rate, and change the level by less than a tenth.
SECONDS_OFF, _RMS_OFF = 0.3, 0.1


def wrong_sound(facts: AudioFacts, path: Path) -> str:
    """What is wrong with the measurement of a sample; empty where it is as it must be."""
    if not facts.ok:
        return f"{path.name} gives the error {facts.error}"
    if abs(facts.duration - SECONDS) > SECONDS_OFF:
        return f"{path.name} lasts {facts.duration:.2f} s, and not {SECONDS:.0f}"
    if not facts.channel_rms or abs(facts.channel_rms[0] / RMS - 1) > _RMS_OFF:
        return f"{path.name} has the level {facts.channel_rms}, and not {RMS}"
    if not facts.fingerprint_items:
        return f"{path.name} has no fingerprint"
    if path == SIGNED_SOUND:
        return _wrong_provenance(facts, path)
    return f"the tags of {path.name} are unreadable" if "tags_unreadable" in facts.notes else ""


def _wrong_provenance(facts: AudioFacts, path: Path) -> str:
    if [tag.pattern for tag in facts.tags] != [MARK]:
        return f"the tags of {path.name} do not show {MARK}"
    return _expect_unread_credential(facts.credential.state, path)


def wrong_image(facts: ImageFacts, path: Path) -> str:
    """The same of an image."""
    if not facts.ok:
        return f"{path.name} gives the error {facts.error}"
    if (facts.width, facts.height) != (IMAGE_SIDE, IMAGE_SIDE):
        return f"{path.name} has {facts.width} × {facts.height} pixels"
    return _expect_unread_credential(facts.credential.state, path) if path == IMAGES["jpeg"] else ""


def _expect_unread_credential(state: str, path: Path) -> str:
    """Its certificate may have run out meanwhile, but the manifest is there and whole."""
    read = (CredentialState.UNTRUSTED, CredentialState.TRUSTED, CredentialState.INVALID)
    return "" if state in read else f"the manifest of {path.name} was not read ({state})"
