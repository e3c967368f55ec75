"""The shape of a delivery document: which words it may use, of which kind and how long; not whether they are right.

Strict about kinds: a number is no text, true is no number, a date is a date that exists. Lenient about what a check has
a finding for: an empty title or a missing ISRC passes here, so that the label hears it in the check's words.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import difflib
import functools
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.fields import empty

from checks.model.finding import Code, Finding, Route, Severity
from checks.model.release import ContainsAI, Element, Imitates, Level
from intake.core import fast_parser

SOURCE = "the gate itself"

#: Limits beyond which nothing is a release any more; each is far above what partners take.
MAX_TRACKS = 500
MAX_ARTISTS = 30
MAX_CONTRIBUTORS = 200
MAX_ENTRIES = 300  # of any other list: territories, shares, relations, contributions
MAX_FILES = 1000
NAME_LENGTH = 1000
#: In bytes: the largest whole number that every JSON reader keeps exact (RFC 8259, section 6).
MAX_FILE_SIZE = 2**53 - 1
LINE_LENGTH = 2000
LYRICS_LENGTH = 50_000
#: Values in a whole document. Five hundred tracks with fifteen contributors each stay below; reading this many takes
#: two seconds, and no document may take more.
MAX_VALUES = 100_000
#: A fault in every field of a long release does not help; the first hundred do.
MAX_FAULTS = 100
#: Sound recording begins after the first of these years; the last leaves room for arithmetic with dates.
YEARS = range(1850, 3000)


def _schema_code(name: str, rule: str) -> Code:
    return Code(f"metadata.{name}", rule, Severity.CRITICAL, Route.BLOCK, SOURCE)


UNKNOWN_KEY = _schema_code("unknown_key", "An object may have only the keys that the documentation names.")
MISSING = _schema_code("missing", "Every required field must be present.")
WRONG_TYPE = _schema_code(
    "wrong_type",
    "A value must have the documented type: numbers are not accepted as strings, nor booleans as numbers.",
)
MALFORMED = _schema_code("malformed", "A date, share, digest or id must be written in its documented form.")
TOO_LONG = _schema_code("too_long", "A text or list must not be longer than its limit.")
OUT_OF_RANGE = _schema_code("out_of_range", "A number or year must lie in its documented range.")
NOT_ALLOWED = _schema_code(
    "not_allowed", "Where the documentation lists the possible values, a value must be one of them."
)
BAD_CHARACTER = _schema_code("bad_character", "Text must not contain the NUL character or halves of surrogate pairs.")
DUPLICATE = _schema_code("duplicate", "A position on the release can be taken once only.")
CODES = (
    UNKNOWN_KEY, MISSING, WRONG_TYPE, MALFORMED, TOO_LONG, OUT_OF_RANGE, NOT_ALLOWED, BAD_CHARACTER, DUPLICATE,
)  # fmt: skip

#: What the framework calls its errors, and what they are called here.
_CODE_OF = {
    "required": MISSING,
    "null": MISSING,
    "blank": MISSING,
    "empty": MISSING,
    "invalid": WRONG_TYPE,
    "not_a_list": WRONG_TYPE,
    "not_a_dict": WRONG_TYPE,
    "max_length": TOO_LONG,
    "min_value": OUT_OF_RANGE,
    "max_value": OUT_OF_RANGE,
    "invalid_choice": NOT_ALLOWED,
    "null_characters_not_allowed": BAD_CHARACTER,
    "surrogate_characters_not_allowed": BAD_CHARACTER,
    **{code.id: code for code in CODES},
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a document's shape: where (a JSON pointer), what, and in words."""

    pointer: str
    code: Code
    detail: str
    subject: str = "release"

    def finding(self) -> Finding:
        """The fault in the form in which labels read everything else about a release."""
        return Finding(self.code, self.subject, f"{self.pointer or '/'}: {self.detail}", evidence={"at": self.pointer})


class ShapeError(ValueError):
    """A document has not the shape of a delivery."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        self.faults = faults
        super().__init__("; ".join(f"{fault.pointer}: {fault.detail}" for fault in faults))


def parse_document(document: object) -> dict[str, Any]:
    """The delivery document as plain JSON values with every default filled in.

    Raises ShapeError with every fault (at most ``MAX_FAULTS``).
    """
    if _is_endless(document):
        raise ShapeError((Fault("", TOO_LONG, f"A document has at most {MAX_VALUES} values."),))
    try:
        values: dict[str, Any] = _cached_fast_parser()(document)
    except (fast_parser.Unsure, ValidationError):
        return read_through_serializer(DocumentSerializer, document)
    return values


@functools.cache
def _cached_fast_parser() -> fast_parser.Read:
    """What reads the documents that nothing is wrong with: nearly all."""
    return fast_parser.build_field_reader(
        DocumentSerializer(),
        {
            Text: fast_parser.build_text_reader,
            Whole: fast_parser.build_integer_reader,
            Pick: fast_parser.build_choice_reader,
        },
    )


def read_through_serializer(
    kind: type[serializers.Serializer], document: object, partial: bool = False
) -> dict[str, Any]:
    """Any document through its serializer, as plain values. Raises ShapeError."""
    try:
        return dict(kind(partial=partial).run_validation(document))
    except ValidationError as error:
        faults = [
            dataclasses.replace(fault, subject=_subject_of_pointer(document, fault.pointer))
            for fault, _ in zip(_flatten_errors(error.detail, ""), range(MAX_FAULTS), strict=False)
        ]
        raise ShapeError(tuple(faults)) from None


def _is_endless(document: object) -> bool:
    """Whether a document has more values than any release; counted before any of them costs something."""
    waiting, count = [document], 0
    while waiting and count <= MAX_VALUES:
        value = waiting.pop()
        inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
        count += len(inner)
        if count <= MAX_VALUES:
            waiting.extend(inner)
    return count > MAX_VALUES


def _flatten_errors(errors: Any, pointer: str) -> Iterator[Fault]:
    """The framework's nested errors, flat."""
    if isinstance(errors, ErrorDetail):
        yield Fault(pointer, _CODE_OF.get(str(errors.code), MALFORMED), _clean_text(str(errors)))
    elif isinstance(errors, Mapping):
        for key, inner in errors.items():
            here = pointer if key == "non_field_errors" else f"{pointer}/{_escape_pointer_key(str(key))}"
            yield from _flatten_errors(inner, here)
    else:
        for index, inner in enumerate(errors):
            here = pointer if isinstance(inner, ErrorDetail) else f"{pointer}/{index}"
            yield from _flatten_errors(inner, here)


def _escape_pointer_key(key: str) -> str:
    """A key as RFC 6901 writes it in a pointer, shortened where it is absurdly long."""
    return _clean_text(key[:LINE_LENGTH]).replace("~", "~0").replace("/", "~1")


def _clean_text(text: str) -> str:
    """Text that can be sent: what a label wrote may be neither."""
    return text.encode(errors="backslashreplace").decode().replace("\0", "\\x00")


def _subject_of_pointer(document: object, pointer: str) -> str:
    """Which track a fault speaks of, where it speaks of one that has a number."""
    if match := re.match(r"/release/tracks/([0-9]+)(?:/|$)", pointer):
        try:
            position = document["release"]["tracks"][int(match[1])]["position"]  # type: ignore[index]
        except (LookupError, TypeError):
            return "release"
        if type(position) is int:
            return f"track:{position}"
    return "release"


# --- Kinds of values ----------------------------------------------------------------------------------------------


class Strict(serializers.Serializer):
    """An object with exactly the named keys. Null stands for a key's default."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """Refuse unknown keys by name, together with everything else that is wrong."""
        errors: dict[str, Any] = {}
        if isinstance(data, Mapping):
            unknown = [key for key in data if key not in self.fields]
            errors = {_clean_text(key): [self._unknown(key)] for key in unknown[:MAX_FAULTS]}
        try:
            values = super().to_internal_value(data)
        except ValidationError as error:
            raise ValidationError(
                {**errors, **error.detail} if isinstance(error.detail, dict) else error.detail
            ) from None
        if errors:
            raise ValidationError(errors)
        return {name: self._filled(name, value) for name, value in values.items()}

    def _unknown(self, key: str) -> ErrorDetail:
        near = difflib.get_close_matches(key[:80], self.fields, n=1)
        hint = f" Is '{near[0]}' meant?" if near else ""
        return ErrorDetail(f"'{_clean_text(key[:80])}' is not a key of this object.{hint}", UNKNOWN_KEY.id)

    def _filled(self, name: str, value: Any) -> Any:
        if value is None:
            default = self.fields[name].default
            return None if default is empty else default() if callable(default) else default
        return value


class Text(serializers.CharField):
    """A text, taken as it is. Empty and null are left to the checks unless ``needed``."""

    def __init__(self, needed: bool = False, **options: Any) -> None:
        options.setdefault("max_length", NAME_LENGTH)
        if not needed:
            options = {"required": False, "allow_null": True, "allow_blank": True, "default": None, **options}
        super().__init__(trim_whitespace=False, **options)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            raise ValidationError("This must be a text.", WRONG_TYPE.id)
        return data


class Whole(serializers.IntegerField):
    """A whole number, not written as a text, and not a truth value."""

    def to_internal_value(self, data: Any) -> int:
        if type(data) is not int:
            raise ValidationError("This must be a whole number.", WRONG_TYPE.id)
        return data


class Seconds(serializers.FloatField):
    """A time in seconds, or null."""

    def __init__(self, **options: Any) -> None:
        super().__init__(required=False, allow_null=True, default=None, min_value=0, max_value=86_400, **options)

    def to_internal_value(self, data: Any) -> float:
        if type(data) not in (int, float) or not math.isfinite(data):
            raise ValidationError("This must be a number of seconds.", WRONG_TYPE.id)
        return data


class Truth(serializers.BooleanField):
    """True or false, and nothing that merely looks like it."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            raise ValidationError("This must be true or false.", WRONG_TYPE.id)
        return data


class Pick(serializers.ChoiceField):
    """One of the documented words."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            raise ValidationError("This must be a text.", WRONG_TYPE.id)
        if data not in self.choices:
            raise ValidationError(f"This must be one of {', '.join(self.choices)}.", NOT_ALLOWED.id)
        return data


class Day(serializers.DateField):
    """A date that exists, written YYYY-MM-DD; it stays text."""

    def __init__(self, **options: Any) -> None:
        super().__init__(required=False, allow_null=True, default=None, **options)

    def to_internal_value(self, data: Any) -> str:  # type: ignore[override]
        if not isinstance(data, str):
            raise ValidationError("This must be a date written YYYY-MM-DD.", WRONG_TYPE.id)
        try:
            day = dt.date.fromisoformat(data) if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", data) else None
        except ValueError:
            day = None
        if day is None:
            raise ValidationError("This must be a date that exists, written YYYY-MM-DD.", MALFORMED.id)
        if day.year not in YEARS:
            raise ValidationError(f"The year must lie between {YEARS[0]} and {YEARS[-1]}.", OUT_OF_RANGE.id)
        return data


class Written(Text):
    """A text of a documented form."""

    def __init__(self, pattern: str, form: str, **options: Any) -> None:
        self._pattern, self._form = re.compile(pattern), form
        super().__init__(**options)

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if not self._pattern.fullmatch(text):
            raise ValidationError(f"This must be {self._form}.", MALFORMED.id)
        return text


class Items(serializers.ListField):
    """A list of values, counted before any of them is looked at."""

    def to_internal_value(self, data: Any) -> list[Any]:
        if isinstance(data, list) and self.max_length is not None and len(data) > self.max_length:
            raise ValidationError(f"There can be at most {self.max_length}.", TOO_LONG.id)
        return super().to_internal_value(data)


def _text_list_field(length: int = NAME_LENGTH) -> Items:
    one = Text(needed=True, allow_blank=True, max_length=length)
    return Items(child=one, max_length=MAX_ENTRIES, required=False, allow_null=True, default=list)


def _choice_field(choices: Any, default: Any = None) -> Pick:
    return Pick(choices=[str(choice) for choice in choices], required=False, allow_null=True, default=default)


def _object_list_field(kind: Any, most: int = MAX_ENTRIES, **options: Any) -> Any:
    """A list of objects; one that is left out is empty."""
    return kind(many=True, max_length=most, **({"required": False, "allow_null": True, "default": list} | options))


# --- The document -------------------------------------------------------------------------------------------------


class ArtistSerializer(Strict):
    """A display artist: the name that listeners see."""

    name = Text(needed=True, allow_blank=True)
    role = _choice_field(("main", "featured"), "main")
    isni = Text(max_length=100)
    party_type = Text(max_length=100)
    artist_key = Text()


class ContributorSerializer(Strict):
    """A party with its parts in the recording."""

    name = Text(needed=True, allow_blank=True)
    roles = _text_list_field(100)
    ipi = Text(max_length=100)
    isni = Text(max_length=100)
    ai_contribution = _choice_field(ContainsAI, str(ContainsAI.UNDECLARED))


class RightsLineSerializer(Strict):
    """A ℗ or © line."""

    year = Whole(min_value=1, max_value=9999)
    owner = Text(needed=True, allow_blank=True)


class ShareSerializer(Strict):
    """One party's share of a right."""

    party = Text(needed=True, allow_blank=True)
    percent = Written(
        r"-?[0-9]{1,6}(\.[0-9]{1,6})?",
        'a decimal number in quotation marks, such as "33.34"',
        needed=True,
        help_text="Decimal number as text.",
    )
    accepted = Truth(
        required=False, allow_null=True, default=None, help_text="Whether the party has agreed to this share."
    )


class SharesSerializer(Strict):
    """Who owns how much of the recording (master) and of the work (composition)."""

    master = _object_list_field(ShareSerializer, default=None)
    composition = _object_list_field(ShareSerializer, default=None)


RELATIONS = (
    "cover_of", "remix_of", "samples", "sped_up_of", "slowed_of", "edit_of", "live_version_of", "remaster_of",
)  # fmt: skip


class RelationSerializer(Strict):
    """How this recording derives from another one."""

    type = Pick(choices=RELATIONS)
    isrc = Text(max_length=100)
    iswc = Text(max_length=100)
    title = Text(max_length=LINE_LENGTH)
    artist = Text()
    licence_file = Text()


class ContributionSerializer(Strict):
    """What a machine did to one element, as the label declares it."""

    element = Pick(choices=[str(item) for item in Element])
    level = Pick(choices=[str(entry) for entry in Level])
    tool = Text()
    tool_version = Text()
    tool_licence = Text()
    human_contributor = Text()
    imitates = _choice_field(Imitates, str(Imitates.NO))
    consent = Text(max_length=LINE_LENGTH)


class DisclosureSerializer(Strict):
    """What the label declares about AI use in one track."""

    status = _choice_field(("undeclared", "declared"), "undeclared")
    contains_ai = _choice_field(ContainsAI, str(ContainsAI.UNDECLARED))
    contributions = _object_list_field(ContributionSerializer)


class CoverSerializer(Strict):
    """The front cover."""

    file = Text(needed=True)
    contains_ai = _choice_field(ContainsAI, str(ContainsAI.UNDECLARED))


class TrackSerializer(Strict):
    """One position on the release, pointing at a recording."""

    position = Whole(min_value=1, max_value=9999)
    title = Text(default="", max_length=LINE_LENGTH)
    version = Text(default="", max_length=LINE_LENGTH)
    isrc = Text(max_length=100)
    iswc = Text(max_length=100)
    file = Text(needed=True)
    display_artists = _object_list_field(ArtistSerializer, MAX_ARTISTS)
    contributors = _object_list_field(ContributorSerializer, MAX_CONTRIBUTORS)
    vocals = _choice_field(("vocal", "instrumental", "spoken"))
    language = Text(max_length=100)
    advisory = Text(max_length=100)
    lyrics = Text(max_length=LYRICS_LENGTH)
    preview_start = Seconds()
    shares = SharesSerializer(required=False, allow_null=True, default=lambda: {"master": None, "composition": None})
    relations = _object_list_field(RelationSerializer)
    disclosure = DisclosureSerializer(
        required=False,
        allow_null=True,
        default=lambda: {"status": "undeclared", "contains_ai": "undeclared", "contributions": []},
    )


class TrackDeclarationSerializer(Strict):
    """What is declared about AI in one track."""

    position = Whole(min_value=1, max_value=9999)
    disclosure = DisclosureSerializer()


class CoverDeclarationSerializer(Strict):
    """What is declared about AI in the cover."""

    contains_ai = Pick(choices=[str(candidate) for candidate in ContainsAI])


class DeclarationSerializer(Strict):
    """A declaration about AI: of the tracks that it speaks of, and of the cover."""

    tracks = _object_list_field(TrackDeclarationSerializer, MAX_TRACKS)
    cover = CoverDeclarationSerializer(required=False, allow_null=True, default=None)


class ReleaseSerializer(Strict):
    """The product as it will appear."""

    title = Text(default="", max_length=LINE_LENGTH)
    version = Text(default="", max_length=LINE_LENGTH)
    type = Pick(choices=("single", "ep", "album", "compilation"))
    upc = Text(max_length=100)
    display_label = Text()
    label_dpid = Text(max_length=100)
    release_date = Day()
    original_release_date = Day()
    preorder_date = Day()
    display_artists = _object_list_field(ArtistSerializer, MAX_ARTISTS)
    p_line = RightsLineSerializer(required=False, allow_null=True, default=None)
    c_line = RightsLineSerializer(required=False, allow_null=True, default=None)
    genre = Text()
    language = Text(max_length=100)
    advisory = Text(max_length=100)
    territories = _text_list_field(100)
    excluded_territories = _text_list_field(100)
    cover = CoverSerializer(required=False, allow_null=True, default=None)
    tracks = _object_list_field(
        TrackSerializer, MAX_TRACKS, allow_empty=False, allow_null=False, required=True, default=empty
    )

    def validate_tracks(self, tracks: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """A position is taken once."""
        seen: set[int] = set()
        errors: list[dict[str, Any]] = []
        for track in tracks:
            taken = track["position"] in seen
            detail = ErrorDetail(f"Position {track['position']} is taken already.", DUPLICATE.id)
            errors.append({"position": [detail]} if taken else {})
            seen.add(track["position"])
        if any(errors):
            raise ValidationError(errors)
        return tracks


class FileSerializer(Strict):
    """What is declared about one file."""

    sha256 = Written(r"([0-9A-Fa-f]{64})?", "64 hexadecimal digits", max_length=64, default="")
    size = Whole(
        required=False, allow_null=True, default=None, min_value=1, max_value=MAX_FILE_SIZE, help_text="Bytes."
    )


class FilesField(serializers.DictField):
    """Files by name, as the release names them."""

    child = FileSerializer()

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if isinstance(data, Mapping):
            if len(data) > MAX_FILES:
                raise ValidationError(f"There can be at most {MAX_FILES} files.", TOO_LONG.id)
            errors = {key: [fault] for key in data if (fault := self._name_fault(key))}
            if errors:
                raise ValidationError(errors)
        return super().to_internal_value(data)

    @staticmethod
    def _name_fault(name: str) -> ErrorDetail | None:
        if len(name) > NAME_LENGTH:
            return ErrorDetail(f"A file name has at most {NAME_LENGTH} characters.", TOO_LONG.id)
        if _clean_text(name) != name:
            return ErrorDetail(BAD_CHARACTER.rule, BAD_CHARACTER.id)
        return None


class DocumentSerializer(Strict):
    """A delivery: the release, its files, and what it replaces."""

    release = ReleaseSerializer()
    files = FilesField(required=False, allow_null=True, default=dict)
    supersedes = Written(
        r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
        "the id of a submission",
        max_length=36,
        help_text="Id of the submission that this one replaces.",
    )
