"""Fixes that a machine can carry out: operations on the delivery document, each sure of what it replaces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from checks.model.finding import JSON
from checks.model.release import Release, Track

#: RFC 6902, as plain JSON.
Patch: TypeAlias = "tuple[dict[str, JSON], ...]"


def build_json_pointer(release: Release, holder: Release | Track, *way: str | int) -> str:
    """Where something of the release or of one of its tracks stands in the document (RFC 6901)."""
    if holder is release:
        parts: tuple[str | int, ...] = ("release", *way)
    else:
        index = next(index for index, track in enumerate(release.tracks) if track is holder)
        parts = ("release", "tracks", index, *way)
    return "".join(f"/{part}" for part in parts)


def replace_value_patch(at: str, now: JSON, new: JSON) -> Patch:
    """One value for another, as long as the first still stands there."""
    return ({"op": "test", "path": at, "value": now}, {"op": "replace", "path": at, "value": new})


def rewrite_fields_patch(release: Release, holder: Release | Track, **fields: tuple[JSON, JSON]) -> Patch:
    """Several fields of one holder, each (as it is, as it shall be): all tests first, so that it is all or nothing."""
    changes = [
        replace_value_patch(build_json_pointer(release, holder, name), now, new) for name, (now, new) in fields.items()
    ]
    return (*(test for test, _ in changes), *(change for test, change in changes if test["value"] != change["value"]))


def append_entry_patch(at: str, there: Sequence[object], entry: dict[str, JSON]) -> Patch:
    """One entry more in a list, which may be missing so far."""
    if not there:
        return ({"op": "add", "path": at, "value": [entry]},)
    return ({"op": "add", "path": f"{at}/-", "value": entry},)


def combine_json_patches(*patches: Patch) -> Patch:
    """Several patches as one: all tests first, so that it is all or nothing."""
    operations = [operation for patch in patches for operation in patch]
    return tuple(sorted(operations, key=lambda operation: operation["op"] != "test"))
