"""The audio facts as they are stored: plain JSON beside the raw fingerprint, and the reasons why a file has none."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import NoneType
from typing import Any

from checks.model.finding import JSON
from checks.model.release import AudioFacts, Credential, CredentialState, Explanation, LatticeFacts, Source, TagClaim

#: Raise it whenever the same file would be measured differently: stored facts of another version are measured again.
ANALYSIS_VERSION = 4


class Failure(StrEnum):
    """Why a file could not be read to its end: the stable codes of ``AudioFacts.error``."""

    EMPTY = "empty"  # no bytes, or a container without a single sample
    NOT_AUDIO = "not_audio"  # none of the containers that are taken, or no audio in it
    UNSUPPORTED = "unsupported"  # audio, but of a codec, rate or number of channels that is not taken
    UNDECODABLE = "undecodable"  # announced as audio, but hardly anything of it decodes
    TRUNCATED = "truncated"  # ends before the end that it announces
    TOO_LONG = "too_long"  # more hours than a recording has
    DECODER_KILLED = "decoder_killed"  # crashed the decoder or asked for more memory than a file may
    DECODER_TIMEOUT = "decoder_timeout"  # took more time than a file may
    ANALYSIS_FAILED = "analysis_failed"  # the gate's own analysis failed; the log says where


class Note(StrEnum):
    """Oddities met while reading: the stable codes of ``AudioFacts.notes``. None of them ends the measurement."""

    FORMAT_CHANGE = "format_change"  # sample rate, channels or sample format change midway
    TRAILING_DATA = "trailing_data"  # bytes after the end of the audio that are no known tag
    LEADING_DATA = "leading_data"  # bytes before the first audio frame that are no known tag
    NAME_CONTRADICTS = "name_contradicts"  # the file name promises another container
    SEVERAL_DATA_CHUNKS = "several_data_chunks"  # a WAVE or AIFF file with more than one data chunk
    SIZE_UNKNOWN = "size_unknown"  # the header leaves the length open, as a recording to a pipe does
    LONGER_THAN_DECLARED = "longer_than_declared"  # more sound than the header announces: files joined end to end
    CHAINED = "chained"  # streams one after the other in one Ogg or FLAC file: some players play only the first
    CORRUPT_FRAMES = "corrupt_frames"  # parts in the middle did not decode and are missing
    CHECKSUM_MISMATCH = "checksum_mismatch"  # the samples are not the ones that the encoder signed (FLAC MD5)
    VIDEO = "video"  # moving pictures beside the sound
    NO_END_OF_STREAM = "no_end_of_stream"  # an Ogg file without its last page
    CHANNELS_CANCEL = "channels_cancel"  # the channels cancel somewhere; one of them was fingerprinted there instead
    TAGS_UNREADABLE = "tags_unreadable"  # the tags could not be read within their limits, so nothing is known of them


#: Of a manifest that was found and not read: it cost too much, or is still to be read.
TOO_COSTLY = Credential(CredentialState.UNREAD.value, explanation=Explanation.TOO_COSTLY.value)


@dataclass(frozen=True, slots=True)
class Provenance:
    """Claims and credentials found in one file."""

    tags: tuple[TagClaim, ...] = ()
    credential: Credential = Credential()  # noqa: RUF009 - immutable
    pictures: tuple[Credential, ...] = ()
    notes: tuple[str, ...] = ()
    signed_pictures: tuple[bytes, ...] = ()  # pictures in the tags that hold a manifest, each unread so far

    @property
    def signed(self) -> bool:
        """Whether there is a manifest that was not read yet."""
        return self.credential is TOO_COSTLY or bool(self.signed_pictures)


#: What is known of tags that cost the child its life.
UNREADABLE = Provenance(
    credential=Credential(CredentialState.NOT_ASSESSED.value, explanation=Explanation.TOO_COSTLY.value),
    notes=(Note.TAGS_UNREADABLE.value,),
)


def provenance_to_json(found: Provenance) -> dict[str, JSON]:
    """All but the pictures themselves."""
    document = dataclasses.asdict(found)
    del document["signed_pictures"]
    return document


def provenance_from_json(document: Mapping[str, Any]) -> Provenance:
    """Raises ValueError where the document is not of that shape."""
    try:
        return Provenance(
            tags=tuple(TagClaim(**claim) for claim in document["tags"]),
            credential=credential_from_json(document["credential"]),
            pictures=tuple(map(credential_from_json, document["pictures"])),
            notes=tuple(str(note) for note in document["notes"]),
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"this is no provenance: {error}") from error


def build_failed_facts(sha256: str, failure: Failure, **partial: Any) -> AudioFacts:
    """Facts of a file that could not be read to its end, with what was measured of it."""
    return AudioFacts(sha256=sha256, version=ANALYSIS_VERSION, ok=False, error=failure.value, **partial)


def facts_to_json(facts: AudioFacts) -> dict[str, JSON]:
    """All facts but the fingerprint and the picture, which are stored as bytes beside them."""
    document = dataclasses.asdict(dataclasses.replace(facts, measured_by={}))
    document["measured_by"] = dict(facts.measured_by)
    del document["fingerprint"], document["picture"]
    return document


#: Fields of a credential that are lists of text.
_CREDENTIAL_LISTS = frozenset({"source_types", "failures", "chain"})
_CREDENTIAL_FIELDS = {field.name for field in dataclasses.fields(Credential)} - {"sources", "state"}

#: What JSON may hold for a field, by its annotation.
_KINDS: dict[str, tuple[type, ...]] = {
    "bool": (bool,),
    "bool | None": (bool, NoneType),
    "int": (int,),
    "int | None": (int, NoneType),
    "float": (float, int),
    "float | None": (float, int, NoneType),
    "str": (str,),
    "str | None": (str, NoneType),
}


def facts_from_json(document: Mapping[str, Any], fingerprint: bytes, picture: bytes = b"") -> AudioFacts:
    """The way back. Keys that this version does not know are left out; absent ones take their defaults.

    Raises ValueError where the document is not of that shape.
    """
    known = {field.name for field in dataclasses.fields(AudioFacts)} - {"fingerprint", "picture"}
    try:
        values = {key: value for key, value in document.items() if key in known}
        values["channel_rms"] = tuple(float(rms) for rms in values.get("channel_rms", ()))
        values["notes"] = tuple(str(note) for note in values.get("notes", ()))
        values["tags"] = tuple(TagClaim(**claim) for claim in values.get("tags", ()))
        values["lattice"] = lattice_from_json(values.get("lattice"))
        values["credential"] = credential_from_json(values.get("credential") or {})
        values["pictures"] = tuple(credential_from_json(item) for item in values.get("pictures", ()))
        values["measured_by"] = {str(key): str(value) for key, value in values.get("measured_by", {}).items()}
        facts = AudioFacts(**values, fingerprint=fingerprint, picture=picture)
    except (TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"these are no audio facts: {error}") from error
    for value in (facts, facts.lattice):
        _have_their_kinds(value)
    return facts


def lattice_from_json(document: Mapping[str, Any] | None) -> LatticeFacts | None:
    """The acoustic traces among stored facts; None where none were stored."""
    if document is None:
        return None
    known = {field.name for field in dataclasses.fields(LatticeFacts)}
    values = {key: value for key, value in document.items() if key in known}
    values["rates"] = tuple((float(rate), float(z)) for rate, z in values.get("rates", ()))
    for key in ("bands", "segments"):
        values[key] = tuple(float(z) for z in values.get(key, ()))
    return LatticeFacts(**values)


def _have_their_kinds(value: AudioFacts | LatticeFacts | None) -> None:
    """Raises ValueError where a field holds what its annotation does not allow."""
    for field in dataclasses.fields(value) if value is not None else ():
        kinds = _KINDS.get(str(field.type))
        if kinds is not None and not isinstance(getattr(value, field.name), kinds):
            raise ValueError(f"these are no audio facts: {field.name} is {getattr(value, field.name)!r}")


def credential_from_json(document: Mapping[str, Any]) -> Credential:
    """A stored credential as a value. Keys that this version does not know are left out.

    Raises ValueError where it is none.
    """
    try:
        values: dict[str, Any] = {
            key: tuple(map(str, value)) if key in _CREDENTIAL_LISTS else None if value is None else str(value)
            for key, value in document.items()
            if key in _CREDENTIAL_FIELDS
        }
        values["sources"] = tuple(Source(str(item["type"]), str(item["where"])) for item in document.get("sources", ()))
        values["state"] = CredentialState(document.get("state", CredentialState.NONE)).value
        return Credential(**values)
    except (TypeError, KeyError, AttributeError, ValueError) as error:
        raise ValueError(f"this is no credential: {error}") from error


def finite_or_none(number: float | None) -> float | None:
    """JSON has no infinity and no NaN."""
    return number if number is not None and math.isfinite(number) else None
