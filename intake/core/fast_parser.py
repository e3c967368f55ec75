"""Fast path of the document schema: validators compiled once from the DRF serializers.

Whatever such a function is not sure of it leaves to the serializer, which knows the words for what is wrong. So there
is one description of the shape, and what is read quickly is what the serializer would have read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from rest_framework import serializers
from rest_framework.fields import empty

#: From a value that is there to the value that is kept.
Read: TypeAlias = Callable[[Any], Any]


class Unsure(Exception):
    """The value may be wrong: the serializer is to look at it."""


def build_field_reader(field: Any, kinds: Mapping[type, Callable[[Any], Read]]) -> Read:
    """What reads one field: a function of its ``kinds`` where its very type has one, else the field itself."""
    if isinstance(field, serializers.ListSerializer | serializers.ListField):
        return _build_list_reader(build_field_reader(field.child, kinds), field)
    if isinstance(field, serializers.Serializer):
        return _build_object_reader(field, kinds)
    make = kinds.get(type(field))
    return make(field) if make else _as_the_field_does(field)


def _as_the_field_does(field: Any) -> Read:
    def read(value: Any) -> Any:
        return field.run_validation(value)

    return read


def build_text_reader(field: serializers.CharField) -> Read:
    """A text of bounded length that a database can hold."""
    longest, blank = field.max_length, field.allow_blank
    assert longest is not None, "every text has a limit"

    def read(value: Any) -> str:
        if type(value) is not str or len(value) > longest or not (value or blank) or "\0" in value:
            raise Unsure
        if not value.isascii():
            try:
                value.encode()
            except UnicodeEncodeError:
                raise Unsure from None
        return value

    return read


def build_integer_reader(field: serializers.IntegerField) -> Read:
    """A whole number within limits."""
    least, most = field.min_value, field.max_value
    assert least is not None, "every number has its limits"
    assert most is not None, "every number has its limits"

    def read(value: Any) -> int:
        if type(value) is not int or not least <= value <= most:
            raise Unsure
        return value

    return read


def build_choice_reader(field: serializers.ChoiceField) -> Read:
    """One of the documented words."""
    words = frozenset(field.choices)

    def read(value: Any) -> str:
        if type(value) is not str or value not in words:
            raise Unsure
        return value

    return read


def _build_list_reader(one: Read, field: Any) -> Read:
    """A list of values. What a null among them means is left to the field."""
    most, least = field.max_length, 0 if field.allow_empty else 1

    def read(values: Any) -> list[Any]:
        if type(values) is not list or not least <= len(values) <= most or None in values:
            raise Unsure
        return [one(value) for value in values]

    assert most is not None, "every list has a limit"
    return read


def _build_object_reader(serializer: Any, kinds: Mapping[type, Callable[[Any], Read]]) -> Read:
    """An object with exactly the named keys, in their order. What is left out or null becomes the key's default."""
    members = [
        (name, build_field_reader(field, kinds), getattr(serializer, f"validate_{name}", None), *_left_out(field))
        for name, field in serializer.fields.items()
    ]
    names = serializer.fields.keys()

    def read(document: Any) -> dict[str, Any]:
        if type(document) is not dict or not document.keys() <= names:
            raise Unsure
        values = {}
        for name, value_of, judge, may_be_null, default in members:
            value = document.get(name)
            if value is not None:
                kept = value_of(value)
                values[name] = judge(kept) if judge else kept
            elif default is empty or (name in document and not may_be_null):
                raise Unsure
            else:
                values[name] = default() if callable(default) else default
        return values

    return read


def _left_out(field: Any) -> tuple[bool, Any]:
    """Whether a field may be null, and what it is where it is left out or null; ``empty`` where it must be there."""
    assert field.required or field.default is not empty, "what may be left out has a default"
    return field.allow_null, empty if field.required else field.default
