"""Facts are stored and come back the same."""

import json
import math
from pathlib import Path

import pytest

from checks.analysis import ANALYSIS_VERSION, Failure, Note, facts_from_json, facts_to_json
from checks.analysis.facts_json import build_failed_facts, finite_or_none
from checks.model.release import AudioFacts, Credential, LatticeFacts, Source, TagClaim

from . import files
from .conftest import Measure


def test_measured_facts_come_back_from_storage_unchanged(measure: Measure, tmp_path: Path) -> None:
    facts = measure(files.write(tmp_path / "a.wav", files.wave(files.pcm(files.music(4)))))
    stored = json.dumps(facts_to_json(facts), allow_nan=False)
    assert "fingerprint_distinct" in stored
    assert facts_from_json(json.loads(stored), facts.fingerprint, facts.picture) == facts
    assert (facts.version, facts.fingerprint_items > 0) == (ANALYSIS_VERSION, True)


def test_claims_credentials_and_notes_come_back_unchanged() -> None:
    facts = AudioFacts(
        sha256="x",
        version=1,
        ok=True,
        channel_rms=(0.1, 0.2),
        notes=(Note.SIZE_UNKNOWN.value,),
        tags=(TagClaim("suno.link", "WOAS", "…"),),
        lattice=LatticeFacts(
            "2026.1",
            True,
            z=21.5,
            rate_hz=50.0,
            strength="strong",
            rates=((50.0, 21.5), (75.0, -0.5)),
            bands=(7.0, 9.5),
        ),
        credential=Credential(
            "untrusted",
            ("trainedAlgorithmicMedia",),
            "somebody",
            sources=(Source("trainedAlgorithmicMedia", "action:c2pa.created"),),
            failures=("signingCredential.untrusted",),
            signed_at="2026-11-01T12:00:00Z",
            chain=("MIIB", "MIIC"),
        ),
        pictures=(Credential("invalid", explanation="changed_after_signing"),),
        measured_by={"ffmpeg": "8"},
    )
    assert facts_from_json(json.loads(json.dumps(facts_to_json(facts))), b"") == facts


def test_facts_of_an_older_version_come_back_with_defaults() -> None:
    facts = facts_from_json({"sha256": "x", "version": 0, "ok": True, "a_field_of_the_past": 1}, b"")
    assert facts == AudioFacts(sha256="x", version=0, ok=True)


@pytest.mark.parametrize(
    "document",
    [
        {},
        [],
        {"sha256": "x", "version": 1, "ok": True, "tags": [{"no": 1}]},
        {"sha256": "x", "version": 1, "ok": True, "duration": "long"},
        {"sha256": "x", "version": 1, "ok": True, "lattice": {"assessed": True}},
        {"sha256": "x", "version": 1, "ok": True, "lattice": {"feature_version": "x", "assessed": True, "rates": [50]}},
        {"sha256": "x", "version": 1, "ok": True, "lattice": {"feature_version": "x", "assessed": "yes"}},
        {"sha256": "x", "version": 1, "ok": True, "lattice": ["2026.1"]},
    ],
)
def test_what_is_no_facts_is_refused(document: object) -> None:
    with pytest.raises(ValueError, match="no audio facts"):
        facts_from_json(document, b"")  # type: ignore[arg-type]


def test_a_failure_keeps_what_was_measured() -> None:
    facts = build_failed_facts("x", Failure.TOO_LONG, duration=36001.0)
    assert (facts.ok, facts.error, facts.duration) == (False, "too_long", 36001.0)


def test_what_json_cannot_say_is_left_out() -> None:
    assert [finite_or_none(number) for number in (None, math.nan, -math.inf, 1.5)] == [None, None, None, 1.5]
