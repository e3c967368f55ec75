"""A marked copy has the same sound, says what it should, and is signed with a key that never enters the child."""

from __future__ import annotations

import base64
import datetime as dt
import errno
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from checks.analysis import c2pa_sign, sandbox_run
from checks.analysis.c2pa_sign import CannotBeMarked, Identity, Marked, Refusal, UnusableIdentity
from checks.analysis.c2pa_trust import TrustList, judge_credential
from checks.analysis.sandbox import Limits
from intake.demo import sounds
from tests import authority
from tests.authority import GENERATED

from . import files
from .conftest import Measure

ROOT = authority.root("Operator root")
SIGNER = authority.signer("Operator", ROOT)
IDENTITY = Identity(SIGNER.pem + ROOT.pem, SIGNER.key_pem.encode())
MANIFEST = {
    "claim_generator_info": [{"name": "Release intake gate", "version": "1"}],
    "title": "song",
    "assertions": [
        {
            "label": "c2pa.actions.v2",
            "data": {"actions": [{"action": "c2pa.published", "digitalSourceType": GENERATED}]},
        },
        {"label": "release-intake-gate.decision", "data": {"decision": "0192", "labels": [{"key": "ai:recording"}]}},
    ],
}
AUDIO = ("wav", "mp3", "flac", "m4a")


@pytest.fixture
def song(tmp_path: Path) -> Callable[[str], Path]:
    return lambda kind: sounds.encode_demo_audio(files.music(2), 44100, tmp_path / f"song.{kind}")


def mark(path: Path, identity: Identity = IDENTITY) -> tuple[Path, Marked]:
    copy = path.with_stem("marked")
    with path.open("rb") as source, copy.open("wb+") as target:
        return copy, c2pa_sign.write_signed_copy(source, target, MANIFEST, identity)


def samples(path: Path) -> np.ndarray:
    with av.open(str(path)) as opened:
        return np.concatenate([frame.to_ndarray() for frame in opened.decode(audio=0)], axis=1)


@pytest.mark.parametrize("kind", AUDIO)
def test_the_copy_says_what_was_decided_and_sounds_the_same(
    measure: Measure, song: Callable[[str], Path], kind: str
) -> None:
    path = song(kind)
    before = path.read_bytes()
    copy, marked = mark(path)
    assert path.read_bytes() == before
    assert (marked.source_types, marked.signer) == (("trainedAlgorithmicMedia",), "Operator, Operator Ltd")
    np.testing.assert_array_equal(samples(copy), samples(path))
    original, facts = measure(path), measure(copy)
    assert facts.ok
    assert (facts.fingerprint, facts.notes, facts.duration) == (original.fingerprint, original.notes, original.duration)
    found = facts.credential
    assert (found.state, found.source_types) == ("untrusted", ("trainedAlgorithmicMedia",))
    assert found.generator is not None
    assert found.generator.startswith("Release intake gate 1")
    assert judge_credential(found, TrustList((ROOT.der,)), dt.datetime.now(dt.UTC).date()).state == "trusted"
    assert b"release-intake-gate.decision" in copy.read_bytes()


@pytest.mark.parametrize("kind", AUDIO)
def test_a_credential_that_was_there_is_kept_as_the_origin(
    measure: Measure, song: Callable[[str], Path], kind: str
) -> None:
    path = song(kind)
    authority.sign(path, authority.signer("Generator", authority.root("Its root")))
    copy, _ = mark(path)
    found = measure(copy).credential
    assert (found.state, found.common_name) == ("untrusted", "Operator")
    assert [source.where for source in found.sources] == ["action:c2pa.published", "ingredient:action:c2pa.created"]


@pytest.mark.parametrize("kind", AUDIO)
def test_a_file_without_any_sign_of_ai_beside_its_label_is_marked_alike(song: Callable[[str], Path], kind: str) -> None:
    first, second = mark(song(kind))[1], mark(song(kind))[1]
    assert first.sound == second.sound


@pytest.mark.parametrize("kind", ["ogg", "opus"])
def test_where_a_manifest_has_no_place_nothing_is_marked(song: Callable[[str], Path], kind: str) -> None:
    with pytest.raises(CannotBeMarked) as refused:
        mark(song(kind))
    assert refused.value.refusal is Refusal.CONTAINER


def test_what_is_no_audio_is_not_marked(tmp_path: Path) -> None:
    with pytest.raises(CannotBeMarked) as refused:
        mark(files.write(tmp_path / "a.wav", b"RIFF but no more"))
    assert refused.value.refusal is Refusal.CONTAINER


def test_a_copy_of_other_sound_is_thrown_away(song: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    work = "tests.checks.analysis.mismarking:changes_the_sound"
    run = sandbox_run.converse_sandboxed
    monkeypatch.setattr(sandbox_run, "converse_sandboxed", lambda _, *given, **limits: run(work, *given, **limits))
    with pytest.raises(CannotBeMarked) as refused:
        mark(song("wav"))
    assert refused.value.refusal is Refusal.SOUND


def test_a_full_disk_is_an_error_that_passes_and_no_refusal(song: Callable[[str], Path]) -> None:
    path = song("wav")
    with path.open("rb") as source, open("/dev/full", "wb+") as target, pytest.raises(OSError) as full:  # noqa: PTH123
        c2pa_sign.write_signed_copy(source, target, MANIFEST, IDENTITY)
    assert full.value.errno == errno.ENOSPC


# --- The child -----------------------------------------------------------------------------------------------------


def test_the_child_writes_into_its_file_and_nowhere_else(tmp_path: Path) -> None:
    source, target = files.write(tmp_path / "a", b"question"), tmp_path / "b"
    asked: list[bytes] = []

    def reply(question: bytes) -> bytes:
        asked.append(question)
        return question.upper()

    with source.open("rb") as content, target.open("wb+") as written:
        answer = sandbox_run.converse_sandboxed(
            "tests.checks.analysis.mismarking:tries_everything",
            content,
            written,
            b"hello",
            reply,
            limits=Limits(5, 64 << 20, 100),
        )
    assert asked == [b"question"]
    assert answer == b"hello QUESTION; refused: open socket fork; wrote 100"
    assert target.stat().st_size == 100


@pytest.mark.parametrize("misdeed", ["leaves", "crashes"])
def test_a_child_that_ends_early_is_told(tmp_path: Path, misdeed: str) -> None:
    source = files.write(tmp_path / "a", b"x")
    with source.open("rb") as content, (tmp_path / "b").open("wb+") as written, pytest.raises(sandbox_run.Ended):
        sandbox_run.converse_sandboxed(
            f"tests.checks.analysis.mismarking:{misdeed}", content, written, b"", bytes, limits=Limits(5, 64 << 20)
        )


# --- Keys ----------------------------------------------------------------------------------------------------------


def test_a_key_that_is_not_the_certificates_is_refused() -> None:
    other = authority.signer("Other", ROOT)
    with pytest.raises(UnusableIdentity, match="not the one"):
        Identity(SIGNER.pem, other.key_pem.encode())
    for certificates, key in (("", SIGNER.key_pem), (SIGNER.pem, "no key"), (SIGNER.pem, ROOT.pem)):
        with pytest.raises(UnusableIdentity, match="cannot be read"):
            Identity(certificates, key.encode())


def test_files_that_are_not_there_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnusableIdentity, match="No such file"):
        Identity.load(tmp_path / "absent.pem", tmp_path / "absent.key")


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (ec.generate_private_key(ec.SECP384R1()), "es384"),
        (ed25519.Ed25519PrivateKey.generate(), "ed25519"),
        (rsa.generate_private_key(65537, 2048), "ps256"),
    ],
)
def test_every_kind_of_key_signs(measure: Measure, song: Callable[[str], Path], key: object, algorithm: str) -> None:
    signer = authority._issued("Operator", ROOT, ca=False, key=key)  # type: ignore[arg-type]
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())  # type: ignore[attr-defined]
    identity = Identity(signer.pem, pem)
    assert identity.algorithm == algorithm
    copy, _ = mark(song("mp3"), identity)
    found = measure(copy).credential
    assert found.state == "untrusted"
    assert found.chain == (base64.b64encode(signer.der).decode(),)
    assert judge_credential(found, TrustList((ROOT.der,)), dt.datetime.now(dt.UTC).date()).state == "trusted"


def test_a_curve_that_c2pa_does_not_know_is_refused() -> None:
    key = ec.generate_private_key(ec.SECP256K1())
    signer = authority._issued("Operator", ROOT, ca=False, key=key)
    with pytest.raises(UnusableIdentity, match="P-256"):
        Identity(signer.pem, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
