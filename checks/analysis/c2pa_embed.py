"""Writes a manifest into a copy of a file and proves that its sound is the same: the work of a child that is shut in.

The key stays outside: what is to be signed goes out through a channel, and the signature comes back.
"""

from __future__ import annotations

import hashlib
import io
import json
import wave
from collections.abc import Callable
from typing import Any, BinaryIO

import c2pa

from checks.analysis import c2pa_reader, container
from checks.analysis.decode import open_input
from checks.model.release import CredentialState

#: Asks the holder of the key for a signature.
Ask = Callable[[bytes], bytes]

#: Nothing is fetched, and what was signed is read again at once by the library itself.
_SETTINGS = {
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_after_sign": True},
    "builder": {"thumbnail": {"enabled": False}},
}


class Unmarkable(Exception):
    """This file cannot be marked; the argument is a ``checks.analysis.c2pa_sign.Refusal``."""


def embed_signed_manifest(source: BinaryIO, target: BinaryIO, request: bytes, ask: Ask) -> bytes:
    """Sign a copy of ``source`` into ``target``; the answer, in JSON, says what was proved of it, or why there is none.

    ``request``, in JSON: the manifest, the signer's certificates in PEM, and the algorithm of its key.
    """
    asked = json.loads(request)
    kind = container.identify_container(source)
    if kind is None or kind.name not in c2pa_reader.MIME_TYPES:
        return json.dumps({"refusal": "container"}).encode()
    before, watched = sound_of(source, kind.name), _Watched(target)
    try:
        _sign_manifest(source, watched, kind.name, asked, ask)
        return json.dumps({"sound": before, **_verify_signed_copy(target, kind.name, before, asked["leaf"])}).encode()
    except Unmarkable as refusal:
        if watched.error is not None:
            return json.dumps({"errno": watched.error}).encode()
        return json.dumps({"refusal": str(refusal)}).encode()


class _Watched:
    """A file that remembers why it could not be written: the library only says that it could not."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.error: int | None = None

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._file, name)
        if not callable(method):
            return method

        def watched(*arguments: Any) -> Any:
            try:
                return method(*arguments)
            except OSError as error:
                self.error = error.errno
                raise

        return watched


def sound_of(file: BinaryIO, kind: str) -> str:
    """SHA-256 of the coded sound, packet by packet as a player gets it, and of what a decoder needs to know first."""
    digest = hashlib.sha256()
    file.seek(0)
    with open_input(file, kind) as opened:
        stream = opened.streams.audio[0]
        codec = stream.codec_context
        shape = (codec.name, codec.sample_rate, codec.layout.name, codec.format and codec.format.name)
        digest.update(repr(shape).encode() + (codec.extradata or b""))
        for packet in opened.demux(stream):
            digest.update(bytes(packet))
    return digest.hexdigest()


def _sign_manifest(source: BinaryIO, target: Any, kind: str, asked: dict[str, Any], ask: Ask) -> None:
    mime, algorithm = c2pa_reader.MIME_TYPES[kind], c2pa.C2paSigningAlg[asked["algorithm"].upper()]
    with (
        c2pa.Context.from_dict(_SETTINGS) as context,
        c2pa.Signer.from_callback(ask, algorithm, asked["certificates"]) as signer,
        c2pa.Builder.from_json(asked["manifest"], context=context) as builder,
    ):
        builder.set_intent(c2pa.C2paBuilderIntent.EDIT)  # the file as delivered is the parent, with all that it says
        source.seek(0)
        try:
            builder.add_ingredient({"relationship": "parentOf"}, mime, source)
            source.seek(0)
            builder.sign(signer, mime, source, target)
        except c2pa.C2paError as error:
            raise Unmarkable(f"signing: {error}") from error
    target.flush()


def _verify_signed_copy(target: BinaryIO, kind: str, before: str, leaf: str) -> dict[str, Any]:
    """What the marked file says when it is read as any other. Raises Unmarkable where it is not what was meant."""
    target.seek(0)
    again = container.identify_container(target)
    if again is None or again.name != kind or sound_of(target, kind) != before:
        raise Unmarkable("sound")
    found = c2pa_reader.read_c2pa_credential(target, kind, in_place=True)
    if found.state != CredentialState.UNTRUSTED or not found.chain or found.chain[0] != leaf:
        raise Unmarkable(f"credential: {found.state} {', '.join(found.failures)}".strip())
    return {"source_types": list(found.source_types), "signer": found.signer}


def _warm_up() -> None:
    """Whatever the libraries import late must be in memory: the child can open no file."""
    sample = io.BytesIO()
    with wave.open(sample, "wb") as sink:
        sink.setnchannels(1)
        sink.setsampwidth(2)
        sink.setframerate(8000)
        sink.writeframes(bytes(1600))
    sound_of(sample, "wav")
    c2pa_reader.warm_up()


_warm_up()
