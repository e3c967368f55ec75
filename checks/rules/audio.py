"""Whether the sound itself is fit to go out: whole, audible, undamaged, and what the file says it is."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from statistics import mean

from checks.analysis import Failure, Note
from checks.analysis.container import container_from_name
from checks.model.check import Check, Context
from checks.model.finding import Code, Finding, Route, Severity
from checks.model.release import AudioFacts, Delivery, Release, Track


def _critical_code(code: str, rule: str, source: str) -> Code:
    return Code(code, rule, Severity.CRITICAL, Route.REVIEW, source)


def _review_code(code: str, rule: str, source: str) -> Code:
    return Code(code, rule, Severity.WARNING, Route.REVIEW, source)


def _warning_code(code: str, rule: str, source: str) -> Code:
    return Code(code, rule, Severity.WARNING, Route.PASS, source)


UNDECODABLE = _critical_code("audio.undecodable", "An audio file decodes to its end.", "MusicMyBand; Omziki")
NOT_MEASURED = _review_code(
    "audio.not_measured", "An audio file can be measured here.", "the gate itself: no fault of the file is known"
)
ANALYSIS_FAILED = Code(
    "audio.analysis_failed",
    "The gate's own analysis does not fail on a file.",
    Severity.INFORMATION,
    Route.PASS,
    "the gate itself: for its operator",
    private=True,
)
SILENT = _critical_code("audio.silent", "An audio file holds sound.", "Omziki; DMB")
NON_FINITE = _critical_code("audio.non_finite", "Every sample is a number.", "own inference")
CHANNELS_CANCEL = _critical_code(
    "audio.channels_cancel",
    "A stereo recording is still there in mono: one channel is not the other turned upside down.",
    "own inference; such files also hide from fingerprints",
)
DURATION_MISMATCH = _review_code(
    "audio.duration_mismatch", "A file lasts as long as its header says.", "MusicMyBand; Omziki; own inference"
)
MORE_THAN_ONE_STREAM = _review_code("audio.more_than_one_stream", "A file holds one recording.", "own inference")
IRREGULAR = _review_code(
    "audio.irregular", "A file is whole, of one piece, and says the same to every reader.", "own inference"
)
LENGTH = _review_code("audio.length", "A single lasts 30 seconds or more.", "Omziki; Spotify on artificial streams")
SHORT_TRACKS = _warning_code(
    "audio.short_tracks", "The tracks of a release last a minute or more on average.", "Spotify on artificial streams"
)
SILENCE = _warning_code("audio.silence", "Music begins and ends without long silence.", "Omziki; DMB; Interspace")
CLIPPING = _warning_code("audio.clipping", "Peaks are not cut off at full scale.", "Interspace; DMB")
DC_OFFSET = _warning_code("audio.dc_offset", "The waveform swings around zero.", "DMB")
DEAD_CHANNEL = _warning_code("audio.dead_channel", "Both channels of a stereo recording sound.", "DMB")
FORMAT = _warning_code(
    "audio.format", "Masters are stereo, lossless, 16 bit and 44.1 kHz or better.", "MusicMyBand; Omziki; Catapult"
)
BANDWIDTH = _warning_code(
    "audio.bandwidth", "A lossless file was not made from a lossy one.", "MusicMyBand; own inference"
)
ODDITY = _warning_code("audio.oddity", "A file is built as its format asks.", "own inference")

#: A header may round. A lossless one counts samples; a lossy one may have been estimated from its bit rate.
DURATION_TOLERANCE_LOSSLESS = (0.5, 0.002)  # seconds, share of the declared duration; the greater holds
DURATION_TOLERANCE_LOSSY = (2.0, 0.02)
#: Streams shorter than this are not paid by the large services, which is why so many fakes are a little longer.
SINGLE_SECONDS = 30.0
MEAN_TRACK_SECONDS = 60.0
#: The commonest limit; some partners ask for 5 s and say so in their profile.
EDGE_SILENCE_SECONDS = 10.0
#: A gap as long as this is a hidden track or a broken export.
INNER_SILENCE_SECONDS = 30.0
#: -60 dBFS: quieter than the noise floor of a cassette. A file below it everywhere is empty.
SILENT_RMS = 10 ** (-60 / 20)
#: One sample in a thousand inside runs at full scale is heard as distortion; loud masters stay well below.
CLIPPED_SHARE = 0.001
#: 1 % of full scale costs headroom and clicks at every cut.
DC_OFFSET_SHARE = 0.01
#: The mono sum of two independent channels loses 3 dB; 26 dB down they are mirror images.
CANCELLED_RATIO = 0.05
#: 60 dB below its neighbour, a channel carries crosstalk and no music.
DEAD_CHANNEL_RATIO = 0.001
MIN_BIT_DEPTH = 16
MIN_SAMPLE_RATE = 44_100
#: Between these ends the spectrum of MP3 and AAC at 64-160 kbit/s. Below: a plain or old recording. Above: anything.
LOSSY_BANDWIDTH_HZ = (10_500.0, 16_600.0)

#: Why a file could not be read, as its label should hear it. The codes come from the measurement.
UNREADABLE = {
    "empty": "it holds no sound",
    "not_audio": "it is not an audio file",
    "unsupported": "its codec, sample rate or number of channels is not taken here",
    "undecodable": "hardly anything of it decodes",
    "truncated": "it ends before the end that it announces",
    "too_long": "it is longer than a recording may be",
    "decoder_killed": "the decoder had to be stopped because of it",
    "decoder_timeout": "decoding it took too long",
}

#: What a file shows that is damaged, joined, or built to be one thing here and another there: a person must look.
IRREGULARITIES = {
    "format_change": "its format changes in the middle, as if two files had been joined",
    "several_data_chunks": "it contains more than one data chunk",
    "longer_than_declared": "it goes on after the end that it announces, as if two files had been joined",
    "chained": "it holds recordings one after the other, and some players play only the first",
    "corrupt_frames": "parts in the middle did not decode and are missing",
    "checksum_mismatch": "its samples are not the ones that were encoded: the checksum differs",
    "no_end_of_stream": "its last page is missing, as if an upload had broken off",
    "tags_unreadable": "its tags could not be read within their limits, so nothing is known of what they say",
}
#: What honest programs do as well.
ODDITIES = {
    "trailing_data": "something follows after the end of the sound",
    "leading_data": "something stands before the beginning of the sound",
    "name_contradicts": "its name promises another format than it has",
    "size_unknown": "its header leaves the length open",
    "channels_cancel": "in places its channels cancel each other",
    "video": "it carries moving pictures as well",
}


def check_audio_files(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """Every track's file by itself, then the lengths of the release as a whole."""
    for track in delivery.release.tracks:
        facts = delivery.facts.get(track.file)
        if facts is not None and facts.error == Failure.ANALYSIS_FAILED:
            yield from _not_measured(track, facts)
        elif facts is None or not facts.ok:
            yield _report_undecodable(track, facts)
        elif _is_silent(facts):
            yield Finding(
                SILENT,
                track.subject,
                f"{track.file} is silent from beginning to end.",
                measured=_share_to_decibels(max(facts.channel_rms, default=0.0)),
                threshold=_share_to_decibels(SILENT_RMS),
                fix="Export the master again and listen to the file before delivering it.",
            )
        else:
            for judge in _JUDGES:
                yield from judge(track, facts)
    yield from _judge_lengths(delivery.release, delivery.facts)


def _report_undecodable(track: Track, facts: AudioFacts | None) -> Finding:
    error = "not_measured" if facts is None else facts.error or "unknown"
    why = UNREADABLE.get(error, "it could not be measured")
    heard = f" after {facts.duration:.1f} s" if facts and facts.duration > 0 else ""
    return Finding(
        UNDECODABLE,
        track.subject,
        f"{track.file} could not be read to its end{heard}: {why}.",
        measured=error,
        evidence={
            "file": track.file,
            "error": error,
            "decoded_seconds": round(facts.duration, 3) if facts else None,
            "declared_seconds": facts.declared_duration if facts else None,
        },
        fix="Export the master again as WAV or FLAC and compare its checksum after the upload.",
    )


def _not_measured(track: Track, facts: AudioFacts) -> Iterator[Finding]:
    """Our own failure: the label learns that a moderator looks at the file, and the operator why."""
    yield Finding(
        NOT_MEASURED,
        track.subject,
        f"{track.file} could not be measured here. No fault of the file is known; a moderator looks at it. "
        "You need not do anything.",
    )
    yield Finding(
        ANALYSIS_FAILED,
        track.subject,
        f"The analysis of {track.file} failed: {facts.fault or 'the log says why'}.",
        measured=facts.fault or None,
        evidence={"file": track.file, "sha256": facts.sha256},
        fix="Report it with the file as a defect of the gate; a known sample was measured as it should be.",
    )


def _is_silent(facts: AudioFacts) -> bool:
    """By level; where no level was measured, by the silence that fills the file."""
    if facts.non_finite:
        return False
    if facts.channel_rms:
        return max(facts.channel_rms) < SILENT_RMS
    return facts.silence_head >= facts.duration


def _judge_duration(track: Track, facts: AudioFacts) -> Iterator[Finding]:
    if facts.declared_duration is None:
        return
    seconds, share = DURATION_TOLERANCE_LOSSLESS if facts.lossless else DURATION_TOLERANCE_LOSSY
    tolerance = max(seconds, share * facts.declared_duration)
    off = facts.duration - facts.declared_duration
    if not math.isfinite(off) or abs(off) > tolerance:
        yield Finding(
            DURATION_MISMATCH,
            track.subject,
            f"{track.file} claims {facts.declared_duration:.1f} s and holds {facts.duration:.1f} s of sound.",
            measured=round(off, 3) if math.isfinite(off) else str(off),
            threshold=round(tolerance, 3),
            fix="Export the file again; a difference usually means that an upload or an export broke off.",
        )


def _judge_non_finite(track: Track, facts: AudioFacts) -> Iterator[Finding]:
    if facts.non_finite:
        yield Finding(
            NON_FINITE,
            track.subject,
            f"{track.file} has {facts.non_finite} samples that are no numbers (NaN or infinite).",
            measured=facts.non_finite,
            threshold=0,
            fix="Export as 16 or 24 bit integers; look for a plug-in that overflows.",
        )


def _judge_streams(track: Track, facts: AudioFacts) -> Iterator[Finding]:
    if facts.audio_streams > 1:
        yield Finding(
            MORE_THAN_ONE_STREAM,
            track.subject,
            f"{track.file} holds {facts.audio_streams} audio streams; only the first was listened to.",
            measured=facts.audio_streams,
            threshold=1,
            fix="Deliver one stream a file.",
        )


def _judge_channels(track: Track, facts: AudioFacts) -> Iterator[Finding]:
    loudest = max(facts.channel_rms, default=0.0)
    if len(facts.channel_rms) < 2 or loudest < SILENT_RMS:
        return
    if facts.downmix_rms < CANCELLED_RATIO * loudest:
        yield Finding(
            CHANNELS_CANCEL,
            track.subject,
            f"The channels of {track.file} cancel each other: in mono, "
            f"{_format_percent_down(facts.downmix_rms / loudest)} is left.",
            measured=round(facts.downmix_rms / loudest, 4),
            threshold=CANCELLED_RATIO,
            fix="Turn the polarity of one channel.",
        )
    quietest = min(facts.channel_rms[:2])
    if quietest < DEAD_CHANNEL_RATIO * loudest:
        side = ("left", "right")[facts.channel_rms.index(quietest)]
        yield Finding(
            DEAD_CHANNEL,
            track.subject,
            f"The {side} channel of {track.file} is silent.",
            measured=round(quietest / loudest, 6),
            threshold=DEAD_CHANNEL_RATIO,
            fix="Deliver the stereo mix, or the same sound on both channels.",
        )


def _judge_silence(track: Track, facts: AudioFacts) -> Iterator[Finding]:
    places = (
        ("begins with", facts.silence_head, EDGE_SILENCE_SECONDS),
        ("ends with", facts.silence_tail, EDGE_SILENCE_SECONDS),
        ("is interrupted by", facts.longest_silence, INNER_SILENCE_SECONDS),
    )
    for place, seconds, limit in places:
        if seconds > limit:
            yield Finding(
                SILENCE,
                track.subject,
                f"{track.file} {place} {seconds:.1f} s of silence.",
                measured=round(seconds, 3),
                threshold=limit,
                fix="Cut the silence, unless it belongs to the music.",
            )


def _judge_levels(track: Track, facts: AudioFacts) -> Iterator[Finding]:
    if facts.clipped_share > CLIPPED_SHARE:
        yield Finding(
            CLIPPING,
            track.subject,
            f"{facts.clipped_share:.2%} of the samples of {track.file} are cut off at full scale.",
            measured=round(facts.clipped_share, 6),
            threshold=CLIPPED_SHARE,
            fix="Master with a peak of -1 dBTP.",
        )
    if abs(facts.dc_offset) > DC_OFFSET_SHARE:
        yield Finding(
            DC_OFFSET,
            track.subject,
            f"The waveform of {track.file} swings around {facts.dc_offset:+.1%} of full scale and not around zero.",
            measured=round(facts.dc_offset, 5),
            threshold=DC_OFFSET_SHARE,
            fix="Remove the DC offset with a high-pass below 20 Hz.",
        )


def _judge_format(track: Track, facts: AudioFacts) -> Iterator[Finding]:
    short_of: list[str] = []
    if facts.lossless is False:
        short_of.append(f"lossy ({facts.codec or 'unknown codec'})")
    if facts.bit_depth is not None and facts.lossless and facts.bit_depth < MIN_BIT_DEPTH:
        short_of.append(f"{facts.bit_depth} bit")
    if facts.sample_rate is not None and facts.sample_rate < MIN_SAMPLE_RATE:
        short_of.append(f"{facts.sample_rate / 1000:g} kHz")
    if facts.channels == 1:
        short_of.append("mono")
    if short_of:
        yield Finding(
            FORMAT,
            track.subject,
            f"{track.file} is {', '.join(short_of)}.",
            measured=[*short_of],
            threshold="stereo, lossless, 16 bit, 44.1 kHz",
            fix="Deliver the master itself, as WAV or FLAC, if it is better than this.",
        )


def _judge_bandwidth(track: Track, facts: AudioFacts) -> Iterator[Finding]:
    lowest, highest = LOSSY_BANDWIDTH_HZ
    full_range = facts.sample_rate is not None and facts.sample_rate >= MIN_SAMPLE_RATE
    if facts.lossless and full_range and facts.bandwidth_hz is not None and lowest <= facts.bandwidth_hz <= highest:
        yield Finding(
            BANDWIDTH,
            track.subject,
            f"The sound of {track.file} ends at {facts.bandwidth_hz / 1000:.1f} kHz, as if it had been an MP3 before.",
            measured=round(facts.bandwidth_hz),
            threshold=highest,
            fix="Deliver the master that the lossy copy was made from; an old recording may end there by nature.",
        )


def _judge_oddities(track: Track, facts: AudioFacts) -> Iterator[Finding]:
    """An oddity that is not known here is shown as it is called: it may be new, and it is not nothing.

    What a name promises is asked here and not of the facts: the same bytes come under other names.
    """
    notes = [note for note in facts.notes if note != Note.NAME_CONTRADICTS]
    if container_from_name(track.file) not in (None, facts.container):
        notes.append(Note.NAME_CONTRADICTS)
    for note in dict.fromkeys(notes):
        what = IRREGULARITIES.get(note) or ODDITIES.get(note) or f"the decoder noted {note}"
        yield Finding(
            IRREGULAR if note in IRREGULARITIES else ODDITY,
            track.subject,
            f"{track.file} has an unusual structure: {what}.",
            measured=note,
            fix="Export the master again with a common audio editor.",
        )


_JUDGES: tuple[Callable[[Track, AudioFacts], Iterator[Finding]], ...] = (
    _judge_duration,
    _judge_non_finite,
    _judge_streams,
    _judge_oddities,
    _judge_channels,
    _judge_silence,
    _judge_levels,
    _judge_format,
    _judge_bandwidth,
)


def _judge_lengths(release: Release, files: Mapping[str, AudioFacts]) -> Iterator[Finding]:
    """Short singles one by one; the tracks of longer releases on average: an album may have its interludes."""
    lengths = {
        track: files[track.file].duration for track in release.tracks if track.file in files and files[track.file].ok
    }
    if release.type == "single":
        for track, seconds in lengths.items():
            if seconds < SINGLE_SECONDS:
                yield Finding(
                    LENGTH,
                    track.subject,
                    f"{track.file} lasts {seconds:.1f} s; a single has {SINGLE_SECONDS:.0f} s or more.",
                    measured=round(seconds, 3),
                    threshold=SINGLE_SECONDS,
                    fix="Check that the whole recording was delivered.",
                )
    elif lengths and mean(lengths.values()) < MEAN_TRACK_SECONDS:
        average = mean(lengths.values())
        yield Finding(
            SHORT_TRACKS,
            release.subject,
            f"The {len(lengths)} tracks last {average:.1f} s on average.",
            measured=round(average, 3),
            threshold=MEAN_TRACK_SECONDS,
        )


def _share_to_decibels(share: float) -> float | None:
    """dBFS of a share of full scale; None for nothing at all."""
    return round(20 * math.log10(share), 1) if share > 0 else None


def _format_percent_down(ratio: float) -> str:
    return "nothing" if ratio <= 0 else f"{_share_to_decibels(ratio)} dB of the level"


CHECK = Check(
    name="audio",
    version=1,
    title="Audio files",
    codes=(
        UNDECODABLE,
        NOT_MEASURED,
        ANALYSIS_FAILED,
        SILENT,
        NON_FINITE,
        CHANNELS_CANCEL,
        DURATION_MISMATCH,
        MORE_THAN_ONE_STREAM,
        IRREGULAR,
        LENGTH,
        SHORT_TRACKS,
        SILENCE,
        CLIPPING,
        DC_OFFSET,
        DEAD_CHANNEL,
        FORMAT,
        BANDWIDTH,
        ODDITY,
    ),
    run=check_audio_files,
    needs_audio=True,
)
