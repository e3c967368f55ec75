"""One pass over an audio file: decoded once, piece by piece, and everything measured on the way."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from typing import Any, BinaryIO

import av
import numpy as np
import numpy.typing as npt
from av.audio.fifo import AudioFifo
from av.stream import Disposition

from checks.analysis import container, trailing_data
from checks.analysis import meters as levels
from checks.analysis.artefact_lines import Listener, switched_off
from checks.analysis.facts_json import ANALYSIS_VERSION, Failure, Note, build_failed_facts, finite_or_none
from checks.analysis.meters import BLOCK, Sound
from checks.analysis.spectrum import Spectrum
from checks.fingerprint import chromaprint
from checks.fingerprint.band_spectrogram import Painter
from checks.model.release import AudioFacts

#: Samples a channel that are measured at a time (1.5 s): a few hundred kilobytes, whatever the length of the file.
CHUNK = 256 * BLOCK

#: Longer than anything that is delivered as one track.
MAX_SECONDS = 10 * 3600
#: Beyond these nothing is music for listeners, and the resampler's filters would grow without bound.
MIN_RATE, MAX_RATE = 4_000, 768_000
MAX_CHANNELS = 16

#: Header and sound may differ by so many seconds: encoders pad, trim and round by a few frames.
_DURATION_TOLERANCE = 0.25

#: The down-mix counts as cancelled where it is 20 dB below the loudest channel: two unrelated channels lose 3 dB,
#: so only a channel that is nearly the other's negative gets there.
_CANCELLED = 0.1

#: Float files may exceed full scale, but not by more than this (120 dB): beyond it squares would overflow.
_LOUDEST_SAMPLE = 1e6

#: So many undecodable packets in a file and it is given up: it costs time and will not sound like music again.
_MAX_BROKEN_PACKETS = 1000

#: Where the bit depth stands in the decoder configuration of ALAC (Apple's ALACMagicCookieDescription).
_ALAC_DEPTH_BYTE = 17

#: The low-pass of Chromaprint's own resampler: with it the sub-prints are those of fpcalc, bit for bit.
_RESAMPLER = {"filter_size": "16", "phase_shift": "8", "cutoff": "0.8"}

DEMUXERS = {"wav": "wav", "aiff": "aiff", "flac": "flac", "mp3": "mp3", "mp4": "mov", "ogg": "ogg"}
_CODECS = (
    "flac", "alac", "mp3", "mp3float", "aac", "vorbis", "opus", "libopus",
    "pcm_u8", "pcm_s8", "pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be", "pcm_s32le", "pcm_s32be",
    "pcm_f32le", "pcm_f32be", "pcm_f64le", "pcm_f64be",
)  # fmt: skip

#: The demuxer may open nothing but the file it was given and may start no decoder but these: a picture in a tag
#: stays bytes, a playlist or an external reference leads nowhere. It need not guess either, so it looks ahead little.
OPTIONS = {
    "codec_whitelist": ",".join(_CODECS),
    "protocol_whitelist": "",
    "enable_drefs": "0",
    "probesize": str(128 * 1024),
    "analyzeduration": "100000",  # microseconds
}
_READ_AHEAD = 256 * 1024

#: PyAV 18 raises on tags that are not UTF-8 unless it is told to replace them; 19 escapes them and takes no argument.
_TAG_OPTIONS: dict[str, Any] = {"metadata_errors": "replace"} if int(av.__version__.partition(".")[0]) < 19 else {}


def open_input(file: BinaryIO, kind: str, **options: Any) -> Any:
    """Open a file as the container that it was identified as. Raises av.error.FFmpegError."""
    return av.open(file, format=DEMUXERS[kind], container_options=OPTIONS, **_TAG_OPTIONS, **options)


def measure_audio_file(file: BinaryIO, sha256: str, name: str | None = None, *, lattice: bool = True) -> AudioFacts:
    """Measure an open file, tags apart. A bad file gives facts with an error; raises MemoryError where it must."""
    if file.seek(0, 2) == 0:
        return build_failed_facts(sha256, Failure.EMPTY)
    kind = container.identify_container(file)
    if kind is None:
        return build_failed_facts(sha256, Failure.NOT_AUDIO)
    file.seek(0)
    try:
        with open_input(file, kind.name, buffer_size=_READ_AHEAD) as opened:
            return _measure_opened(file, opened, kind, sha256, name, lattice)
    except av.error.FFmpegError:
        return build_failed_facts(sha256, Failure.UNDECODABLE, container=kind.name)


def mono_pieces(file: BinaryIO) -> Iterator[tuple[int, npt.NDArray[np.float32]]]:
    """The sound of an open file, one channel of it at its own rate, as far as it decodes; nothing where it does not."""
    for rate, piece in iterate_decoded_audio(file):
        _make_finite(piece)
        yield rate, _heard_as_one(piece, _sum_channel_squares(piece))[0]


def iterate_decoded_audio(file: BinaryIO) -> Iterator[tuple[int, Sound]]:
    """(rate, sound) of an open file, all channels of it, as far as it decodes; nothing where it does not.

    The same buffer is filled again and again: use a piece before asking for the next.
    """
    file.seek(0)
    kind = container.identify_container(file)
    if kind is None:
        return
    file.seek(0)
    try:
        with open_input(file, kind.name) as opened:
            if not opened.streams.audio or opened.streams.audio[0].codec_context.name not in _CODECS:
                return
            opened.streams.audio[0].codec_context.thread_count = 1
            sound = _Sound(_Packets(opened, opened.streams.audio[0]), kind)
            for piece in sound:
                if not _shape_is_taken(sound.rate, len(piece)):
                    return
                yield sound.rate, piece
    except av.error.FFmpegError:
        return


def _measure_opened(
    file: BinaryIO, opened: Any, kind: container.Container, sha256: str, name: str | None, lattice: bool
) -> AudioFacts:
    streams = opened.streams.audio
    if not streams:
        return build_failed_facts(sha256, Failure.NOT_AUDIO, container=kind.name)
    codec = streams[0].codec_context
    if codec is None or codec.name not in _CODECS:
        return build_failed_facts(sha256, Failure.UNSUPPORTED, container=kind.name)
    codec.thread_count = 1  # the limits count one core's seconds; threads would only spend them faster
    codec.options = {"err_detect": "crccheck"}
    packets = _Packets(opened, streams[0])
    sound = _Sound(packets, kind)
    meters, refusal = _feed_meters(sound, lattice)
    if meters is None or refusal is not None:
        failure = refusal or (Failure.UNDECODABLE if packets.broken else Failure.EMPTY)
        heard = meters.seconds if meters else 0.0
        return build_failed_facts(sha256, failure, container=kind.name, codec=_codec_name(codec), duration=heard)
    declared = _declared_duration(kind, streams[0])
    ending, notes = _judge_ending(file, kind, packets, meters.seconds, declared)
    notes |= kind.notes | sound.notes | meters.notes | _list_container_oddities(opened, kind, name)
    if ending is None and not sound.signature_holds():
        notes.add(Note.CHECKSUM_MISMATCH)
    return AudioFacts(
        sha256=sha256,
        version=ANALYSIS_VERSION,
        ok=ending is None,
        error=ending.value if ending else None,
        container=kind.name,
        codec=_codec_name(codec),
        bit_depth=_bit_depth(kind, codec),
        lossless=_is_lossless(codec.name),
        declared_duration=declared,
        audio_streams=len(streams),
        notes=tuple(sorted(note.value for note in notes)),
        measured_by={"ffmpeg": av.ffmpeg_version_info, "fingerprint": chromaprint.describe_backend()},
        **meters.results(),
    )


def _feed_meters(sound: _Sound, lattice: bool) -> tuple[_Meters | None, Failure | None]:
    """Feed the meters to the end of the sound; no meters where there is none, a failure where it is not taken."""
    meters: _Meters | None = None
    for piece in sound:
        if meters is None:
            if not _shape_is_taken(sound.rate, len(piece)):
                return None, Failure.UNSUPPORTED
            meters = _Meters(sound.rate, len(piece), lattice)
        meters.feed(piece)
        if meters.seconds > MAX_SECONDS:
            return meters, Failure.TOO_LONG
    return meters, None


def _list_container_oddities(opened: Any, kind: container.Container, name: str | None) -> set[Note]:
    """What is odd beside the sound: moving pictures, and a name of another kind."""
    notes = set()
    if any(not stream.disposition & Disposition.attached_pic for stream in opened.streams.video):
        notes.add(Note.VIDEO)
    if name is not None and container.container_from_name(name) not in (None, kind.name):
        notes.add(Note.NAME_CONTRADICTS)
    return notes


def _shape_is_taken(rate: int, channels: int) -> bool:
    return MIN_RATE <= rate <= MAX_RATE and 1 <= channels <= MAX_CHANNELS


class _Packets:
    """The decoded frames of one stream; broken packets are counted and passed over."""

    def __init__(self, opened: Any, stream: Any) -> None:
        self._opened, self._stream = opened, stream
        self._numbered = opened.format.name == "flac"
        self.broken = 0  # in all
        self.broken_at_end = 0  # since the last good frame
        self.last_position: int | None = None  # of the last packet that decoded, in bytes
        self.restarted = False  # whether a FLAC stream counts from the beginning again
        self._last_time = -1

    def __iter__(self) -> Iterator[Any]:
        packets = self._opened.demux(self._stream)
        while self.broken < _MAX_BROKEN_PACKETS:
            try:
                packet = next(packets)
                frames = packet.decode()
            except StopIteration:
                return
            except av.error.EOFError:
                return
            except av.error.FFmpegError:
                self.broken += 1
                self.broken_at_end += 1
                continue
            if frames:
                self.broken_at_end = 0
                self._follow(packet)
            yield from frames

    def _follow(self, packet: Any) -> None:
        """Note where the packet lies, and whether the time goes on: every frame of FLAC is numbered."""
        if packet.pos is not None:
            self.last_position = packet.pos
        if packet.pts is not None:
            self.restarted |= self._numbered and packet.pts <= self._last_time
            self._last_time = packet.pts


class _Sound:
    """The decoded sound in pieces of CHUNK samples: float, planar, one rate and one number of channels throughout."""

    def __init__(self, packets: _Packets, kind: container.Container) -> None:
        self._packets, self._kind = packets, kind
        self._shape: tuple[str, str, int] | None = None
        self._converters: dict[tuple[str, str, int], Any] = {}
        self._md5 = hashlib.md5(usedforsecurity=False) if kind.md5 else None
        self.rate = 0
        self.notes: set[Note] = set()

    def __iter__(self) -> Iterator[Sound]:
        """The same buffer is filled again and again: use a piece before asking for the next."""
        fifo = AudioFifo()
        for frame in self._packets:
            for part in self._in_first_shape(frame):
                part.pts = None  # positions are counted, not believed
                fifo.write(part)
            while fifo.samples >= CHUNK:
                yield self._as_sound(fifo.read(CHUNK))
        rest = fifo.read() if self._shape else None
        if rest is not None:
            yield self._as_sound(rest)

    def signature_holds(self) -> bool:
        """False where an encoder signed other samples than these."""
        return self._md5 is None or Note.FORMAT_CHANGE in self.notes or self._md5.digest() == self._kind.md5

    def _in_first_shape(self, frame: Any) -> list[Any]:
        """The frame, or what it becomes in the shape of the first one. The queue itself would not notice."""
        shape = (frame.format.name, frame.layout.name, frame.sample_rate)
        if self._shape is None:
            self._shape, self.rate, self._time_base = shape, frame.sample_rate, frame.time_base
        if shape == self._shape:
            return [frame]
        self.notes.add(Note.FORMAT_CHANGE)
        if shape not in self._converters:
            if not _shape_is_taken(frame.sample_rate, frame.layout.nb_channels):
                return []
            name, layout, rate = self._shape
            self._converters[shape] = av.AudioResampler(format=name, layout=layout, rate=rate)
        frame.pts = None
        converted: list[Any] = self._converters[shape].resample(frame)
        for part in converted:
            part.time_base = self._time_base  # the queue compares it
        return converted

    def _as_sound(self, frame: Any) -> Sound:
        raw = frame.to_ndarray()
        if self._md5 is not None:
            self._md5.update(_as_signed(raw, self._kind.bit_depth or 16))
        if not frame.format.is_planar:
            raw = raw.reshape(-1, frame.layout.nb_channels).T
        sound = np.empty(raw.shape, np.float32)
        if raw.dtype == np.uint8:
            np.multiply(raw.astype(np.float32) - 128, np.float32(1 / 128), out=sound)
        elif raw.dtype.kind == "i":
            np.multiply(raw, np.float32(1 / 2 ** (8 * raw.dtype.itemsize - 1)), out=sound)
        else:
            sound[:] = raw
        return sound


def _as_signed(raw: npt.NDArray[Any], depth: int) -> bytes:
    """Samples as FLAC's MD5 counts them: whole little-endian bytes, interleaved (RFC 9639, section 8.2)."""
    width = 8 * raw.dtype.itemsize
    if width != depth:
        raw = raw >> (width - depth)
    return raw.view(np.uint8).reshape(-1, width // 8)[:, : (depth + 7) // 8].tobytes()


class _Meters:
    """All the instruments, fed with the same pieces."""

    def __init__(self, rate: int, channels: int, lattice: bool) -> None:
        self.rate, self.channels, self.samples = rate, channels, 0
        self.notes: set[Note] = set()
        self._loudness = levels.Loudness(rate, channels)
        self._true_peak = levels.TruePeak(channels)
        self._silence = levels.Silence()
        self._spectrum = Spectrum(rate)
        self._print = _Print(rate)
        self._lattice = Listener(rate) if lattice else None
        self._power = np.zeros(channels)  # sums of squares
        self._downmix_power = 0.0
        self._sum = np.zeros(channels)
        self._clipped = 0
        self._non_finite = 0

    def feed(self, sound: Sound) -> None:
        power = _sum_channel_squares(sound)
        if not np.isfinite(power).all():
            self._non_finite += _make_finite(sound)
            power = _sum_channel_squares(sound)
        downmix, downmix_power, cancels = _heard_as_one(sound, power)
        self._power += power
        self._downmix_power += downmix_power
        self._sum += sound.sum(axis=1)
        self.samples += sound.shape[1]
        if cancels:
            self.notes.add(Note.CHANNELS_CANCEL)
        self._print.feed(downmix)
        if self._lattice is not None:
            self._lattice.feed(downmix)
        self._spectrum.feed(sound)
        if sound.shape[1] % BLOCK:
            sound = np.pad(sound, ((0, 0), (0, -sound.shape[1] % BLOCK)))
        peaks = levels.block_peaks(sound)
        if peaks.max() >= levels.CLIPPED_PEAK:
            self._clipped += levels.clipped_samples(sound)
        self._silence.feed(peaks.max(axis=0))
        self._true_peak.feed(sound, peaks)
        self._loudness.feed(sound)

    @property
    def seconds(self) -> float:
        return self.samples / self.rate

    def results(self) -> dict[str, Any]:
        """The measured fields of the facts."""
        head, tail, hole = self._silence.seconds(self.samples, self.rate)
        prints, picture = self._print.finish()
        return {
            "sample_rate": self.rate,
            "channels": self.channels,
            "duration": self.seconds,
            "loudness_lufs": finite_or_none(self._loudness.integrated(self.samples)),
            "true_peak_dbtp": finite_or_none(self._true_peak.dbtp),
            "clipped_share": self._clipped / (self.samples * self.channels),
            "dc_offset": float(np.abs(self._sum / self.samples).max()),
            "silence_head": head,
            "silence_tail": tail,
            "longest_silence": hole,
            "channel_rms": tuple(np.sqrt(self._power / self.samples).tolist()),
            "downmix_rms": math.sqrt(self._downmix_power / self.samples),
            "bandwidth_hz": finite_or_none(self._spectrum.bandwidth_hz()),
            "flatness": finite_or_none(self._spectrum.flatness()),
            "non_finite": self._non_finite,
            "fingerprint": prints.astype("<u4").tobytes(),
            "fingerprint_distinct": len(np.unique(prints)),
            "picture": picture,
            "lattice": self._lattice.facts() if self._lattice is not None else switched_off(),
        }


class _Print:
    """The fingerprint's way of hearing: one channel at a quarter of the usual rate."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._resampler = av.AudioResampler(
            format="s16", layout="mono", rate=chromaprint.SAMPLE_RATE, options=_RESAMPLER
        )
        self._prints = chromaprint.choose_fingerprinter()
        self._painter = Painter()

    def feed(self, mono: npt.NDArray[np.float32]) -> None:
        frame = av.AudioFrame.from_ndarray(mono[None], format="fltp", layout="mono")
        frame.sample_rate = self._rate
        self._pass_on(frame)

    def finish(self) -> tuple[chromaprint.SubPrints, bytes]:
        """The sub-prints, and the picture of the same sound."""
        self._pass_on(None)
        return self._prints.finish(), self._painter.finish()

    def _pass_on(self, frame: Any) -> None:
        for part in self._resampler.resample(frame):
            samples = part.to_ndarray()[0]
            self._prints.feed(samples)
            self._painter.feed(samples)


def _sum_channel_squares(sound: Sound) -> npt.NDArray[np.float64]:
    """The sum of squares of each channel."""
    return np.array([np.vdot(channel, channel) for channel in sound], np.float64)


def _heard_as_one(sound: Sound, power: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float32], float, bool]:
    """The mean of all channels, or the loudest one where they cancel; the power of the mean; and whether they do."""
    downmix = _mix_to_mono(sound)
    downmix_power = float(np.vdot(downmix, downmix))
    cancels = downmix_power < _CANCELLED**2 * power.max()
    return (sound[int(np.argmax(power))] if cancels else downmix), downmix_power, cancels


def _mix_to_mono(sound: Sound) -> npt.NDArray[np.float32]:
    """The mean of all channels."""
    if len(sound) == 1:
        return np.asarray(sound[0])
    mono = np.asarray(sound[0] + sound[1])
    for channel in sound[2:]:
        mono += channel
    mono *= np.float32(1 / len(sound))
    return mono


def _make_finite(sound: Sound) -> int:
    """Silence what is no number, and bring absurd numbers within reach of the meters; returns how many were none."""
    wrong = ~np.isfinite(sound)
    sound[wrong] = 0
    np.clip(sound, -_LOUDEST_SAMPLE, _LOUDEST_SAMPLE, out=sound)
    return int(np.count_nonzero(wrong))


def _declared_duration(kind: container.Container, stream: Any) -> float | None:
    """What the header announces; for MP3 and WAVE the decoder would only guess from the file's size."""
    if kind.name in ("mp3", "wav"):
        return kind.declared_duration
    if kind.name == "ogg" or not stream.duration:
        return None  # an Ogg header announces nothing
    return float(stream.duration * stream.time_base)


def _judge_ending(
    file: BinaryIO, kind: container.Container, packets: _Packets, duration: float, declared: float | None
) -> tuple[Failure | None, set[Note]]:
    """Whether the file was heard to its end, and what is odd about its end."""
    notes: set[Note] = set()
    failure = None
    if packets.broken > packets.broken_at_end:
        notes.add(Note.CORRUPT_FRAMES)
    if packets.broken_at_end:
        notes.add(Note.TRAILING_DATA)
    if declared is not None and duration + _DURATION_TOLERANCE < declared:
        failure = Failure.TRUNCATED
    elif declared is not None and duration > declared + _DURATION_TOLERANCE:
        notes.add(Note.LONGER_THAN_DECLARED)
    if packets.restarted:
        notes.add(Note.CHAINED)
    end = trailing_data.inspect_file_ending(file, kind, packets.last_position)
    notes |= end.notes
    if not end.whole:
        failure = Failure.TRUNCATED
    if packets.broken >= _MAX_BROKEN_PACKETS:
        failure = Failure.UNDECODABLE
    return failure, notes


def _codec_name(codec: Any) -> str:
    name: str = codec.name
    return {"mp3float": "mp3", "libopus": "opus"}.get(name, name)


def _is_lossless(codec: str) -> bool:
    return codec in ("flac", "alac") or codec.startswith("pcm_")


def _bit_depth(kind: container.Container, codec: Any) -> int | None:
    """Bits a sample as delivered; None for lossy codecs, which have no such thing."""
    if codec.name == "alac":
        return int(codec.extradata[_ALAC_DEPTH_BYTE])
    if codec.name.startswith("pcm_"):
        return int("".join(filter(str.isdigit, codec.name)))
    return kind.bit_depth
