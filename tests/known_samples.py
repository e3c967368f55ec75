"""Makes the samples by which an installation tests its own decoders: ``python -m tests.known_samples``."""

from __future__ import annotations

from pathlib import Path

import av
import mutagen.flac
import numpy as np
from PIL import Image

from checks.analysis import known_samples
from tests import authority

RATE = 8000
#: Container and encoder of each file, by its ending.
ENCODERS = {
    ".wav": ("wav", "pcm_s16le"),
    ".aiff": ("aiff", "pcm_s16be"),
    ".flac": ("flac", "flac"),
    ".mp3": ("mp3", "libmp3lame"),
    ".m4a": ("ipod", "aac"),
    ".ogg": ("ogg", "vorbis"),
    ".opus": ("ogg", "libopus"),
}


def tones() -> np.ndarray:
    """Six rising chords of half a second."""
    time = np.arange(int(known_samples.SECONDS * RATE)) / RATE
    step = np.floor(time * 2)
    root = 220 * 2 ** (step * 2 / 12)
    sound = sum(np.sin(2 * np.pi * np.cumsum(root * ratio) / RATE) for ratio in (1, 5 / 4, 3 / 2))
    return (sound * known_samples.RMS / np.sqrt(np.mean(sound**2)) * 32767).astype(np.int16)


def encode(path: Path, samples: np.ndarray) -> None:
    container, codec = ENCODERS[path.suffix]
    with av.open(str(path), "w", format=container) as sink:
        # FFmpeg's own Vorbis encoder knows stereo alone, and Opus has a clock of its own.
        rate, layout = (48000 if codec == "libopus" else RATE), ("stereo" if codec == "vorbis" else "mono")
        stream = sink.add_stream(codec, rate=rate, layout=layout)
        if codec == "vorbis":
            stream.codec_context.options = {"strict": "experimental"}
        channels = np.stack([samples] * (2 if layout == "stereo" else 1))
        frame = av.AudioFrame.from_ndarray(channels, format="s16p", layout=layout)
        frame.sample_rate = RATE
        converter = av.AudioResampler(stream.format, stream.layout, stream.rate)
        for part in (*converter.resample(frame), *converter.resample(None)):
            sink.mux(stream.encode(part))
        sink.mux(stream.encode(None))


def main() -> None:
    root = authority.root("Known Root")
    signer = authority.signer("Known Sample", root)
    samples = tones()
    known_samples.SIGNED_SOUND.parent.mkdir(parents=True, exist_ok=True)
    for path in (*known_samples.SOUNDS.values(), known_samples.OPUS_SOUND):
        encode(path, samples)
    song = mutagen.flac.FLAC(known_samples.SIGNED_SOUND)
    song["COMMENT"] = "made with suno; a sample"
    song.save()
    side = np.arange(known_samples.IMAGE_SIDE, dtype=np.uint8)
    pixels = np.stack([np.add.outer(side, side), np.subtract.outer(side, side), np.multiply.outer(side, side)], axis=2)
    for path in known_samples.IMAGES.values():
        Image.fromarray(pixels.astype(np.uint8)).save(path)
    for path in (known_samples.SIGNED_SOUND, known_samples.IMAGES["jpeg"]):
        authority.sign(path, signer)


if __name__ == "__main__":
    main()
