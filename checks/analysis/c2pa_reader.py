"""Reads Content Credentials: what a signed manifest in a file says of the file, who signed it, and whether it holds."""

from __future__ import annotations

import base64
import dataclasses
import io
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

import c2pa

from checks.analysis import jumbf
from checks.analysis.artwork_client import PNG
from checks.model.release import Credential, CredentialState, Explanation, Source

#: Containers in which the library finds manifests, by the names that it knows them under. It has none for Ogg and AIFF.
MIME_TYPES = {
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "flac": "audio/flac",
    "mp4": "audio/mp4",
    "jpeg": "image/jpeg",
    "png": "image/png",
}

#: Reading a manifest may take this much on top of all else: ordinary ones need 4 to 34 ms and a few megabytes.
MEMORY_BYTES, CPU_SECONDS = 192 << 20, 5

#: Both would have the library speak to hosts that a stranger's file names; as delivered it is set to do so. No root is
#: given: who is trusted is judged later, and may change without the file being read again.
_SETTINGS = {"verify": {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_trust": True}}

#: How a manifest begins, and how XMP points to one (C2PA 2.2, section 11).
MARKS, POINTER_MARK = (b"jumb", b"c2pa"), b"dcterms:provenance"
_POINTER = re.compile(POINTER_MARK + rb"""(?:\s*=\s*["']|[^<>]*>\s*)([^"'<\s]+)""")

#: What is kept of a manifest. Ordinary ones have a few statements of a few words.
_MAX_TEXT, _MAX_LIST, _MAX_CHAIN, _MAX_CERTIFICATE = 200, 50, 8, 8192
#: How deep the history of an ingredient's ingredients is followed.
_MAX_DEPTH = 16

_NOTHING_FOUND, _ELSEWHERE = "ManifestNotFound", "Remote:"
#: Failures that say that bytes of the file are not those that were signed.
_CHANGED = ("assertion.dataHash.", "assertion.bmffHash.", "assertion.boxesHash.", "assertion.collectionHash.")
_EXPIRED, UNTRUSTED = "signingCredential.expired", "signingCredential.untrusted"

_METADATA_KEYS = ("Iptc4xmpExt:DigitalSourceType", "iptcExt:DigitalSourceType", "digitalSourceType")
#: The assertion by which a generator of music names itself, in place of any source type: Suno's.
_SELF_DESCRIPTION = "com.suno.provenance"

NO_PLACE = Credential(CredentialState.NOT_ASSESSED.value, explanation=Explanation.NO_PLACE.value)
_DAMAGED = Credential(CredentialState.UNREAD.value, explanation=Explanation.DAMAGED.value)
_FOUND_ELSEWHERE = Credential(CredentialState.UNREAD.value, explanation=Explanation.ELSEWHERE.value)


def read_c2pa_credential(file: BinaryIO, kind: str, *, in_place: bool = False) -> Credential:
    """What the credential of an open file of this kind says. To be called only in a child that is shut in.

    No root is trusted yet. ``in_place``: bytes lie where a manifest belongs, so they are a manifest or a damaged one.
    """
    file.seek(0)
    try:
        # A context does not survive a fork, so each file gets its own; it takes less than a millisecond.
        with (
            c2pa.Context.from_dict(_SETTINGS) as context,
            c2pa.Reader(MIME_TYPES[kind], file, context=context) as found,
        ):
            document = json.loads(found.json())
            label = str(document["active_manifest"])
            return _build_credential(document, label, _read_signer_certificates(found, label))
    except c2pa.C2paError as error:
        if str(error).startswith(_NOTHING_FOUND) and not in_place:
            return Credential()
        return _FOUND_ELSEWHERE if str(error).startswith(_ELSEWHERE) else _DAMAGED
    except (KeyError, TypeError, AttributeError, ValueError):  # a manifest of another shape than the library promises
        return _DAMAGED


def read_image(source: BinaryIO) -> bytes:
    """An image's bytes → JSON of its credential: the work of a child of its own."""
    content = source.read()
    found = None
    if may_hold_manifest(content):
        found = read_c2pa_credential(io.BytesIO(content), "png" if content.startswith(PNG) else "jpeg")
    if found is None or found == Credential():
        found = read_manifest_pointer(content) or Credential()
    return json.dumps(dataclasses.asdict(found)).encode()


def may_hold_manifest(content: bytes) -> bool:
    """Whether a picture may hold a manifest: the bytes that begin one are there, somewhere."""
    return all(mark in content for mark in MARKS)


def read_manifest_pointer(xmp: bytes) -> Credential | None:
    """What a pointer to a manifest says, where there is one in this XMP and no manifest beside it."""
    pointer = _POINTER.search(xmp)
    if pointer is None:
        return None
    if pointer[1].lower().startswith((b"http:", b"https:")):
        return _FOUND_ELSEWHERE
    return Credential(explanation=Explanation.LEFT_BEHIND.value)


def warm_up() -> None:
    """Load what reading needs from disk, before the disk is out of reach."""
    try:
        with c2pa.Context.from_dict(_SETTINGS) as context:
            c2pa.Reader(MIME_TYPES["mp3"], io.BytesIO(bytes(64)), context=context)
    except c2pa.C2paError as error:
        if not str(error).startswith(_NOTHING_FOUND):
            raise


def _build_credential(document: Mapping[str, Any], label: str, chain: tuple[bytes, ...]) -> Credential:
    manifest = document["manifests"][label]
    signature = manifest.get("signature_info") or {}
    failures = _list_validation_failures(document)
    holds = document["validation_state"] in ("Valid", "Trusted")
    sources = _distinct_sources(_iterate_sources(document["manifests"], label))
    name, issuer = _text_or_none(signature.get("common_name")), _text_or_none(signature.get("issuer"))
    return Credential(
        state=(CredentialState.UNTRUSTED if holds else CredentialState.INVALID).value,
        source_types=tuple(dict.fromkeys(source.type for source in sources)),
        signer=", ".join(dict.fromkeys(filter(None, (name, issuer)))) or None,
        sources=sources,
        failures=failures,
        issuer=issuer,
        common_name=name,
        signed_at=_text_or_none(signature.get("time")),
        generator=_find_claim_generator(manifest),
        explanation=None if holds else _why_invalid(failures).value,
        chain=tuple(base64.b64encode(item).decode() for item in chain),
    )


def _list_validation_failures(document: Mapping[str, Any]) -> tuple[str, ...]:
    results = (document.get("validation_results") or {}).get("activeManifest") or {}
    codes = dict.fromkeys(str(result["code"])[:_MAX_TEXT] for result in results.get("failure") or ())
    return tuple(codes)[:_MAX_LIST]


def _why_invalid(failures: tuple[str, ...]) -> Explanation:
    """A file that was changed after signing has nothing else wrong with it."""
    others = [code for code in failures if code != UNTRUSTED and not code.startswith(_CHANGED)]
    if not others:
        return Explanation.CHANGED_AFTER_SIGNING
    return Explanation.EXPIRED if set(others) == {_EXPIRED} else Explanation.SIGNATURE_BROKEN


def _iterate_sources(manifests: Mapping[str, Any], label: str, above: tuple[str, ...] = ()) -> Iterator[Source]:
    """Statements of this manifest and of those that it was made from: an edited file keeps its origin there."""
    if label in above or len(above) > _MAX_DEPTH or label not in manifests:
        return
    manifest, whose = manifests[label], "ingredient:" if above else ""
    for assertion in manifest.get("assertions") or ():
        for where, address in _iterate_source_types(str(assertion["label"]), assertion.get("data")):
            yield Source(_last_part(address), f"{whose}{where}"[:_MAX_TEXT])
    for ingredient in manifest.get("ingredients") or ():
        if isinstance(ingredient.get("digitalSourceType"), str):
            yield Source(_last_part(ingredient["digitalSourceType"]), "ingredient")
        yield from _iterate_sources(manifests, str(ingredient.get("active_manifest")), (*above, label))


def _iterate_source_types(label: str, data: Any) -> Iterator[tuple[str, str]]:
    """The source types that one assertion names, and where in it."""
    if not isinstance(data, dict):
        return
    if label.startswith("c2pa.actions"):
        for entry in (*(data.get("actions") or ()), *(data.get("templates") or ())):
            if isinstance(entry.get("digitalSourceType"), str):
                yield f"action:{entry.get('action')}", entry["digitalSourceType"]
        return
    for key in _METADATA_KEYS:
        values = data.get(key)
        for value in values if isinstance(values, list) else [values]:
            if isinstance(value, str):
                yield f"assertion:{label}", value


def _distinct_sources(sources: Iterator[Source]) -> tuple[Source, ...]:
    """The first so many different ones."""
    found: dict[Source, None] = {}
    for source in sources:
        found[source] = None
        if len(found) == _MAX_LIST:
            break
    return tuple(found)


def _last_part(address: str) -> str:
    return address.rstrip("/").rpartition("/")[2][:_MAX_TEXT]


def _find_claim_generator(manifest: Mapping[str, Any]) -> str | None:
    """What wrote the manifest; and what made the sound, where a generator describes itself."""
    told = [(item.get("name"), item.get("version")) for item in manifest.get("claim_generator_info") or ()]
    for assertion in manifest.get("assertions") or ():
        if assertion["label"] == _SELF_DESCRIPTION and isinstance(assertion.get("data"), dict):
            told += [tuple(assertion["data"].get(key) for key in ("providerName", "systemName", "systemVersion"))]
    lines = [" ".join(str(part) for part in parts if part) for parts in told]
    return _text_or_none("; ".join(dict.fromkeys(filter(None, lines))) or manifest.get("claim_generator"))


def _read_signer_certificates(found: Any, label: str) -> tuple[bytes, ...]:
    """The signer's certificates. For a box the library hands over the store that the box lies in."""
    store = io.BytesIO()
    try:
        found.resource_to_stream(f"self#jumbf=/c2pa/{label}/c2pa.signature", store)
        chain = jumbf.read_manifest_certificates(store.getvalue(), label)
    except (c2pa.C2paError, ValueError):
        return ()
    return chain if len(chain) <= _MAX_CHAIN and all(len(item) <= _MAX_CERTIFICATE for item in chain) else ()


def _text_or_none(value: Any) -> str | None:
    return str(value)[:_MAX_TEXT] or None if value is not None else None
