"""JSON as its standard means it: one value for each key, finite numbers, and no deeper than a release ever is."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

#: Objects and lists within each other; a delivery document needs nine.
MAX_DEPTH = 30
#: Longer numbers are no data; a 64-bit number has nineteen digits.
MAX_DIGITS = 40


class NotStrict(ValueError):
    """The text is not strict JSON; says why."""


def parse_strict_json(raw: bytes) -> Any:
    """The value of a JSON text in UTF-8. Raises NotStrict."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise NotStrict(f"The byte at {error.start} is not UTF-8.") from None
    try:
        value = json.loads(
            text,
            object_pairs_hook=_reject_duplicate_keys,
            parse_constant=_reject_constant,
            parse_float=_parse_finite_float,
            parse_int=_parse_limited_int,
        )
    except json.JSONDecodeError as error:
        raise NotStrict(f"Line {error.lineno}, column {error.colno}: {error.msg}.") from None
    except RecursionError:
        raise NotStrict(f"Objects and lists may be nested {MAX_DEPTH} deep.") from None
    _measure_depth(value)
    return value


def _reject_duplicate_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise NotStrict(f"The key {json.dumps(twice[:80])} appears twice in one object.")
    return found


def _reject_constant(name: str) -> NoReturn:
    raise NotStrict(f"{name} is not JSON.")


def _parse_finite_float(text: str) -> float:
    value = float(text) if len(text) <= MAX_DIGITS else math.inf
    if not math.isfinite(value):
        raise NotStrict(f"The number {text[:MAX_DIGITS]} is too large or too long.")
    return value


def _parse_limited_int(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise NotStrict(f"A number of {len(text)} digits is too long.")
    return int(text)


def _measure_depth(value: Any) -> None:
    """Walk level by level, so that depth costs no recursion."""
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        level = [
            child
            for item in level
            if isinstance(item, (dict, list))
            for child in (item.values() if isinstance(item, dict) else item)
        ]
        if not level:
            return
    raise NotStrict(f"Objects and lists may be nested {MAX_DEPTH} deep.")
