"""What a label declared about AI, kept as it was handed over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from intake.models import Statement, Submission


def extract_declaration(release: Mapping[str, Any]) -> dict[str, Any]:
    """The declaration in a release document: of each track by position, and of the cover."""
    cover = release.get("cover")
    return {
        "cover": {"contains_ai": cover.get("contains_ai")} if cover else None,
        "tracks": [
            {
                "position": track["position"],
                "disclosure": track.get("disclosure"),
                "contributors": [
                    {"name": item["name"], "ai_contribution": item.get("ai_contribution")}
                    for item in track.get("contributors") or ()
                ],
            }
            for track in release["tracks"]
        ],
    }


def begin_declaration_history(submission: Submission) -> None:
    """Keep what is declared as the first version, in the transaction that hands the submission over."""
    Statement.objects.create(
        submission=submission,
        version=1,
        declared_by=submission.label.actor,
        content=extract_declaration(submission.metadata),
    )
