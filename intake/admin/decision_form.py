"""What a moderator fills in: a verdict, a reason, and the labels that listeners will see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import forms

from checks.policy import Verdict


@dataclass(frozen=True, slots=True)
class LabelGroup:
    """Labels of one subject, as the form offers them: one of several values, or a mark that is set or not."""

    title: str
    choices: tuple[tuple[str, tuple[str, ...]], ...]  # key → values


#: A label that is set or not has this value.
SET = "yes"
_SOME = ("partly", "all")
LABEL_GROUPS = (
    LabelGroup(
        "Made with AI",
        (
            ("ai:recording", ("none", "partly", "all", "undeclared")),
            ("ai:vocals", _SOME),
            ("ai:instruments", _SOME),
            ("ai:composition", _SOME),
            ("ai:lyrics", _SOME),
            ("ai:production", _SOME),
            ("ai:artwork", _SOME),
            ("ai:persona_artist", (SET,)),
            ("ai:voice_replica_consented", (SET,)),
        ),
    ),
    LabelGroup(
        "Content",
        tuple(
            (f"content:{kind}", (SET,))
            for kind in (
                "explicit", "clean", "instrumental", "karaoke", "cover", "tribute", "remix", "live",
                "sped_up", "slowed", "pitched", "medley",
            )
        ),
    ),
    LabelGroup(
        "Rights",
        tuple(
            (f"rights:{kind}", (SET,))
            for kind in ("cover_licensed", "sample_cleared", "public_domain", "ugc_ineligible")
        ),
    ),
    LabelGroup("Trust", (("trust:artist_key_verified", (SET,)),)),
)  # fmt: skip
OFFERED = tuple(f"{key}={value}" for group in LABEL_GROUPS for key, values in group.choices for value in values)
HUMAN = (Verdict.APPROVE, Verdict.LABEL, Verdict.RETURN, Verdict.REJECT)


class DecisionForm(forms.Form):
    """A human verdict on the submission as the moderator saw it (``sequence``)."""

    sequence = forms.IntegerField(min_value=0)
    verdict = forms.ChoiceField(
        choices=[(one.value, one.value) for one in HUMAN], error_messages={"required": "Choose a verdict."}
    )
    reason = forms.CharField(
        max_length=4000, error_messages={"required": "Say why: the label is told this reason with the decision."}
    )
    note = forms.CharField(max_length=4000, required=False)
    labels = forms.MultipleChoiceField(choices=[(one, one) for one in OFFERED], required=False)

    def __init__(self, data: Any = None) -> None:
        if data is not None and hasattr(data, "getlist"):
            data = data.copy()
            data.setlist("labels", [one for one in data.getlist("labels") if one])  # selects left on "—"
        super().__init__(data)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        chosen = cleaned.get("labels") or []
        labelling = cleaned.get("verdict") == Verdict.LABEL
        if labelling and not chosen:
            self.add_error("labels", "Choose at least one label that the release goes out with.")
        if not labelling:
            cleaned["labels"] = []  # the fieldset is folded away with the verdict it belongs to
        keys = [one.partition("=")[0] for one in chosen]
        if len(keys) != len(set(keys)):
            self.add_error("labels", "One value for each label.")
        return cleaned

    @property
    def chosen(self) -> list[str]:
        """The labels as they came, for a form that is shown again."""
        return list(self["labels"].value() or ())

    @property
    def label_pairs(self) -> list[tuple[str, str]]:
        """(key, value) of the chosen labels."""
        return [(key, value) for key, _, value in (one.partition("=") for one in self.cleaned_data["labels"])]


class ReopenForm(forms.Form):
    """Another look at a concluded submission, as the moderator saw it."""

    sequence = forms.IntegerField(min_value=0)
    reason = forms.CharField(max_length=4000, error_messages={"required": "Say why the submission is opened again."})
