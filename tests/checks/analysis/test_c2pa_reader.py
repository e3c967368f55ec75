"""Credentials made here and now by an authority of our own, read in the shut-in child."""

import base64
import dataclasses
import datetime as dt
import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import c2pa
import mutagen
import mutagen.flac
import mutagen.id3
import mutagen.mp4
import numpy as np
import pytest
from PIL import Image

from checks.analysis import Analyser, artwork_client, c2pa_reader, jumbf, sandbox_escapes
from checks.analysis.c2pa_trust import TrustList, judge_credential
from checks.model.release import AudioFacts, Credential, ImageFacts, Source
from intake.demo import sounds
from tests import authority
from tests.authority import GENERATED, IPTC, action

from . import files
from .conftest import Measure

TODAY = dt.datetime.now(dt.UTC).date()
ROOT = authority.root("Root")
BETWEEN = authority.authority("Between", ROOT)
SIGNER = authority.signer("Signer", BETWEEN)
TRUSTED = TrustList((ROOT.der,))
NOBODY = TrustList()

AUDIO = ("wav", "mp3", "flac", "m4a")
COVERS = ("jpg", "png")
CREATED = Source("trainedAlgorithmicMedia", "action:c2pa.created")


@pytest.fixture
def song(tmp_path: Path) -> Callable[[str], Path]:
    return lambda kind: sounds.encode_demo_audio(files.music(1), 44100, tmp_path / f"song.{kind}")


@pytest.fixture
def cover(tmp_path: Path) -> Callable[[str], Path]:
    def paint(kind: str) -> Path:
        path = tmp_path / f"cover.{kind}"
        noise = np.random.default_rng(1).integers(0, 255, (64, 64, 3), dtype=np.uint8)
        Image.fromarray(noise).save(path)
        return path

    return paint


def signed(path: Path, **settings: object) -> Path:
    return authority.sign(path, SIGNER, BETWEEN, **settings)  # type: ignore[arg-type]


def measured_image(path: Path) -> ImageFacts:
    with path.open("rb") as file:
        return artwork_client.measure_artwork_file(file, "ab" * 32)


# --- Four containers, and what can have happened to them -----------------------------------------------------------


@pytest.mark.parametrize("kind", AUDIO)
def test_a_credential_that_holds_says_who_signed_and_what(
    measure: Measure, song: Callable[[str], Path], kind: str
) -> None:
    facts = measure(signed(song(kind)))
    found = facts.credential
    assert facts.ok
    assert (found.state, found.source_types, found.sources) == ("untrusted", ("trainedAlgorithmicMedia",), (CREATED,))
    assert (found.signer, found.common_name, found.issuer) == ("Signer, Signer Ltd", "Signer", "Signer Ltd")
    assert found.failures == ("signingCredential.untrusted",)
    assert found.generator is not None
    assert found.generator.startswith("Test Generator 2.1")
    assert (found.explanation, found.signed_at, found.trust_list) == (None, None, None)
    assert len(found.chain) == 2


@pytest.mark.parametrize("kind", AUDIO)
def test_it_is_trusted_by_those_who_trust_its_root(measure: Measure, song: Callable[[str], Path], kind: str) -> None:
    found = measure(signed(song(kind))).credential
    assert judge_credential(found, NOBODY, TODAY).state == "untrusted"
    trusted = judge_credential(found, TRUSTED, TODAY)
    assert (trusted.state, trusted.failures, trusted.trust_list) == ("trusted", (), TRUSTED.digest)
    assert judge_credential(found, TrustList((authority.root("Root").der,)), TODAY).state == "untrusted"


@pytest.mark.parametrize("kind", AUDIO)
def test_one_changed_byte_of_sound_breaks_it_and_what_it_said_is_still_known(
    measure: Measure, song: Callable[[str], Path], kind: str
) -> None:
    path = signed(song(kind))
    content = bytearray(path.read_bytes())
    content[_within_the_sound(path, content)] ^= 1
    found = measure(files.write(path, bytes(content))).credential
    assert (found.state, found.explanation) == ("invalid", "changed_after_signing")
    mismatch = "assertion.bmffHash.mismatch" if kind == "m4a" else "assertion.dataHash.mismatch"
    assert mismatch in found.failures
    assert (found.sources, found.signer) == ((CREATED,), "Signer, Signer Ltd")
    assert judge_credential(found, TRUSTED, TODAY).state == "invalid"


def _within_the_sound(path: Path, content: bytearray) -> int:
    """A place that is sound and no header of it, whatever the container."""
    manifest = content.find(b"jumb")
    middle = len(content) // 2
    return middle if abs(middle - manifest) > 8192 else len(content) // 4


@pytest.mark.parametrize("kind", AUDIO)
def test_a_title_written_after_signing_breaks_it(measure: Measure, song: Callable[[str], Path], kind: str) -> None:
    path = signed(song(kind))
    tagged = mutagen.File(path)
    if kind == "m4a":
        tagged["©nam"] = ["Another title"]
    elif kind == "flac":
        tagged["title"] = "Another title"
    else:
        if tagged.tags is None:
            tagged.add_tags()
        tagged.tags.add(mutagen.id3.TIT2(encoding=3, text="Another title"))
    tagged.save()
    found = measure(path).credential
    assert (found.state, found.explanation, found.sources) == ("invalid", "changed_after_signing", (CREATED,))


@pytest.mark.parametrize("kind", AUDIO)
def test_a_file_that_ends_early_no_longer_holds(measure: Measure, song: Callable[[str], Path], kind: str) -> None:
    path = signed(song(kind))
    whole = path.read_bytes()
    found = measure(files.write(path, whole[: len(whole) * 9 // 10])).credential
    # In a WAVE file the manifest lies behind the sound, so it went with the end.
    expected = ("none", None) if kind == "wav" else ("invalid", "changed_after_signing")
    assert (found.state, found.explanation) == expected


@pytest.mark.parametrize("kind", AUDIO)
def test_copying_the_sound_into_a_new_file_leaves_the_credential_behind(
    measure: Measure, song: Callable[[str], Path], tmp_path: Path, kind: str
) -> None:
    path, copy = signed(song(kind)), tmp_path / f"copy.{kind}"
    with av.open(str(path)) as source, av.open(str(copy), "w", format="ipod" if kind == "m4a" else kind) as sink:
        stream = sink.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(source.streams.audio[0]):
            if packet.dts is not None:
                packet.stream = stream
                sink.mux(packet)
    assert measure(copy).credential == Credential()


@pytest.mark.parametrize("kind", AUDIO)
def test_an_unsigned_file_has_none(measure: Measure, song: Callable[[str], Path], kind: str) -> None:
    assert measure(song(kind)).credential == Credential()


@pytest.mark.parametrize("kind", ["ogg", "opus", "aif"])
def test_where_a_credential_has_no_place_nothing_is_said(
    measure: Measure, song: Callable[[str], Path], tmp_path: Path, kind: str
) -> None:
    if kind == "aif":
        with av.open(str(tmp_path / "song.aif"), "w", format="aiff") as sink:
            stream = sink.add_stream("pcm_s16be", rate=44100)
            stream.codec_context.layout = "mono"
            frame = av.AudioFrame.from_ndarray(files.pcm(files.music(1))[None, :44100].reshape(1, -1), "s16", "mono")
            frame.sample_rate = 44100
            for packet in [*stream.encode(frame), *stream.encode(None)]:
                sink.mux(packet)
        path = tmp_path / "song.aif"
    else:
        path = song(kind)
    found = measure(path).credential
    assert (found.state, found.explanation) == ("not_assessed", "no_place")


# --- What manifests say --------------------------------------------------------------------------------------------


def test_an_edited_file_keeps_its_origin(measure: Measure, song: Callable[[str], Path], tmp_path: Path) -> None:
    origin = signed(song("wav"))
    edited = sounds.encode_demo_audio(files.music(1, seed=3), 44100, tmp_path / "edited.wav")
    signed(edited, actions=(action("c2pa.edited", IPTC + "humanEdits"),), ingredient=origin)
    found = measure(edited).credential
    assert found.sources == (
        Source("humanEdits", "action:c2pa.edited"),
        Source("trainedAlgorithmicMedia", "ingredient:action:c2pa.created"),
    )
    assert found.source_types == ("humanEdits", "trainedAlgorithmicMedia")


def test_a_type_in_a_metadata_assertion_is_read(measure: Measure, song: Callable[[str], Path]) -> None:
    told = {
        "label": "cawg.metadata",
        "data": {
            "@context": {"Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"},
            "Iptc4xmpExt:DigitalSourceType": GENERATED,
        },
    }
    found = measure(signed(song("mp3"), actions=(action(source=IPTC + "digitalCreation"),), assertions=(told,)))
    assert Source("trainedAlgorithmicMedia", "assertion:cawg.metadata") in found.credential.sources


def test_a_generator_that_describes_itself_is_named(measure: Measure, song: Callable[[str], Path]) -> None:
    told = {"providerName": "Suno", "systemName": "chirp", "systemVersion": "v5", "contentId": "1"}
    path = signed(song("mp3"), assertions=({"label": "com.suno.provenance", "data": told},))
    generator = measure(path).credential.generator
    assert generator is not None
    assert generator.endswith("; Suno chirp v5")


def test_a_signer_whose_certificate_ran_out_does_not_hold(measure: Measure, song: Callable[[str], Path]) -> None:
    """The library refuses to sign with such a certificate, so the file is signed with a good one that is exchanged."""
    path = song("wav")
    good = authority.signer("Signer", ROOT)
    authority.sign(path, good)
    content = path.read_bytes()
    old = authority._issued("Signer", ROOT, ca=False, days=(-300, -1), key=good.key)
    assert content.count(good.der) == 1
    if len(old.der) != len(good.der):
        pytest.skip("the two certificates differ in length, by a byte of a random signature")
    found = measure(files.write(path, content.replace(good.der, old.der))).credential
    assert found.state == "invalid"
    assert "signingCredential.expired" in found.failures


@pytest.mark.parametrize("kind", AUDIO)
def test_a_changed_manifest_is_told_from_a_changed_file(
    measure: Measure, song: Callable[[str], Path], kind: str
) -> None:
    path = signed(song(kind))
    changed = path.read_bytes().replace(b"trainedAlgorithmicMedia", b"trainedAlgorithmicMediX")
    found = measure(files.write(path, changed)).credential
    assert (found.state, found.explanation) == ("invalid", "signature_broken")


@pytest.mark.parametrize("kind", AUDIO)
def test_a_wrecked_manifest_is_there_and_unread(measure: Measure, song: Callable[[str], Path], kind: str) -> None:
    path = signed(song(kind))
    content = bytearray(path.read_bytes())
    start = content.find(b"jumb") + 40
    content[start : start + 300] = bytes(300)
    found = measure(files.write(path, bytes(content))).credential
    assert (found.state, found.explanation) == ("unread", "damaged")


# --- Pictures: artwork, and never the sound ------------------------------------------------------------------------


@pytest.mark.parametrize("kind", COVERS)
def test_a_cover_has_a_credential_of_its_own(cover: Callable[[str], Path], kind: str) -> None:
    facts = measured_image(signed(cover(kind)))
    assert facts.ok
    assert (facts.credential.state, facts.credential.sources) == ("untrusted", (CREATED,))
    assert judge_credential(facts.credential, TRUSTED, TODAY).state == "trusted"


@pytest.mark.parametrize("kind", COVERS)
def test_a_changed_cover_no_longer_holds(cover: Callable[[str], Path], kind: str) -> None:
    path = signed(cover(kind))
    content = path.read_bytes()
    found = measured_image(files.write(path, content + b"\0")).credential
    assert (found.state, found.explanation) == ("invalid", "changed_after_signing")


@pytest.mark.parametrize("kind", COVERS)
def test_a_cover_that_was_saved_again_has_none(cover: Callable[[str], Path], kind: str) -> None:
    path = signed(cover(kind))
    Image.open(path).save(path)
    assert measured_image(path).credential == Credential()
    assert measured_image(cover(kind)).credential == Credential()


def test_a_cover_that_only_speaks_of_credentials_has_none(cover: Callable[[str], Path]) -> None:
    path = cover("png")
    image = Image.open(path)
    image.save(path.with_suffix(".jpg"), comment=b"a comment about jumb boxes and c2pa")
    assert measured_image(path.with_suffix(".jpg")).credential == Credential()


@pytest.mark.parametrize("kind", ["mp3", "flac", "m4a", "ogg"])
@pytest.mark.parametrize("art", COVERS)
def test_the_picture_in_a_files_tags_speaks_of_artwork_alone(
    measure: Measure, song: Callable[[str], Path], cover: Callable[[str], Path], kind: str, art: str
) -> None:
    path, picture = song(kind), signed(cover(art)).read_bytes()
    _embed(path, picture, authority.MIME_TYPES[f".{art}"])
    facts = measure(path)
    assert facts.credential.state == ("not_assessed" if kind == "ogg" else "none")
    assert [(item.state, item.sources) for item in facts.pictures] == [("untrusted", (CREATED,))]


def test_pictures_without_a_credential_are_not_mentioned(
    measure: Measure, song: Callable[[str], Path], cover: Callable[[str], Path]
) -> None:
    path = song("mp3")
    _embed(path, cover("png").read_bytes(), "image/png")
    assert measure(path).pictures == ()


def _embed(path: Path, picture: bytes, mime: str) -> None:
    tagged = mutagen.File(path)
    if isinstance(tagged, mutagen.mp4.MP4):
        tagged["covr"] = [mutagen.mp4.MP4Cover(picture)]
    elif path.suffix == ".mp3":
        if tagged.tags is None:
            tagged.add_tags()
        tagged.tags.add(mutagen.id3.APIC(encoding=3, mime=mime, type=3, desc="cover", data=picture))
    else:
        block = mutagen.flac.Picture()
        block.data, block.mime, block.type = picture, mime, 3
        if isinstance(tagged, mutagen.flac.FLAC):
            tagged.add_picture(block)
        else:
            tagged["metadata_block_picture"] = [base64.b64encode(block.write()).decode()]
    tagged.save()


# --- Nothing is fetched --------------------------------------------------------------------------------------------


@pytest.fixture
def listener() -> Iterator[tuple[str, list[bytes]]]:
    """An address on this machine, and everything that was ever said to it."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def listen() -> None:
            while True:
                try:
                    caller, _ = server.accept()
                except OSError:
                    return
                with caller:
                    heard.append(caller.recv(4096))

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/manifest.c2pa", heard
        server.shutdown(socket.SHUT_RDWR)
    thread.join(5)


@pytest.mark.parametrize("kind", AUDIO)
def test_the_address_of_a_manifest_is_never_called(
    measure: Measure, song: Callable[[str], Path], listener: tuple[str, list[bytes]], kind: str
) -> None:
    address, heard = listener
    path = signed(song(kind), address=address)
    found = measure(path).credential
    assert (found.state, found.explanation, heard) == ("unread", "elsewhere", [])
    # Not in this process either, where nothing but the library's settings stands in the way ...
    with path.open("rb") as file:
        by_settings = c2pa_reader.read_c2pa_credential(file, "mp4" if kind == "m4a" else kind)
    assert (by_settings.explanation, heard) == ("elsewhere", [])
    # ... and the listener would have heard it: as delivered, the library calls.
    with pytest.raises(c2pa.C2paError, match="Remote"):
        c2pa.Reader(path)
    assert [request.split(b" ")[0] for request in heard] == [b"GET"]


@pytest.mark.parametrize("kind", COVERS)
def test_the_address_in_a_cover_is_never_called(
    cover: Callable[[str], Path], listener: tuple[str, list[bytes]], kind: str
) -> None:
    address, heard = listener
    found = measured_image(signed(cover(kind), address=address)).credential
    assert (found.state, found.explanation, heard) == ("unread", "elsewhere", [])


def test_the_child_that_reads_credentials_could_not_call_anybody() -> None:
    refused = {test.what: test.refused for test in sandbox_escapes.run_escape_tests()[1]}
    assert refused["open a network socket"]
    assert refused["open a local socket"]


def test_a_pointer_to_a_manifest_that_is_gone_is_noticed(measure: Measure, song: Callable[[str], Path]) -> None:
    path = song("mp3")
    tags = mutagen.id3.ID3(path)
    xmp = b'<x:xmpmeta><rdf:Description dcterms:provenance="self#jumbf=/c2pa/urn:c2pa:1"/></x:xmpmeta>'
    tags.add(mutagen.id3.PRIV(owner="XMP", data=xmp))
    tags.save(path)
    found = measure(path).credential
    assert (found.state, found.explanation) == ("none", "left_behind")


# --- Hostile manifests ---------------------------------------------------------------------------------------------


def test_a_manifest_that_costs_too_much_takes_nothing_else_with_it(
    song: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was measured before, and what the tags say, stays; of the credential it is said that it cost too much."""
    path = song("mp3")
    tags = mutagen.id3.ID3(path)
    tags.add(mutagen.id3.COMM(encoding=3, lang="eng", desc="", text="made with suno; x"))
    tags.save(path)
    signed(path)
    with Analyser(measure="tests.checks.analysis.misbehaving:eaten_by_its_credential") as analyser:
        facts: AudioFacts = analyser.analyse(path, "ab" * 32)
    assert facts.ok
    assert [tag.pattern for tag in facts.tags] == ["suno.made_with"]
    assert (facts.credential.state, facts.credential.explanation) == ("unread", "too_costly")


@pytest.mark.parametrize("seed", range(40))
def test_any_changed_byte_of_a_manifest_gives_an_answer(tmp_path: Path, seed: int) -> None:
    """Read here, without the child around it: what is raised would be raised in the child."""
    path = signed(sounds.encode_demo_audio(files.music(0.2), 44100, tmp_path / "a.mp3"))
    random = np.random.default_rng(seed)
    content = bytearray(path.read_bytes())
    start = content.find(b"jumb")
    for position in random.integers(start, start + 3000, 3):
        content[position] = random.integers(0, 256)
    with files.write(path, bytes(content)).open("rb") as file:
        found = c2pa_reader.read_c2pa_credential(file, "mp3", in_place=True)
    assert found.state in ("invalid", "unread", "untrusted")
    json.dumps(dataclasses.asdict(found))


@pytest.mark.parametrize(
    "store",
    [
        b"",
        b"\0\0\0\x08jumb",
        b"\xff" * 100,
        bytes(200),
        b"\0\0\0\x30jumb\0\0\0\x1ejumd" + bytes(17) + b"c2pa\0" + b"\0\0\0\x0ajumbxx",
    ],
)
def test_what_is_no_manifest_store_has_no_certificates(store: bytes) -> None:
    with pytest.raises(ValueError, match="signature"):
        jumbf.read_manifest_certificates(store, "urn:c2pa:1")


@pytest.mark.parametrize("seed", range(100))
def test_cbor_that_is_none_is_refused_and_nothing_worse(seed: int) -> None:
    random = np.random.default_rng(seed)
    content = bytes([0xD2, 0x84]) + random.bytes(40)
    with pytest.raises(ValueError):
        jumbf._read_certificate_chain(content)


def test_the_certificates_are_those_that_signed(tmp_path: Path) -> None:
    path = signed(sounds.encode_demo_audio(files.music(0.2), 44100, tmp_path / "a.wav"))
    with path.open("rb") as file:
        chain = [base64.b64decode(item) for item in c2pa_reader.read_c2pa_credential(file, "wav").chain]
    assert chain == [SIGNER.der, BETWEEN.der]
