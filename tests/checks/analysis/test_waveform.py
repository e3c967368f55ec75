"""What a recording looks like: its waveform, its average spectrum, its spectrogram, and where two are alike."""

import io
import wave

import numpy as np
import pytest
from PIL import Image

from checks.analysis import similarity_matrix, waveform

RATE = 32_000


def recording(tmp_path, *channels):
    """A WAVE file of these channels."""
    path = tmp_path / "sound.wav"
    with wave.open(str(path), "wb") as sink:
        sink.setnchannels(len(channels))
        sink.setsampwidth(2)
        sink.setframerate(RATE)
        sink.writeframes((np.array(channels).T * 32767).astype("<i2").tobytes())
    return path


def drawn(path):
    with path.open("rb") as file:
        return waveform.draw_waveform(file)


def tone(hz, amplitude, seconds):
    return amplitude * np.sin(2 * np.pi * hz * np.arange(int(seconds * RATE)) / RATE)


def test_a_waveform_is_as_high_as_the_sound_is_loud(tmp_path):
    sound = np.concatenate([tone(1000, 0.2, 10), tone(1000, 0.8, 10)])
    found = drawn(recording(tmp_path, sound, 0 * sound))
    assert (found.error, found.rate) == ("", RATE)
    assert found.duration == pytest.approx(20)
    values = np.frombuffer(found.peaks, np.uint8) / 255
    peaks, effective = np.array_split(values, 2)
    quiet, loud = np.array_split(peaks, 2)
    assert np.median(quiet) == pytest.approx(0.2, abs=0.01)
    assert np.median(loud) == pytest.approx(0.8, abs=0.01)
    # A tone's effective value is its amplitude over the root of two, and here it sounds in one channel of two.
    assert np.median(effective[len(effective) // 2 :]) == pytest.approx(0.4, abs=0.01)
    assert found.rms_db == pytest.approx(10 * np.log10((0.1**2 + 0.4**2) / 2), abs=0.1)


def test_an_average_spectrum_and_a_spectrogram_show_the_pitch(tmp_path):
    found = drawn(recording(tmp_path, tone(4000, 0.5, 5)))
    levels = np.frombuffer(found.spectrum, "<f2").astype(float)
    assert np.argmax(levels) / len(levels) * RATE / 2 == pytest.approx(4000, abs=40)
    image = np.asarray(Image.open(io.BytesIO(found.spectrogram)).convert("L"))
    loudest = np.argmax(image.mean(axis=1))
    assert 1 - loudest / len(image) == pytest.approx(4000 / (RATE / 2), abs=0.01)


def test_silence_has_a_shape_and_no_level(tmp_path):
    found = drawn(recording(tmp_path, np.zeros(RATE)))
    assert (found.error, found.rms_db) == ("", None)
    assert set(found.peaks) == {0}


@pytest.mark.parametrize("content", [b"", b"no sound at all", b"fLaC" + bytes(5000)])
def test_what_is_no_sound_has_no_portrait(tmp_path, content):
    path = tmp_path / "sound.flac"
    path.write_bytes(content)
    assert drawn(path) == waveform.Portrait(error="undecodable")


def test_a_long_recording_is_drawn_in_as_many_columns(tmp_path):
    found = drawn(recording(tmp_path, tone(200, 0.3, 20 * 60)))
    assert len(found.peaks) == 2 * 1600
    assert Image.open(io.BytesIO(found.spectrogram)).size == (1400, 256)
    values = np.frombuffer(found.peaks, np.uint8)[:1600] / 255
    assert values.std() < 0.01


def prints(seed, length):
    return np.random.default_rng(seed).integers(0, 2**32, length, dtype=np.uint32)


def test_two_recordings_are_dark_where_they_are_alike():
    ours = prints(1, 400)
    theirs = np.concatenate([prints(2, 100), ours[:200]])
    image = np.asarray(
        Image.open(io.BytesIO(similarity_matrix.draw_similarity_matrix(ours.tobytes(), theirs.tobytes()))).convert("L")
    ).astype(int)
    assert image.shape == (len(theirs) - 8, len(ours) - 8)
    along = np.array([image[100 + place, place] for place in range(150)])
    assert along.max() < 40
    assert image[:80].min() > 150


def test_what_has_no_fingerprint_cannot_be_compared():
    with pytest.raises(ValueError, match="fingerprint"):
        similarity_matrix.draw_similarity_matrix(b"", prints(1, 100).tobytes())
