"""What a file says about its own making: generators' marks in its tags, and whether it carries signed credentials."""

from __future__ import annotations

import base64
import dataclasses
import encodings.latin_1
import encodings.utf_16
import encodings.utf_16_be
import fnmatch
import functools
import io
import re
import struct
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any, BinaryIO

import mutagen
import mutagen.flac
import mutagen.id3
import mutagen.mp4
import mutagen.oggflac
import mutagen.oggopus
import mutagen.oggvorbis

from checks.analysis import c2pa_reader, container
from checks.analysis.artwork_client import PNG
from checks.analysis.facts_json import TOO_COSTLY, UNREADABLE, Provenance
from checks.model.release import Credential, CredentialState, Explanation, TagClaim

_mutagen: Any = mutagen  # half of it has no types

#: What reading the tags may take, cover art included; ordinary files need a few megabytes.
MEMORY_BYTES = 192 << 20
#: A tag that announces more than this is not read: the largest that are sold carry a few pictures.
_MAX_TAG_BYTES = 64 << 20
#: As much of a field as is looked at, and kept as evidence. Marks stand at the front; lyrics and stories run longer.
_MAX_VALUE = 1024
_MAX_BOX_DEPTH = 8
_MAX_FIELDS = 10_000

#: C2PA 2.2, appendix A: where a manifest store is embedded, by container.
_C2PA_MIME_TYPES = ("application/x-c2pa-manifest-store", "application/c2pa")
_C2PA_BOX = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
_C2PA_CHUNK = b"C2PA"

#: Where XMP lies, by container: as the XMP specification says (part 3), and where the C2PA library puts it.
_XMP_CHUNKS, _XMP_OWNER, _XMP_BOX = (b"_PMX", b"XMP "), "XMP", bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_MAX_XMP_BYTES = 1 << 20

#: How many pictures of one file are looked at.
_MAX_PICTURES = 8
_NO_CREDENTIAL = Credential()

_OGG_READERS = {
    b"\x01vorbis": _mutagen.oggvorbis.OggVorbis,
    b"OpusHead": _mutagen.oggopus.OggOpus,
    b"\x7fFLAC": _mutagen.oggflac.OggFLAC,
}

#: Text in tags comes in these encodings, which Python would otherwise look for on disk, inside the child.
_LOADED_ENCODINGS = (encodings.latin_1, encodings.utf_16, encodings.utf_16_be)


@dataclass(frozen=True, slots=True)
class Mark:
    """One row of the data file: a pattern, and the fields in which it means something."""

    id: str
    where: re.Pattern[str]
    pattern: re.Pattern[str]
    search: int


@dataclass(frozen=True, slots=True)
class _Field:
    """One whole structured field of a tag."""

    where: str
    value: str


def read_generator_tags(file: BinaryIO, kind: str | None) -> Provenance:
    """Read the tags of an open file of this container. Tags that cannot be read give a note, never an exception.

    Manifests are only found here: until ``examine`` has read them, they count as too costly to read.
    """
    if kind is None:
        return Provenance(credential=Credential(CredentialState.NOT_ASSESSED.value))
    found = _Found()
    notes: tuple[str, ...] = ()
    try:
        for item in _READERS[kind](file):
            found.take(item)
    except Exception:  # a stranger's bytes in a library's parser: whatever it raises, the tags are unreadable
        notes = UNREADABLE.notes
    return Provenance(
        tags=_find_tag_claims(found.fields),
        credential=_unexamined_credential(found, kind, whole=not notes),
        pictures=(TOO_COSTLY,) * len(found.pictures),
        notes=notes,
        signed_pictures=tuple(found.pictures),
    )


def examine_manifests(file: BinaryIO, kind: str | None, found: Provenance) -> Provenance:
    """The same with its manifests read. What it costs is not ours to say: let it run within limits."""
    credential = found.credential
    if credential is TOO_COSTLY and kind is not None:
        credential = c2pa_reader.read_c2pa_credential(file, kind, in_place=True)
    read = [
        c2pa_reader.read_c2pa_credential(io.BytesIO(picture), "png" if picture.startswith(PNG) else "jpeg")
        for picture in found.signed_pictures
    ]
    pictures = tuple(picture for picture in read if picture != _NO_CREDENTIAL)
    return dataclasses.replace(found, credential=credential, pictures=pictures, signed_pictures=())


def _unexamined_credential(found: _Found, kind: str, *, whole: bool) -> Credential:
    if kind not in c2pa_reader.MIME_TYPES:
        return c2pa_reader.NO_PLACE
    if found.manifest:
        return TOO_COSTLY
    if not whole:
        return Credential(CredentialState.NOT_ASSESSED.value, explanation=Explanation.DAMAGED.value)
    return found.pointed or _NO_CREDENTIAL


def warm_up() -> None:
    """Load what reading needs from disk, before the disk is out of reach."""
    load_tag_patterns()
    _load_model_patterns()
    tags = _mutagen.id3.ID3()
    tags.add(_mutagen.id3.TXXX(encoding=1, desc="warm", text="up"))
    stored = io.BytesIO()
    tags.save(stored)
    stored.seek(0)
    _mutagen.id3.ID3(stored)


@functools.cache
def _load_tag_table() -> Mapping[str, Any]:
    source = resources.files("checks.analysis").joinpath("data/generator_tags.toml")
    return tomllib.loads(source.read_text(encoding="utf-8"))


@functools.cache
def load_tag_patterns() -> tuple[Mark, ...]:
    """The rows of the dated data file."""
    return tuple(
        Mark(
            id=row["id"],
            where=re.compile("|".join(fnmatch.translate(field) for field in row["where"]), re.IGNORECASE),
            pattern=re.compile(row["pattern"], re.IGNORECASE | re.DOTALL),
            search=row.get("search", _MAX_VALUE),
        )
        for row in _load_tag_table()["mark"]
    )


@functools.cache
def _load_model_patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    """Codes of models, with whatever a hyphen adds to them, and the names they are known by."""
    rows = _load_tag_table()["model"]
    return tuple((re.compile(rf"(?<![\w-]){re.escape(row['code'])}(?![^\W_])", re.I), row["name"]) for row in rows)


def _find_tag_claims(fields: list[_Field]) -> tuple[TagClaim, ...]:
    return tuple(
        TagClaim(
            mark.id,
            field.where,
            value,
            next((name for code, name in _load_model_patterns() if code.search(value)), None),
        )
        for field in fields
        for mark in load_tag_patterns()
        if mark.where.fullmatch(field.where) and mark.pattern.search(field.value[: mark.search])
        for value in [field.value.encode(errors="replace")[:_MAX_VALUE].decode(errors="ignore")]
    )


class _Manifest:
    """Found in place of a field: something lies where a manifest belongs."""


@dataclass(frozen=True, slots=True)
class _Picture:
    """Found in place of a field: a picture."""

    content: bytes


@dataclass(frozen=True, slots=True)
class _Xmp:
    """Found in place of a field: XMP, which may point to a manifest."""

    content: bytes


_Finds = Iterator[_Field | _Manifest | _Picture | _Xmp]


class _Found:
    """What the tags of one file hold, as far as it matters here."""

    def __init__(self) -> None:
        self.fields: list[_Field] = []
        self.pictures: list[bytes] = []
        self.pointed: Credential | None = None
        self.manifest = False

    def take(self, one: _Field | _Manifest | _Picture | _Xmp) -> None:
        match one:
            case _Manifest():
                self.manifest = True
            case _Xmp(content):
                self.pointed = c2pa_reader.read_manifest_pointer(content[:_MAX_XMP_BYTES]) or self.pointed
            case _Picture(content):
                if len(self.pictures) < _MAX_PICTURES and c2pa_reader.may_hold_manifest(content):
                    self.pictures.append(content)
            case _Field():
                if len(self.fields) < _MAX_FIELDS:
                    self.fields.append(one)


def _read_wave_tags(file: BinaryIO) -> _Finds:
    for chunk in container.iterate_riff_chunks(file, big_endian=False):
        if chunk.id == _C2PA_CHUNK:
            yield _Manifest()
        elif chunk.id in _XMP_CHUNKS:
            yield _Xmp(container.read_chunk_content(file, chunk, _MAX_XMP_BYTES))
        elif chunk.id == b"AIGC":
            yield _Field("RIFF/AIGC", _decode_tag_text(container.read_chunk_content(file, chunk, _MAX_VALUE)))
        elif chunk.id == b"LIST":
            yield from _read_info_chunk(container.read_chunk_content(file, chunk, _MAX_TAG_BYTES))
        elif chunk.id in (b"id3 ", b"ID3 "):
            yield from _read_id3_frames(io.BytesIO(container.read_chunk_content(file, chunk, _MAX_TAG_BYTES)))


def _read_info_chunk(content: bytes) -> _Finds:
    """The text entries of a RIFF LIST/INFO chunk."""
    if content[:4] != b"INFO":
        return
    position = 4
    while position + 8 <= len(content):
        name, size = struct.unpack("<4sI", content[position : position + 8])
        value = content[position + 8 : position + 8 + min(size, _MAX_VALUE)]
        yield _Field(f"LIST/INFO/{name.decode('latin-1')}", _decode_tag_text(value))
        position += 8 + size + (size & 1)


def _read_aiff_tags(file: BinaryIO) -> _Finds:
    for chunk in container.iterate_riff_chunks(file, big_endian=True):
        if chunk.id == b"ID3 ":
            yield from _read_id3_frames(io.BytesIO(container.read_chunk_content(file, chunk, _MAX_TAG_BYTES)))
        elif chunk.id in (b"NAME", b"AUTH", b"ANNO", b"(c) "):
            yield _Field(
                f"AIFF/{chunk.id.decode().strip()}",
                _decode_tag_text(container.read_chunk_content(file, chunk, _MAX_VALUE)),
            )


def _read_mp3_tags(file: BinaryIO) -> _Finds:
    yield from _read_id3_frames(file)


def _read_flac_tags(file: BinaryIO) -> _Finds:
    if container.id3_length(file, 0):
        yield from _read_id3_frames(file)
    file.seek(0)
    song = _mutagen.flac.FLAC(file)
    yield from _read_vorbis_comments(song.tags)
    yield from (_Picture(picture.data) for picture in song.pictures)


def _read_ogg_tags(file: BinaryIO) -> _Finds:
    file.seek(0)
    head = file.read(512)
    for magic, reader in _OGG_READERS.items():
        if magic in head:
            file.seek(0)
            yield from _read_vorbis_comments(reader(file).tags)


def _read_mp4_tags(file: BinaryIO) -> _Finds:
    for box in container.iterate_mp4_boxes(file):
        if box.id == b"uuid" and container.read_chunk_content(file, box, 16) == _C2PA_BOX:
            yield _Manifest()
        elif box.id == b"uuid" and container.read_chunk_content(file, box, 16) == _XMP_BOX:
            yield _Xmp(container.read_chunk_content(file, box, _MAX_XMP_BYTES))
        elif box.id == b"moov" and box.size <= _MAX_TAG_BYTES:
            yield from _named_items(container.read_chunk_content(file, box, _MAX_TAG_BYTES))
    file.seek(0)
    for key, values in (_mutagen.mp4.MP4(file).tags or {}).items():
        if key == "©lyr":
            continue
        for value in values if isinstance(values, list) else [values]:
            if key == "covr":
                yield _Picture(bytes(value))
            elif isinstance(value, (str, bytes)):
                yield _Field(f"MP4/{key}", value if isinstance(value, str) else _decode_tag_text(value))


def _read_id3_frames(file: BinaryIO) -> _Finds:
    """The text, comment, address and object frames; lyrics are the artist's words and stay out."""
    if container.id3_length(file, 0) > _MAX_TAG_BYTES:
        raise ValueError("a tag of this size is not read")
    file.seek(0)
    try:
        frames = _mutagen.id3.ID3(file)
    except _mutagen.id3.ID3NoHeaderError:
        return
    for frame in frames.values():
        if frame.FrameID == "GEOB" and frame.mime.lower() in _C2PA_MIME_TYPES:
            yield _Manifest()
        elif frame.FrameID == "PRIV" and frame.owner == _XMP_OWNER:
            yield _Xmp(frame.data)
        elif frame.FrameID == "APIC":
            yield _Picture(frame.data)
        elif frame.FrameID == "COMM" or isinstance(frame, _mutagen.id3.TextFrame):
            where = f"TXXX:{frame.desc}" if frame.FrameID == "TXXX" else frame.FrameID
            yield _Field(where, "\n".join(map(str, frame.text)))
        elif isinstance(frame, _mutagen.id3.UrlFrame):
            yield _Field(f"WXXX:{frame.desc}" if frame.FrameID == "WXXX" else frame.FrameID, frame.url)


def _read_vorbis_comments(tags: Any) -> _Finds:
    for key, value in tags or ():
        if key.upper() == "METADATA_BLOCK_PICTURE":
            yield _Picture(_mutagen.flac.Picture(base64.b64decode(value)).data)
        elif key.upper() not in ("LYRICS", "UNSYNCEDLYRICS"):
            yield _Field(f"vorbis/{key.upper()}", value)


def _named_items(moov: bytes) -> _Finds:
    """The free-form items of moov/udta/meta: a list of names, and values that point into it."""
    names: list[str] = []
    for path, content in _iterate_nested_boxes(moov, ()):
        if path[-1] == b"keys":
            names = _key_names(content)
        elif len(path) > 1 and path[-2] == b"ilst" and names:
            index = int.from_bytes(path[-1], "big") - 1
            if 0 <= index < len(names):
                yield _Field(
                    f"MP4/{names[index]}", _decode_tag_text(content[16:])
                )  # past the data box's head, type and locale


def _iterate_nested_boxes(content: bytes, path: tuple[bytes, ...]) -> Iterator[tuple[tuple[bytes, ...], bytes]]:
    """The boxes that may hold names and values, depth first."""
    if len(path) > _MAX_BOX_DEPTH:
        return
    position = 0
    while position + 8 <= len(content):
        size, name = struct.unpack(">I4s", content[position : position + 8])
        if size < 8:
            return
        inner = content[position + 8 : position + size]
        here = (*path, name)
        if name in (b"udta", b"ilst"):
            yield from _iterate_nested_boxes(inner, here)
        elif name == b"meta":
            yield from _iterate_nested_boxes(inner[4:], here)  # past version and flags
        else:
            yield here, inner
        position += size


def _key_names(content: bytes) -> list[str]:
    """The names in a keys box: a count, then size, namespace and text of each."""
    names: list[str] = []
    position = 8
    while position + 8 <= len(content):
        size = int.from_bytes(content[position : position + 4], "big")
        if size < 8:
            break
        names.append(_decode_tag_text(content[position + 8 : position + size]))
        position += size
    return names


def _decode_tag_text(content: bytes) -> str:
    return content.split(b"\0", 1)[0].decode("utf-8", errors="replace")


_READERS = {
    "wav": _read_wave_tags,
    "aiff": _read_aiff_tags,
    "mp3": _read_mp3_tags,
    "flac": _read_flac_tags,
    "ogg": _read_ogg_tags,
    "mp4": _read_mp4_tags,
}
