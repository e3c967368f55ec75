"""What a digital source type says about machines: that one made it, made a part of it, may have, or nothing."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterable, Mapping
from enum import StrEnum
from importlib import resources

#: Where the vocabulary stands.
IPTC = "http://cv.iptc.org/newscodes/digitalsourcetype/"

#: What labels can say of a recording, and of parts of it. Artwork is another file's business.
_RECORDING = "ai:recording"
_PARTS = ("ai:vocals", "ai:instruments", "ai:production", "ai:composition", "ai:lyrics")
_SAYS = ("all", "partly")


class Meaning(StrEnum):
    """From nothing said to most said."""

    SILENT = "silent"  # recorded, put together, edited. That does not prove that people made it
    ASK = "ask"  # made or changed by an algorithm, which may be a synthesiser or a model
    PART = "part"  # a trained model made a part of it
    GENERATED = "generated"  # a trained model made it

    @property
    def generated(self) -> bool:
        """True where a trained model made at least a part."""
        return self in (Meaning.PART, Meaning.GENERATED)


_RISING = tuple(Meaning)


@functools.cache
def load_source_types() -> Mapping[str, Meaning]:
    """The rows of the dated data file."""
    source = resources.files("checks").joinpath("data/digital_source_types.toml")
    rows = tomllib.loads(source.read_text(encoding="utf-8"))["type"]
    return {row["type"]: Meaning(row["means"]) for row in rows}


def find_source_meaning(source_type: str) -> Meaning:
    """Of one type, by its name or its whole address. An unknown one is asked about."""
    return load_source_types().get(source_type.rstrip("/").rpartition("/")[2], Meaning.ASK)


def of_labels(labels: Iterable[tuple[str, str]]) -> str | None:
    """The type that labels (key, value) of a recording come to; None where they say nothing of AI in it.

    Generated words or melodies, sung and played by people, make a part of it generated.
    """
    said = dict.fromkeys(pair for pair in labels if pair[1] in _SAYS)
    if (_RECORDING, "all") in said:
        return "trainedAlgorithmicMedia"
    return "compositeWithTrainedAlgorithmicMedia" if any(key in (_RECORDING, *_PARTS) for key, _ in said) else None


def find_strongest_meaning(source_types: Iterable[str]) -> Meaning | None:
    """What most is said of all of them; None where there are none."""
    return max(map(find_source_meaning, source_types), key=_RISING.index, default=None)
