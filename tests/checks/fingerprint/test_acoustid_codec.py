"""Fingerprints as text: what libchromaprint writes is read, and what is written it reads."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.fingerprint.acoustid_codec import Unreadable, decode_acoustid, encode_acoustid
from tests.checks.fingerprint.sounds import packed, recording

prints = st.lists(st.integers(0, 2**32 - 1), max_size=60)
#: Neighbours that differ in few bits, as real ones do.
similar = st.lists(st.sets(st.integers(0, 31), max_size=4), max_size=60).map(
    lambda flips: np.bitwise_xor.accumulate(
        np.array([0x5EED5EED, *(sum(1 << bit for bit in bits) for bits in flips)], dtype=np.uint32)
    ).tolist()
)


@given(prints | similar)
def test_what_is_written_is_read(values: list[int]):
    fingerprint = packed(np.array(values, dtype=np.uint32))
    assert decode_acoustid(encode_acoustid(fingerprint)) == fingerprint


@given(prints | similar)
def test_libchromaprint_reads_and_writes_the_same(values: list[int]):
    library = pytest.importorskip("chromaprint", exc_type=ImportError)  # or what it binds is not here
    fingerprint = packed(np.array(values, dtype=np.uint32))
    text = encode_acoustid(fingerprint)
    assert library.encode_fingerprint(values, 1).decode() == text
    assert library.decode_fingerprint(text.encode()) == (values, 1)


def test_known_text_is_read():
    """By hand: the first sub-print has bits 0 and 9, the second the same without bit 9 and with bit 31."""
    # told: 1 7(+2) 0 | 7(+3) 7(+15) 0 → three bits each, then 2, 3 and 15 in five bits each
    told = [1, 7, 0, 7, 7, 0]
    bits = "".join(f"{value:03b}"[::-1] for value in told) + "0" * 6 + "".join(f"{v:05b}"[::-1] for v in (2, 3, 15))
    bits += "0" * (-len(bits) % 8)
    content = bytes([1, 0, 0, 2]) + bytes(int(bits[at : at + 8][::-1], 2) for at in range(0, len(bits), 8))
    import base64

    expected = packed(np.array([1 | 1 << 9, 1 | 1 << 31], dtype=np.uint32))
    assert decode_acoustid(base64.urlsafe_b64encode(content).decode()) == expected
    assert encode_acoustid(expected) == base64.urlsafe_b64encode(content).decode().rstrip("=")


@pytest.mark.skipif(shutil.which("fpcalc") is None, reason="fpcalc is not here")
def test_fpcalc_prints_the_same_fingerprint_in_both_forms(tmp_path: Path):
    import wave

    noise = np.random.default_rng(1).normal(0, 4000, 11025 * 12)
    tone = 8000 * np.sin(2 * np.pi * np.cumsum(np.linspace(200, 2000, noise.size)) / 11025)
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(11025)
        file.writeframes((noise + tone).astype("<i2").tobytes())

    def said(*words: str) -> dict[str, object]:
        done = subprocess.run(
            ["fpcalc", "-json", *words, str(tmp_path / "a.wav")], capture_output=True, check=False
        )  # 3 at the end of a file
        answer: dict[str, object] = json.loads(done.stdout)
        return answer

    raw = packed(np.array(said("-raw")["fingerprint"], dtype=np.uint32))
    assert decode_acoustid(str(said()["fingerprint"])) == raw
    assert encode_acoustid(raw) == said()["fingerprint"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "too short"),
        ("AQA", "too short"),
        ("AQAAAQ", "ends before"),
        ("!!!!", "base64"),
        ("A" * 5, "base64"),
        ("ÄÖ", "base64"),
        ("AwAAAA", "algorithm 4"),
        (encode_acoustid(recording(1, 40))[:-4], "ends before|longer or shorter"),
        (encode_acoustid(recording(1, 40)) + "AAAA", "longer or shorter"),
    ],
)
def test_anything_else_is_refused_and_says_why(text: str, why: str):
    with pytest.raises(Unreadable, match=why):
        decode_acoustid(text)


@given(st.binary(max_size=80))
def test_no_bytes_make_it_stumble(content: bytes):
    import base64

    try:
        fingerprint = decode_acoustid(base64.urlsafe_b64encode(b"\x01" + content).decode())
    except Unreadable:
        return
    assert decode_acoustid(encode_acoustid(fingerprint)) == fingerprint


def test_both_alphabets_of_base64_are_read():
    text = encode_acoustid(recording(2, 300))
    assert decode_acoustid(text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4)) == recording(2, 300)
